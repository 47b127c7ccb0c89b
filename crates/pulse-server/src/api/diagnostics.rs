//! What an operator needs to find out why something is not shown: connections, permissions, where
//! memory figures come from, the scheduler. No secrets.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_core::{Guest, InstanceHealth, InstanceState, MemorySource, Node, Snapshot, Timestamp};
use pulse_store::{NodeKind, NodeRecord, TokenRecord};
use pulse_wire::state::{InstanceJson, MemoryJson};
use pulse_wire::time::{rfc3339, rfc3339_or_never};
use serde_json::{Value, json};

use crate::app::{App, VERSION, now};
use crate::http::answer::{Refusal, api_error, text};
use crate::http::{Reply, json as answer};
use crate::routes::{Entry, row};

pub fn routes() -> Vec<Entry> {
    let rule = RouteRule::new;
    let read =
        |method| rule(method, "/api/diagnostics", Access::Authenticated).scope(Scope::SettingsRead);
    let admin = |method, path| rule(method, path, Access::Admin).scope(Scope::SettingsWrite);
    let prepare = "/api/diagnostics/docker/prepare-token";
    let register = "/api/diagnostics/temperature-proxy/register-nodes";
    vec![
        row(read(Method::GET), get(diagnostics)),
        row(read(Method::POST), post(diagnostics)),
        row(admin(Method::POST, prepare), post(prepare_token)),
        row(admin(Method::POST, register), post(sensor_proxy)),
        row(admin(Method::GET, register), get(sensor_proxy)),
    ]
}

/// Without a name and password in it.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

fn connected(state: Option<&InstanceState>) -> bool {
    state.is_some_and(|s| matches!(s.health, InstanceHealth::Healthy | InstanceHealth::Degraded))
}

/// One configured connection, as v5 describes those of its kind.
fn connection(record: &NodeRecord, snapshot: &Snapshot) -> Value {
    let state = snapshot
        .instances
        .iter()
        .find(|i| i.name == record.name && i.kind.as_str() == record.kind.as_str() && !i.demo)
        .map(|state| &**state);
    let mut out = json!({
        "id": record.name,
        "name": record.name,
        "host": without_credentials(&record.host),
        "connected": connected(state),
    });
    let error = match state {
        Some(state) => state.error.clone(),
        None => Some("not polled yet".to_owned()),
    };
    if let Some(error) = error {
        out["error"] = error.into();
    }
    match record.kind {
        NodeKind::Pve => pve(&mut out, record, snapshot),
        NodeKind::Pbs => {
            if let Some(server) = snapshot.pbs.iter().find(|s| s.name == record.name) {
                out["details"] = json!({ "version": server.version });
            }
        }
        NodeKind::Pmg => {
            if let Some(server) = snapshot.pmg.iter().find(|s| s.name == record.name) {
                out["details"] = json!({ "version": server.version });
            }
        }
    }
    out
}

fn pve(out: &mut Value, record: &NodeRecord, snapshot: &Snapshot) {
    let own = || {
        snapshot
            .nodes
            .iter()
            .filter(|node| node.instance == record.name)
    };
    out["type"] = "pve".into();
    out["authMethod"] = if record.has_token() {
        "api_token"
    } else if record.has_password() {
        "username_password"
    } else {
        "none"
    }
    .into();
    let nodes = own().count();
    if nodes > 0 {
        let version = own()
            .map(|n| n.pve_version.as_str())
            .find(|v| !v.is_empty());
        out["details"] = json!({ "node_count": nodes, "version": version.unwrap_or_default() });
        out["clusterInfo"] = json!({ "nodes": nodes });
    }
    let vms = || snapshot.vms.iter().filter(|vm| vm.instance == record.name);
    out["vmDiskCheck"] = json!({
        "vmsFound": vms().count(),
        "vmsWithAgent": vms().filter(|vm| vm.agent_seen.is_some()).count(),
        "vmsWithDiskData": vms().filter(|vm| vm.disk.used.known().is_some()).count(),
        "problematicVMs": vms().filter_map(|vm| without_disk(vm)).collect::<Vec<Value>>(),
    });
    let disks = || {
        snapshot
            .disks
            .iter()
            .filter(|disk| disk.instance == record.name)
    };
    let mut by_node: BTreeMap<&str, Vec<&str>> = own().map(|n| (n.name.as_str(), vec![])).collect();
    for disk in disks() {
        by_node.entry(&disk.node).or_default().push(&disk.dev_path);
    }
    let results: Vec<Value> = by_node
        .iter()
        .map(|(node, devices)| {
            json!({ "nodeName": node, "diskCount": devices.len(), "diskDevices": devices })
        })
        .collect();
    out["physicalDisks"] = json!({
        "nodesChecked": by_node.len(),
        "nodesWithDisks": by_node.values().filter(|devices| !devices.is_empty()).count(),
        "totalDisks": disks().count(),
        "nodeResults": results,
    });
}

