//! Counts what we ask of the servers: per path template, for `/metrics` and the request budget.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the latency buckets, in seconds; the last bucket of [`CallStats::buckets`] is unbounded.
pub const LATENCY_BUCKETS: [f64; 8] = [0.01, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 30.0];

/// Shared by all clients of a process. Templates come from the code, so the number of entries is bounded.
#[derive(Debug, Default)]
pub struct Meter {
    calls: Mutex<BTreeMap<&'static str, CallStats>>,
    /// Counts everything, too.
    whole: Option<Arc<Self>>,
}

/// Totals of one path template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallStats {
    pub requests: u64,
    /// Requests that got no answer, or one of 400 and above.
    pub failures: u64,
    /// Bytes of answer bodies.
    pub bytes: u64,
    pub seconds: f64,
    pub slowest: Duration,
    /// Not cumulative: one counter per range.
    pub buckets: [u64; LATENCY_BUCKETS.len() + 1],
    /// Elements skipped because they could not be decoded.
    pub skipped_elements: u64,
    /// Scalars of an unusable type, read as unknown.
    pub odd_values: u64,
}

impl Meter {
    /// Counts a part of what `whole` counts.
    pub fn within(whole: Arc<Self>) -> Self {
        Self {
            whole: Some(whole),
            ..Self::default()
        }
    }

    pub(crate) fn request(
        &self,
        template: &'static str,
        took: Duration,
        bytes: usize,
        failed: bool,
    ) {
        self.update(template, &|stats| {
            stats.requests += 1;
            stats.failures += u64::from(failed);
            stats.bytes += bytes as u64;
            stats.seconds += took.as_secs_f64();
            stats.slowest = stats.slowest.max(took);
            let place = LATENCY_BUCKETS
                .iter()
                .position(|bound| took.as_secs_f64() <= *bound);
            stats.buckets[place.unwrap_or(LATENCY_BUCKETS.len())] += 1;
        });
    }

    pub(crate) fn decoded(&self, template: &'static str, skipped: usize, odd: u64) {
        if skipped > 0 || odd > 0 {
            self.update(template, &|stats| {
                stats.skipped_elements += skipped as u64;
                stats.odd_values += odd;
            });
        }
    }

    /// Totals so far, by path template such as `/nodes/{node}/status`.
    pub fn snapshot(&self) -> BTreeMap<&'static str, CallStats> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Requests so far over all templates.
    pub fn requests(&self) -> u64 {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|stats| stats.requests)
            .sum()
    }

    fn update(&self, template: &'static str, change: &dyn Fn(&mut CallStats)) {
        if let Some(whole) = &self.whole {
            whole.update(template, change);
        }
        change(
            self.calls
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(template)
                .or_default(),
        );
    }
}
