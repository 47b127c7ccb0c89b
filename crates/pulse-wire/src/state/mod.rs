//! The state payload of v5: `GET /api/state` and the WebSocket.
//!
//! Units and omissions follow the core API chapter §2.5–2.14: CPU of nodes and guests is a ratio,
//! memory and disk use are percent, times are Unix milliseconds. Keys that v5 does not have are
//! additions: `memorySource`, `stale`, `ioStatusReason`, `pool`, `agentSeen`, `raid` and others.

pub mod backup;
pub mod ceph;
pub mod cluster;
pub mod disk;
mod guest;
mod host;
mod node;
pub mod pbs;
pub mod pmg;
pub mod replication;
pub mod shared;
mod storage;
pub mod temperature;
pub mod upkeep;

use std::collections::BTreeMap;

use pulse_core::{InstanceState, Snapshot};
use serde::Serialize;
use utoipa::ToSchema;

pub use backup::{
    BackupJobJson, BackupTaskJson, BackupsJson, GuestSnapshotJson, PbsBackupJson, PmgBackupJson,
    PveBackupsJson, StorageBackupJson, TaskJson, UnprotectedJson,
};
pub use ceph::CephClusterJson;
pub use cluster::ClusterJson;
pub use disk::{PhysicalDiskJson, PoolHealthJson, ThinPoolJson, ZfsPoolJson};
pub use guest::GuestJson;
pub use host::{HostJson, SensorsJson};
pub use node::NodeJson;
pub use pbs::PbsJson;
pub use pmg::PmgJson;
pub use replication::ReplicationJobJson;
pub use shared::{DiskJson, MemoryJson};
pub use storage::StorageJson;
pub use temperature::TemperatureJson;
pub use upkeep::PermissionGapJson;

/// v5's "never": the zero time of its language.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// An object without keys.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Empty {}

/// A configured connection and how it does. An addition to v5's state.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceJson<'a> {
    #[schema(value_type = String)]
    pub r#type: &'static str,
    pub name: &'a str,
    /// `pending`, `healthy`, `degraded` or `error`.
    pub health: &'static str,
    /// Unix ms of the last poll that worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<i64>,
    /// What is wrong and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    /// What its credentials may not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<PermissionGapJson<'a>>,
}

impl<'a> InstanceJson<'a> {
    pub fn new(state: &'a InstanceState) -> Self {
        Self {
            r#type: state.kind.as_str(),
            name: &state.name,
            health: match state.health {
                pulse_core::InstanceHealth::Pending => "pending",
                other => other.as_str(),
            },
            last_success: state.last_success.map(pulse_core::Timestamp::millis),
            error: state.error.as_deref(),
            demo: state.demo,
            gaps: state.gaps.iter().map(PermissionGapJson::new).collect(),
        }
    }
}

/// The parts of the state that no collector fills yet, in v5's shape.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyParts {
    pub docker_hosts: Vec<serde_json::Value>,
    pub removed_docker_hosts: Vec<serde_json::Value>,
    pub kubernetes_clusters: Vec<serde_json::Value>,
    pub removed_kubernetes_clusters: Vec<serde_json::Value>,
    pub active_alerts: Vec<serde_json::Value>,
    pub recently_resolved: Vec<serde_json::Value>,
    pub metrics: Empty,
    pub performance: Empty,
    pub stats: Empty,
}

/// The whole state. The server assembles the same object from parts that it encodes once each
/// (see [`crate::parts`]); this type is its definition and what the API document is made from.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateJson<'a> {
    pub nodes: Vec<NodeJson<'a>>,
    pub vms: Vec<GuestJson<'a>>,
    pub containers: Vec<GuestJson<'a>>,
    pub storage: Vec<StorageJson<'a>>,
    pub hosts: Vec<HostJson<'a>>,
    pub physical_disks: Vec<PhysicalDiskJson<'a>>,
    pub zfs_pools: Vec<ZfsPoolJson<'a>>,
    pub ceph_clusters: Vec<CephClusterJson<'a>>,
    pub clusters: Vec<ClusterJson<'a>>,
    pub replication_jobs: Vec<ReplicationJobJson<'a>>,
    pub pbs: Vec<PbsJson<'a>>,
    pub pmg: Vec<PmgJson<'a>>,
    pub backup_jobs: Vec<BackupJobJson<'a>>,
    pub unprotected: Vec<UnprotectedJson<'a>>,
    pub instances: Vec<InstanceJson<'a>>,
    pub connection_health: &'a BTreeMap<String, bool>,
    #[serde(flatten)]
    pub empty: EmptyParts,
    /// Running ones and the newest 200 others. Not on the delta protocol, like the backup lists.
    pub tasks: Vec<TaskJson<'a>>,
    pub pve_backups: PveBackupsJson<'a>,
    pub pbs_backups: Vec<PbsBackupJson<'a>>,
    pub pmg_backups: Vec<PmgBackupJson<'a>>,
    pub backups: BackupsJson<'a>,
    /// Unix ms of the last change.
    pub last_update: i64,
    pub temperature_monitoring_enabled: bool,
}

/// The elements of a collection in their JSON shape.
fn list<'a, T, J>(of: &'a [std::sync::Arc<T>], json: impl Fn(&'a T) -> J) -> Vec<J> {
    of.iter().map(|element| json(element)).collect()
}

impl<'a> StateJson<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            nodes: list(&snapshot.nodes, |n| NodeJson::new(n, snapshot)),
            vms: list(&snapshot.vms, GuestJson::new),
            containers: list(&snapshot.containers, GuestJson::new),
            storage: list(&snapshot.storages, StorageJson::new),
            hosts: list(&snapshot.hosts, HostJson::new),
            physical_disks: list(&snapshot.disks, PhysicalDiskJson::new),
            zfs_pools: list(&snapshot.zfs_pools, ZfsPoolJson::new),
            ceph_clusters: list(&snapshot.ceph, CephClusterJson::new),
            clusters: list(&snapshot.clusters, ClusterJson::new),
            replication_jobs: list(&snapshot.replication, ReplicationJobJson::new),
            pbs: list(&snapshot.pbs, PbsJson::new),
            pmg: list(&snapshot.pmg, PmgJson::new),
            backup_jobs: list(&snapshot.backup_jobs, BackupJobJson::new),
            unprotected: UnprotectedJson::all(snapshot),
            instances: list(&snapshot.instances, InstanceJson::new),
            connection_health: &snapshot.connection_health,
            empty: EmptyParts::default(),
            tasks: TaskJson::latest(snapshot),
            pve_backups: PveBackupsJson::new(snapshot),
            pbs_backups: PbsBackupJson::all(snapshot),
            pmg_backups: PmgBackupJson::all(snapshot),
            backups: BackupsJson {
                pve: PveBackupsJson::new(snapshot),
                pbs: PbsBackupJson::all(snapshot),
                pmg: PmgBackupJson::all(snapshot),
            },
            last_update: snapshot.at.millis(),
            temperature_monitoring_enabled: true,
        }
    }
}
