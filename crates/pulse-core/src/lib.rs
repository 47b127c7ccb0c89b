//! What Pulse knows, as values: ids, units, readings and the snapshot of everything.
//!
//! Nothing here does I/O or reads a clock; time is always an argument. That is what lets the
//! rules above this crate be tested by replay.

pub mod filesystems;
pub mod model;
pub mod rates;
pub mod reading;
pub mod report;
pub mod secret;
pub mod text;
pub mod units;

pub use model::{
    Capacity, CpuInfo, DiskIo, Filesystem, Guest, GuestKind, GuestStatus, Handle, Host,
    HostDetails, HostInterface, InstanceHealth, InstanceKind, InstanceState, InterfaceAddresses,
    Liveness, Memory, MemorySource, Node, Raid, RaidDevice, Sensors, Smart, Snapshot, Storage,
    StorageStatus,
};
pub use reading::{Reading, Unknown};
pub use report::{PollFailure, PveReport, ReportBody, SourceReport};
pub use secret::Secret;
pub use units::{Bytes, BytesPerSecond, Percent, Ratio, Timestamp};
