//! The snapshot model: one immutable value that holds everything that is known.

mod backup;
mod ceph;
mod cluster;
mod disk;
mod guest;
mod host;
mod instance;
mod node;
mod pbs;
mod pmg;
mod shared;
mod snapshot;
mod storage;
mod upkeep;

pub use backup::{
    BackupJob, BackupSelection, GuestSnapshot, ReplicationJob, StorageBackup, Task, TaskOutcome,
    Verification,
};
pub use ceph::{CephCheck, CephCluster, CephOsd, CephPool, CephService};
pub use cluster::{ClusterMember, ClusterState, HaNode, HaService, HaState, QDevice};
pub use disk::{PhysicalDisk, ThinPool, ZfsDevice, ZfsPool, ZfsScan};
pub use guest::{Guest, GuestKind, GuestStatus, InterfaceAddresses};
pub use host::{DiskIo, Host, HostDetails, HostInterface, Raid, RaidDevice, Sensors, Smart};
pub use instance::{InstanceHealth, InstanceKind, InstanceState};
pub use node::{CpuInfo, Node};
pub use pbs::{
    Attribution, BackupGroup, BackupKind, Datastore, DatastoreStatus, Namespace, PbsInstance,
    PbsJob, PbsJobKind, PbsSnapshot,
};
pub use pmg::{MailCount, MailQueue, MailStatistics, PmgBackup, PmgInstance, PmgNode, Quarantine};
pub use shared::{Capacity, Filesystem, Handle, Liveness, Memory, MemorySource};
pub use snapshot::{Shared, Snapshot};
pub use storage::{Storage, StorageStatus};
pub use upkeep::{
    Certificate, CoreTemperature, DiskTemperature, GpuTemperature, NodeTemperatures, NodeUpdates,
    NodeUpkeep, PermissionGap, TemperatureRecord,
};
