//! Everything that is known at one version.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    BackupGroup, BackupJob, CephCluster, ClusterState, Guest, GuestSnapshot, Host, InstanceState,
    Node, PbsInstance, PhysicalDisk, PmgInstance, ReplicationJob, Storage, StorageBackup, Task,
    ZfsPool,
};
use crate::units::Timestamp;

/// A collection of a snapshot. An unchanged collection is the same value in the next snapshot, and
/// an unchanged element of a changed one is, too.
pub type Shared<T> = Arc<Vec<Arc<T>>>;

/// Immutable; readers hold an `Arc` of it. Collections are in the order in which clients see
/// them, and an unchanged resource keeps its `Arc` from version to version, so that "what
/// changed" is a pointer comparison.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub version: u64,
    /// Last change of anything.
    pub at: Timestamp,
    pub instances: Vec<Arc<InstanceState>>,
    /// By name, then instance.
    pub nodes: Shared<Node>,
    /// VMs by vmid, then instance, then node.
    pub vms: Shared<Guest>,
    pub containers: Shared<Guest>,
    /// By instance, then name, then node.
    pub storages: Shared<Storage>,
    /// By instance, then node, then device path.
    pub disks: Shared<PhysicalDisk>,
    /// By instance, then node, then name.
    pub zfs_pools: Shared<ZfsPool>,
    /// By instance, then id.
    pub ceph: Shared<CephCluster>,
    /// By instance.
    pub clusters: Shared<ClusterState>,
    /// By instance, then guest, then job number.
    pub replication: Shared<ReplicationJob>,
    /// By instance, then id.
    pub backup_jobs: Shared<BackupJob>,
    /// Guests that no backup job covers, as Proxmox says it: instance, vmid.
    pub unprotected: Arc<Vec<(String, u32)>>,
    /// Of all Proxmox servers, newest first.
    pub tasks: Shared<Task>,
    /// Newest first.
    pub storage_backups: Shared<StorageBackup>,
    /// Newest first.
    pub guest_snapshots: Shared<GuestSnapshot>,
    /// By name.
    pub pbs: Shared<PbsInstance>,
    /// By instance, datastore, namespace, kind, backup id.
    pub backup_groups: Shared<BackupGroup>,
    /// By name.
    pub pmg: Shared<PmgInstance>,
    /// By host name.
    pub hosts: Shared<Host>,
    /// v5's map: instance name, `pbs-<name>`, `host-<id>` … → works.
    pub connection_health: Arc<BTreeMap<String, bool>>,
}

impl Snapshot {
    pub fn guests(&self) -> impl Iterator<Item = &Arc<Guest>> {
        self.vms.iter().chain(self.containers.iter())
    }
}
