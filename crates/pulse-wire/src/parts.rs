//! The state's JSON, put together from parts that are encoded once each.
//!
//! A part is encoded again only when its collection changed; an unchanged collection is the same
//! `Arc` in both snapshots. What comes out equals `serde_json` of [`crate::state::StateJson`]. The
//! lists of backups and tasks are encoded only for those who read the whole state.

use std::sync::Arc;

use bytes::Bytes;
use pulse_core::{
    BackupJob, CephCluster, ClusterState, Guest, GuestSnapshot, Host, Node, PbsInstance,
    PhysicalDisk, PmgInstance, ReplicationJob, Shared, Snapshot, Storage, StorageBackup, Task,
    ZfsPool,
};
use serde::Serialize;

use crate::backup_list::BackupList;
use crate::resources::{Resources, Target};
use crate::state::{
    BackupJobJson, BackupTaskJson, CephClusterJson, ClusterJson, EmptyParts, GuestJson,
    GuestSnapshotJson, HostJson, InstanceJson, NodeJson, PbsJson, PhysicalDiskJson, PmgBackupJson,
    PmgJson, ReplicationJobJson, StorageBackupJson, StorageJson, TaskJson, UnprotectedJson,
    ZfsPoolJson,
};

type Result<T> = std::result::Result<T, serde_json::Error>;

/// The JSON list of one collection.
struct Part<T> {
    of: Option<Shared<T>>,
    json: Bytes,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            of: None,
            json: Bytes::new(),
        }
    }
}

impl<T> Part<T> {
    fn is_of(&self, collection: &Shared<T>) -> bool {
        self.of
            .as_ref()
            .is_some_and(|of| Arc::ptr_eq(of, collection))
    }

    /// Encodes the collection unless it is the one that was encoded last.
    fn update<'a, J: Serialize>(
        &mut self,
        collection: &'a Shared<T>,
        json: impl Fn(&'a T) -> J,
    ) -> Result<()> {
        if !self.is_of(collection) {
            let list: Vec<J> = collection.iter().map(|element| json(element)).collect();
            self.set(collection, &list)?;
        }
        Ok(())
    }

    fn set(&mut self, collection: &Shared<T>, list: &impl Serialize) -> Result<()> {
        self.json = encode(list)?;
        self.of = Some(Arc::clone(collection));
        Ok(())
    }
}

/// Numbers that say whether the lists behind them changed: the snapshot version in which they did.
/// The delta protocol has them instead of the lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Revisions {
    /// Backups of all kinds.
    pub backups: u64,
    /// Snapshots of guests.
    pub snapshots: u64,
    pub tasks: u64,
}

impl Revisions {
    /// Those of `next` for somebody who has these ones for `last`.
    #[must_use]
    pub fn after(self, last: &Snapshot, next: &Snapshot) -> Self {
        let keep = |same: bool, known: u64| if same { known } else { next.version };
        Self {
            backups: keep(
                Arc::ptr_eq(&last.storage_backups, &next.storage_backups)
                    && Arc::ptr_eq(&last.backup_groups, &next.backup_groups)
                    && last
                        .pmg
                        .iter()
                        .map(|pmg| &pmg.backups)
                        .eq(next.pmg.iter().map(|pmg| &pmg.backups)),
                self.backups,
            ),
            snapshots: keep(
                Arc::ptr_eq(&last.guest_snapshots, &next.guest_snapshots),
                self.snapshots,
            ),
            tasks: keep(Arc::ptr_eq(&last.tasks, &next.tasks), self.tasks),
        }
    }
}

/// What only the whole state has.
#[derive(Default)]
struct Heavy {
    tasks: Part<Task>,
    backup_tasks: Part<Task>,
    storage_backups: Part<StorageBackup>,
    guest_snapshots: Part<GuestSnapshot>,
    pbs_backups: BackupList,
    pmg_backups: Part<PmgInstance>,
}

impl Heavy {
    fn update(&mut self, snapshot: &Snapshot) -> Result<()> {
        let tasks = &snapshot.tasks;
        if !self.tasks.is_of(tasks) {
            self.tasks.set(tasks, &TaskJson::latest(snapshot))?;
            self.backup_tasks
                .set(tasks, &BackupTaskJson::all(snapshot))?;
        }
        self.storage_backups
            .update(&snapshot.storage_backups, StorageBackupJson::new)?;
        self.guest_snapshots
            .update(&snapshot.guest_snapshots, GuestSnapshotJson::new)?;
        if !self.pmg_backups.is_of(&snapshot.pmg) {
            let list = PmgBackupJson::all(snapshot);
            self.pmg_backups.set(&snapshot.pmg, &list)?;
        }
        self.pbs_backups.update(&snapshot.backup_groups)
    }

    fn write_pve(&self, out: &mut Vec<u8>) {
        let lists = [
            (&b"{\"backupTasks\":"[..], &self.backup_tasks.json),
            (b",\"storageBackups\":", &self.storage_backups.json),
            (b",\"guestSnapshots\":", &self.guest_snapshots.json),
        ];
        for (key, list) in lists {
            out.extend_from_slice(key);
            out.extend_from_slice(list);
        }
        out.push(b'}');
    }

