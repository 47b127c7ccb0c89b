//! Asking a server right now: does it answer, do the credentials work, is it a cluster?
//!
//! The caller waits, because that is what was asked for; ten seconds at most.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderValue, Method};
use pulse_proxmox::outbound::{Answer, Limits, Outbound, OutboundOptions, probe_certificate};
use pulse_proxmox::{
    Credentials, Error, PveApi as _, ServerAddress, TlsFailure, TlsMode, TransportError,
};
use pulse_store::{ClusterEndpoint, NodeKind, NodeRecord};
use serde_json::Value;

use crate::sources::{ClusterFacts, SourceError, Sources, cluster_facts};

const WITHIN: Duration = Duration::from_secs(10);
const LARGEST: usize = 1 << 20;

/// Why a server could not be used.
#[derive(Debug)]
pub struct Failure {
    /// One word that programs can go by.
    pub reason: &'static str,
    /// For people; never has a secret.
    pub detail: String,
    /// Reached, but not let in.
    pub connected: bool,
}

/// What a server said.
#[derive(Debug, Default)]
pub struct Success {
    pub message: String,
    pub version: Option<String>,
    pub cluster: ClusterFacts,
    pub datastores: usize,
    pub latency: Duration,
}

/// Tries a record.
pub async fn probe(sources: &Sources, record: &NodeRecord) -> Result<Success, Failure> {
    let started = Instant::now();
    let asked = async {
        match record.kind {
            NodeKind::Pve => pve(sources, record).await,
            NodeKind::Pbs => pbs(record).await,
            NodeKind::Pmg => pmg(record).await,
        }
    };
    match tokio::time::timeout(WITHIN, asked).await {
        Ok(found) => found.map(|success| Success {
            latency: started.elapsed(),
            ..success
        }),
        Err(_) => Err(Failure {
            reason: "timeout",
            detail: format!("no answer within {} seconds", WITHIN.as_secs()),
            connected: false,
        }),
    }
}

async fn pve(sources: &Sources, record: &NodeRecord) -> Result<Success, Failure> {
    let client = sources.client(record, &record.host, &record.fingerprint)?;
    let version = client.version().await?.version;
    let mut cluster = cluster_facts(&client).await?;
    if cluster.node_count == 0 {
        cluster.node_count = client.nodes().await?.items.len();
    }
    let place = if cluster.is_cluster {
        format!("cluster {}", cluster.name)
    } else {
        "standalone".to_owned()
    };
    Ok(Success {
        message: format!(
            "Connected to Proxmox VE {version} ({place}, nodes: {})",
            cluster.node_count
        ),
        version: Some(version),
        cluster,
        ..Success::default()
    })
}

async fn pbs(record: &NodeRecord) -> Result<Success, Failure> {
    let session = Session::open(record).await?;
    let version = version(&session).await?;
    let stores = session.get("/api2/json/admin/datastore").await?;
    let datastores = stores.as_array().map_or(0, Vec::len);
    Ok(Success {
        message: format!("Connected to Proxmox Backup Server {version} (datastores: {datastores})"),
        version: Some(version),
        datastores,
        ..Success::default()
    })
}

async fn pmg(record: &NodeRecord) -> Result<Success, Failure> {
    let session = Session::open(record).await?;
    let version = version(&session).await?;
    Ok(Success {
        message: format!("Connected to Proxmox Mail Gateway {version}"),
        version: Some(version),
        ..Success::default()
    })
}

async fn version(session: &Session) -> Result<String, Failure> {
    let answer = session.get("/api2/json/version").await?;
    Ok(answer["version"].as_str().unwrap_or("unknown").to_owned())
}

/// A short conversation with PBS or PMG, which have no client of their own yet.
struct Session {
    outbound: Outbound,
    proof: HeaderMap,
}

impl Session {
    async fn open(record: &NodeRecord) -> Result<Self, Failure> {
        let address = ServerAddress::parse(&record.host, record.kind.default_port())
            .map_err(|error| config(&error))?;
        let tls = TlsMode::resolve(record.verify_ssl, &record.fingerprint)
            .map_err(|error| config(&error))?;
        let credentials = Credentials::resolve(
            &record.user,
            &record.password,
            &record.token_name,
            &record.token_value,
        )
        .map_err(|error| config(&error))?;
        let outbound = Outbound::new(OutboundOptions::new(address, tls))?;
        let (scheme, separator, cookie) = match record.kind {
            NodeKind::Pbs => ("PBSAPIToken", ':', "PBSAuthCookie"),
            _ => ("PMGAPIToken", '=', "PMGAuthCookie"),
        };
        let mut proof = HeaderMap::new();
        match credentials {
            Credentials::Token { id, secret } => {
                let value = format!("{scheme}={id}{separator}{}", secret.expose());
                proof.insert(AUTHORIZATION, secret_value(&value)?);
            }
            Credentials::Password { user, password } => {
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("username", &user)
                    .append_pair("password", password.expose())
                    .finish();
                let mut headers = HeaderMap::new();
                headers.insert(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/x-www-form-urlencoded"),
                );
                let path = "/api2/json/access/ticket";
                let answer = send(&outbound, Method::POST, path, headers, form.into()).await?;
                let data = data(&answer)?;
                let ticket = data["ticket"].as_str().ok_or_else(|| Failure {
                    reason: "auth",
                    detail: "the login was not accepted without a second factor; use an API token"
                        .to_owned(),
                    connected: true,
                })?;
                let encoded: String =
                    url::form_urlencoded::byte_serialize(ticket.as_bytes()).collect();
                proof.insert(COOKIE, secret_value(&format!("{cookie}={encoded}"))?);
            }
        }
        Ok(Self { outbound, proof })
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        let headers = self.proof.clone();
        let answer = send(&self.outbound, Method::GET, path, headers, Bytes::new()).await?;
        data(&answer)
    }
}

