//! Rates from cumulative counters, with resets, first samples and idle sources handled.

use std::collections::HashMap;
use std::hash::Hash;

use crate::reading::{Reading, Unknown};
use crate::units::{BytesPerSecond, Timestamp};

/// Cumulative counters of one guest at one time, in bytes since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub net_in: u64,
    pub net_out: u64,
    pub disk_read: u64,
    pub disk_write: u64,
}

/// Bytes per second of the same four counters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub net_in: Reading<BytesPerSecond>,
    pub net_out: Reading<BytesPerSecond>,
    pub disk_read: Reading<BytesPerSecond>,
    pub disk_write: Reading<BytesPerSecond>,
}

impl Rates {
    pub const fn unknown(reason: Unknown) -> Self {
        Self {
            net_in: Reading::Unknown(reason),
            net_out: Reading::Unknown(reason),
            disk_read: Reading::Unknown(reason),
            disk_write: Reading::Unknown(reason),
        }
    }

    pub const fn zero() -> Self {
        let zero = Reading::Known(BytesPerSecond(0.0));
        Self {
            net_in: zero,
            net_out: zero,
            disk_read: zero,
            disk_write: zero,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::unknown(Unknown::NotReported)
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    uptime: u64,
    counters: Counters,
    rates: Rates,
    /// Which list the counters came from; counters of two lists are never mixed.
    origin: u8,
    used_in_round: u64,
}

/// Counters that did not move for this long mean an idle source, not a source that was read twice.
const IDLE_AFTER_MS: i64 = 30_000;

/// Remembers the last counters of each key and turns the next ones into rates.
///
/// Memory: one entry a key; [`RateTracker::end_round`] drops the keys that were not seen.
#[derive(Debug)]
pub struct RateTracker<K> {
    last: HashMap<K, Sample>,
    round: u64,
}

impl<K> Default for RateTracker<K> {
    fn default() -> Self {
        Self {
            last: HashMap::new(),
            round: 1,
        }
    }
}

impl<K: Hash + Eq + Clone> RateTracker<K> {
    /// Takes the counters of `key` at `at` and returns the rates since the last change.
    ///
    /// `uptime` (seconds) going down means a restart: all four counters count as reset. A counter
    /// that goes down alone is taken as its growth since 0. The proxy may answer with values that
    /// it read earlier, so equal counters repeat the last rates for 30 s and then become 0.
    pub fn update(
        &mut self,
        key: &K,
        at: Timestamp,
        uptime: u64,
        counters: Counters,
        origin: u8,
    ) -> Rates {
        let round = self.round;
        let Some(previous) = self.last.get_mut(key) else {
            let rates = Rates::unknown(Unknown::FirstSample);
            self.last.insert(
                key.clone(),
                Sample {
                    at,
                    uptime,
                    counters,
                    rates,
                    origin,
                    used_in_round: round,
                },
            );
            return rates;
        };
        previous.used_in_round = round;
        let restarted = uptime < previous.uptime;
        if previous.origin != origin || restarted {
            let rates = Rates::unknown(Unknown::FirstSample);
            *previous = Sample {
                at,
                uptime,
                counters,
                rates,
                origin,
                used_in_round: round,
            };
            return rates;
        }
        previous.uptime = uptime;
        let elapsed = at.since(previous.at);
        if elapsed == 0 {
            return previous.rates;
        }
        if counters == previous.counters {
            if elapsed > IDLE_AFTER_MS {
                previous.rates = Rates::zero();
            }
            return previous.rates;
        }
        let secs = elapsed as f64 / 1000.0;
        let rate = |now: u64, before: u64| {
            // A counter that went down alone wrapped or was reset: nothing is known of the
            // growth, and 0 is what v5 clients expect of this sample.
            Reading::Known(BytesPerSecond(now.saturating_sub(before) as f64 / secs))
        };
        let before = previous.counters;
        previous.rates = Rates {
            net_in: rate(counters.net_in, before.net_in),
            net_out: rate(counters.net_out, before.net_out),
            disk_read: rate(counters.disk_read, before.disk_read),
            disk_write: rate(counters.disk_write, before.disk_write),
        };
        previous.at = at;
        previous.counters = counters;
        previous.rates
    }

    /// Moves what is known of `from` to `to` (a guest migrated): its next counters start anew on
    /// the other node, so only the key is dropped.
    pub fn forget(&mut self, key: &K) {
        self.last.remove(key);
    }

    /// Ends one complete round of updates: keys that were not updated in it are dropped.
    pub fn end_round(&mut self) {
        let round = self.round;
        self.last.retain(|_, sample| sample.used_in_round == round);
        self.round += 1;
    }

    pub fn len(&self) -> usize {
        self.last.len()
    }

    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(n: u64) -> Counters {
        Counters {
            net_in: n,
            net_out: n,
            disk_read: n,
            disk_write: n,
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn net_in(rates: Rates) -> Option<f64> {
        rates.net_in.known().map(BytesPerSecond::get)
    }

    #[test]
    fn first_sample_is_unknown_then_the_rate_follows() {
        let mut tracker = RateTracker::default();
        let first = tracker.update(&1, at(0), 100, counters(1000), 0);
        assert_eq!(first.net_in.reason(), Some(Unknown::FirstSample));
        let second = tracker.update(&1, at(10), 110, counters(3000), 0);
        assert_eq!(net_in(second), Some(200.0));
    }

    #[test]
    fn unchanged_counters_repeat_the_rate_and_then_fall_to_zero() {
        let mut tracker = RateTracker::default();
        tracker.update(&1, at(0), 100, counters(0), 0);
        tracker.update(&1, at(10), 110, counters(1000), 0);
        assert_eq!(
            net_in(tracker.update(&1, at(20), 120, counters(1000), 0)),
            Some(100.0)
        );
        assert_eq!(
            net_in(tracker.update(&1, at(50), 150, counters(1000), 0)),
            Some(0.0)
        );
        // The next change is averaged over the whole quiet span.
        assert_eq!(
            net_in(tracker.update(&1, at(60), 160, counters(2000), 0)),
            Some(20.0)
        );
    }

    #[test]
    fn a_reset_never_makes_a_spike() {
        let mut tracker = RateTracker::default();
        tracker.update(&1, at(0), 100, counters(1_000_000), 0);
        assert_eq!(
            net_in(tracker.update(&1, at(10), 110, counters(5), 0)),
            Some(0.0)
        );
        // A restart is a first sample.
        let after = tracker.update(&1, at(20), 3, counters(9_000_000), 0);
        assert_eq!(net_in(after), None);
    }

    #[test]
    fn a_switch_of_source_starts_anew() {
        let mut tracker = RateTracker::default();
        tracker.update(&1, at(0), 100, counters(0), 0);
        assert_eq!(
            net_in(tracker.update(&1, at(10), 110, counters(1_000_000), 1)),
            None
        );
    }

    #[test]
    fn vanished_keys_are_dropped_at_the_end_of_a_round() {
        let mut tracker = RateTracker::default();
        tracker.update(&1, at(0), 1, counters(0), 0);
        tracker.update(&2, at(0), 1, counters(0), 0);
        tracker.end_round();
        tracker.update(&2, at(10), 11, counters(0), 0);
        tracker.end_round();
        assert_eq!(tracker.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn rates_are_finite_and_never_negative(
            steps in proptest::collection::vec((0i64..100_000, 0u64..u64::MAX, 0u64..1000), 1..50)
        ) {
            let mut tracker = RateTracker::default();
            let mut now = 0;
            for (step, value, uptime) in steps {
                now += step;
                let rates = tracker.update(&1, Timestamp(now), uptime, counters(value), 0);
                if let Some(rate) = rates.net_in.known() {
                    proptest::prop_assert!(rate.get().is_finite() && rate.get() >= 0.0);
                }
            }
        }
    }
}
