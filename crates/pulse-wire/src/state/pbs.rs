//! A backup server in the state.

use pulse_core::{
    Capacity, Datastore, InstanceHealth, Liveness, Namespace, PbsInstance, PbsJob, PbsJobKind,
    Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::backup::{outcome_word, status_text};
use super::shared::{DiskJson, finite};
use crate::time::{rfc3339, rfc3339_or_never};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NamespaceJson<'a> {
    /// Empty for the root.
    pub path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub parent: &'a str,
    pub depth: u32,
}

impl<'a> NamespaceJson<'a> {
    fn new(namespace: &'a Namespace) -> Self {
        Self {
            path: &namespace.path,
            parent: &namespace.parent,
            depth: namespace.depth,
        }
    }
}

/// A datastore. Additions to v5: `comment`, `fullAt`, `snapshots`, and the statuses `readonly`,
/// `offline` and `error` beside `available`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatastoreJson<'a> {
    pub name: &'a str,
    pub total: u64,
    pub used: u64,
    pub free: u64,
    /// Percent.
    pub usage: f64,
    #[schema(value_type = String)]
    pub status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NamespaceJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduplication_factor: Option<f64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    /// Unix ms when it will be full at the present growth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<i64>,
    pub snapshots: u32,
}

impl<'a> DatastoreJson<'a> {
    fn new(store: &'a Datastore) -> Self {
        Self {
            name: &store.name,
            total: store.total.get(),
            used: store.used.get(),
            free: store.available.get(),
            usage: store.used.percent_of(store.total).get(),
            status: store.status.as_str(),
            error: &store.error,
            namespaces: store.namespaces.iter().map(NamespaceJson::new).collect(),
            deduplication_factor: store.deduplication.map(finite),
            comment: &store.comment,
            full_at: store.full_at.map(Timestamp::millis),
            snapshots: store.snapshots,
        }
    }
}

/// A job of a backup server. v5 has a list and a name of the last run for each kind; the rest is
/// the same and partly an addition (`schedule`, `namespace`, `comment`, `enabled`, `outcome`,
/// `lastRun`, `pendingBytes`).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PbsJobJson<'a> {
    pub id: &'a str,
    pub store: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: &'a str,
    /// The last run in Proxmox's words; empty when it never ran.
    pub status: String,
    /// `ok`, `warnings`, `failed`, `running` or `unknown`; absent when it never ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub outcome: Option<&'static str>,
    /// Sync: where it pulls from or pushes to, `<remote>:<datastore>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_verify: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_prune: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_garbage: Option<String>,
    pub next_run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub schedule: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    pub enabled: bool,
    /// Unix ms; absent when it never ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<i64>,
    /// Unix ms; absent without a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<i64>,
}

impl<'a> PbsJobJson<'a> {
    fn new(job: &'a PbsJob) -> Self {
        let last = |kind: PbsJobKind| (job.kind == kind).then(|| rfc3339_or_never(job.last_run));
        let outcome = job.last_outcome.as_ref();
        Self {
            id: &job.id,
            store: &job.datastore,
            namespace: &job.namespace,
            status: outcome.map(status_text).unwrap_or_default(),
            outcome: outcome.map(outcome_word),
            remote: (job.kind == PbsJobKind::Sync).then(|| {
                if job.remote_datastore.is_empty() {
                    job.remote.clone()
                } else {
                    format!("{}:{}", job.remote, job.remote_datastore)
                }
            }),
            last_sync: last(PbsJobKind::Sync),
            last_verify: last(PbsJobKind::Verify),
            last_prune: last(PbsJobKind::Prune),
            last_garbage: last(PbsJobKind::Garbage),
            next_run: rfc3339_or_never(job.next_run),
            removed_bytes: job.removed.map(pulse_core::Bytes::get),
            pending_bytes: job.pending.map(pulse_core::Bytes::get),
            error: outcome.filter(|o| o.failed()).map(status_text),
            schedule: &job.schedule,
            comment: &job.comment,
            enabled: job.enabled,
            last_run: job.last_run.map(Timestamp::millis),
            next_run_at: job.next_run.map(Timestamp::millis),
        }
    }

