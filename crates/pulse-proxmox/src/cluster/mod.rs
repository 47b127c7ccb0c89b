//! One cluster asked through whichever of its endpoints works.
//!
//! A call about a node goes to that node's own endpoint if it is healthy (no proxying, no 595),
//! other calls go round. An endpoint that cannot serve is set aside and probed in the background,
//! so a live request never waits for a dead one twice. What an endpoint answers about something
//! else (a missing privilege, a silent guest agent, another node that is off) says nothing against
//! the endpoint and is returned at once.

mod health;
mod plan;
mod verdict;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub use health::EndpointHealth;
use health::Health;
pub use plan::{Member, PlannedEndpoint, network_distance, plan_endpoints};
use verdict::Verdict;

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::meter::Meter;
use crate::pve::{PveApi, PveClient};

/// Limit of a probe.
const PROBE_WITHIN: Duration = Duration::from_secs(5);
/// A call that moves from endpoint to endpoint ends after this many of its own deadlines.
const DEADLINES: u32 = 2;

/// How often a call waits and starts over when every endpoint asks for patience.
const OVERLOAD_ROUNDS: u32 = 2;

/// A client of one cluster; with a single endpoint also of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClusterClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    endpoints: Vec<Endpoint>,
    turn: std::sync::atomic::AtomicUsize,
}

#[derive(Debug)]
struct Endpoint {
    /// Name of the cluster node behind it, if known.
    node: Option<String>,
    client: PveClient,
    health: Health,
}

impl ClusterClient {
    /// `name` is used in messages. The clients should share one [`Meter`]. Each client comes with the name of its node, if known. Nothing
    /// is sent yet; endpoints count as healthy until a call fails.
    pub fn new(
        name: impl Into<String>,
        endpoints: impl IntoIterator<Item = (Option<String>, PveClient)>,
    ) -> Self {
        let endpoints = endpoints
            .into_iter()
            .map(|(node, client)| Endpoint {
                node,
                client,
                health: Health::default(),
            })
            .collect();
        Self {
            inner: Arc::new(Inner {
                name: name.into(),
                endpoints,
                turn: std::sync::atomic::AtomicUsize::new(0),
            }),
        }
    }

    /// A client of one server.
    pub fn single(client: PveClient) -> Self {
        Self::new(client.endpoint().to_owned(), [(None, client)])
    }

    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// State of every endpoint, in the order given.
    pub fn health(&self) -> Vec<EndpointHealth> {
        self.inner
            .endpoints
            .iter()
            .map(|endpoint| {
                endpoint.health.show(
                    endpoint.node.clone(),
                    endpoint.client.address(),
                    endpoint.client.certificate_seen(),
                )
            })
            .collect()
    }

    /// Probes all endpoints in parallel, for example right after configuration.
    pub async fn probe_all(&self) {
        let probes = self.inner.endpoints.iter().map(Endpoint::probe);
        futures_util::future::join_all(probes).await;
    }

    /// The endpoint to try next: not tried yet in this call, the node's own first, healthy before
    /// cooling. Unhealthy ones only if there is nothing better and they were not just found dead.
    fn choose(&self, call: &Call, tried: &HashSet<usize>) -> Option<usize> {
        let endpoints = &self.inner.endpoints;
        let now = Instant::now();
        let count = endpoints.len();
        let start = self
            .inner
            .turn
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let open = || {
            (0..count)
                .map(move |step| start.wrapping_add(step) % count)
                .filter(|place| !tried.contains(place))
        };
        let own = call.node.as_deref().and_then(|node| {
            open().find(|place| {
                endpoints[*place].node.as_deref() == Some(node)
                    && endpoints[*place].health.is_ready(now)
            })
        });
        own.or_else(|| open().find(|place| endpoints[*place].health.is_ready(now)))
            .or_else(|| open().find(|place| endpoints[*place].health.is_healthy()))
            .or_else(|| {
                open().find(|place| count == 1 || endpoints[*place].health.may_be_tried(now))
            })
    }

