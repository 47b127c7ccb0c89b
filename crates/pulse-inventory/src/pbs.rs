//! One Proxmox Backup Server: merging its polls, and what happens when they stay away.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pulse_core::{
    BackupGroup, BackupKind, Bytes, Datastore, DatastoreStatus, InstanceHealth, InstanceKind,
    InstanceState, Liveness, PbsInstance, PbsReport, PollFailure, Storage, StorageStatus, Task,
    Timestamp,
};

use crate::facts::kept;
use crate::inventory::{Applied, Dirty};

/// What failed for less is not called offline.
const OFFLINE_GRACE_MS: i64 = 60_000;

#[derive(Debug)]
pub(crate) struct PbsServer {
    pub state: InstanceState,
    interval_ms: i64,
    server: Option<Arc<PbsInstance>>,
    /// Its datastores in the shape of storages.
    pub storages: Vec<Arc<Storage>>,
    pub tasks: Vec<Arc<Task>>,
    /// By datastore and namespace.
    groups: BTreeMap<(String, String), Vec<Arc<BackupGroup>>>,
}

impl PbsServer {
    pub fn new(name: &str, demo: bool) -> Self {
        Self {
            state: InstanceState {
                kind: InstanceKind::Pbs,
                name: name.to_owned(),
                health: InstanceHealth::Pending,
                last_success: None,
                error: None,
                failures: 0,
                gaps: Vec::new(),
                demo,
            },
            server: None,
            interval_ms: 60_000,
            storages: Vec::new(),
            tasks: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    pub fn was_asked(&self) -> bool {
        self.state.health != InstanceHealth::Pending
    }

    pub fn works(&self) -> bool {
        self.state.health == InstanceHealth::Healthy
    }

    pub fn shown(&self) -> Option<Arc<PbsInstance>> {
        self.server.clone()
    }

    pub fn groups(&self) -> impl Iterator<Item = &Arc<BackupGroup>> {
        self.groups.values().flatten()
    }

    pub fn apply(
        &mut self,
        report: PbsReport,
        at: Timestamp,
        dirty: &mut Dirty,
        applied: &mut Applied,
    ) {
        self.interval_ms = i64::from(report.interval_seconds.max(1)) * 1000;
        self.state.failures = 0;
        self.state.last_success = Some(at);
        self.state.health = report.server.health;
        self.state.error = (!report.notes.is_empty()).then(|| report.notes.join("; "));
        if let Some(gaps) = report.gaps {
            self.state.gaps = gaps;
        }
        let mut server = report.server;
        if let Some(jobs) = report.jobs {
            server.jobs = jobs;
        } else if let Some(known) = &self.server {
            server.jobs.clone_from(&known.jobs);
        }
        if let Some(known) = &self.server {
            if report.datastores_read {
                keep_sizes(&mut server.datastores, &known.datastores);
            } else {
                server.datastores.clone_from(&known.datastores);
            }
        }
        let server = Arc::new(server);
        applied.pbs.push(Arc::clone(&server));
        if report.datastores_read {
            self.forget_groups(&server, dirty);
        }
        self.server = Some(server);
        dirty.pbs = true;
        self.show_storages();
        let observed = self
            .storages
            .iter()
            .filter(|s| s.active && s.total > Bytes(0));
        applied.storages.extend(observed.map(Arc::clone));
        for slice in report.groups {
            let key = (slice.datastore, slice.namespace);
            let slot = self.groups.entry(key).or_default();
            *slot = merged(slot, slice.groups);
            dirty.backup_groups = true;
        }
        if let Some(tasks) = report.tasks {
            self.tasks = kept(&self.tasks, tasks);
            dirty.tasks = true;
        }
    }

    pub fn groups_mut(&mut self) -> impl Iterator<Item = &mut Arc<BackupGroup>> {
        self.groups.values_mut().flatten()
    }

    /// Forgets the groups of datastores and namespaces that the server does not list any more.
    fn forget_groups(&mut self, server: &PbsInstance, dirty: &mut Dirty) {
        let before = self.groups.len();
        self.groups.retain(|(datastore, namespace), _| {
            let store = server.datastores.iter().find(|s| s.name == *datastore);
            store.is_some_and(|store| {
                store.namespaces.is_empty() || store.namespaces.iter().any(|n| n.path == *namespace)
            })
        });
        dirty.backup_groups |= before != self.groups.len();
    }

    /// The datastores in the shape of storages.
    fn show_storages(&mut self) {
        let Some(server) = &self.server else { return };
        let storages = server.datastores.iter().map(|store| storage(server, store));
        self.storages = kept(&self.storages, storages.collect());
    }

    pub fn poll_failed(&mut self, failure: PollFailure, at: Timestamp, dirty: &mut Dirty) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.health = InstanceHealth::Error;
        self.state.error = Some(failure.message);
        // One that never answered is shown, too.
        if self.server.is_none() {
            let name = &self.state.name;
            self.server = Some(Arc::new(PbsInstance {
                id: format!("pbs-{name}"),
                name: name.clone(),
                health: InstanceHealth::Error,
                version: "unknown".to_owned(),
                liveness: Liveness::Stale,
                ..PbsInstance::default()
            }));
            dirty.pbs = true;
        }
        self.age(at, dirty);
    }

    /// Applies the passing of time.
    pub fn age(&mut self, now: Timestamp, dirty: &mut Dirty) {
        let Some(server) = &mut self.server else {
            return;
        };
        let silent = now.since(server.seen);
        let stale = silent > self.interval_ms * 3 && server.liveness == Liveness::Fresh;
        let gone = server.online && self.state.failures > 0 && silent >= OFFLINE_GRACE_MS;
        if stale || gone {
            let server = Arc::make_mut(server);
            if stale {
                server.liveness = Liveness::Stale;
            }
            if gone {
                server.online = false;
                server.health = InstanceHealth::Error;
            }
            dirty.pbs = true;
            dirty.any = true;
            self.show_storages();
        }
    }
}

/// What is out of reach keeps the sizes, namespaces and figures that are known of it.
fn keep_sizes(datastores: &mut [Datastore], known: &[Datastore]) {
    for store in datastores {
        let Some(known) = known.iter().find(|known| known.name == store.name) else {
            continue;
        };
        if store.total == Bytes(0) && known.total > Bytes(0) {
            store.total = known.total;
            store.used = known.used;
            store.available = known.available;
            store.seen = known.seen;
        }
        store.deduplication = store.deduplication.or(known.deduplication);
        if store.namespaces.is_empty() {
            store.namespaces.clone_from(&known.namespaces);
        }
    }
}

/// The groups of a namespace: unchanged ones stay the same value, with whose they are.
fn merged(old: &[Arc<BackupGroup>], new: Vec<BackupGroup>) -> Vec<Arc<BackupGroup>> {
    let known: HashMap<(BackupKind, &str), &Arc<BackupGroup>> = old
        .iter()
        .map(|group| ((group.kind, &*group.backup_id), group))
        .collect();
    new.into_iter()
        .map(|mut group| {
            let Some(before) = known.get(&(group.kind, &*group.backup_id)) else {
                return Arc::new(group);
            };
            group.attribution = before.attribution.clone();
            if ***before == group {
                Arc::clone(before)
            } else {
                Arc::new(group)
            }
        })
        .collect()
}

/// A datastore as a storage: `pbs-<server>-<datastore>`, shared, for backups.
fn storage(server: &PbsInstance, store: &Datastore) -> Storage {
    let usable = matches!(
        store.status,
        DatastoreStatus::Available | DatastoreStatus::ReadOnly
    );
    let active = server.online && usable;
    Storage {
        id: format!("{}-{}", server.id, store.name),
        name: store.name.clone(),
        node: server.name.clone(),
        instance: server.id.clone(),
        source: server.name.clone(),
        nodes: Vec::new(),
        kind: "pbs".to_owned(),
        status: if active {
            StorageStatus::Available
        } else {
            StorageStatus::Inactive
        },
        total: store.total,
        used: store.used,
        free: store.available,
        content: "backup".to_owned(),
        shared: true,
        enabled: true,
        active,
        zfs_pool: None,
        thin_pool: None,
        backend: String::new(),
        seen: store.seen,
        liveness: server.liveness,
    }
}
