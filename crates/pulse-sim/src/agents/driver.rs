//! One task posts the reports of all agents, spread evenly over the interval.
//!
//! A report that cannot be delivered is dropped and counted; the next one is due an interval
//! later. A few keep-alive connections are shared; when the server is slow and all are busy,
//! reports are skipped rather than queued.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::agents::connect::{Connection, Target};
use crate::agents::report::HostFleet;
use crate::clock::Clock;

const CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(15);

/// Running agents; they stop when this is dropped.
#[derive(Debug)]
pub struct HostAgents {
    fleet: HostFleet,
    counters: Arc<Counters>,
    task: AbortHandle,
}

/// What became of the reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentStats {
    /// Answered with `"success": true`.
    pub accepted: u64,
    /// Answered otherwise: refused, or by something that is not a Pulse server.
    pub refused: u64,
    /// Not answered: connection failed, timed out or was closed.
    pub failed: u64,
    /// Not sent because too many were under way.
    pub skipped: u64,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

impl Drop for HostAgents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HostAgents {
    /// Starts `n` agents that report to `server_url` every `interval` of real time. Must be
    /// called inside a tokio runtime.
    pub fn spawn(
        n: usize,
        server_url: &str,
        token: &str,
        seed: u64,
        interval: Duration,
    ) -> io::Result<Self> {
        Self::drive(
            HostFleet::new(n, seed),
            server_url,
            token,
            &Clock::real(),
            interval,
        )
    }

    /// Starts the agents of a given fleet, with the time of `clock` in their reports.
    pub fn drive(
        fleet: HostFleet,
        server_url: &str,
        token: &str,
        clock: &Clock,
        interval: Duration,
    ) -> io::Result<Self> {
        let fleet = fleet.every(interval.as_secs());
        let counters = Arc::new(Counters::default());
        let driver = Driver {
            fleet: fleet.clone(),
            post: Arc::new(Post {
                target: Target::parse(server_url)?,
                token: token.to_owned(),
                counters: counters.clone(),
            }),
            clock: clock.clone(),
            interval,
        };
        let task = tokio::spawn(driver.run()).abort_handle();
        Ok(Self {
            fleet,
            counters,
            task,
        })
    }

    pub fn fleet(&self) -> &HostFleet {
        &self.fleet
    }

    pub fn stats(&self) -> AgentStats {
        let get = |c: &AtomicU64| c.load(Ordering::Relaxed);
        AgentStats {
            accepted: get(&self.counters.accepted),
            refused: get(&self.counters.refused),
            failed: get(&self.counters.failed),
            skipped: get(&self.counters.skipped),
        }
    }
}

struct Driver {
    fleet: HostFleet,
    post: Arc<Post>,
    clock: Clock,
    interval: Duration,
}

impl Driver {
    async fn run(self) {
        let n = self.fleet.len();
        if n == 0 {
            return;
        }
        let step = (self.interval / n as u32).max(Duration::from_micros(50));
        let mut ticks = interval_at(Instant::now(), step);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut idle: Vec<Connection> = Vec::new();
        let mut busy = JoinSet::new();
        for i in (0..n).cycle() {
            ticks.tick().await;
            while let Some(done) = busy.try_join_next() {
                idle.extend(done.ok().flatten());
            }
            if busy.len() >= CONNECTIONS {
                self.post.counters.skipped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let report = self.fleet.host_report(i, self.clock.now());
            let body = Bytes::from(report.to_string());
            let connection = idle.pop().filter(|c| !c.is_closed());
            busy.spawn(deliver(self.post.clone(), connection, body));
        }
    }
}

struct Post {
    target: Target,
    token: String,
    counters: Arc<Counters>,
}

/// Posts one report and gives the connection back if it can be used again.
async fn deliver(
    post: Arc<Post>,
    connection: Option<Connection>,
    body: Bytes,
) -> Option<Connection> {
    let answered = timeout(PATIENCE, exchange(&post, connection, body)).await;
    let counters = &post.counters;
    let (connection, counter) = match answered {
        Ok(Ok((connection, true))) => (Some(connection), &counters.accepted),
        Ok(Ok((connection, false))) => (Some(connection), &counters.refused),
        Ok(Err(_)) | Err(_) => (None, &counters.failed),
    };
    counter.fetch_add(1, Ordering::Relaxed);
    connection
}

async fn exchange(
    post: &Post,
    connection: Option<Connection>,
    body: Bytes,
) -> io::Result<(Connection, bool)> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => post.target.connect().await?,
    };
    let target = &post.target;
    let request = Request::post(format!("{}/api/agents/host/report", target.base))
        .header("Host", format!("{}:{}", target.host, target.port))
        .header("User-Agent", "pulse-host-agent/5.0.14")
        .header("Authorization", format!("Bearer {}", post.token))
        .header("Content-Type", "application/json")
        .header("X-API-Token", &post.token)
        .body(Full::new(body))
        .map_err(io::Error::other)?;
    connection.ready().await.map_err(io::Error::other)?;
    let response = connection
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let ok = response.status().is_success();
    let answer = Limited::new(response.into_body(), 1 << 20)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    // A wrong path gives 200 and a web page: only the answer's own word counts.
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
    Ok((connection, ok && answer["success"] == true))
}
