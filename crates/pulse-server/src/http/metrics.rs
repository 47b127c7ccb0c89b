//! Counts of what the server answers, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the duration buckets in seconds, as v5 has them.
pub const BUCKETS: [f64; 8] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// One route and status.
#[derive(Clone, Debug, Default)]
pub struct RouteStats {
    pub requests: u64,
    pub seconds: f64,
    pub buckets: [u64; BUCKETS.len()],
}

/// Bounded: routes come from the route table, methods and statuses are few.
#[derive(Debug, Default)]
pub struct HttpMetrics(Mutex<BTreeMap<(String, &'static str, u16), RouteStats>>);

impl HttpMetrics {
    pub fn note(&self, method: &http::Method, route: &'static str, status: u16, took: Duration) {
        let method = match method.as_str() {
            m @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => m,
            _ => "OTHER",
        };
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = map.entry((method.to_owned(), route, status)).or_default();
        let seconds = took.as_secs_f64();
        stats.requests += 1;
        stats.seconds += seconds;
        for (bound, count) in BUCKETS.iter().zip(&mut stats.buckets) {
            if seconds <= *bound {
                *count += 1;
            }
        }
    }

    pub fn snapshot(&self) -> BTreeMap<(String, &'static str, u16), RouteStats> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
