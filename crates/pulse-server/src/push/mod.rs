//! What Proxmox pushes to us: metrics between polls, and events.
//!
//! Metrics only ever bring newer numbers for guests and nodes that polls know; everything else is
//! ignored and counted. Events make the next poll of their instance come now. Nothing here waits
//! for Proxmox. Bounds: bodies, objects of a batch, kept events, and requests per second.

pub mod events;
pub mod graphite;
pub mod influx;
pub mod listen;
mod routes;
pub mod sample;
mod setup;
mod target;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pulse_collect::{Hint, InstanceKey};
use pulse_core::rates::{RateTracker, Rates};
use pulse_core::{Pushed, ReportBody, SourceReport, Timestamp};

use crate::app::App;
use events::{Event, EventLog};
pub use routes::routes;
use sample::{Batch, Fields, Object};
use target::Targets;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Counts {
    pub batches: AtomicU64,
    pub lines: AtomicU64,
    pub broken_lines: AtomicU64,
    pub applied: AtomicU64,
    /// Guests and nodes that no instance has, or more than one.
    pub unknown: AtomicU64,
    pub events: AtomicU64,
    pub refused: AtomicU64,
}

/// Allows `rate` a second, and `burst` at once.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self, rate: f64, burst: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(burst);
        self.at = now;
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }
}

#[derive(Debug, Default)]
struct Tracked {
    rates: RateTracker<(String, u32)>,
    round: Option<Instant>,
}

/// Guests that push nothing for so long are forgotten.
const ROUND: Duration = Duration::from_secs(600);
/// A clock that is further off than this is not believed.
const SKEW_MS: i64 = 120_000;
/// The same news of an instance is passed on once in this time.
const COALESCE: Duration = Duration::from_secs(5);

/// State of all receivers.
#[derive(Debug, Default)]
pub struct Push {
    tracked: Mutex<Tracked>,
    log: Mutex<EventLog>,
    buckets: Mutex<HashMap<&'static str, Bucket>>,
    hinted: Mutex<Vec<(InstanceKey, Hint, Instant)>>,
    pub counts: Counts,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Push {
    /// Whether another request of this kind may be worked on.
    fn admits(&self, kind: &'static str, rate: f64, burst: f64) -> bool {
        let now = Instant::now();
        let admitted = lock(&self.buckets)
            .entry(kind)
            .or_insert(Bucket {
                tokens: burst,
                at: now,
            })
            .take(rate, burst, now);
        if !admitted {
            self.counts.refused.fetch_add(1, Relaxed);
        }
        admitted
    }

    /// Takes what a batch says. `instance` narrows down whose guests and nodes are meant.
    pub async fn metrics(
        &self,
        app: &App,
        batch: Batch,
        instance: Option<&str>,
        received: Timestamp,
    ) {
        self.counts.batches.fetch_add(1, Relaxed);
        self.counts.lines.fetch_add(batch.lines, Relaxed);
        self.counts.broken_lines.fetch_add(batch.broken, Relaxed);
        for body in self.reports(app, batch, instance, received) {
            let (at, demo) = (received, false);
            app.inventory.report(SourceReport { at, demo, body }).await;
        }
    }

    fn reports(
        &self,
        app: &App,
        batch: Batch,
        instance: Option<&str>,
        received: Timestamp,
    ) -> Vec<ReportBody> {
        let snapshot = app.inventory.snapshot();
        let targets = Targets::of(&snapshot, instance);
        let mut pushed: BTreeMap<String, Pushed> = BTreeMap::new();
        let mut tracked = lock(&self.tracked);
        for (object, (at, fields)) in batch.objects {
            let Some(name) = targets.instance_of(&object) else {
                self.counts.unknown.fetch_add(1, Relaxed);
                continue;
            };
            self.counts.applied.fetch_add(1, Relaxed);
            let seen = if (at.0 - received.0).abs() > SKEW_MS {
                received
            } else {
                at.min(received)
            };
            let entry = pushed.entry(name.to_owned()).or_insert_with(|| Pushed {
                instance: name.to_owned(),
                ..Pushed::default()
            });
            match object {
                Object::Guest { vmid, .. } => {
                    let rates = tracked.rates_of((name.to_owned(), vmid), at, &fields);
                    entry.guests.push((seen, fields.guest(vmid, rates)));
                }
                Object::Node(node) => entry.nodes.push((seen, fields.node(&node))),
            }
        }
        tracked.tidy();
        let body = |pushed| ReportBody::Pushed(Box::new(pushed));
        pushed.into_values().map(body).collect()
    }

    /// Keeps an event and passes on what it means for its instance.
    pub fn event(&self, app: &App, mut event: Event) -> u64 {
        self.counts.events.fetch_add(1, Relaxed);
        let snapshot = app.inventory.snapshot();
        let keys = app.runner.keys();
        if let Some(key) = target::of_event(&event, &snapshot, &keys) {
            event.instance = Some(key.clone());
            for (key, hint) in events::consequences(&event, &key, &keys) {
                if self.is_new(&key, &hint) {
                    app.runner.hint(&key, &hint);
                    if !event.polled.contains(&key) {
                        event.polled.push(key);
                    }
                }
            }
        }
        lock(&self.log).add(event)
    }

    fn is_new(&self, key: &InstanceKey, hint: &Hint) -> bool {
        let now = Instant::now();
        let mut hinted = lock(&self.hinted);
        hinted.retain(|(_, _, at)| now.saturating_duration_since(*at) < COALESCE);
        let known = hinted.iter().any(|(k, h, _)| k == key && h == hint);
        if !known {
            hinted.push((key.clone(), hint.clone(), now));
        }
        !known
    }

    /// Newest first.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.log).newest_first()
    }
}

impl Tracked {
    /// Rates since the last push; `None` while there is nothing to compare with.
    #[allow(clippy::needless_pass_by_value, reason = "the caller gives it away")]
    fn rates_of(&mut self, key: (String, u32), at: Timestamp, fields: &Fields) -> Option<Rates> {
        let (counters, uptime) = (fields.counters()?, fields.uptime?);
        let rates = self.rates.update(&key, at, uptime, counters, 0);
        rates.net_in.known().is_some().then_some(rates)
    }

    fn tidy(&mut self) {
        let now = Instant::now();
        let begun = *self.round.get_or_insert(now);
        if now.saturating_duration_since(begun) >= ROUND {
            self.rates.end_round();
            self.round = Some(now);
        }
    }
}
