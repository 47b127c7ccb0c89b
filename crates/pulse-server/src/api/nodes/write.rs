//! Adding, changing and removing nodes. A change is stored before it acts.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use pulse_proxmox::outbound::probe_certificate;
use pulse_proxmox::{ServerAddress, TlsMode};
use pulse_store::{NodeKind, NodeRecord, NodeRef};
use serde_json::json;

use super::request::{NodeRequest, given, normalise};
use super::{cluster, storage};
use crate::app::App;
use crate::http::answer::{Refusal, text};
use crate::http::{Ask, Reply, json as json_body};

fn success(status: StatusCode) -> Response {
    let mut response = json_body(&json!({ "status": "success" }));
    *response.status_mut() = status;
    response
}

/// The instance name has to be unique: ids are made of it.
fn distinct_name(wanted: &str, host: &str, kind: NodeKind, others: &[NodeRecord]) -> String {
    let taken = |name: &str| {
        others
            .iter()
            .any(|o| o.kind == kind && o.name.eq_ignore_ascii_case(name))
    };
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let machine = ServerAddress::parse(host, kind.default_port())
        .map(|address| address.host().to_owned())
        .unwrap_or_default();
    let mut name = format!("{wanted} ({machine})");
    let mut number = 2;
    while taken(&name) {
        name = format!("{wanted} ({machine} {number})");
        number += 1;
    }
    name
}

fn conflict() -> Refusal {
    text(
        StatusCode::CONFLICT,
        "A node with this host URL already exists",
    )
}

/// Nobody said how the certificate is to be judged: if it verifies, it is verified from now on,
/// else what is shown now is pinned.
async fn choose_trust(record: &mut NodeRecord, request: &NodeRequest) {
    if request.verify_ssl.is_some() || !record.fingerprint.is_empty() {
        record.verify_ssl = request.verify_ssl.unwrap_or(true);
        return;
    }
    let within = std::time::Duration::from_secs(3);
    let Ok(address) = ServerAddress::parse(&record.host, record.kind.default_port()) else {
        return;
    };
    if !address.is_https() {
        return;
    }
    let mut options =
        pulse_proxmox::outbound::OutboundOptions::new(address.clone(), TlsMode::System);
    options.connect_timeout = within;
    let verifies = match pulse_proxmox::outbound::Outbound::new(options) {
        Ok(outbound) => {
            let limits = pulse_proxmox::outbound::Limits {
                deadline: within,
                max_body: 64 << 10,
            };
            outbound
                .send(
                    http::Method::GET,
                    "/",
                    http::HeaderMap::new(),
                    bytes::Bytes::new(),
                    limits,
                )
                .await
                .is_ok()
        }
        Err(_) => false,
    };
    if verifies {
        record.verify_ssl = true;
    } else if let Ok(seen) = probe_certificate(&address, within, None).await {
        record.fingerprint = seen.to_hex();
        record.verify_ssl = true;
    }
}

/// `POST /api/config/nodes`
pub async fn add(State(app): State<App>, ask: Ask) -> Reply {
    let request = NodeRequest::parse(&ask.body)?;
    let (kind, host) = request.check_new()?;
    let _one_at_a_time = app.sources.changing().await;
    let others = app.store.nodes().all().await.map_err(|e| storage(&e))?;
    if others.iter().any(|o| o.kind == kind && o.host == host) {
        return Err(conflict());
    }
    let wanted = given(request.name.as_ref()).unwrap_or_default();
    let mut record = NodeRecord::new(kind, distinct_name(wanted, &host, kind, &others), host);
    given(request.guest_url.as_ref())
        .unwrap_or_default()
        .clone_into(&mut record.guest_url);
    given(request.fingerprint.as_ref())
        .unwrap_or_default()
        .clone_into(&mut record.fingerprint);
    request.apply_credentials(&mut record);
    request.apply_flags(&mut record.monitor);
    record.disk_polling_minutes = request.physical_disk_polling_minutes.unwrap_or(0);
    record.temperature_enabled = request.temperature_monitoring_enabled;
    if kind == NodeKind::Pmg
        && request.monitor_mail_stats.is_none()
        && (record.monitor.queues || record.monitor.quarantine || record.monitor.domain_stats)
    {
        record.monitor.mail_stats = false;
    }
    choose_trust(&mut record, &request).await;
    if kind == NodeKind::Pve {
        cluster::detect(&app, &mut record).await;
        if let Some(answer) = merged(&app, &record, &others).await? {
            return Ok(answer);
        }
    }
    app.store
        .nodes()
        .insert(&record)
        .await
        .map_err(|e| storage(&e))?;
    app.sources.start(&app, &record).await;
    app.auth
        .audit(
            &ask.facts(),
            "node_added",
            &ask.principal.user,
            true,
            &format!("{} {}", record.kind, record.name),
        )
        .await;
    Ok(success(StatusCode::CREATED))
}

