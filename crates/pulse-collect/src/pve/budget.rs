//! The requests that an instance may cost beside the lists of its cycles: a bucket that fills at a
//! steady rate and holds enough for a small fleet to be asked at once. Its users share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulse_core::Timestamp;

/// Requests that may be sent at once after a quiet time.
const BURST: f64 = 80.0;
/// What is left for details however many requests the lists cost, per 10 s.
const LEAST: f64 = 20.0;
/// All requests to an instance per 10 s on average, the lists of its cycles included.
const ALL_TOLD: f64 = 140.0;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    refilled: Timestamp,
    /// Requests per second.
    rate: f64,
    closed: bool,
}

/// Cheap to clone; clones draw from one bucket.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Mutex<Bucket>>);

impl Budget {
    /// `per_10s` requests on average.
    pub fn new(per_10s: f64) -> Self {
        Self(Arc::new(Mutex::new(Bucket {
            tokens: BURST,
            refilled: Timestamp::default(),
            rate: per_10s / 10.0,
            closed: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what the lists of the cycles cost, in requests per 10 s: the rest is for details.
    pub fn lists_cost(&self, per_10s: f64) {
        self.lock().rate = (ALL_TOLD - per_10s).max(LEAST) / 10.0;
    }

    /// Gives nothing until it is opened: a refused login must not be repeated for each question.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    pub fn open(&self) {
        self.lock().closed = false;
    }

    /// Takes one request if there is one left. An urgent one is taken in advance.
    pub fn take(&self, urgent: bool, now: Timestamp) -> bool {
        let mut bucket = self.lock();
        if bucket.closed {
            return false;
        }
        let elapsed = now.since(bucket.refilled).max(0) as f64 / 1000.0;
        let most = BURST.max(bucket.rate * 10.0);
        bucket.tokens = (bucket.tokens + elapsed * bucket.rate).min(most);
        bucket.refilled = bucket.refilled.max(now);
        if bucket.tokens < 1.0 && !urgent {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    /// Takes requests that follow from one that was granted; later ones wait for longer.
    pub fn charge(&self, requests: u32) {
        self.lock().tokens -= f64::from(requests);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_paid_for_later() {
        let budget = Budget::new(50.0);
        let at = Timestamp::from_secs;
        let asked =
            |second| std::iter::from_fn(|| budget.take(false, at(second)).then_some(())).count();
        assert_eq!(asked(1_000_000), 80);
        assert_eq!(asked(1_000_002), 10);
        budget.charge(20);
        assert_eq!(asked(1_000_004), 0);
        assert_eq!(asked(1_000_006), 0);
        assert_eq!(asked(1_000_008), 10);
        // The lists take most of what there is.
        budget.lists_cost(110.0);
        assert_eq!(asked(1_000_018), 30);
        budget.lists_cost(1_000.0);
        assert_eq!(asked(1_000_028), 20);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let budget = Budget::new(50.0);
        while budget.take(false, Timestamp::from_secs(1_000)) {}
        assert!(!budget.take(false, Timestamp::from_secs(10)));
        assert!(!budget.take(false, Timestamp::from_secs(1_000)));
        assert!(budget.take(false, Timestamp::from_secs(1_001)));
    }
}
