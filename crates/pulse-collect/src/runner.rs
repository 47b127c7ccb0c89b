//! One task per instance: polls on its interval, never two polls of one instance at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulse_core::{InstanceKind, PollFailure, ReportBody, SourceReport, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::pve::{Poller, PveSource};

/// Gives the wall time of observations.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where reports go.
pub trait Sink: Clone + Send + Sync + 'static {
    fn report(&self, report: SourceReport) -> impl Future<Output = ()> + Send;
}

/// How the polls of an instance went.
#[derive(Clone, Debug, Default)]
pub struct PollStatus {
    pub kind: Option<InstanceKind>,
    pub last_success: Option<Timestamp>,
    pub last_error: Option<(Timestamp, PollFailure)>,
    pub consecutive_failures: u32,
    pub first_failure: Option<Timestamp>,
    pub polls: u64,
    pub last_duration: Duration,
    pub next_poll: Option<Timestamp>,
}

struct Job {
    task: JoinHandle<()>,
    now: Arc<Notify>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Owns the polling tasks. Dropping it stops them.
pub struct Runner<S> {
    sink: S,
    clock: Clock,
    jobs: Mutex<BTreeMap<String, Job>>,
    statuses: Arc<Mutex<BTreeMap<String, PollStatus>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A poll may take this many intervals, but not longer than [`LONGEST_POLL`].
const POLL_INTERVALS: u32 = 3;
const LONGEST_POLL: Duration = Duration::from_secs(180);
/// A refused login is not repeated sooner: repeated failures get addresses blocked.
const AUTH_PAUSE: Duration = Duration::from_secs(60);
const SLOWEST: Duration = Duration::from_secs(120);

impl<S: Sink> Runner<S> {
    pub fn new(sink: S, clock: Clock) -> Self {
        Self {
            sink,
            clock,
            jobs: Mutex::default(),
            statuses: Arc::default(),
        }
    }

    /// Starts polling an instance; replaces one of the same name.
    pub fn start(&self, source: PveSource) {
        let name = source.name.clone();
        let now = Arc::new(Notify::new());
        lock(&self.statuses).insert(
            name.clone(),
            PollStatus {
                kind: Some(InstanceKind::Pve),
                ..PollStatus::default()
            },
        );
        let task = tokio::spawn(run(
            source,
            self.sink.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.statuses),
            Arc::clone(&now),
        ));
        lock(&self.jobs).insert(name, Job { task, now });
    }

    /// Stops polling an instance; a poll under way is abandoned. Returns when no report of it
    /// can arrive any more.
    pub async fn stop(&self, name: &str) {
        let job = lock(&self.jobs).remove(name);
        if let Some(mut job) = job {
            job.task.abort();
            // An aborted task ends with an error, as meant.
            let _ = (&mut job.task).await;
        }
        lock(&self.statuses).remove(name);
    }

    /// Polls an instance as soon as its running poll is over.
    pub fn poll_now(&self, name: &str) -> bool {
        lock(&self.jobs)
            .get(name)
            .inspect(|job| job.now.notify_one())
            .is_some()
    }

    pub fn names(&self) -> Vec<String> {
        lock(&self.jobs).keys().cloned().collect()
    }

