//! One Proxmox Backup Server: merging its polls, and what happens when they stay away.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulse_core::{
    BackupGroup, InstanceHealth, InstanceKind, InstanceState, Liveness, PbsInstance, PbsReport,
    PollFailure, Storage, Task, Timestamp,
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
        if let Some(known) = self.server.as_ref().filter(|_| !report.datastores_read) {
            server.datastores.clone_from(&known.datastores);
        }
        let server = Arc::new(server);
        applied.pbs.push(Arc::clone(&server));
        self.server = Some(server);
        dirty.pbs = true;
        for slice in report.groups {
            let key = (slice.datastore, slice.namespace);
            let slot = self.groups.entry(key).or_default();
            *slot = kept(slot, slice.groups);
            dirty.backup_groups = true;
        }
        if let Some(tasks) = report.tasks {
            self.tasks = kept(&self.tasks, tasks);
            dirty.tasks = true;
        }
    }

    pub fn poll_failed(&mut self, failure: PollFailure, at: Timestamp, dirty: &mut Dirty) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.health = InstanceHealth::Error;
        self.state.error = Some(failure.message);
        self.age(at, dirty);
    }

    /// Applies the passing of time.
    pub fn age(&mut self, now: Timestamp, dirty: &mut Dirty) {
        let Some(server) = &mut self.server else {
            return;
        };
        let silent = now.since(server.seen);
        let stale = silent > self.interval_ms * 3;
        let gone = server.online && self.state.failures > 0 && silent >= OFFLINE_GRACE_MS;
        if (stale && server.liveness == Liveness::Fresh) || gone {
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
        }
    }
}
