//! The state payload of v5: `GET /api/state` and the WebSocket.
//!
//! Units and omissions follow the core API chapter §2.5–2.14: CPU of nodes and guests is a ratio,
//! memory and disk use are percent, times are Unix milliseconds. Keys that v5 does not have are
//! additions: `memorySource`, `stale`, `ioStatusReason`, `pool`, `agentSeen`, `raid` and others.

mod guest;
mod host;
mod node;
pub mod shared;
mod storage;

use std::collections::BTreeMap;

use pulse_core::{InstanceState, Snapshot};
use serde::Serialize;
use utoipa::ToSchema;

pub use guest::GuestJson;
pub use host::{HostJson, SensorsJson};
pub use node::{NEVER, NodeJson, TemperatureJson};
pub use shared::{DiskJson, MemoryJson};
pub use storage::StorageJson;

/// An object without keys.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Empty {}

/// Backups of PVE: always three lists.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PveBackupsJson {
    pub backup_tasks: Vec<serde_json::Value>,
    pub storage_backups: Vec<serde_json::Value>,
    pub guest_snapshots: Vec<serde_json::Value>,
}

/// v5's second copy of the backup lists.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct BackupsJson {
    pub pve: PveBackupsJson,
    pub pbs: Vec<serde_json::Value>,
    pub pmg: Vec<serde_json::Value>,
}

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
    pub ceph_clusters: Vec<serde_json::Value>,
    pub physical_disks: Vec<serde_json::Value>,
    pub pbs: Vec<serde_json::Value>,
    pub pmg: Vec<serde_json::Value>,
    pub pbs_backups: Vec<serde_json::Value>,
    pub pmg_backups: Vec<serde_json::Value>,
    pub replication_jobs: Vec<serde_json::Value>,
    pub active_alerts: Vec<serde_json::Value>,
    pub recently_resolved: Vec<serde_json::Value>,
    pub metrics: Empty,
    pub pve_backups: PveBackupsJson,
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
    pub instances: Vec<InstanceJson<'a>>,
    pub connection_health: &'a BTreeMap<String, bool>,
    #[serde(flatten)]
    pub empty: EmptyParts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<BackupsJson>,
    /// Unix ms of the last change.
    pub last_update: i64,
    pub temperature_monitoring_enabled: bool,
}

impl<'a> StateJson<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            nodes: snapshot
                .nodes
                .iter()
                .map(|n| NodeJson::new(n, snapshot))
                .collect(),
            vms: snapshot.vms.iter().map(|g| GuestJson::new(g)).collect(),
            containers: snapshot
                .containers
                .iter()
                .map(|g| GuestJson::new(g))
                .collect(),
            storage: snapshot
                .storages
                .iter()
                .map(|s| StorageJson::new(s))
                .collect(),
            hosts: snapshot.hosts.iter().map(|h| HostJson::new(h)).collect(),
            instances: snapshot
                .instances
                .iter()
                .map(|i| InstanceJson::new(i))
                .collect(),
            connection_health: &snapshot.connection_health,
            empty: EmptyParts::default(),
            backups: Some(BackupsJson::default()),
            last_update: snapshot.at.millis(),
            temperature_monitoring_enabled: true,
        }
    }
}
