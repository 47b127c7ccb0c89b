//! Trying a connection: the one place where a request waits for Proxmox, because that is what
//! it asks for.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use pulse_proxmox::outbound::probe_certificate;
use pulse_proxmox::{Error, PveApi as _, PveClient, ServerAddress, TransportError};
use pulse_store::{NodeKind, NodeRecord, NodeRef};
use serde_json::{Value, json};

use super::request::NodeRequest;
use super::storage;
use crate::app::App;
use crate::http::answer::{Refusal, text};
use crate::http::{Ask, Reply, json as json_body};
use crate::sources::{SourceError, cluster_facts};

const WITHIN: Duration = Duration::from_secs(10);

/// What went wrong, as a word that a form can act on.
fn reason(error: &Error) -> &'static str {
    if error.is_auth() {
        return "auth";
    }
    if error.is_permission() {
        return "permission";
    }
    if error.tls().is_some() {
        return "tls";
    }
    match error.transport() {
        Some(TransportError::Dns(_)) => "dns",
        Some(TransportError::Refused) => "refused",
        Some(TransportError::Unreachable) => "unreachable",
        Some(t) if t.is_timeout() => "timeout",
        Some(_) => "connection",
        None => "answer",
    }
}

/// Why a test failed.
struct Failed {
    reason: &'static str,
    message: String,
    fingerprint: Option<String>,
}

impl Failed {
    fn answer(self) -> Response {
        let mut body = json!({
            "status": "error",
            "message": self.message,
            "reason": self.reason,
        });
        if let Some(fingerprint) = self.fingerprint {
            body["fingerprint"] = json!(fingerprint);
        }
        let mut response = json_body(&body);
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    }
}

async fn failed(record: &NodeRecord, error: &Error) -> Failed {
    let seen = match error.tls().and_then(pulse_proxmox::TlsFailure::seen) {
        Some(seen) => Some(seen),
        None => certificate(record).await,
    };
    Failed {
        reason: reason(error),
        message: error.to_string(),
        fingerprint: seen.map(pulse_proxmox::Fingerprint::to_hex),
    }
}

async fn certificate(record: &NodeRecord) -> Option<pulse_proxmox::Fingerprint> {
    let address = ServerAddress::parse(&record.host, record.kind.default_port()).ok()?;
    if !address.is_https() {
        return None;
    }
    probe_certificate(&address, Duration::from_secs(2), None)
        .await
        .ok()
}

/// Privileges without which something will be missing, and what.
const PRIVILEGES: [(&str, &str, &str); 3] = [
    ("/nodes", "Sys.Audit", "node status and cluster health"),
    ("/vms", "VM.Audit", "VMs and containers"),
    ("/storage", "Datastore.Audit", "storages"),
];

/// What the credentials cannot see, in words.
async fn gaps(client: &PveClient, version: &str) -> Vec<String> {
    let Ok(permissions) = client.permissions().await else {
        return Vec::new();
    };
    if permissions.is_empty() {
        return vec![
            "the account has no permissions at all; give its token the role PVEAuditor on /"
                .to_owned(),
        ];
    }
    let mut gaps: Vec<String> = PRIVILEGES
        .iter()
        .filter(|(path, privilege, _)| !permissions.allows(path, privilege))
        .map(|(path, privilege, what)| {
            format!("{privilege} on {path} is missing: {what} will not be shown")
        })
        .collect();
    let nine = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major >= 9);
    let agent = if nine {
        "VM.GuestAgent.Audit"
    } else {
        "VM.Monitor"
    };
    if !permissions.allows("/vms", agent) {
        gaps.push(format!(
            "{agent} on /vms is missing: disk use and addresses inside VMs stay unknown"
        ));
    }
    gaps
}