/// A running VM whose disk use is not known, and why.
fn without_disk(vm: &Guest) -> Option<Value> {
    let reason = vm.disk_reason()?;
    (vm.status.is_running() && !vm.template).then(|| {
        json!({
            "vmid": vm.vmid,
            "name": vm.name,
            "status": vm.status.as_str(),
            "issue": reason.as_str(),
        })
    })
}

/// Sources that say less than the node or guest itself would.
const fn is_fallback(source: MemorySource) -> bool {
    matches!(
        source,
        MemorySource::Unknown
            | MemorySource::NodesEndpoint
            | MemorySource::NodeStatusUsed
            | MemorySource::PreviousSnapshot
    )
}

fn node_memory(node: &Node) -> Value {
    let memory = &node.memory;
    let mut out = json!({
        "instance": node.instance,
        "node": node.name,
        "retrievedAt": rfc3339(memory.at),
        "memorySource": memory.source.as_str(),
        "memory": MemoryJson::new(memory),
        "raw": {
            "total": memory.total.get(),
            "used": memory.used.get(),
            "free": memory.free().get(),
            "available": 0, "avail": 0, "buffers": 0, "cached": 0, "shared": 0,
            "effectiveAvailable": memory.free().get(),
            "fallbackCalculated": is_fallback(memory.source),
        },
    });
    if is_fallback(memory.source) {
        out["fallbackReason"] = memory.source.as_str().into();
    }
    out
}

fn guest_memory(guest: &Guest) -> Value {
    let memory = &guest.memory;
    json!({
        "guestType": guest.kind.as_str(),
        "instance": guest.instance,
        "node": guest.node,
        "name": guest.name,
        "vmid": guest.vmid,
        "status": guest.status.as_str(),
        "retrievedAt": rfc3339(memory.at),
        "memorySource": memory.source.as_str(),
        "memory": MemoryJson::new(memory),
        "raw": {
            "listingMem": memory.used.get(),
            "listingMaxmem": memory.total.get(),
            "balloon": memory.balloon.get(),
        },
    })
}

fn memory_sources(snapshot: &Snapshot) -> Vec<Value> {
    let mut by_source: BTreeMap<(&str, &str), (usize, Timestamp, bool)> = BTreeMap::new();
    for node in snapshot.nodes.iter() {
        let key = (node.instance.as_str(), node.memory.source.as_str());
        let entry = by_source.entry(key).or_insert((
            0,
            Timestamp::default(),
            is_fallback(node.memory.source),
        ));
        entry.0 += 1;
        entry.1 = entry.1.max(node.memory.at);
    }
    by_source
        .into_iter()
        .map(|((instance, source), (nodes, at, fallback))| {
            json!({
                "instance": instance,
                "source": source,
                "nodeCount": nodes,
                "lastUpdated": rfc3339(at),
                "fallback": fallback,
            })
        })
        .collect()
}

fn tokens(records: &[TokenRecord]) -> Value {
    let unused = records.iter().filter(|t| t.last_used_at.is_none()).count();
    let shown: Vec<Value> = records
        .iter()
        .map(|token| {
            let mut out = json!({
                "id": token.id,
                "name": token.name,
                "hint": format!("{}…{}", token.prefix, token.suffix),
                "createdAt": token.created_at.to_string(),
                "source": "user",
            });
            if let Some(used) = token.last_used_at {
                out["lastUsedAt"] = used.to_string().into();
            }
            out
        })
        .collect();
    let mut out = json!({
        "enabled": !records.is_empty(),
        "tokenCount": records.len(),
        "hasEnvTokens": records.iter().any(|t| t.name.starts_with("Migrated from .env")),
        "hasLegacyToken": false,
        "recommendTokenSetup": records.is_empty(),
        "recommendTokenRotation": false,
        "tokens": shown,
    });
    if unused > 0 {
        out["unusedTokenCount"] = unused.into();
        out["notes"] = json!([format!(
            "{unused} API token(s) have never been used. Remove those that nobody needs."
        )]);
    }
    out
}

/// Resident memory in MB, where the system tells.
fn memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

