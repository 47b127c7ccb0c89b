//! The task of one instance.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulse_core::{PollFailure, ReportBody, SourceReport};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::activity::fingerprint;
use super::status::{Record, WAIT_BUCKETS};
use super::{Core, Sink, lock};
use crate::poller::{Outbox, Poll, Profile};
use crate::schedule::{Outcome, Schedule};

/// A poll that takes longer gives its place to others and goes on without one: a hung server
/// holds nobody up.
const PLACE_HELD: Duration = Duration::from_secs(10);

/// What the task and the runner's handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub profile: Profile,
    pub state: Mutex<(Schedule, Record)>,
    /// The schedule was changed from outside.
    pub changed: Notify,
}

impl Shared {
    fn due(&self) -> Duration {
        lock(&self.state).0.next()
    }
}

pub(super) async fn run<S: Sink, P: Poll>(core: Arc<Core<S>>, shared: Arc<Shared>, mut poller: P) {
    let background = poller.background(Arc::clone(&core.clock), outbox(&core, &shared));
    let counter = poller.request_counter();
    let polls = async {
        loop {
            wait_until_due(&core, &shared).await;
            let place = Arc::clone(&core.places).acquire_owned().await;
            let Some(limit) = begin(&core, &shared, counter.as_deref()) else {
                continue;
            };
            let began = Instant::now();
            let outcome = {
                let poll = tokio::time::timeout(limit, poller.poll(&core.clock));
                tokio::pin!(poll);
                if let Ok(outcome) = tokio::time::timeout(PLACE_HELD, &mut poll).await {
                    outcome
                } else {
                    drop(place);
                    poll.await
                }
            };
            end(&core, &shared, began.elapsed(), limit, outcome).await;
        }
    };
    tokio::join!(background, polls);
}

fn outbox<S: Sink>(core: &Arc<Core<S>>, shared: &Arc<Shared>) -> Outbox {
    let (sink, clock) = (core.sink.clone(), Arc::clone(&core.clock));
    let demo = shared.profile.demo;
    Outbox::new(move |body| {
        let (sink, at) = (sink.clone(), clock());
        async move { sink.report(SourceReport { at, demo, body }).await }
    })
}

async fn wait_until_due<S: Sink>(core: &Core<S>, shared: &Shared) {
    loop {
        let due = core.epoch + shared.due();
        if due <= Instant::now() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = shared.changed.notified() => {}
        }
    }
}

/// Gives the limit of the poll that begins; `None` when it was put off meanwhile.
fn begin<S: Sink>(
    core: &Core<S>,
    shared: &Shared,
    counter: Option<&(dyn Fn() -> u64 + Send + Sync)>,
) -> Option<Duration> {
    let now = core.epoch.elapsed();
    let mut state = lock(&shared.state);
    let (schedule, record) = &mut *state;
    if !schedule.is_due(now) {
        return None;
    }
    let waited = schedule.started(now);
    record.waits.add(&WAIT_BUCKETS, waited);
    if let Some(counter) = counter {
        record.count_requests(now, counter());
    }
    drop(state);
    Some(lock(&core.timing).poll_limit)
}

type Ended = Result<Result<ReportBody, PollFailure>, tokio::time::error::Elapsed>;

async fn end<S: Sink>(
    core: &Core<S>,
    shared: &Shared,
    took: Duration,
    limit: Duration,
    outcome: Ended,
) {
    let name = &shared.profile.key.name;
    let timed_out = outcome.is_err();
    let mut outcome = outcome.unwrap_or_else(|_| {
        let message = format!(
            "{name}: the poll did not end within {} s; the server or its network is too slow",
            limit.as_secs()
        );
        Err(PollFailure {
            message,
            auth: false,
            transient: true,
        })
    });
    let (at, now) = ((core.clock)(), core.epoch.elapsed());
    let timing = *lock(&core.timing);
    {
        let mut state = lock(&shared.state);
        let (schedule, record) = &mut *state;
        let decided = match &outcome {
            Ok(body) => {
                let seen = fingerprint(body);
                let moving = record.seen.replace(seen).is_some_and(|old| old != seen);
                Outcome::Success { moving }
            }
            Err(failure) => Outcome::of_failure(failure),
        };
        match &outcome {
            Ok(_) if record.consecutive_failures > 0 => {
                tracing::info!(instance = %shared.profile.key, "polling works again");
            }
            Err(failure) if record.consecutive_failures == 0 => {
                tracing::warn!(instance = %shared.profile.key, error = failure.message, "poll failed");
            }
            _ => {}
        }
        schedule.finished(now, decided, &timing, chance(core));
        record.note(at, took, outcome.as_ref().map(|_| ()), timed_out);
        if let Ok(body) = &mut outcome {
            body.set_interval(schedule.interval());
        }
    }
    let body = outcome.unwrap_or_else(|failure| ReportBody::PollFailed {
        instance: name.clone(),
        kind: shared.profile.key.kind,
        failure,
    });
    let demo = shared.profile.demo;
    core.sink.report(SourceReport { at, demo, body }).await;
}

/// In -1..1; spreads polls, guards nothing.
fn chance<S>(core: &Core<S>) -> f64 {
    use std::sync::atomic::Ordering::Relaxed;
    let mut x = core.chance.load(Relaxed);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    core.chance.store(x, Relaxed);
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