    fn size(&self) -> usize {
        let pve = self.backup_tasks.json.len()
            + self.storage_backups.json.len()
            + self.guest_snapshots.json.len();
        let pmg = self.pmg_backups.json.len();
        self.tasks.json.len() + 2 * (pve + pmg + self.pbs_backups.size()) + 512
    }

    /// Every list; the backups twice, as v5 has them.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"tasks\":");
        out.extend_from_slice(&self.tasks.json);
        out.push(b',');
        self.write_backups(out);
    }

    /// v5's keys of backups, without braces.
    fn write_backups(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"pveBackups\":");
        self.write_pve(out);
        out.extend_from_slice(b",\"pbsBackups\":");
        self.pbs_backups.write(out);
        out.extend_from_slice(b",\"pmgBackups\":");
        out.extend_from_slice(&self.pmg_backups.json);
        out.extend_from_slice(b",\"backups\":{\"pve\":");
        self.write_pve(out);
        out.extend_from_slice(b",\"pbs\":");
        self.pbs_backups.write(out);
        out.extend_from_slice(b",\"pmg\":");
        out.extend_from_slice(&self.pmg_backups.json);
        out.push(b'}');
    }
}

/// The encoded collections of the snapshot that was encoded last.
#[derive(Default)]
pub struct PartsCache {
    nodes: Part<Node>,
    vms: Part<Guest>,
    containers: Part<Guest>,
    storage: Part<Storage>,
    hosts: Part<Host>,
    disks: Part<PhysicalDisk>,
    zfs_pools: Part<ZfsPool>,
    ceph: Part<CephCluster>,
    clusters: Part<ClusterState>,
    replication: Part<ReplicationJob>,
    pbs: Part<PbsInstance>,
    pmg: Part<PmgInstance>,
    backup_jobs: Part<BackupJob>,
    tail: Bytes,
    heavy: Heavy,
}

fn encode(value: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from)
}

/// An object with one key.
fn wrapped(key: &str, list: &[u8]) -> Bytes {
    let mut out = format!("{{\"{key}\":").into_bytes();
    out.extend_from_slice(list);
    out.push(b'}');
    out.into()
}

impl PartsCache {
    /// The JSON of `GET /api/state`.
    pub fn state(&mut self, snapshot: &Arc<Snapshot>) -> Result<Bytes> {
        self.whole(snapshot, b"", b"", b"")
    }

    /// A v5 WebSocket message of type `kind` with the state and the unified resources as data.
    pub fn message(&mut self, snapshot: &Arc<Snapshot>, kind: &str) -> Result<Bytes> {
        let head = format!("{{\"type\":\"{kind}\",\"data\":");
        let mut tail = b",\"resources\":".to_vec();
        let resources = Resources::new(snapshot, Target::Socket);
        serde_json::to_writer(&mut tail, &resources.list)?;
        self.whole(snapshot, head.as_bytes(), &tail, b"}")
    }

    /// `tail`: further keys of the state.
    fn whole(
        &mut self,
        snapshot: &Snapshot,
        head: &[u8],
        tail: &[u8],
        end: &[u8],
    ) -> Result<Bytes> {
        self.update(snapshot)?;
        self.heavy.update(snapshot)?;
        let size = self.size() + self.heavy.size() + head.len() + tail.len();
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(head);
        self.write(snapshot, &mut out)?;
        self.heavy.write(&mut out);
        out.extend_from_slice(tail);
        out.push(b'}');
        out.extend_from_slice(end);
        Ok(out.into())
    }

    /// The JSON of `GET /api/backups`.
    pub fn backups(&mut self, snapshot: &Snapshot) -> Result<Bytes> {
        self.heavy.update(snapshot)?;
        let heavy = &self.heavy;
        let mut out = Vec::with_capacity(heavy.size() * 2);
        out.push(b'{');
        heavy.write_backups(&mut out);
        for (key, list) in [
            ("backupTasks", &heavy.backup_tasks.json),
            ("storageBackups", &heavy.storage_backups.json),
            ("guestSnapshots", &heavy.guest_snapshots.json),
        ] {
            out.extend_from_slice(format!(",\"{key}\":").as_bytes());
            out.extend_from_slice(list);
        }
        out.push(b'}');
        Ok(out.into())
    }

    /// The JSON of `GET /api/backups/pve`.
    pub fn storage_backups(&mut self, snapshot: &Snapshot) -> Result<Bytes> {
        self.heavy
            .storage_backups
            .update(&snapshot.storage_backups, StorageBackupJson::new)?;
        Ok(wrapped("backups", &self.heavy.storage_backups.json))
    }

    /// The JSON of `GET /api/backups/pbs`: the servers.
    pub fn backup_servers(&mut self, snapshot: &Snapshot) -> Result<Bytes> {
        self.pbs.update(&snapshot.pbs, PbsJson::new)?;
        Ok(wrapped("instances", &self.pbs.json))
    }

