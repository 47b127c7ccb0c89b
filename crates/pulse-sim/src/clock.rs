//! The simulation's clock: real, fast or moved by hand.
//!
//! Every simulated value is a function of this clock, so a fast clock makes days pass in minutes
//! and a manual one makes tests exact. Time is Unix milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Unix time in milliseconds, as the simulation sees it.
pub type Millis = i64;

/// Where the simulation takes its time from. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Scaled {
        start: Millis,
        since: Instant,
        factor: f64,
    },
    Manual(AtomicI64),
}

impl Clock {
    /// The machine's time.
    pub fn real() -> Self {
        Self::fast(1.0)
    }

    /// Starts at the machine's time and runs `factor` times as fast.
    pub fn fast(factor: f64) -> Self {
        Self::fast_from(unix_now(), factor)
    }

    /// Starts at `start` and runs `factor` times as fast.
    pub fn fast_from(start: Millis, factor: f64) -> Self {
        Self(Arc::new(Source::Scaled {
            start,
            since: Instant::now(),
            factor,
        }))
    }

    /// Stands still at `start` until it is moved.
    pub fn manual(start: Millis) -> Self {
        Self(Arc::new(Source::Manual(AtomicI64::new(start))))
    }

    /// The current simulated time.
    pub fn now(&self) -> Millis {
        match &*self.0 {
            Source::Scaled {
                start,
                since,
                factor,
            } => start + (since.elapsed().as_secs_f64() * 1000.0 * factor) as i64,
            Source::Manual(at) => at.load(Ordering::Acquire),
        }
    }

    /// Moves a manual clock forward; other clocks move by themselves.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(at) = &*self.0 {
            at.fetch_add(by.as_millis() as i64, Ordering::AcqRel);
        }
    }

    /// How long a simulated span lasts for those who wait: a fast clock makes it shorter.
    pub fn real_span(&self, simulated: Duration) -> Duration {
        match &*self.0 {
            Source::Scaled { factor, .. } if *factor > 0.0 => simulated.div_f64(*factor),
            _ => simulated,
        }
    }
}

fn unix_now() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as i64)
}