    /// Starts background probes of unhealthy endpoints that are due.
    fn recover(&self) {
        let now = Instant::now();
        for (place, endpoint) in self.inner.endpoints.iter().enumerate() {
            if endpoint.health.claim_probe(now) {
                let inner = Arc::clone(&self.inner);
                tokio::spawn(async move { inner.endpoints[place].probe().await });
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Bytes> {
        let mut tried = HashSet::new();
        let mut rounds = 0;
        // How long the most patient of the overloaded endpoints wants to be left alone.
        let mut pause: Option<Duration> = None;
        let mut last = None;
        loop {
            let Some(place) = self.choose(call, &tried) else {
                let Some(wait) = pause.take().filter(|_| rounds < OVERLOAD_ROUNDS) else {
                    break;
                };
                tokio::time::sleep(wait).await;
                rounds += 1;
                tried.retain(|place: &usize| !self.inner.endpoints[*place].health.is_healthy());
                continue;
            };
            tried.insert(place);
            let endpoint = &self.inner.endpoints[place];
            let error = match endpoint.client.send(call.clone()).await {
                Ok(body) => {
                    endpoint.health.succeeded(Instant::now());
                    return Ok(body);
                }
                Err(error) => error,
            };
            match verdict::judge(&error, call, endpoint.node.as_deref()) {
                Verdict::Answer => {
                    endpoint.health.succeeded(Instant::now());
                    return Err(error);
                }
                Verdict::Suspect => {
                    // The call may just be slow; the probe tells.
                    endpoint.health.suspect();
                    return Err(error);
                }
                Verdict::Overloaded => {
                    pause = pause.max(Some(endpoint.health.cool(Instant::now(), rounds)));
                }
                Verdict::Down => {
                    if endpoint.health.failed(Instant::now(), &error) {
                        let (cluster, endpoint) = (self.name(), endpoint.client.endpoint());
                        tracing::warn!(cluster, endpoint, error = %error.kind, "endpoint does not serve");
                    }
                }
            }
            if !verdict::may_be_sent_elsewhere(&error, call) {
                return Err(error);
            }
            last = Some(error);
        }
        Err(match last {
            Some(error) if self.inner.endpoints.len() == 1 || !error.is_connection() => error,
            _ => Error::new(&self.inner.name, &call.path, self.nobody()),
        })
    }

    fn nobody(&self) -> ErrorKind {
        let each = self.inner.endpoints.iter().map(|endpoint| {
            let error = endpoint
                .health
                .last_error()
                .unwrap_or_else(|| "not tried".to_owned());
            (endpoint.client.endpoint().to_owned(), error)
        });
        ErrorKind::NoEndpoint(each.collect())
    }
}

impl PveApi for ClusterClient {
    async fn send(&self, call: Call) -> Result<Bytes> {
        let limit = call.limits.deadline * DEADLINES;
        let result = tokio::time::timeout(limit, self.attempt(&call))
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    &self.inner.name,
                    &call.path,
                    crate::outbound::TransportError::Timeout(limit),
                ))
            });
        self.recover();
        result
    }

    fn describe(&self) -> String {
        self.inner.name.clone()
    }

    fn meter(&self) -> &Meter {
        static NONE: std::sync::LazyLock<Meter> = std::sync::LazyLock::new(Meter::default);
        self.inner
            .endpoints
            .first()
            .map_or(&NONE, |endpoint| endpoint.client.meter())
    }
}

impl Endpoint {
    /// Asks for the cluster's status: cheap, and it needs the proxy, the daemon behind it and the
    /// cluster file system. (`/nodes` is answered even without the daemon.)
    async fn probe(&self) {
        let call = Call::get("/cluster/status").within(PROBE_WITHIN);
        let result = self.client.send(call.clone()).await;
        let now = Instant::now();
        match result {
            Ok(_) => {
                if self.health.succeeded(now) {
                    tracing::info!(endpoint = self.client.endpoint(), "endpoint serves again");
                }
            }
            Err(error) => match verdict::judge(&error, &call, None) {
                Verdict::Answer | Verdict::Overloaded => {
                    self.health.succeeded(now);
                }
                Verdict::Suspect | Verdict::Down => {
                    self.health.failed(now, &error);
                }
            },
        }
    }
}
