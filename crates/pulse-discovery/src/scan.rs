//! Asking the addresses of a plan, a bounded number at a time.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, Method};
use pulse_proxmox::outbound::{self, Answer, Outbound, OutboundOptions};
use pulse_proxmox::{ServerAddress, TlsMode, TransportError};
use serde::Serialize;
use tokio::time::Instant;

use crate::identify::{Evidence, Product, hostname, identify, of_page};
use crate::plan::Plan;

/// Largest page or answer that is read of a stranger.
const LARGEST: usize = 64 << 10;
const HEADERS: [&str; 4] = [
    "server",
    "proxmox-product",
    "www-authenticate",
    "set-cookie",
];

/// Bounds of one scan.
#[derive(Clone, Debug)]
pub struct Limits {
    pub ports: Vec<u16>,
    /// Addresses of each network.
    pub max_hosts: usize,
    /// Addresses at a time.
    pub max_concurrent: usize,
    pub dial: Duration,
    pub http: Duration,
    /// The whole scan; what was found by then is kept.
    pub within: Duration,
    /// Addresses that are not asked: those of servers that are known.
    pub skip: BTreeSet<Ipv4Addr>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ports: vec![outbound::PVE_PORT, outbound::PBS_PORT],
            max_hosts: 1024,
            max_concurrent: 50,
            dial: Duration::from_secs(1),
            http: Duration::from_secs(2),
            within: Duration::from_secs(120),
            skip: BTreeSet::new(),
        }
    }
}

/// A Proxmox server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    pub ip: Ipv4Addr,
    pub port: u16,
    #[serde(rename = "type")]
    pub product: Product,
    /// `Unknown` without a login.
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release: String,
}

/// Something that kept a part of the scan from its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub phase: &'static str,
    /// `timeout` or `phase_error`.
    pub error_type: &'static str,
    pub message: String,
    pub timestamp: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    pub current_phase: &'static str,
    pub phase_number: usize,
    pub total_phases: usize,
    pub targets_in_phase: usize,
    pub processed_in_phase: usize,
    pub total_targets: usize,
    pub total_processed: usize,
    pub servers_found: usize,
    pub percentage: f64,
}

/// What happens during a scan.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Found { server: Found, phase: &'static str },
    Progress(Progress),
}

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By address, then port.
    pub servers: Vec<Found>,
    pub problems: Vec<Problem>,
}

/// The addresses of each phase, each once.
fn targets(plan: &Plan, limits: &Limits) -> Vec<Vec<Ipv4Addr>> {
    let mut seen = limits.skip.clone();
    plan.phases
        .iter()
        .map(|phase| {
            let hosts = phase
                .subnets
                .iter()
                .flat_map(|net| net.hosts().take(limits.max_hosts));
            hosts.filter(|host| seen.insert(*host)).collect()
        })
        .collect()
}

/// Asks every address of the plan. `tell` must not block.
pub async fn scan(plan: &Plan, limits: &Limits, tell: &(dyn Fn(Event) + Sync)) -> Outcome {
    let end = Instant::now() + limits.within;
    let targets = targets(plan, limits);
    let total: usize = targets.iter().map(Vec::len).sum();
    let mut outcome = Outcome::default();
    let mut processed = 0;
    for (number, (phase, hosts)) in plan.phases.iter().zip(targets).enumerate() {
        // An unlikely network is not started when it cannot be finished.
        let left = end.saturating_duration_since(Instant::now());
        if phase.confidence < 0.5 && number > 0 && left < limits.dial * 5 {
            outcome.problems.push(late(phase.name, limits.within));
            break;
        }
        let in_phase = hosts.len();
        let step = (in_phase / 20).clamp(1, 10);
        let mut answers = stream::iter(hosts)
            .map(|host| ask(host, limits))
            .buffer_unordered(limits.max_concurrent.max(1));
        let mut done = 0;
        loop {
            let Ok(next) = tokio::time::timeout_at(end, answers.next()).await else {
                outcome.problems.push(late(phase.name, limits.within));
                outcome.servers.sort_by_key(|s| (s.ip, s.port));
                return outcome;
            };
            let Some(found) = next else { break };
            done += 1;
            for server in found {
                tell(Event::Found {
                    server: server.clone(),
                    phase: phase.name,
                });
                outcome.servers.push(server);
            }
            if done % step == 0 || done == in_phase {
                tell(Event::Progress(Progress {
                    current_phase: phase.name,
                    phase_number: number + 1,
                    total_phases: plan.phases.len(),
                    targets_in_phase: in_phase,
                    processed_in_phase: done,
                    total_targets: total,
                    total_processed: processed + done,
                    servers_found: outcome.servers.len(),
                    percentage: (processed + done) as f64 * 100.0 / total.max(1) as f64,
                }));
            }
        }
        processed += done;
    }
    outcome.servers.sort_by_key(|s| (s.ip, s.port));
    outcome
}

