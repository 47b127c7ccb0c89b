//! The circuit breaker of an instance.

use std::time::Duration;

use super::timing::Patience;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerState {
    /// Polls go through.
    #[default]
    Closed,
    /// One poll finds out whether it works again.
    HalfOpen,
    /// No polls until the delay is over.
    Open,
}

impl BreakerState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// Failures in a row that open it.
const OPENS_AT: u32 = 3;

/// Opens after three failures in a row, lets one poll through when its delay is over, and waits
/// longer each time that one fails, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    pub state: BreakerState,
    /// Failures since the last success.
    pub failures: u32,
    /// When the state was entered.
    pub since: Duration,
    /// Only while open.
    pub retry_at: Option<Duration>,
    /// The last delay; none since the last success.
    pub(super) delay: Option<Duration>,
}

impl Breaker {
    fn enter(&mut self, state: BreakerState, now: Duration) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// Lets a poll through.
    pub(super) fn attempt(&mut self, now: Duration) {
        if self.state == BreakerState::Open {
            self.enter(BreakerState::HalfOpen, now);
            self.retry_at = None;
        }
    }

    pub(super) fn succeeded(&mut self, now: Duration) {
        self.enter(BreakerState::Closed, now);
        self.failures = 0;
        self.retry_at = None;
        self.delay = None;
    }

    /// `fixed`: a delay that holds whatever the count.
    pub(super) fn failed(&mut self, now: Duration, patience: Patience, fixed: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        if self.state == BreakerState::Closed && self.failures < OPENS_AT {
            return;
        }
        let last = self.delay.unwrap_or(patience.breaker_first);
        let grown = last.saturating_mul(1 << self.failures.min(16));
        let delay = grown.min(patience.breaker_longest);
        self.delay = Some(delay);
        self.enter(BreakerState::Open, now);
        self.since = now;
        self.retry_at = Some(now + fixed.unwrap_or(delay));
    }
}
