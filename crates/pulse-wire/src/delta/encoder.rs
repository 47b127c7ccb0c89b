//! Turns a pair of snapshots into a frame.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use pulse_core::{InstanceState, Shared, Snapshot, Timestamp};
use serde_json::{Map, Value, json};

use super::columns::{Cell, Column, Patch};
use super::resources::{Resource, to_value};
use crate::parts::{PartsCache, Revisions};
use crate::state::{BackupJobJson, InstanceJson, UnprotectedJson};

/// Handles of one collection. A handle is never used for two ids.
#[derive(Debug, Default)]
struct Handles {
    of_id: HashMap<String, u32>,
    /// Start of the resource as the clients know it, Unix s.
    boot: HashMap<u32, i64>,
}

/// Knows the version that the clients have and encodes the way to the next one.
pub struct DeltaEncoder {
    at: Arc<Snapshot>,
    revisions: Revisions,
    handles: BTreeMap<&'static str, Handles>,
    next_handle: u32,
}

/// Calls `$each!(key, collection of the snapshot)` for every collection with handles.
macro_rules! with_collections {
    ($each:ident) => {
        $each!("nodes", nodes);
        $each!("vms", vms);
        $each!("containers", containers);
        $each!("storage", storages);
        $each!("hosts", hosts);
        $each!("physicalDisks", disks);
        $each!("zfsPools", zfs_pools);
        $each!("cephClusters", ceph);
        $each!("clusters", clusters);
        $each!("replicationJobs", replication);
        $each!("pbs", pbs);
        $each!("pmg", pmg);
    };
}

/// A start that moved by less is the rounding of two clocks.
const BOOT_TOLERANCE_S: i64 = 2;

fn diff<R: Resource>(
    handles: &mut Handles,
    next_handle: &mut u32,
    (old, last): (&Shared<R>, &Snapshot),
    (new, next): (&Shared<R>, &Snapshot),
    always: bool,
) -> Option<Value> {
    if Arc::ptr_eq(old, new) && !always {
        return None;
    }
    let before: HashMap<&str, &Arc<R>> = old.iter().map(|r| (r.id(), r)).collect();
    let mut put = Vec::new();
    let mut patch = Patch::default();
    for resource in new.iter() {
        let Some(previous) = before.get(resource.id()) else {
            let handle = *next_handle;
            *next_handle += 1;
            handles.of_id.insert(resource.id().to_owned(), handle);
            if let Some(boot) = resource.boot() {
                handles.boot.insert(handle, boot);
            }
            put.push(json!([handle, resource.json(next)]));
            continue;
        };
        if Arc::ptr_eq(previous, resource) && !always {
            continue;
        }
        let Some(&handle) = handles.of_id.get(resource.id()) else {
            continue;
        };
        if resource.differs_in_kind(previous, next, last) {
            match resource.boot() {
                Some(boot) => handles.boot.insert(handle, boot),
                None => handles.boot.remove(&handle),
            };
            put.push(json!([handle, resource.json(next)]));
            continue;
        }
        let mut row = resource.row(previous, next, last);
        if let Some(boot) = resource.boot() {
            let known = handles.boot.entry(handle).or_insert(i64::MIN);
            if (boot.saturating_sub(*known)).abs() > BOOT_TOLERANCE_S {
                *known = boot;
                row.changed(Column::Boot, Cell::None, Cell::Int(boot));
            }
        }
        patch.push(handle, row);
    }
    let mut removed = Vec::new();
    if old.len() + put.len() > new.len() || before.len() != new.len() {
        let now: std::collections::HashSet<&str> = new.iter().map(|r| r.id()).collect();
        for id in before.keys().filter(|id| !now.contains(*id)) {
            if let Some(handle) = handles.of_id.remove(*id) {
                handles.boot.remove(&handle);
                removed.push(handle);
            }
        }
        removed.sort_unstable();
    }
    let mut change = Map::new();
    if !removed.is_empty() {
        change.insert("del".into(), json!(removed));
    }
    if !put.is_empty() {
        change.insert("put".into(), Value::Array(put));
    }
    if !patch.is_empty() {
        change.insert("patch".into(), patch.to_json());
    }
    (!change.is_empty()).then_some(Value::Object(change))
}

