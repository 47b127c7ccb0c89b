//! Whether a server is part of a cluster, and how its members are reached.

use std::time::Duration;

use axum::extract::{Path, State};
use futures_util::future::join_all;
use http::StatusCode;
use jiff::Timestamp;
use pulse_proxmox::outbound::probe_certificate;
use pulse_proxmox::{PveApi as _, ServerAddress};
use pulse_store::{ClusterEndpoint, NodeKind, NodeRecord, NodeRef};
use serde_json::json;

use super::list::EndpointJson;
use super::storage;
use crate::app::App;
use crate::http::answer::text;
use crate::http::{Reply, json as json_body};
use crate::sources::cluster_facts;

const PROBE_WITHIN: Duration = Duration::from_secs(2);
/// Detection may take this long; polling starts without it otherwise.
const DETECT_WITHIN: Duration = Duration::from_secs(6);

/// Asks the server and fills the record's cluster fields. False when nothing was learned.
pub async fn detect(app: &App, record: &mut NodeRecord) -> bool {
    let Ok(client) = app
        .sources
        .client(record, &record.host, &record.fingerprint)
    else {
        return false;
    };
    let facts = match tokio::time::timeout(DETECT_WITHIN, cluster_facts(&client)).await {
        Ok(Ok(facts)) => facts,
        Ok(Err(error)) => {
            tracing::info!(node = record.name, %error, "cluster not detected");
            return false;
        }
        Err(_) => return false,
    };
    if !facts.is_cluster || facts.members.len() < 2 {
        record.is_cluster = false;
        record.cluster_name.clear();
        record.cluster_endpoints.clear();
        return true;
    }
    let Ok(own) = ServerAddress::parse(&record.host, record.kind.default_port()) else {
        return false;
    };
    let pinned = !record.verify_ssl || !record.fingerprint.is_empty();
    let known = record.cluster_endpoints.clone();
    let probes = facts.members.iter().map(|member| {
        let old = known.iter().find(|e| e.node_name == member.0).cloned();
        endpoint(app, record, member, old.unwrap_or_default(), &own, pinned)
    });
    let endpoints = join_all(probes).await;
    record.cluster_endpoints = endpoints;
    record.is_cluster = true;
    record.cluster_name = if facts.name.is_empty() {
        "Unknown Cluster".to_owned()
    } else {
        facts.name
    };
    true
}

/// Whether a member answers like Proxmox at its address, and with which certificate. An address
/// that only the cluster's own network knows, or that belongs to somebody else, is not used.
async fn reach(
    app: &App,
    record: &NodeRecord,
    address: &ServerAddress,
    pinned: bool,
) -> (Result<(), String>, String) {
    let mut fingerprint = String::new();
    if pinned && address.is_https() {
        match probe_certificate(address, PROBE_WITHIN, None).await {
            Ok(seen) => fingerprint = seen.to_hex(),
            Err(error) => return (Err(error.to_string()), fingerprint),
        }
    }
    let asked = match app
        .sources
        .client(record, &address.to_string(), &fingerprint)
    {
        Ok(client) => tokio::time::timeout(PROBE_WITHIN, async move {
            match client.nodes().await {
                Ok(_) => Ok(()),
                Err(error) if error.is_auth() || error.is_permission() => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
        .unwrap_or_else(|_| Err("no answer in time".to_owned())),
        Err(error) => Err(error.to_string()),
    };
    (asked, fingerprint)
}

async fn endpoint(
    app: &App,
    record: &NodeRecord,
    (name, ip, online): &(String, String, bool),
    old: ClusterEndpoint,
    own: &ServerAddress,
    pinned: bool,
) -> ClusterEndpoint {
    let now = Timestamp::now();
    let scheme = if own.is_https() { "https" } else { "http" };
    let address = if !old.ip_override.is_empty() {
        &old.ip_override
    } else if ip.is_empty() {
        name
    } else {
        ip
    };
    let url = if address.contains(':') && !address.starts_with('[') {
        format!("{scheme}://[{address}]:{}", own.port())
    } else {
        format!("{scheme}://{address}:{}", own.port())
    };
    let (reachable, fingerprint) = match ServerAddress::parse(&url, own.port()) {
        Ok(address) => reach(app, record, &address, pinned).await,
        Err(error) => (Err(error.to_string()), String::new()),
    };
    ClusterEndpoint {
        node_id: format!("node/{name}"),
        node_name: name.clone(),
        host: format!("{scheme}://{name}:{}", own.port()),
        guest_url: old.guest_url,
        ip: ip.clone(),
        ip_override: old.ip_override,
        fingerprint: if fingerprint.is_empty() && pinned {
            old.fingerprint
        } else {
            fingerprint
        },
        online: *online,
        last_seen: online.then_some(now).or(old.last_seen),
        pulse_reachable: Some(reachable.is_ok()),
        last_pulse_check: Some(now),
        pulse_error: reachable.err().unwrap_or_default(),
    }
}

/// `POST /api/config/nodes/{id}/refresh-cluster`
pub async fn refresh(State(app): State<App>, Path(id): Path<String>) -> Reply {
    let Some(reference) = NodeRef::parse(&id) else {
        return Err(text(StatusCode::BAD_REQUEST, "Invalid node ID"));
    };
    if matches!(&reference, NodeRef::Position { kind: Some(kind), .. } if *kind != NodeKind::Pve) {
        return Err(text(
            StatusCode::BAD_REQUEST,
            "Only PVE nodes can be cluster members",
        ));
    }
    let found = app
        .store
        .nodes()
        .resolve(&reference)
        .await
        .map_err(|e| storage(&e))?;
    let Some(mut record) = found else {
        return Err(text(StatusCode::NOT_FOUND, "Node not found"));
    };
    if record.kind != NodeKind::Pve {
        return Err(text(
            StatusCode::BAD_REQUEST,
            "Only PVE nodes can be cluster members",
        ));
    }
    if !record.is_cluster {
        return Err(text(
            StatusCode::BAD_REQUEST,
            "Node is not part of a cluster",
        ));
    }
    let before: Vec<String> = record
        .cluster_endpoints
        .iter()
        .map(|e| e.node_name.clone())
        .collect();
    if !detect(&app, &mut record).await || !record.is_cluster {
        return Err(text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Failed to detect cluster members",
        ));
    }
    app.store
        .nodes()
        .update(&record)
        .await
        .map_err(|e| storage(&e))?;
    app.sources.restart(&app, &record).await;
    let added = record
        .cluster_endpoints
        .iter()
        .filter(|e| !before.contains(&e.node_name))
        .count();
    let nodes: Vec<EndpointJson> = record
        .cluster_endpoints
        .iter()
        .map(EndpointJson::from)
        .collect();
    Ok(json_body(&json!({
        "status": "success",
        "clusterName": record.cluster_name,
        "oldNodeCount": before.len(),
        "newNodeCount": nodes.len(),
        "nodesAdded": added,
        "clusterNodes": nodes,
    })))
}
