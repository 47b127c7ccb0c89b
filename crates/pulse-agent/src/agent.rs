//! The loop: collect, deliver, wait.
//!
//! A report that cannot be delivered waits in the outbox; after the next success the outbox is
//! emptied, oldest first. A refused token makes the loop pause longer and longer, and reports from
//! that time are not kept: nobody would accept them. Each kind of trouble is logged when it begins
//! and when it ends.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::cli::Settings;
use crate::client::{Client, Failure, FailureKind};
use crate::collect::Collector;
use crate::health::{self, Status};
use crate::identity;
use crate::outbox::Outbox;
use crate::remote::Tunable;
use crate::signals::Signals;

/// CPU usage is the difference of two readings; the first report waits this long for the second.
const FIRST_SAMPLE: Duration = Duration::from_secs(1);
const CONFIG_EVERY: Duration = Duration::from_mins(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
const LONGEST_ASKED_PAUSE: Duration = Duration::from_mins(10);

/// Runs until SIGTERM or SIGINT.
pub fn run(settings: Settings) -> Result<(), String> {
    let signals = Signals::listen().map_err(|error| format!("cannot handle signals: {error}"))?;
    let who = identity::resolve(
        &settings.roots,
        settings.agent_id.as_deref(),
        settings.hostname.as_deref(),
    );
    if let Err(error) = identity::remember(&settings.state_dir, &who.agent_id) {
        log::debug!(
            "the agent id is not kept in {}: {error}",
            settings.state_dir.display()
        );
    }
    let client = Client::new(&settings)?;
    let status = Arc::new(Status::default());
    if let Some(address) = &settings.health_address {
        match health::serve(address, Arc::clone(&status)) {
            Ok(bound) => log::debug!("health endpoint on {bound}"),
            Err(error) => log::warn!("no health endpoint on {address}: {error}"),
        }
    }

    let tunable = Tunable::of(&settings);
    let collector = Collector::new(&settings, who.clone());
    let started = Instant::now();
    let mut agent = Loop {
        started_with: tunable.clone(),
        tunable,
        host_id: None,
        hostname: who.hostname,
        agent_id: who.agent_id,
        client,
        collector,
        outbox: Outbox::default(),
        pause: Pause::default(),
        trouble: None,
        config_due: Some(started),
        status,
    };
    log::info!(
        "reporting host {} to {} every {:?}",
        agent.hostname,
        settings.url,
        agent.tunable.interval
    );
    drop(settings);

    agent.fetch_config(&signals);
    agent.status.ready.store(true, Ordering::Relaxed);
    let mut due = started + FIRST_SAMPLE;
    while signals.wait_until(due) {
        let delivered = agent.tick(&signals);
        agent.fetch_config(&signals);
        due = next_tick(due, agent.tunable.interval, delivered, Instant::now());
    }
    log::info!("stopped");
    Ok(())
}

/// The next time to report: on the beat, skipping beats that have passed; a little later after a
/// failure, so that agents do not come back to a restarted server all at once.
fn next_tick(due: Instant, interval: Duration, delivered: bool, now: Instant) -> Instant {
    let late = now.saturating_duration_since(due);
    let beats = (late.as_nanos() / interval.as_nanos().max(1)).min(u128::from(u32::MAX)) as u32;
    let next = due + interval.saturating_mul(beats.saturating_add(1));
    if delivered {
        next
    } else {
        next + jitter(interval / 5)
    }
}

/// A random part of a duration.
fn jitter(most: Duration) -> Duration {
    let random = std::hash::RandomState::new().build_hasher().finish();
    most.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

/// Until when nothing is sent.
#[derive(Default)]
struct Pause {
    until: Option<Instant>,
    refusals: u32,
}

struct Loop {
    started_with: Tunable,
    tunable: Tunable,
    /// The server's id for this host, known from its first answer.
    host_id: Option<String>,
    hostname: String,
    agent_id: String,
    client: Client,
    collector: Collector,
    outbox: Outbox,
    pause: Pause,
    /// The message of the failure that lasts.
    trouble: Option<String>,
    /// None: after the next delivered report.
    config_due: Option<Instant>,
    status: Arc<Status>,
}

impl Loop {
    /// One report; false when it was not delivered.
    fn tick(&mut self, signals: &Signals) -> bool {
        let now = Instant::now();
        let paused = self.pause.until.is_some_and(|until| now < until);
        if paused && self.pause.refusals > 0 {
            return true;
        }
        let report = self.collector.collect(&self.tunable);
        let body = match serde_json::to_vec(&report) {
            Ok(body) => body,
            Err(error) => {
                log::error!("the report cannot be encoded: {error}");
                return true;
            }
        };
        drop(report);
        let delivered = if paused {
            self.outbox.push(body.into());
            true
        } else {
            self.deliver(body, signals)
        };
        self.status
            .waiting
            .store(self.outbox.len() as u64, Ordering::Relaxed);
        delivered
    }

    fn deliver(&mut self, body: Vec<u8>, signals: &Signals) -> bool {
        match signals.while_busy(|| self.client.report(&body)) {
            Ok(answer) => {
                self.delivered();
                if !answer.host_id.is_empty() && self.host_id.as_deref() != Some(&answer.host_id) {
                    self.host_id = Some(answer.host_id);
                    self.config_due.get_or_insert_with(Instant::now);
                }
                self.flush(signals);
                true
            }
            Err(failure) => {
                if matches!(failure.kind, FailureKind::Away | FailureKind::Busy { .. }) {
                    self.outbox.push(body.into());
                }
                self.failed(failure);
                false
            }
        }
    }

    /// Sends what is waiting, oldest first, until something fails.
    fn flush(&mut self, signals: &Signals) {
        let mut sent = 0;
        while let Some(report) = self.outbox.oldest() {
            match signals.while_busy(|| self.client.report(report)) {
                Ok(_) => {
                    self.status.delivered.fetch_add(1, Ordering::Relaxed);
                    sent += 1;
                }
                Err(failure) if failure.kind == FailureKind::Rejected => {
                    log::warn!("a kept report is dropped: {}", failure.message);
                }
                Err(failure) => {
                    self.failed(failure);
                    break;
                }
            }
            self.outbox.pop();
        }
        if sent > 0 {
            log::info!(
                "{sent} kept reports delivered, {} still waiting",
                self.outbox.len()
            );
        }
    }

    fn delivered(&mut self) {
        self.status.delivered.fetch_add(1, Ordering::Relaxed);
        self.pause = Pause::default();
        let dropped = self.outbox.take_dropped();
        if self.trouble.take().is_some() {
            log::info!("reports are delivered again");
        }
        if dropped > 0 {
            log::warn!("{dropped} old reports were dropped while the server was away");
        }
    }

    fn failed(&mut self, failure: Failure) {
        self.status.failed.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut remark = String::new();
        match failure.kind {
            FailureKind::Away => remark = "; reports are kept and sent later".into(),
            FailureKind::Rejected => {}
            FailureKind::Busy { pause } => {
                let pause = pause.unwrap_or_default().min(LONGEST_ASKED_PAUSE);
                self.pause = Pause {
                    until: Some(now + pause),
                    refusals: 0,
                };
                remark = format!(
                    "; next attempt in {} s",
                    pause.max(self.tunable.interval).as_secs()
                );
            }
            FailureKind::Refused => {
                let doublings = self.pause.refusals.min(16);
                let pause = self
                    .tunable
                    .interval
                    .saturating_mul(1 << doublings)
                    .min(LONGEST_PAUSE);
                let pause = pause + jitter(pause / 10);
                self.pause = Pause {
                    until: Some(now + pause),
                    refusals: self.pause.refusals.saturating_add(1),
                };
                remark = format!(
                    "; trying again, at most every {} s",
                    LONGEST_PAUSE.as_secs()
                );
            }
        }
        if self.trouble.as_ref() != Some(&failure.message) {
            log::warn!("{}{remark}", failure.message);
            self.trouble = Some(failure.message);
        }
    }

    /// Asks for the host's profile when it is time; without an answer everything stays as it is.
    fn fetch_config(&mut self, signals: &Signals) {
        if self.trouble.is_some() || self.config_due.is_none_or(|due| Instant::now() < due) {
            return;
        }
        let config = signals.while_busy(|| {
            let id = match &self.host_id {
                Some(id) => id.clone(),
                None => self
                    .client
                    .look_up(&self.hostname)?
                    .unwrap_or_else(|| self.agent_id.clone()),
            };
            self.client.config(&id)
        });
        match config {
            Ok(Some(config)) => {
                let tuned = self.started_with.clone().with(&config);
                if tuned != self.tunable {
                    log::info!(
                        "settings of the server's profile apply: report every {:?}",
                        tuned.interval
                    );
                    crate::journal::set_level(tuned.log_level);
                    self.tunable = tuned;
                }
                self.config_due = Some(Instant::now() + CONFIG_EVERY);
            }
            // A host the server has not seen: its first report makes it known.
            Ok(None) if self.host_id.is_none() => self.config_due = None,
            Ok(None) => self.config_due = Some(Instant::now() + CONFIG_EVERY),
            Err(failure) => {
                log::debug!("no settings from the server: {}", failure.message);
                self.config_due = self
                    .host_id
                    .is_some()
                    .then(|| Instant::now() + CONFIG_EVERY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_the_beat_and_skip_what_was_missed() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let ten = Duration::from_secs(10);
        assert_eq!(next_tick(at(0), ten, true, at(3)), at(10));
        assert_eq!(next_tick(at(0), ten, true, at(10)), at(20));
        assert_eq!(next_tick(at(0), ten, true, at(34)), at(40));
        let retry = next_tick(at(0), ten, false, at(3));
        assert!(retry >= at(10) && retry <= at(12));
    }

    #[test]
    fn jitter_stays_in_its_range() {
        for _ in 0..100 {
            assert!(jitter(Duration::from_secs(2)) < Duration::from_secs(2));
        }
    }
}