/// The keys that are replaced as a whole, where they differ.
fn replaced(last: &Snapshot, next: &Snapshot) -> Map<String, Value> {
    let mut set = Map::new();
    if last.connection_health != next.connection_health {
        set.insert(
            "connectionHealth".into(),
            to_value(&*next.connection_health),
        );
    }
    if last.version == 0
        || quiet_instances(last) != quiet_instances(next)
        || last.instances.iter().any(|i| i.last_success.is_none())
    {
        let instances = next.instances.iter();
        let list: Vec<_> = instances.map(|i| InstanceJson::new(i)).collect();
        set.insert("instances".into(), to_value(&list));
    }
    if !Arc::ptr_eq(&last.backup_jobs, &next.backup_jobs) {
        let jobs = next.backup_jobs.iter();
        let list: Vec<_> = jobs.map(|j| BackupJobJson::new(j)).collect();
        set.insert("backupJobs".into(), to_value(&list));
    }
    if last.unprotected != next.unprotected {
        set.insert("unprotected".into(), to_value(&UnprotectedJson::all(next)));
    }
    set
}

/// Instances without what moves with every poll.
fn quiet_instances(snapshot: &Snapshot) -> Vec<InstanceState> {
    let quiet = |state: &Arc<InstanceState>| {
        let mut state = InstanceState::clone(state);
        state.last_success = None;
        state.failures = 0;
        for gap in &mut state.gaps {
            gap.last_seen = Timestamp::default();
        }
        state
    };
    snapshot.instances.iter().map(quiet).collect()
}

impl DeltaEncoder {
    /// Starts at `snapshot`.
    pub fn new(snapshot: &Arc<Snapshot>) -> Self {
        let mut encoder = Self {
            at: Arc::new(Snapshot::default()),
            revisions: Revisions::default(),
            handles: BTreeMap::new(),
            next_handle: 1,
        };
        encoder.advance(snapshot, Timestamp::default());
        encoder
    }

    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.at
    }

    /// The frame that brings clients from the current version to `next`, as JSON: a header only
    /// when nothing that they see changed. `now` is the server's clock.
    pub fn advance(&mut self, next: &Arc<Snapshot>, now: Timestamp) -> Option<Vec<u8>> {
        let last = Arc::clone(&self.at);
        let mut frame = Map::new();
        frame.insert("type".into(), json!("delta"));
        frame.insert("from".into(), json!(last.version));
        frame.insert("version".into(), json!(next.version));
        frame.insert("at".into(), json!(now.millis()));
        let hosts_moved = !Arc::ptr_eq(&last.hosts, &next.hosts);
        macro_rules! change {
            ($key:literal, $field:ident) => {
                let change = diff(
                    self.handles.entry($key).or_default(),
                    &mut self.next_handle,
                    (&last.$field, &last),
                    (&next.$field, next),
                    // Nodes show the temperatures of their host agents.
                    hosts_moved && $key == "nodes",
                );
                if let Some(change) = change {
                    frame.insert($key.into(), change);
                }
            };
        }
        with_collections!(change);
        let mut set = replaced(&last, next);
        let revisions = self.revisions.after(&last, next);
        if revisions != self.revisions {
            self.revisions = revisions;
            set.insert("revisions".into(), to_value(&revisions));
        }
        if !set.is_empty() {
            frame.insert("set".into(), Value::Object(set));
        }
        self.at = Arc::clone(next);
        serde_json::to_vec(&Value::Object(frame)).ok()
    }

    /// The snapshot frame of the current version, as JSON.
    pub fn snapshot_frame(
        &self,
        parts: &mut PartsCache,
        now: Timestamp,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let state: Bytes = parts.compact_state(&self.at, self.revisions)?;
        let mut out = Vec::with_capacity(state.len() + 256);
        out.extend_from_slice(
            format!(
                "{{\"type\":\"snapshot\",\"version\":{},\"at\":{},\"handles\":",
                self.at.version,
                now.millis()
            )
            .as_bytes(),
        );
        let mut handles: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        macro_rules! list {
            ($key:literal, $field:ident) => {
                let known = self.handles.get($key);
                let list = known.map(|handles| handles.list(&self.at.$field));
                handles.insert($key, list.unwrap_or_default());
            };
        }
        with_collections!(list);
        serde_json::to_writer(&mut out, &handles)?;
        out.extend_from_slice(b",\"state\":");
        out.extend_from_slice(&state);
        out.push(b'}');
        Ok(out)
    }
}

impl Handles {
    fn list<R: Resource>(&self, resources: &[Arc<R>]) -> Vec<u32> {
        resources
            .iter()
            .map(|r| self.of_id.get(r.id()).copied().unwrap_or(0))
            .collect()
    }
}
