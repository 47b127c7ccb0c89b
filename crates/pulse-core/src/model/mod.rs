//! The snapshot model: one immutable value that holds everything that is known.

mod guest;
mod host;
mod instance;
mod node;
mod shared;
mod snapshot;
mod storage;

pub use guest::{Guest, GuestKind, GuestStatus, InterfaceAddresses};
pub use host::{DiskIo, Host, HostDetails, HostInterface, Raid, RaidDevice, Sensors, Smart};
pub use instance::{InstanceHealth, InstanceKind, InstanceState};
pub use node::{CpuInfo, Node};
pub use shared::{Capacity, Filesystem, Handle, Liveness, Memory, MemorySource};
pub use snapshot::Snapshot;
pub use storage::{Storage, StorageStatus};