fn late(phase: &'static str, within: Duration) -> Problem {
    Problem {
        phase,
        error_type: "timeout",
        message: format!("the scan did not end within {} s", within.as_secs()),
        timestamp: jiff::Timestamp::now().to_string(),
    }
}

async fn ask(host: Ipv4Addr, limits: &Limits) -> Vec<Found> {
    let mut found = Vec::new();
    for port in &limits.ports {
        found.extend(ask_port(host, *port, limits).await);
    }
    found
}

async fn get(server: &Outbound, path: &str, limits: &Limits) -> Result<Answer, TransportError> {
    let bounds = outbound::Limits {
        deadline: limits.dial + limits.http,
        max_body: LARGEST,
    };
    server
        .send(
            Method::GET,
            path,
            HeaderMap::new(),
            bytes::Bytes::new(),
            bounds,
        )
        .await
}

fn note_headers(evidence: &mut Evidence, answer: &Answer) {
    for name in HEADERS {
        for value in answer.headers.get_all(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            // The value of a cookie is random and may spell anything.
            let told = match name {
                "set-cookie" => value.split('=').next().unwrap_or_default(),
                _ => &value,
            };
            evidence.headers.push_str(told);
            evidence.headers.push(' ');
        }
    }
}

/// One port: the page that needs no login, then, if that says nothing, one call of the API.
async fn ask_port(host: Ipv4Addr, port: u16, limits: &Limits) -> Option<Found> {
    let address = ServerAddress::parse(&format!("https://{host}:{port}"), port).ok()?;
    let mut options = OutboundOptions::new(address, TlsMode::Insecure);
    options.connect_timeout = limits.dial;
    options.max_idle = 1;
    let server = Outbound::new(options).ok()?;
    let mut evidence = Evidence::default();
    let page = match get(&server, "/", limits).await {
        Ok(answer) => Some(answer),
        // Something answers over TLS, just not usefully: its API may.
        Err(TransportError::TooLarge { .. }) => None,
        Err(_) => return None,
    };
    if let Some(answer) = page {
        note_headers(&mut evidence, &answer);
        if answer.status == 200 {
            evidence.page = String::from_utf8_lossy(&answer.body).into_owned();
        }
    }
    let mut version = None;
    if of_page(&evidence).is_none() {
        let answer = get(&server, "/api2/json/version", limits).await.ok()?;
        note_headers(&mut evidence, &answer);
        evidence.version_status = Some(answer.status);
        version = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    }
    let told = |key: &str| {
        let text = version.as_ref()?.get("data")?.get(key)?.as_str()?;
        Some(text.chars().take(64).collect::<String>())
    };
    Some(Found {
        ip: host,
        port,
        product: identify(&evidence)?,
        version: told("version").unwrap_or_else(|| "Unknown".to_owned()),
        hostname: hostname(&evidence).unwrap_or_default(),
        release: told("release").unwrap_or_default(),
    })
}
