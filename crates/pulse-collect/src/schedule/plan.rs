//! The schedule of one instance as a state machine.

use std::time::Duration;

use pulse_core::{InstanceKind, PollFailure};

use super::breaker::{Breaker, BreakerState};
use super::timing::{Adaptive, Timing};

/// How a poll ended, as far as it decides about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success {
        /// What was read differs from the last time, or something is wrong there.
        moving: bool,
    },
    /// The credentials are not accepted.
    Refused,
    /// May go by itself.
    Transient,
    /// Somebody has to change something.
    Permanent,
}

impl Outcome {
    pub fn of_failure(failure: &PollFailure) -> Self {
        match failure {
            PollFailure { auth: true, .. } => Self::Refused,
            PollFailure {
                transient: true, ..
            } => Self::Transient,
            _ => Self::Permanent,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadReason {
    MaxRetryAttempts,
    PermanentFailure,
}

impl DeadReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxRetryAttempts => "max_retry_attempts",
            Self::PermanentFailure => "permanent_failure",
        }
    }
}

/// An instance that failed too often to be in the queue with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub reason: DeadReason,
    pub first_attempt: Duration,
    pub last_attempt: Duration,
    pub retries: u32,
    pub next_retry: Duration,
}

/// A refused login is not repeated sooner: repeated failures get addresses blocked.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// Failures in a row that make a dead letter.
const DEAD_AT: u32 = 5;
const DEAD_RETRY: Duration = Duration::from_mins(30);
/// A server that could not be reached may just have been restarted.
const DEAD_RETRY_TRANSIENT: Duration = Duration::from_mins(5);
/// Polls without a change after which an adaptive interval grows.
const QUIET: u32 = 30;
/// Polls after a change at the shortest adaptive interval.
const LIVELY: u32 = 3;

/// Decides when the next poll of an instance begins. All times are spans since the runner began.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: InstanceKind,
    own: Duration,
    next: Duration,
    started: Option<Duration>,
    in_flight: bool,
    again: bool,
    /// The interval that is kept while all is well.
    interval: Duration,
    failures: u32,
    first_failure: Duration,
    dead: Option<DeadLetter>,
    breaker: Breaker,
    unchanged: u32,
}

impl Schedule {
    /// Due at once. `own` is the source's interval.
    pub fn new(kind: InstanceKind, own: Duration, now: Duration, timing: &Timing) -> Self {
        let breaker = Breaker {
            since: now,
            ..Breaker::default()
        };
        Self {
            kind,
            own,
            next: now,
            started: None,
            in_flight: false,
            again: false,
            interval: timing.interval(kind, own),
            failures: 0,
            first_failure: now,
            dead: None,
            breaker,
            unchanged: LIVELY,
        }
    }

    /// When the next poll is due.
    pub const fn next(&self) -> Duration {
        self.next
    }

    pub const fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    pub const fn interval(&self) -> Duration {
        self.interval
    }

    pub const fn dead_letter(&self) -> Option<DeadLetter> {
        self.dead
    }

    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// A poll may begin: one is due, and none is under way.
    pub fn is_due(&self, now: Duration) -> bool {
        !self.in_flight && now >= self.next
    }

    /// A poll begins; gives how long it was due.
    pub fn started(&mut self, now: Duration) -> Duration {
        self.in_flight = true;
        self.started = Some(now);
        self.breaker.attempt(now);
        now.saturating_sub(self.next)
    }

    /// A poll ended. `chance` in -1..=1 spreads what would otherwise come in step.
    pub fn finished(&mut self, now: Duration, outcome: Outcome, timing: &Timing, chance: f64) {
        self.in_flight = false;
        match outcome {
            Outcome::Success { moving } => self.succeeded(now, moving, timing, chance),
            failure => self.failed(now, failure, timing, chance),
        }
        if std::mem::take(&mut self.again) {
            self.next = now;
        }
    }

