//! Host agents: reports and management.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use http::{HeaderMap, StatusCode, header};
use pulse_auth::{AuthMethod, Principal, Scope};
use pulse_core::{Host, ReportBody, SourceReport, Timestamp};
use pulse_wire::host_report::HostReport;
use pulse_wire::time::rfc3339;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

use crate::app::{App, now};
use crate::http::answer::{Refusal, api_error};
use crate::http::{Reply, json as json_body};
use crate::ingest::ReportToken;

/// A host with hundreds of mounts and interfaces stays far below.
pub const LARGEST_REPORT: usize = 8 << 20;
const LARGEST_OTHER: usize = 16 << 10;

/// A body that cannot be read; why stands beside v5's sentence.
fn undecodable(reason: impl std::fmt::Display) -> Refusal {
    bad("invalid_json", "Failed to decode request body").with_details(&reason)
}

fn bad(code: &'static str, message: impl Into<String>) -> Refusal {
    api_error(StatusCode::BAD_REQUEST, code, message)
}

/// The body, unpacked if it is gzip. A bomb is stopped at the limit.
fn unpacked(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    use std::io::Read as _;
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("identity");
    match encoding {
        "identity" => Ok(body),
        "gzip" => {
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(&body[..])
                .take(LARGEST_REPORT as u64 + 1)
                .read_to_end(&mut out)
                .map_err(|_| undecodable("broken gzip"))?;
            if out.len() > LARGEST_REPORT {
                return Err(undecodable(format_args!(
                    "larger than {LARGEST_REPORT} bytes"
                )));
            }
            Ok(out.into())
        }
        other => Err(undecodable(format_args!(
            "content encoding {other} is not understood"
        ))),
    }
}

fn token_of(app: &App, principal: &Principal) -> Option<ReportToken> {
    let (token, hint) = app.auth.token(principal.token.as_deref()?)?;
    Some(ReportToken {
        hint,
        name: token.name,
        last_used: token.last_used_at.map(|at| Timestamp(at.as_millisecond())),
        id: token.id,
    })
}

/// What an operator set for a host on the server's side.
async fn commands_override(app: &App, host_id: &str) -> Option<bool> {
    match app.store.agents().get(host_id).await {
        Ok(record) => record?.config?.get("commandsEnabled")?.as_bool(),
        Err(error) => {
            tracing::warn!(%error, host = host_id, "agent configuration not read");
            None
        }
    }
}

/// `POST /api/agents/host/report`
pub async fn report(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Reply {
    let body = body.map_err(|_| undecodable(format_args!("larger than {LARGEST_REPORT} bytes")))?;
    let body = unpacked(&headers, body)?;
    let mut decoder = serde_json::Deserializer::from_slice(&body);
    let report: HostReport = serde_path_to_error::deserialize(&mut decoder).map_err(undecodable)?;
    let received = now();
    let token = token_of(&app, &principal);
    let snapshot = app.inventory.snapshot();
    let mut host = app
        .ingest
        .host(&report, token.as_ref(), &snapshot, received, false)
        .map_err(|error| bad("invalid_report", error.to_string()))?;
    let commands = commands_override(&app, &host.id).await;
    if let Some(enabled) = commands {
        host.details.commands_enabled = enabled;
    }
    let mut answer = json!({
        "success": true,
        "hostId": host.id,
        "lastSeen": rfc3339(received),
        "platform": host.details.platform,
        "osName": host.details.os_name,
        "osVersion": host.details.os_version,
    });
    if let Some(enabled) = commands {
        answer["config"] = json!({ "commandsEnabled": enabled });
    }
    // Whoever reads the state after this answer sees the report in it.
    app.inventory
        .report_and_wait(SourceReport {
            at: received,
            demo: false,
            body: ReportBody::Host(Box::new(host)),
        })
        .await;
    Ok(json_body(&answer))
}

#[derive(Deserialize)]
pub struct Lookup {
    #[serde(default)]
    id: String,
    #[serde(default)]
    hostname: String,
}

fn find<'a>(hosts: &'a [Arc<Host>], lookup: &Lookup) -> Option<&'a Arc<Host>> {
    let (id, name) = (lookup.id.trim(), lookup.hostname.trim());
    if !id.is_empty() {
        return hosts.iter().find(|host| host.id == id);
    }
    hosts
        .iter()
        .find(|h| {
            h.hostname.eq_ignore_ascii_case(name) || h.display_name.eq_ignore_ascii_case(name)
        })
        .or_else(|| {
            hosts
                .iter()
                .find(|h| pulse_core::text::same_hostname(&h.hostname, name))
        })
}

/// Whether a token is that of a host, as far as both are known.
fn reports_for(principal: &Principal, host: &Host) -> bool {
    principal.method != AuthMethod::ApiToken
        || host.details.token_id.is_empty()
        || Some(&host.details.token_id) == principal.token.as_ref()
}

/// Tokens that may manage see every host; others the hosts that they report for.
fn may_see(principal: &Principal, host: Option<&Host>) -> bool {
    if principal.method != AuthMethod::ApiToken
        || principal.scopes.allows(Scope::HostAgentManage)
        || principal.scopes.allows(Scope::SettingsWrite)
    {
        return true;
    }
    host.is_some_and(|host| reports_for(principal, host))
}