/// A server that announces itself.
pub struct Registration<'a> {
    pub kind: NodeKind,
    pub host: &'a str,
    /// Empty: the host's name.
    pub name: &'a str,
    pub token_name: &'a str,
    pub token_value: &'a str,
}

/// Adds an announced server, or gives the known one its new token. Returns its name.
pub async fn register(app: &App, new: Registration<'_>) -> Result<String, Refusal> {
    super::request::check_host(new.host)?;
    let host = normalise(new.host, new.kind)?;
    let _one_at_a_time = app.sources.changing().await;
    let others = app.store.nodes().all().await.map_err(|e| storage(&e))?;
    let known = others.iter().find(|o| {
        let moved = o.name.eq_ignore_ascii_case(new.name) && o.token_name == new.token_name;
        o.kind == new.kind && (o.host == host || moved)
    });
    let give_token = |record: &mut NodeRecord| {
        new.token_name.clone_into(&mut record.token_name);
        record.token_value = pulse_core::Secret::new(new.token_value.to_owned());
    };
    if let Some(known) = known {
        let mut record = known.clone();
        record.host = host;
        record.user.clear();
        record.password = pulse_core::Secret::default();
        give_token(&mut record);
        app.store
            .nodes()
            .update(&record)
            .await
            .map_err(|e| storage(&e))?;
        app.sources.restart(app, &record).await;
        return Ok(record.name);
    }
    let machine = ServerAddress::parse(&host, new.kind.default_port())
        .map(|address| address.host().to_owned())
        .unwrap_or_default();
    let wanted = if new.name.is_empty() {
        &machine
    } else {
        new.name
    };
    let name = distinct_name(wanted, &host, new.kind, &others);
    let mut record = NodeRecord::new(new.kind, name, host);
    give_token(&mut record);
    choose_trust(&mut record, &NodeRequest::default()).await;
    if new.kind == NodeKind::Pve {
        cluster::detect(app, &mut record).await;
        if merged(app, &record, &others).await?.is_some() {
            return Ok(record.cluster_name);
        }
    }
    app.store
        .nodes()
        .insert(&record)
        .await
        .map_err(|e| storage(&e))?;
    app.sources.start(app, &record).await;
    Ok(record.name)
}

/// A second server of a cluster that is already watched adds its members to the first.
async fn merged(
    app: &App,
    new: &NodeRecord,
    others: &[NodeRecord],
) -> Result<Option<Response>, Refusal> {
    if !new.is_cluster {
        return Ok(None);
    }
    let shares_members = |other: &&NodeRecord| {
        other.kind == NodeKind::Pve
            && other.is_cluster
            && other.cluster_name == new.cluster_name
            && other.cluster_endpoints.iter().any(|e| {
                new.cluster_endpoints
                    .iter()
                    .any(|n| n.node_name == e.node_name)
            })
    };
    let Some(existing) = others.iter().find(shares_members) else {
        return Ok(None);
    };
    let mut existing = existing.clone();
    for endpoint in &new.cluster_endpoints {
        let known = existing
            .cluster_endpoints
            .iter()
            .any(|e| e.node_name == endpoint.node_name);
        if !known {
            existing.cluster_endpoints.push(endpoint.clone());
        }
    }
    app.store
        .nodes()
        .update(&existing)
        .await
        .map_err(|e| storage(&e))?;
    app.sources.restart(app, &existing).await;
    Ok(Some(json_body(&json!({
        "success": true,
        "merged": true,
        "cluster": existing.cluster_name,
        "existingNode": existing.name,
        "message": format!(
            "{} belongs to cluster {}, which is already watched as {}. Its endpoints were added there.",
            new.host, existing.cluster_name, existing.name
        ),
        "totalEndpoints": existing.cluster_endpoints.len(),
    }))))
}