    fn succeeded(&mut self, now: Duration, moving: bool, timing: &Timing, chance: f64) {
        self.failures = 0;
        self.dead = None;
        self.breaker.succeeded(now);
        self.unchanged = if moving {
            0
        } else {
            self.unchanged.saturating_add(1)
        };
        let base = timing.interval(self.kind, self.own);
        self.interval = match timing.adaptive {
            None => base,
            Some(adaptive) => {
                let target = adapted(self.unchanged, base, adaptive);
                let smooth = target.mul_f64(0.6) + self.interval.mul_f64(0.4);
                smooth.clamp(adaptive.min, adaptive.max.max(base))
            }
        };
        let started = self.started.unwrap_or(now);
        let spread = self.interval.mul_f64(1.0 + 0.05 * chance.clamp(-1.0, 1.0));
        let spread = match timing.adaptive {
            Some(adaptive) => spread.clamp(adaptive.min, adaptive.max.max(base)),
            None => spread,
        };
        self.next = (started + spread).max(now);
    }

    fn failed(&mut self, now: Duration, outcome: Outcome, timing: &Timing, chance: f64) {
        if self.failures == 0 {
            self.first_failure = now;
        }
        self.failures = self.failures.saturating_add(1);
        let patience = timing.patience();
        let refused = outcome == Outcome::Refused;
        let pause = REFUSED_PAUSE.max(timing.interval(self.kind, self.own));
        self.breaker.failed(now, patience, refused.then_some(pause));
        let mut wait = if refused {
            pause
        } else {
            let doubled = patience
                .first
                .saturating_mul(1 << (self.failures - 1).min(16));
            let spread = doubled.mul_f64(1.0 + 0.2 * chance.clamp(-1.0, 1.0));
            spread.min(patience.longest)
        };
        if outcome == Outcome::Permanent || self.failures >= DEAD_AT {
            wait = match outcome {
                Outcome::Refused => pause,
                Outcome::Permanent => DEAD_RETRY,
                _ => DEAD_RETRY_TRANSIENT,
            };
        }
        self.next = now + wait;
        if let Some(retry_at) = self.breaker.retry_at {
            self.next = self.next.max(retry_at);
        }
        let reason = match outcome {
            Outcome::Permanent => DeadReason::PermanentFailure,
            _ if self.failures >= DEAD_AT => DeadReason::MaxRetryAttempts,
            _ => return,
        };
        self.dead = Some(DeadLetter {
            reason,
            first_attempt: self.first_failure,
            last_attempt: now,
            retries: self.failures,
            next_retry: self.next,
        });
    }

    /// Somebody wants a poll now, whatever went before. One under way is followed by another.
    pub fn hurry(&mut self, now: Duration) {
        if self.in_flight {
            self.again = true;
        } else {
            self.next = self.next.min(now);
        }
    }

    /// An event says that there is news. Neither a breaker nor a pause is bypassed, and a flood of
    /// events does not make more than a poll every two seconds.
    pub fn nudge(&mut self, now: Duration) {
        if self.failures > 0 {
            return;
        }
        let last = self.started.unwrap_or(now);
        let soon = now.max(last + Duration::from_secs(2));
        if self.in_flight {
            self.again = true;
        } else {
            self.next = self.next.min(soon);
        }
    }

    /// Forgets failures: the settings were edited, or a test worked.
    pub fn reset(&mut self, now: Duration) {
        self.failures = 0;
        self.dead = None;
        self.breaker = Breaker {
            since: now,
            ..Breaker::default()
        };
        self.hurry(now);
    }

    /// The settings changed: a healthy instance keeps its last start and takes the new interval.
    pub fn retime(&mut self, now: Duration, timing: &Timing) {
        let interval = timing.interval(self.kind, self.own);
        if self.failures == 0 && interval != self.interval {
            self.interval = interval;
            if let Some(started) = self.started
                && !self.in_flight
            {
                self.next = (started + interval).max(now);
            }
        }
    }

    /// A poll may go through: no breaker is open, or its delay is over.
    pub fn is_blocked(&self, now: Duration) -> bool {
        self.breaker.state == BreakerState::Open && now < self.next
    }
}

/// Base while quiet, the shortest for some polls after a change, longer and longer when nothing
/// has changed for long.
fn adapted(unchanged: u32, base: Duration, adaptive: Adaptive) -> Duration {
    if unchanged < LIVELY {
        return adaptive.min;
    }
    let idle = unchanged.saturating_sub(QUIET);
    let grown = base.mul_f64(1.0 + f64::from(idle.min(100_000)) / f64::from(QUIET));
    grown.min(adaptive.max.max(base))
}