    fn of_kind(server: &'a PbsInstance, kind: PbsJobKind) -> Vec<Self> {
        let jobs = server.jobs.iter().filter(|job| job.kind == kind);
        jobs.map(Self::new).collect()
    }
}

/// A backup server. Additions to v5: `rootDisk`, `loadAverage`, `stale`; the job lists are filled.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PbsJson<'a> {
    /// `pbs-<name>`.
    pub id: &'a str,
    pub name: &'a str,
    pub host: &'a str,
    #[serde(rename = "guestURL", skip_serializing_if = "str::is_empty")]
    pub guest_url: &'a str,
    /// `online` or `offline`.
    #[schema(value_type = String)]
    pub status: &'static str,
    pub version: &'a str,
    /// Share of all cores, 0–1; 0 with `cpuKnown: false` when it could not be read.
    pub cpu: f64,
    /// Absent when `cpu` is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_known: Option<bool>,
    /// Percent; not known while `memoryTotal` is 0.
    pub memory: f64,
    pub memory_used: u64,
    pub memory_total: u64,
    /// Seconds; 0 is not known.
    pub uptime: u64,
    pub datastores: Vec<DatastoreJson<'a>>,
    /// Backup servers have none; v5 has the key.
    #[schema(value_type = Vec<Object>)]
    pub backup_jobs: [(); 0],
    pub sync_jobs: Vec<PbsJobJson<'a>>,
    pub verify_jobs: Vec<PbsJobJson<'a>>,
    pub prune_jobs: Vec<PbsJobJson<'a>>,
    pub garbage_jobs: Vec<PbsJobJson<'a>>,
    /// `healthy`, `degraded` or `error`.
    #[schema(value_type = String)]
    pub connection_health: &'static str,
    pub last_seen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_disk: Option<DiskJson<'static>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_average: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl<'a> PbsJson<'a> {
    pub fn new(server: &'a PbsInstance) -> Self {
        Self {
            id: &server.id,
            name: &server.name,
            host: &server.host,
            guest_url: &server.guest_url,
            status: online(server.online),
            version: &server.version,
            cpu: server.cpu.map_or(0.0, |cpu| finite(cpu.get())),
            cpu_known: server.cpu.is_none().then_some(false),
            memory: server.memory_used.percent_of(server.memory_total).get(),
            memory_used: server.memory_used.get(),
            memory_total: server.memory_total.get(),
            uptime: server.uptime,
            datastores: server.datastores.iter().map(DatastoreJson::new).collect(),
            backup_jobs: [],
            sync_jobs: PbsJobJson::of_kind(server, PbsJobKind::Sync),
            verify_jobs: PbsJobJson::of_kind(server, PbsJobKind::Verify),
            prune_jobs: PbsJobJson::of_kind(server, PbsJobKind::Prune),
            garbage_jobs: PbsJobJson::of_kind(server, PbsJobKind::Garbage),
            connection_health: server.health.as_str(),
            last_seen: rfc3339(server.seen),
            root_disk: server.root.as_ref().and_then(root_disk),
            load_average: server.load.map(|load| load.map(finite)),
            stale: server.liveness == Liveness::Stale,
        }
    }
}

fn root_disk(root: &Capacity) -> Option<DiskJson<'static>> {
    DiskJson::of_capacity(root)
}

pub(super) const fn online(online: bool) -> &'static str {
    if online { "online" } else { "offline" }
}

/// v5's word for a mail gateway's connection.
pub(super) const fn healthy(health: InstanceHealth) -> &'static str {
    match health {
        InstanceHealth::Pending | InstanceHealth::Healthy => "healthy",
        InstanceHealth::Degraded => "degraded",
        InstanceHealth::Error => "unhealthy",
    }
}
