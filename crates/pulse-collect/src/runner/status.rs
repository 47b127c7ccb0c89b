//! How the polls of an instance went: what operators and `/metrics` are told.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use pulse_core::{PollFailure, Timestamp};

use crate::poller::Profile;
use crate::schedule::{BreakerState, DeadReason, Schedule};

/// Upper bounds in seconds of the poll durations' buckets.
pub const POLL_BUCKETS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0];
/// Upper bounds in seconds of the buckets of the time that due polls wait for a place.
pub const WAIT_BUCKETS: [f64; 11] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Counts by upper bound, cumulative as Prometheus has them; the total counts what is longer, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub buckets: Vec<u64>,
    pub sum: f64,
    pub count: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, bounds: &[f64], span: Duration) {
        self.buckets.resize(bounds.len(), 0);
        let seconds = span.as_secs_f64();
        for (bound, bucket) in bounds.iter().zip(&mut self.buckets) {
            *bucket += u64::from(seconds <= *bound);
        }
        self.sum += seconds;
        self.count += 1;
    }
}

/// The circuit breaker, in wall time.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerStatus {
    pub state: BreakerState,
    pub failures: u32,
    pub since: Timestamp,
    pub retry_at: Option<Timestamp>,
}

/// A dead letter, in wall time.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetterStatus {
    pub reason: DeadReason,
    pub first_attempt: Timestamp,
    pub last_attempt: Timestamp,
    pub retries: u32,
    pub next_retry: Timestamp,
}

/// How the polls of an instance went.
#[derive(Clone, Debug)]
pub struct PollStatus {
    pub profile: Profile,
    pub last_success: Option<Timestamp>,
    pub last_error: Option<(Timestamp, PollFailure)>,
    pub consecutive_failures: u32,
    pub first_failure: Option<Timestamp>,
    pub polls: u64,
    pub failed_polls: u64,
    /// Failed polls by class: `auth`, `timeout`, `connection` or `api`.
    pub errors: BTreeMap<&'static str, u64>,
    pub last_duration: Duration,
    pub durations: Histogram,
    pub waits: Histogram,
    pub in_flight: bool,
    /// Due, but every place is taken.
    pub waiting: bool,
    pub interval: Duration,
    pub next_poll: Option<Timestamp>,
    pub breaker: BreakerStatus,
    pub dead_letter: Option<DeadLetterStatus>,
    /// Requests in 10 s over the last minute; `None` before there is a span to count over.
    pub requests_per_10s: Option<f64>,
}

/// How long requests are counted over.
const COUNTED: Duration = Duration::from_secs(60);

/// What is written down between polls.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub last_success: Option<Timestamp>,
    pub last_error: Option<(Timestamp, PollFailure)>,
    pub consecutive_failures: u32,
    pub first_failure: Option<Timestamp>,
    pub polls: u64,
    pub failed_polls: u64,
    pub errors: BTreeMap<&'static str, u64>,
    pub last_duration: Duration,
    pub durations: Histogram,
    pub waits: Histogram,
    /// Hash of what the last good poll saw.
    pub seen: Option<u64>,
    requests: VecDeque<(Duration, u64)>,
}

impl Record {
    pub fn count_requests(&mut self, now: Duration, total: u64) {
        self.requests.push_back((now, total));
        while self.requests.len() > 2 && now.saturating_sub(self.requests[1].0) >= COUNTED {
            self.requests.pop_front();
        }
    }

    fn requests_per_10s(&self) -> Option<f64> {
        let (first, last) = (self.requests.front()?, self.requests.back()?);
        let span = last.0.saturating_sub(first.0).as_secs_f64();
        (span >= 1.0).then(|| last.1.saturating_sub(first.1) as f64 / span * 10.0)
    }

    pub fn note(
        &mut self,
        at: Timestamp,
        took: Duration,
        outcome: Result<(), &PollFailure>,
        timed_out: bool,
    ) {
        self.polls += 1;
        self.last_duration = took;
        self.durations.add(&POLL_BUCKETS, took);
        match outcome {
            Ok(()) => {
                self.last_success = Some(at);
                self.consecutive_failures = 0;
                self.first_failure = None;
            }
            Err(failure) => {
                self.failed_polls += 1;
                self.consecutive_failures = self.consecutive_failures.saturating_add(1);
                self.first_failure.get_or_insert(at);
                let class = match failure {
                    PollFailure { auth: true, .. } => "auth",
                    _ if timed_out => "timeout",
                    PollFailure {
                        transient: true, ..
                    } => "connection",
                    _ => "api",
                };
                *self.errors.entry(class).or_default() += 1;
                self.last_error = Some((at, failure.clone()));
            }
        }
    }

    /// `now` is one moment as span and as wall time.
    pub fn show(
        &self,
        profile: &Profile,
        schedule: &Schedule,
        now: (Duration, Timestamp),
    ) -> PollStatus {
        let wall = |moment: Duration| {
            let ahead = moment.as_millis() as i64 - now.0.as_millis() as i64;
            now.1.plus_millis(ahead)
        };
        let breaker = schedule.breaker();
        PollStatus {
            profile: profile.clone(),
            last_success: self.last_success,
            last_error: self.last_error.clone(),
            consecutive_failures: self.consecutive_failures,
            first_failure: self.first_failure,
            polls: self.polls,
            failed_polls: self.failed_polls,
            errors: self.errors.clone(),
            last_duration: self.last_duration,
            durations: self.durations.clone(),
            waits: self.waits.clone(),
            in_flight: schedule.is_in_flight(),
            waiting: schedule.is_due(now.0),
            interval: schedule.interval(),
            next_poll: (!schedule.is_in_flight()).then(|| wall(schedule.next())),
            breaker: BreakerStatus {
                state: breaker.state,
                failures: breaker.failures,
                since: wall(breaker.since),
                retry_at: breaker.retry_at.map(wall),
            },
            dead_letter: schedule.dead_letter().map(|dead| DeadLetterStatus {
                reason: dead.reason,
                first_attempt: wall(dead.first_attempt),
                last_attempt: wall(dead.last_attempt),
                retries: dead.retries,
                next_retry: wall(dead.next_retry),
            }),
            requests_per_10s: self.requests_per_10s(),
        }
    }
}