    pub fn statuses(&self) -> BTreeMap<String, PollStatus> {
        lock(&self.statuses).clone()
    }
}

/// Time to the next poll after a failure.
fn pause_after(failure: &PollFailure, failures: u32, interval: Duration) -> Duration {
    if failure.auth {
        return AUTH_PAUSE.max(interval);
    }
    // A dead server is asked less and less often, but soon again after a short fault.
    let factor = match failures {
        0..=3 => 1,
        4..=10 => 2,
        _ => 6,
    };
    (interval * factor).min(SLOWEST.max(interval))
}

async fn run<S: Sink>(
    source: PveSource,
    sink: S,
    clock: Clock,
    statuses: Arc<Mutex<BTreeMap<String, PollStatus>>>,
    poll_now: Arc<Notify>,
) {
    let interval = Duration::from_secs(u64::from(source.interval_seconds.max(1)));
    let limit = (interval * POLL_INTERVALS)
        .min(LONGEST_POLL)
        .max(Duration::from_secs(30));
    let name = source.name.clone();
    let demo = source.demo;
    let mut poller = Poller::new(source);
    let details = poller.details().clone();
    let refresh = {
        let clock = Arc::clone(&clock);
        let client = poller.source().client.clone();
        let facts = poller.facts().clone();
        let pass_on = {
            let (sink, clock, name) = (sink.clone(), Arc::clone(&clock), name.clone());
            move |facts| {
                let (sink, at, instance) = (sink.clone(), clock(), name.clone());
                async move {
                    let body = ReportBody::PveFacts { instance, facts };
                    sink.report(SourceReport { at, demo, body }).await;
                }
            }
        };
        async move {
            tokio::join!(
                details.refresh(client.clone(), Arc::clone(&clock)),
                facts.run(client, clock, pass_on)
            );
        }
    };
    tokio::pin!(refresh);
    let mut failures = 0u32;
    loop {
        let started = Instant::now();
        let read_clock = || clock();
        let poll = tokio::time::timeout(limit, poller.poll(&read_clock));
        tokio::pin!(poll);
        let outcome = loop {
            tokio::select! {
                outcome = &mut poll => break outcome,
                () = &mut refresh => {}
            }
        };
        let at = clock();
        let outcome = outcome.unwrap_or_else(|_| {
            Err(PollFailure {
                message: format!("{name}: the poll did not end within {} s; the server or its network is too slow", limit.as_secs()),
                auth: false,
                transient: true,
            })
        });
        let took = started.elapsed();
        let wait = match &outcome {
            Ok(_) => {
                if failures > 0 {
                    tracing::info!(instance = name, "polling works again");
                }
                failures = 0;
                interval.saturating_sub(took)
            }
            Err(failure) => {
                failures = failures.saturating_add(1);
                if failures == 1 {
                    tracing::warn!(instance = name, error = failure.message, "poll failed");
                }
                pause_after(failure, failures, interval)
            }
        };
        note(&statuses, &name, at, took, wait, &outcome);
        let body = match outcome {
            Ok(report) => ReportBody::Pve(Box::new(report)),
            Err(failure) => ReportBody::PollFailed {
                instance: name.clone(),
                kind: InstanceKind::Pve,
                failure,
            },
        };
        sink.report(SourceReport { at, demo, body }).await;
        let next = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next) => break,
                () = poll_now.notified() => break,
                () = &mut refresh => {}
            }
        }
    }
}

fn note(
    statuses: &Mutex<BTreeMap<String, PollStatus>>,
    name: &str,
    at: Timestamp,
    took: Duration,
    wait: Duration,
    outcome: &Result<pulse_core::PveReport, PollFailure>,
) {
    let mut statuses = lock(statuses);
    let Some(status) = statuses.get_mut(name) else {
        return;
    };
    status.polls += 1;
    status.last_duration = took;
    status.next_poll = Some(at.plus_millis(wait.as_millis() as i64));
    match outcome {
        Ok(_) => {
            status.last_success = Some(at);
            status.consecutive_failures = 0;
            status.first_failure = None;
        }
        Err(failure) => {
            status.consecutive_failures += 1;
            status.first_failure.get_or_insert(at);
            status.last_error = Some((at, failure.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_not_hammered() {
        let failure = |auth| PollFailure {
            message: String::new(),
            auth,
            transient: !auth,
        };
        let ten = Duration::from_secs(10);
        assert_eq!(pause_after(&failure(true), 1, ten), AUTH_PAUSE);
        assert_eq!(pause_after(&failure(false), 1, ten), ten);
        assert_eq!(
            pause_after(&failure(false), 20, ten),
            Duration::from_secs(60)
        );
    }
}