async fn stored(app: &App, id: &str) -> Result<NodeRecord, Refusal> {
    let Some(reference) = NodeRef::parse(id) else {
        return Err(text(StatusCode::BAD_REQUEST, "Invalid node ID"));
    };
    app.store
        .nodes()
        .resolve(&reference)
        .await
        .map_err(|e| storage(&e))?
        .ok_or_else(|| text(StatusCode::NOT_FOUND, "Node not found"))
}

/// `PUT /api/config/nodes/{id}`: only what is sent changes.
pub async fn change(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Reply {
    let _one_at_a_time = app.sources.changing().await;
    let request = NodeRequest::parse(&ask.body)?;
    let mut record = stored(&app, &id).await?;
    request.check_text()?;
    let old_name = record.name.clone();
    let others: Vec<NodeRecord> = app
        .store
        .nodes()
        .all()
        .await
        .map_err(|e| storage(&e))?
        .into_iter()
        .filter(|o| o.uid != record.uid)
        .collect();
    if record.kind == NodeKind::Pbs && request.host.as_ref().is_none_or(|h| h.trim().is_empty()) {
        return Err(text(StatusCode::BAD_REQUEST, "host is required"));
    }
    let mut moved = false;
    if let Some(host) = given(request.host.as_ref()) {
        super::request::check_host(host)?;
        let host = normalise(host, record.kind)?;
        if others
            .iter()
            .any(|o| o.kind == record.kind && o.host == host)
        {
            return Err(conflict());
        }
        moved = host != record.host;
        record.host = host;
    }
    if let Some(name) = given(request.name.as_ref())
        && name != record.name
    {
        record.name = distinct_name(name, &record.host, record.kind, &others);
    }
    if let Some(url) = &request.guest_url {
        url.trim().clone_into(&mut record.guest_url);
    }
    let mut trust_changed = false;
    if let Some(fingerprint) = &request.fingerprint {
        trust_changed = fingerprint.trim() != record.fingerprint;
        fingerprint.trim().clone_into(&mut record.fingerprint);
    }
    if let Some(verify) = request.verify_ssl {
        trust_changed |= verify != record.verify_ssl;
        record.verify_ssl = verify;
    }
    request.apply_credentials(&mut record);
    request.apply_flags(&mut record.monitor);
    if let Some(minutes) = request.physical_disk_polling_minutes {
        record.disk_polling_minutes = minutes;
    }
    if request.temperature_monitoring_enabled.is_some() {
        record.temperature_enabled = request.temperature_monitoring_enabled;
    }
    if record.kind == NodeKind::Pve && (moved || trust_changed) {
        cluster::detect(&app, &mut record).await;
    }
    app.store
        .nodes()
        .update(&record)
        .await
        .map_err(|e| storage(&e))?;
    if old_name == record.name {
        app.sources.restart(&app, &record).await;
    } else {
        app.sources.stop(&app, record.kind, &old_name).await;
        app.sources.start(&app, &record).await;
    }
    app.auth
        .audit(
            &ask.facts(),
            "node_changed",
            &ask.principal.user,
            true,
            &format!("{} {}", record.kind, record.name),
        )
        .await;
    Ok(success(StatusCode::OK))
}

/// `DELETE /api/config/nodes/{id}`
pub async fn remove(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Reply {
    let _one_at_a_time = app.sources.changing().await;
    let record = stored(&app, &id).await?;
    app.store
        .nodes()
        .delete(&record.uid)
        .await
        .map_err(|e| storage(&e))?;
    if record.kind == NodeKind::Pve {
        app.sources.stop(&app, record.kind, &record.name).await;
    }
    app.live
        .event("node_deleted", &json!({ "nodeType": record.kind.as_str() }));
    app.auth
        .audit(
            &ask.facts(),
            "node_removed",
            &ask.principal.user,
            true,
            &format!("{} {}", record.kind, record.name),
        )
        .await;
    Ok(success(StatusCode::OK).into_response())
}
