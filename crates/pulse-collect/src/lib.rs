//! Turns Proxmox answers into reports.
//!
//! One task per configured instance polls it and never overlaps with itself. The lists of a
//! cycle (resources, node status, VM list, storages) are read by [`pve::Poller`]; what has to be
//! asked guest by guest (guest agent, container configuration) is refreshed in the background by
//! [`pve::Details`] within a request budget and joined from its cache; what is asked more seldom
//! still (disks, jobs, backups, upkeep) by [`pve::Facts`] from the same budget. Mapping answers to values
//! is pure and lives in `pve::node`, `pve::guest` and `pve::storage`.

pub mod pbs;
pub mod pmg;
mod poller;
pub mod pve;
mod runner;
mod schedule;

pub use pbs::{PbsExtent, PbsSource};
pub use pmg::PmgSource;
pub use poller::{Hint, Hints, InstanceKey, Outbox, Poll, Profile, Source};
pub use pve::{EndpointName, Extent, PveSource, SkipBackend};
pub use runner::{
    BreakerStatus, Clock, DeadLetterStatus, Histogram, POLL_BUCKETS, PollStatus, Runner, Sink,
    WAIT_BUCKETS,
};
pub use schedule::{
    Adaptive, Breaker, BreakerState, DeadLetter, DeadReason, Outcome, Schedule, Timing,
};
