//! `GET /api/config/nodes`: what is configured and how it does, without secrets.

use axum::extract::State;
use jiff::Timestamp;
use pulse_core::{InstanceHealth, InstanceState, Snapshot};
use pulse_store::{ClusterEndpoint, NodeKind, NodeRecord, nodes::positional_ids};
use serde::Serialize;
use utoipa::ToSchema;

use super::storage;
use crate::app::App;
use crate::http::{Reply, json};

/// A member of a cluster; the capitals are v5's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointJson {
    #[serde(rename = "NodeID")]
    node_id: String,
    node_name: String,
    host: String,
    #[serde(rename = "GuestURL")]
    guest_url: String,
    #[serde(rename = "IP")]
    ip: String,
    #[serde(rename = "IPOverride")]
    ip_override: String,
    fingerprint: String,
    online: bool,
    last_seen: String,
    pulse_reachable: Option<bool>,
    last_pulse_check: Option<String>,
    pulse_error: String,
    /// Always empty: secrets are not given out.
    temperature_proxy_control_token: String,
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| pulse_wire::state::NEVER.to_owned(), |t| t.to_string())
}

impl From<&ClusterEndpoint> for EndpointJson {
    fn from(endpoint: &ClusterEndpoint) -> Self {
        Self {
            node_id: endpoint.node_id.clone(),
            node_name: endpoint.node_name.clone(),
            host: endpoint.host.clone(),
            guest_url: endpoint.guest_url.clone(),
            ip: endpoint.ip.clone(),
            ip_override: endpoint.ip_override.clone(),
            fingerprint: endpoint.fingerprint.clone(),
            online: endpoint.online,
            last_seen: time(endpoint.last_seen),
            pulse_reachable: endpoint.pulse_reachable,
            last_pulse_check: endpoint.last_pulse_check.map(|t| t.to_string()),
            pulse_error: endpoint.pulse_error.clone(),
            temperature_proxy_control_token: String::new(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfigJson {
    /// `pve-0`: kind and place in the list.
    id: String,
    /// Stable, unlike `id`; accepted wherever `id` is.
    uid: String,
    r#type: String,
    name: String,
    host: String,
    #[serde(rename = "guestURL", skip_serializing_if = "String::is_empty")]
    guest_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    has_password: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    token_name: String,
    has_token: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    fingerprint: String,
    #[serde(rename = "verifySSL")]
    verify_ssl: bool,
    #[serde(rename = "monitorVMs", skip_serializing_if = "std::ops::Not::not")]
    monitor_vms: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_containers: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_storage: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_backups: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    monitor_physical_disks: Option<bool>,
    #[serde(skip_serializing_if = "pulse_wire::state::shared::is_zero")]
    physical_disk_polling_minutes: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_datastores: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_sync_jobs: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_verify_jobs: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_prune_jobs: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_garbage_jobs: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_mail_stats: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_queues: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_quarantine: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    monitor_domain_stats: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature_monitoring_enabled: Option<bool>,
    temperature_transport: String,
    /// `connected` or `disconnected`.
    status: String,
    /// Why it is not connected, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    /// Unix ms of the last poll that worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_cluster: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cluster_endpoints: Vec<EndpointJson>,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
}

fn describe(id: String, record: &NodeRecord, state: Option<&InstanceState>) -> NodeConfigJson {
    let m = &record.monitor;
    let pve = record.kind == NodeKind::Pve;
    let connected = state
        .is_some_and(|s| matches!(s.health, InstanceHealth::Healthy | InstanceHealth::Degraded));
    let reason = match (record.kind, state) {
        (NodeKind::Pve, Some(state)) => state.error.clone().or_else(|| {
            (state.health == InstanceHealth::Pending).then(|| "not asked yet".to_owned())
        }),
        (NodeKind::Pve, None) => Some("not polled".to_owned()),
        _ => Some(
            "this version does not collect from backup servers and mail gateways; the entry is kept"
                .to_owned(),
        ),
    };
    let nothing_of_mail = !(m.mail_stats || m.queues || m.quarantine || m.domain_stats);
    NodeConfigJson {
        id,
        uid: record.uid.clone(),
        r#type: record.kind.as_str().to_owned(),
        name: record.name.clone(),
        host: record.host.clone(),
        guest_url: record.guest_url.clone(),
        user: record.user.clone(),
        has_password: record.has_password(),
        token_name: record.token_name.clone(),
        has_token: record.has_token(),
        fingerprint: record.fingerprint.clone(),
        verify_ssl: record.verify_ssl,
        monitor_vms: m.vms,
        monitor_containers: m.containers,
        monitor_storage: m.storage,
        monitor_backups: pve && m.backups,
        monitor_physical_disks: m.physical_disks.filter(|_| pve),
        physical_disk_polling_minutes: record.disk_polling_minutes,
        monitor_datastores: m.datastores,
        monitor_sync_jobs: m.sync_jobs,
        monitor_verify_jobs: m.verify_jobs,
        monitor_prune_jobs: m.prune_jobs,
        monitor_garbage_jobs: m.garbage_jobs,
        monitor_mail_stats: m.mail_stats || (record.kind == NodeKind::Pmg && nothing_of_mail),
        monitor_queues: m.queues,
        monitor_quarantine: m.quarantine,
        monitor_domain_stats: m.domain_stats,
        temperature_monitoring_enabled: record.temperature_enabled,
        temperature_transport: if record.temperature_enabled == Some(false) {
            "disabled"
        } else {
            "ssh-blocked"
        }
        .to_owned(),
        status: if connected {
            "connected"
        } else {
            "disconnected"
        }
        .to_owned(),
        status_reason: reason.filter(|_| !connected || state.is_some_and(|s| s.error.is_some())),
        last_success: state
            .and_then(|s| s.last_success)
            .map(pulse_core::Timestamp::millis),
        is_cluster: record.is_cluster,
        cluster_name: record.cluster_name.clone(),
        cluster_endpoints: record
            .cluster_endpoints
            .iter()
            .map(EndpointJson::from)
            .collect(),
        source: record.source.clone(),
    }
}

/// All configured nodes as they are shown.
pub fn shown(records: &[NodeRecord], snapshot: &Snapshot) -> Vec<NodeConfigJson> {
    positional_ids(records)
        .into_iter()
        .zip(records)
        .map(|(id, record)| {
            let state = snapshot
                .instances
                .iter()
                .find(|i| i.name == record.name && !i.demo)
                .map(|state| &**state);
            describe(id, record, state)
        })
        .collect()
}

/// `GET /api/config/nodes`
pub async fn list(State(app): State<App>) -> Reply {
    let records = app.store.nodes().all().await.map_err(|e| storage(&e))?;
    Ok(json(&shown(&records, &app.inventory.snapshot())))
}