async fn test_pve(app: &App, record: &NodeRecord) -> Result<Value, Failed> {
    let client = app
        .sources
        .client(record, &record.host, &record.fingerprint)
        .map_err(|error| Failed {
            reason: match error {
                SourceError::Fingerprint(_) => "tls",
                _ => "settings",
            },
            message: error.to_string(),
            fingerprint: None,
        })?;
    let started = Instant::now();
    let asked = async {
        let version = client.version().await?;
        let latency = started.elapsed().as_millis() as u64;
        let nodes = client.nodes().await?;
        let facts = cluster_facts(&client).await.unwrap_or_default();
        let warnings = gaps(&client, &version.version).await;
        Ok::<_, Error>((version, latency, nodes.items.len(), facts, warnings))
    };
    let answer = match tokio::time::timeout(WITHIN, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(failed(record, &error).await),
        Err(_) => {
            return Err(Failed {
                reason: "timeout",
                message: format!(
                    "{}: no complete answer within {} s; check that the host is on and no firewall is between",
                    record.host,
                    WITHIN.as_secs()
                ),
                fingerprint: None,
            });
        }
    };
    let (version, latency, nodes, facts, warnings) = answer;
    let mut body = json!({
        "status": "success",
        "message": if facts.is_cluster {
            format!("Connected to Proxmox VE {}, cluster {} with {} nodes", version.version, facts.name, facts.node_count)
        } else {
            format!("Connected to Proxmox VE {}", version.version)
        },
        "isCluster": facts.is_cluster,
        "nodeCount": nodes,
        "version": version.version,
        "latency": latency,
    });
    if facts.is_cluster {
        body["clusterNodeCount"] = json!(facts.node_count);
        body["clusterName"] = json!(facts.name);
    }
    if !warnings.is_empty() {
        body["warnings"] = json!(warnings);
    }
    if let Some(seen) = client.certificate_seen() {
        body["fingerprint"] = json!(seen.to_hex());
    }
    Ok(body)
}

async fn test(app: &App, record: &NodeRecord) -> Response {
    if record.kind != NodeKind::Pve {
        return Failed {
            reason: "unsupported",
            message: "this version does not connect to backup servers and mail gateways yet; the entry can be saved and is used as soon as it does".to_owned(),
            fingerprint: None,
        }
        .answer();
    }
    match test_pve(app, record).await {
        Ok(body) => json_body(&body),
        Err(failure) => failure.answer(),
    }
}

fn record_of(request: &NodeRequest, kind: NodeKind, host: String) -> NodeRecord {
    let name = request.name.clone().unwrap_or_default();
    let mut record = NodeRecord::new(kind, name, host);
    request.apply_credentials(&mut record);
    request
        .fingerprint
        .as_deref()
        .unwrap_or_default()
        .trim()
        .clone_into(&mut record.fingerprint);
    record.verify_ssl = request.verify_ssl.unwrap_or(false);
    record
}

/// `POST /api/config/nodes/test-connection`
pub async fn test_connection(State(app): State<App>, ask: Ask) -> Reply {
    let request = NodeRequest::parse(&ask.body)?;
    let (kind, host) = request.check_connection()?;
    Ok(test(&app, &record_of(&request, kind, host)).await)
}

/// `POST /api/config/nodes/test-config`
pub async fn test_config(State(app): State<App>, ask: Ask) -> Reply {
    let request = NodeRequest::parse(&ask.body)?;
    let kind = request.kind()?;
    let Ok((kind, host)) = request.check_connection().map(|(_, host)| (kind, host)) else {
        return Ok(Failed {
            reason: "settings",
            message: "host, user and password, or an API token are needed".to_owned(),
            fingerprint: None,
        }
        .answer());
    };
    Ok(test(&app, &record_of(&request, kind, host)).await)
}

/// `POST /api/config/nodes/{id}/test`: with the stored credentials, and whatever the body changes.
pub async fn test_stored(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Reply {
    let Some(reference) = NodeRef::parse(&id) else {
        return Err(text(StatusCode::BAD_REQUEST, "Invalid node ID"));
    };
    let found = app
        .store
        .nodes()
        .resolve(&reference)
        .await
        .map_err(|e| storage(&e))?;
    let Some(mut record) = found else {
        let mut response = json_body(&json!({ "status": "error", "message": "Node not found" }));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    if ask.body.is_empty() {
        // Whoever asks wants to know now: a breaker or a pause after failures ends, too.
        app.runner
            .reset(&crate::sources::key(record.kind, &record.name));
    } else {
        let request = NodeRequest::parse(&ask.body)?;
        apply(&request, &mut record)?;
    }
    Ok(test(&app, &record).await)
}

/// A form that edits a node tests what it shows; secrets that it leaves out are the stored ones.
fn apply(request: &NodeRequest, record: &mut NodeRecord) -> Result<(), Refusal> {
    if let Some(host) = super::request::given(request.host.as_ref()) {
        record.host = super::request::normalise(host, record.kind)?;
    }
    request.apply_credentials(record);
    if let Some(fingerprint) = &request.fingerprint {
        fingerprint.trim().clone_into(&mut record.fingerprint);
    }
    if let Some(verify) = request.verify_ssl {
        record.verify_ssl = verify;
    }
    Ok(())
}
