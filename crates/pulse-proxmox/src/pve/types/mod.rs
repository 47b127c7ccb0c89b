//! Shapes of the answers, as served.
//!
//! `None` is "not said or not readable", never zero: the caller decides what that means. Units are
//! PVE's: bytes, seconds, epoch seconds, CPU as a fraction of all cores. Keys not listed here are
//! passed over; which of the recorded ones are is written down in `tests/recorded.rs`.

mod ceph;
mod cluster;
mod guest;
mod jobs;
mod node;
mod quirks;
mod storage;

pub use ceph::{
    CephCheck, CephDaemon, CephDetail, CephDf, CephDfPool, CephDfPoolStats, CephDfStats, CephFsMap,
    CephHealth, CephMgrMap, CephMonMap, CephNamed, CephOsdMap, CephOsdNode, CephOsdTree, CephPgMap,
    CephPgState, CephPoolRow, CephServiceMap, CephServices, CephStatus,
};
pub use cluster::{
    ClusterConfigNode, ClusterStatus, HaLrm, HaManager, HaManagerStatus, HaQuorum, HaResource,
    HaServiceState, HaStatus, NodeEntry, Permissions, QDeviceStatus, Resource, ResourceKind,
    Version,
};
pub use guest::{
    AgentAddress, AgentFilesystem, AgentFilesystemDisk, AgentInfo, AgentInterface, AgentOs,
    BalloonInfo, BlockStat, GuestConfig, GuestDiskUsage, GuestHa, GuestMemInfo, GuestStatus,
    InterfaceCounters, LxcAddress, LxcInterface, Snapshot,
};
pub use jobs::{BackupJob, Replication, Task, Unprotected};
pub use node::{
    AptUpdate, AptVersion, Certificate, CpuInfo, Disk, FilesystemUsage, KernelInfo, Ksm,
    MemoryUsage, NetworkInterface, NodeStatus, RrdPoint, ZfsPool, ZfsPoolDetail, ZfsVdev,
};
pub use quirks::{AgentFlag, Rpm, Wearout};
pub use storage::{LvmThin, NodeStorage, StorageContent, StorageDefinition, Verification};

/// Declares which types stand alone in an answer, and what makes one unusable.
macro_rules! elements {
    ($($name:ty $(: |$this:ident| $usable:expr, $why:literal)?;)*) => {$(
        impl crate::decode::Element for $name {
            $(fn check(&self) -> Result<(), &'static str> {
                let $this = self;
                if $usable { Ok(()) } else { Err($why) }
            })?
        }
    )*};
}

elements! {
    Version;
    Permissions;
    NodeEntry: |this| !this.node.is_empty(), "a node without name";
    NodeStatus;
    ClusterStatus: |this| !this.kind.is_empty(), "an entry without type";
    Resource: |this| this.is_usable(), "a resource without type, number or name";
    HaStatus: |this| !this.id.is_empty(), "an entry without id";
    GuestStatus: |this| this.vmid > 0 || this.status.is_some(), "a guest without number";
    GuestConfig;
    Snapshot: |this| !this.name.is_empty(), "a snapshot without name";
    AgentInterface;
    AgentFilesystem;
    AgentOs;
    AgentInfo;
    LxcInterface: |this| !this.name.is_empty(), "an interface without name";
    RrdPoint: |this| this.time > 0, "a point without time";
    StorageDefinition: |this| !this.storage.is_empty(), "a storage without name";
    NodeStorage: |this| !this.storage.is_empty(), "a storage without name";
    StorageContent: |this| !this.volid.is_empty(), "a volume without id";
    Task: |this| !this.upid.is_empty(), "a task without id";
    Disk: |this| !this.devpath.is_empty(), "a disk without path";
    ZfsPool: |this| !this.name.is_empty(), "a pool without name";
    ZfsPoolDetail;
    NetworkInterface: |this| !this.iface.is_empty(), "an interface without name";
    AptUpdate: |this| !this.package.is_empty(), "an update without package";
    Replication: |this| !this.id.is_empty(), "a job without id";
    BackupJob: |this| !this.id.is_empty(), "a job without id";
    Unprotected: |this| this.vmid > 0, "a guest without number";
    CephStatus;
    CephPoolRow: |this| !this.pool_name.is_empty(), "a pool without name";
    CephOsdTree;
    CephDf;
    HaManagerStatus;
    HaResource: |this| !this.sid.is_empty(), "a resource without id";
    ClusterConfigNode: |this| !this.node.is_empty(), "a member without name";
    QDeviceStatus;
    AptVersion: |this| !this.package.is_empty(), "a version without package";
    Certificate: |this| !this.filename.is_empty(), "a certificate without file name";
    LvmThin: |this| !this.lv.is_empty(), "a pool without name";
}
