//! Turns Proxmox answers into reports.
//!
//! One task per configured instance polls it and never overlaps with itself. The lists of a
//! cycle (resources, node status, VM list, storages) are read by [`pve::Poller`]; what has to be
//! asked guest by guest (guest agent, container configuration) is refreshed in the background by
//! [`pve::Details`] within a request budget and joined from its cache; what is asked more seldom
//! still (disks, jobs, backups, upkeep) by [`pve::Facts`] from the same budget. Mapping answers to values
//! is pure and lives in `pve::node`, `pve::guest` and `pve::storage`.

pub mod pve;
mod runner;

pub use pve::{EndpointName, Extent, PveSource, SkipBackend};
pub use runner::{Clock, PollStatus, Runner, Sink};
