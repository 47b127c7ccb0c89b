//! The seam: what the rest of the program asks of a history, whatever engine keeps it.

use crate::error::{CardinalityError, HistoryError};
use crate::query::{Query, QueryResult};
use crate::stats::Stats;
use crate::types::{Metric, ResourceKind, SeriesId, Tick, UnixMs};

/// A time-series history. `HistoryStore` is the built-in one; its methods document the contract.
pub trait History: Send + Sync {
    /// Must not wait for I/O.
    fn intern(
        &self,
        kind: &ResourceKind,
        resource_id: &str,
        metric: &Metric,
    ) -> Result<SeriesId, CardinalityError>;

    /// Must not wait for I/O.
    fn append(&self, tick: Tick);

    fn query(&self, query: &Query) -> Result<QueryResult, HistoryError>;

    fn stats(&self) -> Result<Stats, HistoryError>;

    fn flush(&self) -> Result<(), HistoryError>;

    fn maintain(&self, now: UnixMs) -> Result<(), HistoryError>;

    fn rename_resource(
        &self,
        kind: &ResourceKind,
        old: &str,
        new: &str,
    ) -> Result<bool, HistoryError>;

    fn forget_resources(
        &self,
        matching: &dyn Fn(&str, &str) -> bool,
    ) -> Result<usize, HistoryError>;
}