    /// The JSON of `GET /api/snapshots`.
    pub fn snapshots(&mut self, snapshot: &Snapshot) -> Result<Bytes> {
        self.heavy
            .guest_snapshots
            .update(&snapshot.guest_snapshots, GuestSnapshotJson::new)?;
        Ok(wrapped("snapshots", &self.heavy.guest_snapshots.json))
    }

    /// The state of the delta protocol's snapshot frame: with revisions instead of the lists of
    /// backups and tasks.
    pub fn compact_state(
        &mut self,
        snapshot: &Arc<Snapshot>,
        revisions: Revisions,
    ) -> Result<Bytes> {
        self.update(snapshot)?;
        let mut out = Vec::with_capacity(self.size());
        self.write(snapshot, &mut out)?;
        out.extend_from_slice(b",\"revisions\":");
        serde_json::to_writer(&mut out, &revisions)?;
        out.push(b'}');
        Ok(out.into())
    }

    fn update(&mut self, snapshot: &Snapshot) -> Result<()> {
        // Node temperatures come from the hosts, too.
        if !self.nodes.is_of(&snapshot.nodes) || !self.hosts.is_of(&snapshot.hosts) {
            let nodes = snapshot.nodes.iter();
            let list: Vec<_> = nodes.map(|n| NodeJson::new(n, snapshot)).collect();
            self.nodes.set(&snapshot.nodes, &list)?;
        }
        self.hosts.update(&snapshot.hosts, HostJson::new)?;
        self.vms.update(&snapshot.vms, GuestJson::new)?;
        self.containers
            .update(&snapshot.containers, GuestJson::new)?;
        self.storage.update(&snapshot.storages, StorageJson::new)?;
        self.disks.update(&snapshot.disks, PhysicalDiskJson::new)?;
        self.zfs_pools
            .update(&snapshot.zfs_pools, ZfsPoolJson::new)?;
        self.ceph.update(&snapshot.ceph, CephClusterJson::new)?;
        self.clusters.update(&snapshot.clusters, ClusterJson::new)?;
        self.replication
            .update(&snapshot.replication, ReplicationJobJson::new)?;
        self.pbs.update(&snapshot.pbs, PbsJson::new)?;
        self.pmg.update(&snapshot.pmg, PmgJson::new)?;
        self.backup_jobs
            .update(&snapshot.backup_jobs, BackupJobJson::new)?;
        if self.tail.is_empty() {
            self.tail = encode(&EmptyParts::default())?;
        }
        Ok(())
    }

    fn lists(&self) -> [(&'static str, &Bytes); 13] {
        [
            ("nodes", &self.nodes.json),
            ("vms", &self.vms.json),
            ("containers", &self.containers.json),
            ("storage", &self.storage.json),
            ("hosts", &self.hosts.json),
            ("physicalDisks", &self.disks.json),
            ("zfsPools", &self.zfs_pools.json),
            ("cephClusters", &self.ceph.json),
            ("clusters", &self.clusters.json),
            ("replicationJobs", &self.replication.json),
            ("pbs", &self.pbs.json),
            ("pmg", &self.pmg.json),
            ("backupJobs", &self.backup_jobs.json),
        ]
    }

    fn size(&self) -> usize {
        let lists: usize = self.lists().iter().map(|(_, json)| json.len() + 24).sum();
        lists + self.tail.len() + 16 * 1024
    }

    /// Everything but the heavy lists, without the closing brace.
    fn write(&self, snapshot: &Snapshot, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        for (key, json) in self.lists() {
            out.extend_from_slice(format!("\"{key}\":").as_bytes());
            out.extend_from_slice(json);
            out.push(b',');
        }
        let instances = snapshot.instances.iter();
        let instances: Vec<_> = instances.map(|i| InstanceJson::new(i)).collect();
        out.extend_from_slice(b"\"instances\":");
        serde_json::to_writer(&mut *out, &instances)?;
        out.extend_from_slice(b",\"connectionHealth\":");
        serde_json::to_writer(&mut *out, &*snapshot.connection_health)?;
        out.extend_from_slice(b",\"unprotected\":");
        serde_json::to_writer(&mut *out, &UnprotectedJson::all(snapshot))?;
        out.push(b',');
        // The tail is an object: its braces go.
        let inner = self.tail.len().saturating_sub(1);
        out.extend_from_slice(self.tail.get(1..inner).unwrap_or_default());
        let at = snapshot.at.millis();
        out.extend_from_slice(
            format!(",\"lastUpdate\":{at},\"temperatureMonitoringEnabled\":true").as_bytes(),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::PartsCache;
    use crate::state::StateJson;

    #[test]
    fn the_assembled_state_equals_its_definition() {
        let snapshot = Arc::new(crate::delta::tests::sample_snapshot(7));
        let assembled = PartsCache::default().state(&snapshot).unwrap();
        let assembled: serde_json::Value = serde_json::from_slice(&assembled).unwrap();
        // Both through text: parsing may round the last digit of a float.
        let defined = serde_json::to_vec(&StateJson::new(&snapshot)).unwrap();
        let defined: serde_json::Value = serde_json::from_slice(&defined).unwrap();
        assert_eq!(assembled, defined);
    }
}
