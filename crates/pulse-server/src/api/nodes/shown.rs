//! Nodes as the API lists them. Secrets are told by their presence only.

use pulse_core::{InstanceHealth, InstanceKind, Snapshot};
use pulse_store::nodes::positional_ids;
use pulse_store::{ClusterEndpoint, NodeKind, NodeRecord};
use serde_json::{Map, Value, json};

use super::body::shown_flags;

/// What the list depends on besides the records.
pub struct Surroundings<'a> {
    pub snapshot: &'a Snapshot,
    pub in_container: bool,
    /// The global switch for temperatures.
    pub temperatures: bool,
}

/// `GET /api/config/nodes`
pub fn list(nodes: &[NodeRecord], around: &Surroundings<'_>) -> Value {
    positional_ids(nodes)
        .into_iter()
        .zip(nodes)
        .map(|(id, node)| one(&id, node, around))
        .collect()
}

fn one(id: &str, node: &NodeRecord, around: &Surroundings<'_>) -> Value {
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| {
        shown.insert(key.to_owned(), value);
    };
    put("id", json!(id));
    put("uid", json!(node.uid));
    put("type", json!(node.kind.as_str()));
    put("name", json!(node.name));
    put("host", json!(node.host));
    for (key, text) in [
        ("guestURL", &node.guest_url),
        ("user", &node.user),
        ("tokenName", &node.token_name),
        ("fingerprint", &node.fingerprint),
        ("clusterName", &node.cluster_name),
        ("source", &node.source),
    ] {
        if !text.is_empty() {
            put(key, json!(text));
        }
    }
    put("hasPassword", json!(node.has_password()));
    put("hasToken", json!(node.has_token()));
    put("verifySSL", json!(node.verify_ssl));
    let flags = shown_flags(node);
    let nothing = flags.iter().all(|(_, on)| !on);
    for (key, on) in flags {
        // Version 5 never sends this one for PBS.
        let hidden = key == "monitorBackups" && node.kind == NodeKind::Pbs;
        if on && !hidden {
            put(key, json!(true));
        }
    }
    if node.kind == NodeKind::Pmg && nothing {
        put("monitorMailStats", json!(true));
    }
    if let Some(on) = node.monitor.physical_disks {
        put("monitorPhysicalDisks", json!(on));
    }
    if node.disk_polling_minutes > 0 {
        put(
            "physicalDiskPollingMinutes",
            json!(node.disk_polling_minutes),
        );
    }
    if let Some(on) = node.temperature_enabled {
        put("temperatureMonitoringEnabled", json!(on));
    }
    put("temperatureTransport", json!(transport(node, around)));
    if node.is_cluster {
        put("isCluster", json!(true));
    }
    if !node.cluster_endpoints.is_empty() {
        put(
            "clusterEndpoints",
            node.cluster_endpoints.iter().map(endpoint).collect(),
        );
    }
    let (status, error) = status(node, around.snapshot);
    put("status", json!(status));
    if let Some(error) = error {
        put("statusReason", json!(error));
    }
    Value::Object(shown)
}

fn transport(node: &NodeRecord, around: &Surroundings<'_>) -> &'static str {
    let proxied =
        !node.temperature_proxy_url.is_empty() && !node.temperature_proxy_token.is_empty();
    match node.temperature_enabled.unwrap_or(around.temperatures) {
        false => "disabled",
        true if proxied => "https-proxy",
        true if around.in_container => "ssh-blocked",
        true => "ssh",
    }
}

/// The word of version 5, and why when it is not connected.
fn status(node: &NodeRecord, snapshot: &Snapshot) -> (&'static str, Option<String>) {
    let kind = match node.kind {
        NodeKind::Pve => InstanceKind::Pve,
        NodeKind::Pbs => InstanceKind::Pbs,
        NodeKind::Pmg => InstanceKind::Pmg,
    };
    let known = snapshot
        .instances
        .iter()
        .find(|instance| instance.kind == kind && instance.name == node.name && !instance.demo);
    match known {
        Some(instance)
            if matches!(
                instance.health,
                InstanceHealth::Healthy | InstanceHealth::Degraded
            ) =>
        {
            ("connected", None)
        }
        Some(instance) => ("disconnected", instance.error.clone()),
        None => ("disconnected", None),
    }
}

/// Names as version 5 stores and sends them.
pub fn endpoint(endpoint: &ClusterEndpoint) -> Value {
    let time = |time: Option<jiff::Timestamp>| time.map(|t| t.to_string());
    json!({
        "NodeID": endpoint.node_id,
        "NodeName": endpoint.node_name,
        "Host": endpoint.host,
        "GuestURL": endpoint.guest_url,
        "IP": endpoint.ip,
        "IPOverride": endpoint.ip_override,
        "Fingerprint": endpoint.fingerprint,
        "Online": endpoint.online,
        "LastSeen": time(endpoint.last_seen).unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned()),
        "PulseReachable": endpoint.pulse_reachable,
        "LastPulseCheck": time(endpoint.last_pulse_check),
        "PulseError": endpoint.pulse_error,
        "TemperatureProxyControlToken": "",
    })
}