/// `GET /api/agents/host/lookup`
pub async fn lookup(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<Lookup>,
) -> Reply {
    if query.id.trim().is_empty() && query.hostname.trim().is_empty() {
        return Err(bad(
            "missing_lookup_param",
            "Provide either id or hostname to look up a host",
        ));
    }
    let snapshot = app.inventory.snapshot();
    let Some(host) = find(&snapshot.hosts, &query) else {
        return Err(api_error(
            StatusCode::NOT_FOUND,
            "host_not_found",
            "Host has not registered with Pulse yet",
        ));
    };
    // An installer asks whether its own agent arrived: even a manager's token is another one.
    if !reports_for(&principal, host) {
        return Err(api_error(
            StatusCode::FORBIDDEN,
            "host_lookup_forbidden",
            "Host does not belong to this API token",
        ));
    }
    Ok(json_body(&json!({
        "success": true,
        "host": {
            "id": host.id,
            "hostname": host.hostname,
            "displayName": if host.display_name.is_empty() { &host.hostname } else { &host.display_name },
            "status": if host.online { "online" } else { "offline" },
            "connected": host.online,
            "lastSeen": rfc3339(host.seen),
            "agentVersion": host.details.agent_version,
        },
    })))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct HostIdBody {
    host_id: String,
}

fn host_id(body: &Bytes) -> Result<String, Refusal> {
    if body.len() > LARGEST_OTHER {
        return Err(undecodable(format_args!(
            "larger than {LARGEST_OTHER} bytes"
        )));
    }
    let body: HostIdBody = serde_json::from_slice(body).map_err(undecodable)?;
    let id = body.host_id.trim();
    if id.is_empty() {
        return Err(bad("missing_host_id", "Host ID is required"));
    }
    Ok(id.to_owned())
}

async fn forget(app: &App, id: &str) {
    app.inventory.remove_host(id).await;
    app.ingest.forget(id);
}

/// `POST /api/agents/host/uninstall`: an agent takes its own host out.
pub async fn uninstall(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    body: Bytes,
) -> Reply {
    let id = host_id(&body)?;
    let snapshot = app.inventory.snapshot();
    let host = snapshot.hosts.iter().find(|host| host.id == id);
    if host.is_some() && !may_see(&principal, host.map(|h| &**h)) {
        return Err(api_error(
            StatusCode::FORBIDDEN,
            "host_lookup_forbidden",
            "Host does not belong to this API token",
        ));
    }
    forget(&app, &id).await;
    Ok(json_body(&json!({
        "success": true,
        "hostId": id,
        "message": "Host unregistered successfully",
    })))
}

/// `POST /api/agents/host/unlink`
pub async fn unlink(State(app): State<App>, body: Bytes) -> Reply {
    let id = host_id(&body)?;
    if !app.inventory.unlink_host(&id).await {
        return Err(api_error(
            StatusCode::NOT_FOUND,
            "unlink_failed",
            "host not found or not linked to a node",
        ));
    }
    Ok(json_body(&json!({
        "success": true,
        "hostId": id,
        "message": "Host agent unlinked from PVE node",
    })))
}

/// `DELETE /api/agents/host/{id}`
pub async fn remove(State(app): State<App>, Path(id): Path<String>) -> Reply {
    let id = id.trim().to_owned();
    if id.is_empty() {
        return Err(bad("missing_host_id", "Host ID is required"));
    }
    forget(&app, &id).await;
    Ok(json_body(&json!({
        "success": true,
        "hostId": id,
        "message": "Host removed",
    })))
}

/// `DELETE /api/agents/host/`
pub async fn remove_none() -> Reply {
    Err(bad("missing_host_id", "Host ID is required"))
}

/// `GET /api/agents/host/{id}/config`
pub async fn config(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Reply {
    let snapshot = app.inventory.snapshot();
    let host = snapshot.hosts.iter().find(|host| host.id == id);
    let manager = may_see(&principal, None);
    if host.is_none() && !manager {
        return Err(api_error(
            StatusCode::NOT_FOUND,
            "host_not_found",
            "Host has not registered with Pulse yet",
        ));
    }
    if !may_see(&principal, host.map(|h| &**h)) {
        return Err(api_error(
            StatusCode::FORBIDDEN,
            "host_lookup_forbidden",
            "Host does not belong to this API token",
        ));
    }
    let mut config = json!({});
    if let Some(enabled) = commands_override(&app, &id).await {
        config["commandsEnabled"] = json!(enabled);
    }
    Ok(json_body(&json!({
        "success": true,
        "hostId": id,
        "config": config,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewConfig {
    #[serde(default)]
    commands_enabled: Option<bool>,
}

/// `PATCH /api/agents/host/{id}/config`: the agent learns it with its next report. A host may be
/// configured before it reports for the first time.
pub async fn set_config(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Reply {
    if body.len() > LARGEST_OTHER {
        return Err(undecodable(format_args!(
            "larger than {LARGEST_OTHER} bytes"
        )));
    }
    let wanted: NewConfig = serde_json::from_slice(&body).map_err(undecodable)?;
    let config = wanted
        .commands_enabled
        .map(|enabled| json!({ "commandsEnabled": enabled }));
    let snapshot = app.inventory.snapshot();
    let hostname = snapshot
        .hosts
        .iter()
        .find(|host| host.id == id)
        .map_or("", |host| host.hostname.as_str());
    let agents = app.store.agents();
    let stored = async {
        agents
            .seen(&id, "host", hostname, jiff::Timestamp::now())
            .await?;
        agents.set_config(&id, config.as_ref()).await
    };
    if let Err(error) = stored.await {
        tracing::error!(%error, host = id, "agent configuration not stored");
        return Err(api_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "update_failed",
            "Failed to update host configuration. See the server log.",
        ));
    }
    tracing::info!(
        host = id,
        user = principal.user,
        commands = ?wanted.commands_enabled,
        "agent configuration changed"
    );
    Ok(json_body(&json!({
        "success": true,
        "hostId": id,
        "config": { "commandsEnabled": wanted.commands_enabled },
    })))
}
