//! What is asked of a PVE instance more seldom than its lists: disks, jobs, backups, upkeep.
//!
//! A fact replaces the one of the same kind and subject. Unchanged elements keep their `Arc`, so
//! that nothing is sent again because it was asked again. What nobody could ask about gets stale:
//! cluster, Ceph and replication after 10 min, disks after three of their own intervals. What
//! belongs to a node or guest that is gone goes with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulse_core::{
    BackupJob, CephCluster, ClusterState, GuestSnapshot, Liveness, NodeUpkeep, PhysicalDisk,
    PveFact, ReplicationJob, Storage, StorageBackup, Task, ThinPool, Timestamp, ZfsPool,
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
    /// Newest backup on a storage, by vmid.
    pub newest_backups: BTreeMap<u32, Timestamp>,
    /// When a node's disks were told last, and the time to the telling before.
    disks_told: BTreeMap<String, (Timestamp, i64)>,
    replication_told: Option<Timestamp>,
}

const STALE_MS: i64 = 600_000;
const DISKS_STALE_MS: i64 = 900_000;

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
    pub fn apply(&mut self, fact: PveFact, at: Timestamp, dirty: &mut Dirty) {
        match fact {
            PveFact::Disks { node, disks } => {
                let gap = self
                    .disks_told
                    .get(&node)
                    .map_or(0, |told| at.since(told.0));
                self.disks_told.insert(node.clone(), (at, gap));
                let slot = self.disks.entry(node).or_default();
                *slot = kept(slot, with_temperatures(disks, slot));
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
                self.replication_told = Some(at);
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
                self.find_newest_backups();
            }
            PveFact::BackupStorages(storages) => {
                let before = self.storage_backups.len();
                self.storage_backups.retain(|key, _| storages.contains(key));
                if before != self.storage_backups.len() {
                    dirty.storage_backups = true;
                    self.find_newest_backups();
                }
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

    fn find_newest_backups(&mut self) {
        self.newest_backups.clear();
        let backups = self.storage_backups.values().flatten();
        for backup in backups.filter(|backup| backup.vmid > 0) {
            let newest = self.newest_backups.entry(backup.vmid).or_default();
            *newest = (*newest).max(backup.time);
        }
    }

    /// Drops what was of nodes and guests that are gone.
    pub fn retain(
        &mut self,
        is_node: impl Fn(&str) -> bool,
        is_guest: impl Fn(u32) -> bool,
        dirty: &mut Dirty,
    ) {
        let of_nodes = |node: &String| is_node(node);
        dirty.disks |= drop_keys(&mut self.disks, of_nodes);
        dirty.zfs_pools |= drop_keys(&mut self.zfs_pools, of_nodes);
        dirty.storages |= drop_keys(&mut self.thin_pools, of_nodes);
        dirty.tasks |= drop_keys(&mut self.tasks, of_nodes);
        drop_keys(&mut self.upkeep, of_nodes);
        drop_keys(&mut self.disks_told, of_nodes);
        let backups = drop_keys(&mut self.storage_backups, |(_, node)| {
            node.as_deref().is_none_or(&is_node)
        });
        if backups {
            dirty.storage_backups = true;
            self.find_newest_backups();
        }
        dirty.guest_snapshots |= drop_keys(&mut self.snapshots, |vmid| is_guest(*vmid));
    }

    /// Applies the passing of time.
    pub fn age(&mut self, now: Timestamp, dirty: &mut Dirty) {
        let old = |seen: Timestamp| now.since(seen) >= STALE_MS;
        if let Some(ceph) = self
            .ceph
            .as_mut()
            .filter(|c| differs(c.liveness, old(c.seen)))
        {
            Arc::make_mut(ceph).liveness = liveness(old(ceph.seen));
            (dirty.ceph, dirty.any) = (true, true);
        }
        if let Some(own) = self
            .cluster
            .as_mut()
            .filter(|c| differs(c.liveness, old(c.seen)))
        {
            Arc::make_mut(own).liveness = liveness(old(own.seen));
            (dirty.clusters, dirty.any) = (true, true);
        }
        let stale = self.replication_told.is_some_and(old);
        for job in &mut self.replication {
            if differs(job.liveness, stale) {
                Arc::make_mut(job).liveness = liveness(stale);
                (dirty.replication, dirty.any) = (true, true);
            }
        }
        for (node, disks) in &mut self.disks {
            let stale = self.disks_told.get(node).is_some_and(|(at, gap)| {
                now.since(*at) >= DISKS_STALE_MS.max(gap.saturating_mul(3))
            });
            for disk in disks {
                if differs(disk.liveness, stale) {
                    Arc::make_mut(disk).liveness = liveness(stale);
                    (dirty.disks, dirty.any) = (true, true);
                }
            }
        }
    }

    /// The pools that a storage lives on, by what its definition says; where that was not read,
    /// a pool of the storage's own name.
    pub fn link_storage(&self, storage: &mut Arc<Storage>) -> bool {
        let (mut zfs, mut thin) = (None, None);
        match storage.kind.as_str() {
            "zfspool" | "zfs" | "local-zfs" => {
                let named = match storage.backend.split('/').next().unwrap_or_default() {
                    "" => storage.name.as_str(),
                    pool => pool,
                };
                let pools = self.zfs_pools.get(&storage.node).into_iter().flatten();
                zfs = pools.into_iter().find(|pool| pool.name == named).cloned();
            }
            "lvmthin" => {
                let pools = self.thin_pools.get(&storage.node).into_iter().flatten();
                thin = pools
                    .into_iter()
                    .find(|pool| format!("{}/{}", pool.volume_group, pool.name) == storage.backend)
                    .cloned();
            }
            _ => {}
        }
        if storage.zfs_pool == zfs && storage.thin_pool == thin {
            return false;
        }
        let own = Arc::make_mut(storage);
        own.zfs_pool = zfs;
        own.thin_pool = thin;
        true
    }
}

/// Temperatures are another source's: a new list of disks does not take them away.
fn with_temperatures(
    mut disks: Vec<PhysicalDisk>,
    known: &[Arc<PhysicalDisk>],
) -> Vec<PhysicalDisk> {
    for disk in &mut disks {
        if let Some(known) = known.iter().find(|k| k.dev_path == disk.dev_path) {
            disk.temperature = known.temperature;
            disk.standby = known.standby;
        }
    }
    disks
}

const fn liveness(stale: bool) -> Liveness {
    if stale {
        Liveness::Stale
    } else {
        Liveness::Fresh
    }
}

fn differs(shown: Liveness, stale: bool) -> bool {
    shown != liveness(stale)
}

/// Whether something was dropped.
fn drop_keys<K: Ord, V>(map: &mut BTreeMap<K, V>, keep: impl Fn(&K) -> bool) -> bool {
    let before = map.len();
    map.retain(|key, _| keep(key));
    before != map.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulse_core::{Bytes, StorageStatus};

    fn storage(name: &str, kind: &str, backend: &str) -> Arc<Storage> {
        Arc::new(Storage {
            id: name.into(),
            name: name.into(),
            node: "alpha".into(),
            instance: "i".into(),
            source: "i".into(),
            nodes: Vec::new(),
            kind: kind.into(),
            status: StorageStatus::Available,
            total: Bytes::ZERO,
            used: Bytes::ZERO,
            free: Bytes::ZERO,
            content: String::new(),
            shared: false,
            enabled: true,
            active: true,
            zfs_pool: None,
            thin_pool: None,
            backend: backend.into(),
            seen: Timestamp(0),
            liveness: Liveness::Fresh,
        })
    }

    /// Scenarios T10, T11: the definition decides, not the name.
    #[test]
    fn a_storage_lives_on_the_pool_that_its_definition_names() {
        let mut facts = Facts::default();
        let pool = |name: &str| {
            Arc::new(ZfsPool {
                name: name.into(),
                ..ZfsPool::default()
            })
        };
        let thin = Arc::new(ThinPool {
            volume_group: "pve".into(),
            name: "data".into(),
            ..ThinPool::default()
        });
        facts
            .zfs_pools
            .insert("alpha".into(), vec![pool("rpool"), pool("tank")]);
        facts.thin_pools.insert("alpha".into(), vec![thin]);
        let linked = |name: &str, kind: &str, backend: &str| {
            let mut storage = storage(name, kind, backend);
            facts.link_storage(&mut storage);
            let zfs = storage.zfs_pool.as_ref().map(|pool| pool.name.clone());
            zfs.or_else(|| storage.thin_pool.as_ref().map(|pool| pool.name.clone()))
        };
        assert_eq!(
            linked("local-zfs", "zfspool", "rpool/data").as_deref(),
            Some("rpool")
        );
        assert_eq!(linked("tank", "zfspool", "").as_deref(), Some("tank"));
        assert_eq!(linked("tank", "zfspool", "other"), None);
        assert_eq!(linked("tank", "dir", "/tank"), None);
        assert_eq!(
            linked("local-lvm", "lvmthin", "pve/data").as_deref(),
            Some("data")
        );
        assert_eq!(linked("local-lvm", "lvmthin", "pve/other"), None);
    }
}
