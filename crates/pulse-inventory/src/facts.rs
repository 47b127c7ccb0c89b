//! What is asked of a PVE instance more seldom than its lists: disks, jobs, backups, upkeep.
//!
//! A fact replaces the one of the same kind and subject. Unchanged elements keep their `Arc`, so
//! that nothing is sent again because it was asked again.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulse_core::{
    BackupJob, CephCluster, ClusterState, GuestSnapshot, NodeUpkeep, PhysicalDisk, PveFact,
    ReplicationJob, StorageBackup, Task, ThinPool, Timestamp, ZfsPool,
};

use crate::inventory::Dirty;

#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// By node.
    pub disks: BTreeMap<String, Vec<Arc<PhysicalDisk>>>,
    pub zfs_pools: BTreeMap<String, Vec<Arc<ZfsPool>>>,
    pub thin_pools: BTreeMap<String, Vec<Arc<ThinPool>>>,
    pub tasks: BTreeMap<String, Vec<Arc<Task>>>,
    pub upkeep: BTreeMap<String, Arc<NodeUpkeep>>,
    pub ceph: Option<Arc<CephCluster>>,
    pub cluster: Option<Arc<ClusterState>>,
    pub replication: Vec<Arc<ReplicationJob>>,
    pub backup_jobs: Vec<Arc<BackupJob>>,
    pub unprotected: Vec<u32>,
    /// By storage, and its node when it is local.
    pub storage_backups: BTreeMap<(String, Option<String>), Vec<Arc<StorageBackup>>>,
    /// By vmid.
    pub snapshots: BTreeMap<u32, Vec<Arc<GuestSnapshot>>>,
}

/// The new elements; those that equal an old one keep its `Arc`.
pub(crate) fn kept<T: PartialEq>(old: &[Arc<T>], new: Vec<T>) -> Vec<Arc<T>> {
    new.into_iter()
        .enumerate()
        .map(|(place, element)| {
            // Lists mostly stay as they are: look at the same place first.
            let near = old.get(place).filter(|known| ***known == element);
            near.or_else(|| old.iter().find(|known| ***known == element))
                .map_or_else(|| Arc::new(element), Arc::clone)
        })
        .collect()
}

impl Facts {
    pub fn apply(&mut self, fact: PveFact, _at: Timestamp, dirty: &mut Dirty) {
        match fact {
            PveFact::Disks { node, disks } => {
                let slot = self.disks.entry(node).or_default();
                *slot = kept(slot, disks);
                dirty.disks = true;
            }
            PveFact::ZfsPools { node, pools } => {
                let slot = self.zfs_pools.entry(node).or_default();
                *slot = kept(slot, pools);
                dirty.zfs_pools = true;
            }
            PveFact::ThinPools { node, pools } => {
                let slot = self.thin_pools.entry(node).or_default();
                *slot = kept(slot, pools);
                dirty.storages = true;
            }
            PveFact::Ceph(ceph) => {
                self.ceph = ceph.map(|ceph| Arc::new(*ceph));
                dirty.ceph = true;
            }
            PveFact::Cluster(cluster) => {
                self.cluster = cluster.map(|cluster| Arc::new(*cluster));
                dirty.clusters = true;
            }
            PveFact::Replication(jobs) => {
                self.replication = kept(&self.replication, jobs);
                dirty.replication = true;
            }
            PveFact::BackupJobs { jobs, unprotected } => {
                self.backup_jobs = kept(&self.backup_jobs, jobs);
                if let Some(unprotected) = unprotected {
                    self.unprotected = unprotected;
                }
                dirty.backup_jobs = true;
            }
            PveFact::Tasks { node, tasks } => {
                let slot = self.tasks.entry(node).or_default();
                *slot = kept(slot, tasks);
                dirty.tasks = true;
            }
            PveFact::StorageBackups {
                storage,
                node,
                backups,
            } => {
                let slot = self.storage_backups.entry((storage, node)).or_default();
                *slot = kept(slot, backups);
                dirty.storage_backups = true;
            }
            PveFact::BackupStorages(storages) => {
                let before = self.storage_backups.len();
                self.storage_backups.retain(|key, _| storages.contains(key));
                dirty.storage_backups |= before != self.storage_backups.len();
            }
            PveFact::Snapshots { vmid, snapshots } => {
                let slot = self.snapshots.entry(vmid).or_default();
                *slot = kept(slot, snapshots);
                dirty.guest_snapshots = true;
            }
            PveFact::Updates { node, updates } => {
                Arc::make_mut(self.upkeep.entry(node).or_default()).updates = Some(updates);
                dirty.nodes = true;
            }
            PveFact::Certificates { node, certificates } => {
                Arc::make_mut(self.upkeep.entry(node).or_default()).certificates = certificates;
                dirty.nodes = true;
            }
            PveFact::Temperatures { node, temperatures } => {
                Arc::make_mut(self.upkeep.entry(node).or_default()).temperatures =
                    Some(temperatures);
                dirty.nodes = true;
            }
            // Belongs to the instance's state.
            PveFact::Gaps(_) => {}
        }
    }
}
