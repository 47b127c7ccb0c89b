//! The settings of the schedule.

use std::time::Duration;

use pulse_core::InstanceKind;

/// Bounds of the adaptive mode; `min <= base <= max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptive {
    /// Of a PVE instance that is healthy and quiet. Other kinds keep their interval as base.
    pub base: Duration,
    pub min: Duration,
    pub max: Duration,
}

/// How often is asked, and how long a poll may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// `None`: each source's own interval.
    pub pve: Option<Duration>,
    pub pbs: Option<Duration>,
    pub pmg: Option<Duration>,
    pub adaptive: Option<Adaptive>,
    /// A poll that takes longer is given up.
    pub poll_limit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            pve: None,
            pbs: None,
            pmg: None,
            adaptive: None,
            poll_limit: Duration::from_secs(120),
        }
    }
}

/// Patience: fast when the operator wants everything within seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub first: Duration,
    pub longest: Duration,
    pub breaker_first: Duration,
    pub breaker_longest: Duration,
}

/// With an adaptive maximum up to this the fast delays hold.
const FAST_UP_TO: Duration = Duration::from_secs(15);

impl Timing {
    /// Twice the connection timeout, between 30 s and `most`.
    pub fn limit_for(connection_timeout: Duration, most: Duration) -> Duration {
        let least = Duration::from_secs(30);
        (connection_timeout * 2).clamp(least, most.max(least))
    }

    /// The interval of a kind while all is well; `own` is the source's.
    pub fn interval(&self, kind: InstanceKind, own: Duration) -> Duration {
        let set = match kind {
            InstanceKind::Pve => self.pve,
            InstanceKind::Pbs => self.pbs,
            InstanceKind::Pmg => self.pmg,
        };
        let interval = set.unwrap_or(own).max(Duration::from_secs(1));
        match self.adaptive {
            Some(adaptive) if kind == InstanceKind::Pve => adaptive.base,
            Some(adaptive) => interval.clamp(adaptive.min, adaptive.max.max(interval)),
            None => interval,
        }
    }

    pub(super) fn patience(&self) -> Patience {
        let secs = Duration::from_secs;
        if self.adaptive.is_some_and(|a| a.max <= FAST_UP_TO) {
            Patience {
                first: Duration::from_millis(750),
                longest: secs(4),
                breaker_first: secs(2),
                breaker_longest: secs(10),
            }
        } else {
            Patience {
                first: secs(5),
                longest: secs(300),
                breaker_first: secs(5),
                breaker_longest: secs(300),
            }
        }
    }
}