async fn send(
    outbound: &Outbound,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, Failure> {
    let limits = Limits {
        deadline: WITHIN,
        max_body: LARGEST,
    };
    Ok(outbound.send(method, path, headers, body, limits).await?)
}

fn data(answer: &Answer) -> Result<Value, Failure> {
    match answer.status {
        200..300 => serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .and_then(|body| body.get("data").cloned())
            .ok_or_else(|| Failure {
                reason: "protocol",
                detail: "the answer is not that of a Proxmox API; check address and port"
                    .to_owned(),
                connected: true,
            }),
        401 | 403 => Err(Failure {
            reason: "auth",
            detail: "the server refused the credentials".to_owned(),
            connected: true,
        }),
        status => Err(Failure {
            reason: "status",
            detail: format!("the server answered {status}"),
            connected: true,
        }),
    }
}

fn secret_value(text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text).map_err(|error| config(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

fn config(error: &dyn std::fmt::Display) -> Failure {
    Failure {
        reason: "config",
        detail: error.to_string(),
        connected: false,
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Client(error) => error.into(),
            error => config(&error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if let Some(transport) = error.transport() {
            return transport.clone().into();
        }
        Self {
            reason: if error.is_auth() || error.is_permission() {
                "auth"
            } else {
                "status"
            },
            detail: error.to_string(),
            connected: true,
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let reason = match &error {
            TransportError::Dns(_) => "dns",
            TransportError::Refused => "refused",
            TransportError::Unreachable => "unreachable",
            TransportError::Forbidden(_) => "forbidden",
            TransportError::Tls(TlsFailure::FingerprintChanged { .. }) => "fingerprint",
            TransportError::Tls(_) => "tls",
            error if error.is_timeout() => "timeout",
            _ => "protocol",
        };
        Self {
            reason,
            detail: error.to_string(),
            connected: false,
        }
    }
}

/// Pins the certificate that the server shows now, when nobody said how to judge it: from then on
/// another certificate is noticed. An unreachable server stays as it is.
pub async fn pin_on_first_contact(record: &mut NodeRecord) {
    if let Ok(address) = ServerAddress::parse(&record.host, record.kind.default_port())
        && address.is_https()
        && let Ok(seen) = probe_certificate(&address, WITHIN / 2, None).await
    {
        record.fingerprint = seen.to_hex();
        record.verify_ssl = true;
    }
}

/// Notes cluster and members in the record.
pub async fn learn_cluster(record: &mut NodeRecord, facts: &ClusterFacts) {
    if !facts.is_cluster {
        return;
    }
    record.is_cluster = true;
    record.cluster_name.clone_from(&facts.name);
    let pinned = !record.fingerprint.is_empty();
    let known = std::mem::take(&mut record.cluster_endpoints);
    let now = jiff::Timestamp::now();
    let members = facts.members.iter().map(async |(name, ip, online)| {
        let before = known.iter().find(|endpoint| endpoint.node_name == *name);
        let mut endpoint = before.cloned().unwrap_or_default();
        let shown = if ip.contains(':') {
            format!("[{ip}]")
        } else {
            ip.clone()
        };
        let shown = if shown.is_empty() {
            name.clone()
        } else {
            shown
        };
        endpoint.node_id = format!("node/{name}");
        endpoint.node_name.clone_from(name);
        endpoint.host = format!("https://{shown}:8006");
        endpoint.ip.clone_from(ip);
        endpoint.online = *online;
        endpoint.last_seen = Some(now);
        // Every member has its own certificate.
        if pinned
            && *online
            && endpoint.fingerprint.is_empty()
            && let Ok(address) = ServerAddress::parse(&endpoint.host, 8006)
            && let Ok(seen) = probe_certificate(&address, WITHIN / 2, None).await
        {
            endpoint.fingerprint = seen.to_hex();
        }
        endpoint
    });
    record.cluster_endpoints = futures_util::future::join_all(members).await;
}

/// Takes over members that another record of the same cluster does not have yet.
pub fn merge_endpoints(into: &mut NodeRecord, from: &[ClusterEndpoint]) {
    for endpoint in from {
        let known = into
            .cluster_endpoints
            .iter()
            .any(|e| e.node_name == endpoint.node_name);
        if !known {
            into.cluster_endpoints.push(endpoint.clone());
        }
    }
}
