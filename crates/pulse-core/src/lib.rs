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
    Attribution, BackupGroup, BackupJob, BackupKind, BackupSelection, Capacity, CephCheck,
    CephCluster, CephOsd, CephPool, CephService, Certificate, ClusterMember, ClusterState,
    CoreTemperature, CpuInfo, Datastore, DatastoreStatus, DiskIo, DiskTemperature, Filesystem,
    GpuTemperature, Guest, GuestKind, GuestSnapshot, GuestStatus, HaNode, HaService, HaState,
    Handle, Host, HostDetails, HostInterface, InstanceHealth, InstanceKind, InstanceState,
    InterfaceAddresses, Liveness, MailCount, MailQueue, MailStatistics, Memory, MemorySource,
    Namespace, Node, NodeTemperatures, NodeUpdates, NodeUpkeep, PbsInstance, PbsJob, PbsJobKind,
    PbsSnapshot, PermissionGap, PhysicalDisk, PmgBackup, PmgInstance, PmgNode, QDevice, Quarantine,
    Raid, RaidDevice, ReplicationJob, Sensors, Shared, Smart, Snapshot, Storage, StorageBackup,
    StorageStatus, Task, TaskOutcome, TemperatureRecord, ThinPool, Verification, ZfsDevice,
    ZfsPool, ZfsScan,
};
pub use reading::{Reading, Unknown};
pub use report::{
    NamespaceGroups, PbsReport, PmgPart, PmgReport, PollFailure, Pushed, PushedGuest, PushedNode,
    PveFact, PveReport, ReportBody, SourceReport,
};
pub use secret::Secret;
pub use units::{Bytes, BytesPerSecond, Percent, Ratio, Timestamp};