async fn discovery(app: &App) -> Value {
    let settings = app.store.settings().system().await.unwrap_or_else(|error| {
        tracing::error!(%error, "system settings not read");
        pulse_store::SystemSettings::default()
    });
    json!({
        "enabled": settings.discovery_enabled,
        "configuredSubnet": settings.discovery_subnet,
        "environmentOverride": settings.discovery.environment_override,
        "subnetAllowlist": settings.discovery.subnet_allowlist,
        "subnetBlocklist": settings.discovery.subnet_blocklist,
        "scanning": false,
    })
}

fn failed(error: &pulse_store::StoreError) -> Refusal {
    tracing::error!(%error, "diagnostics not read");
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Failed to read the configuration",
    )
}

/// Connections, permissions, sources of figures, scheduler. What the pollers found last: nothing is
/// asked of a Proxmox server for it.
#[utoipa::path(get, path = "/api/diagnostics", responses((status = 200, body = serde_json::Value)))]
pub async fn diagnostics(State(app): State<App>) -> Reply {
    let records = app.store.nodes().all().await.map_err(|e| failed(&e))?;
    let token_records = app.store.tokens().all().await.map_err(|e| failed(&e))?;
    let snapshot = app.inventory.snapshot();
    let of_kind = |kind: NodeKind| -> Vec<Value> {
        let own = records.iter().filter(|record| record.kind == kind);
        own.map(|record| connection(record, &snapshot)).collect()
    };
    let instances: Vec<_> = snapshot
        .instances
        .iter()
        .map(|i| InstanceJson::new(i))
        .collect();
    let mut body = json!({
        "version": VERSION,
        "runtime": "rust",
        "uptime": app.started.elapsed().as_secs_f64(),
        "nodes": of_kind(NodeKind::Pve),
        "pbs": of_kind(NodeKind::Pbs),
        "pmg": of_kind(NodeKind::Pmg),
        "system": {
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
            "goVersion": "rust",
            "numCPU": std::thread::available_parallelism().map_or(1, usize::from),
            "numGoroutine": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            "memoryMB": memory_mb(),
        },
        "discovery": discovery(&app).await,
        "apiTokens": tokens(&token_records),
        // Nothing collects Docker hosts yet.
        "dockerAgents": {
            "hostsTotal": 0,
            "hostsOnline": 0,
            "hostsReportingVersion": 0,
            "hostsWithTokenBinding": 0,
            "hostsWithoutTokenBinding": 0,
            "hostsNeedingAttention": 0,
        },
        "errors": [],
        "instances": instances,
        "scheduler": super::scheduler::current(&app),
        "memorySources": memory_sources(&snapshot),
    });
    let nodes: Vec<Value> = snapshot.nodes.iter().map(|n| node_memory(n)).collect();
    if !nodes.is_empty() {
        body["nodeSnapshots"] = nodes.into();
    }
    let guests: Vec<Value> = snapshot.guests().map(|g| guest_memory(g)).collect();
    if !guests.is_empty() {
        body["guestSnapshots"] = guests.into();
    }
    let mut response: Response = answer(&body);
    let at = rfc3339_or_never(Some(Timestamp::from_secs(now().secs())));
    if let Ok(at) = HeaderValue::from_str(&at) {
        response.headers_mut().insert("x-diagnostics-cached-at", at);
    }
    Ok(response)
}

/// `POST /api/diagnostics/docker/prepare-token`: no agent reports Docker hosts yet, so none is
/// found.
async fn prepare_token(body: Bytes) -> Reply {
    let asked: Value = serde_json::from_slice(&body).map_err(|_| {
        api_error(
            StatusCode::BAD_REQUEST,
            "invalid_json",
            "Failed to decode request body",
        )
    })?;
    let host = asked.get("hostId").and_then(Value::as_str);
    Err(if host.unwrap_or_default().trim().is_empty() {
        api_error(
            StatusCode::BAD_REQUEST,
            "missing_host_id",
            "hostId is required",
        )
    } else {
        api_error(
            StatusCode::NOT_FOUND,
            "host_not_found",
            "Docker host not found",
        )
    })
}

/// `/api/diagnostics/temperature-proxy/register-nodes`: gone with the proxy.
async fn sensor_proxy() -> Reply {
    Err(api_error(
        StatusCode::GONE,
        "sensor_proxy_disabled",
        "pulse-sensor-proxy is not part of this version; host agents report temperatures",
    ))
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn urls_are_shown_without_credentials() {
        let check = |url, shown| assert_eq!(without_credentials(url), shown);
        check("https://root:secret@pve1:8006/x@y", "https://pve1:8006/x@y");
        check("https://pve1:8006", "https://pve1:8006");
        check("pve1", "pve1");
    }
}
