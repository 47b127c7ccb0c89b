//! Asking the history: what, from when to when, in how many points.

mod canvas;
mod plan;
mod read;
mod wanted;

use std::sync::Arc;

pub(crate) use read::run;

use crate::tier::Tier;
use crate::types::{Metric, ResourceKind, UnixMs};

/// Points a series when a query does not say.
pub const DEFAULT_POINTS: usize = 500;

/// Which resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    One(ResourceKind, String),
    Many(Vec<(ResourceKind, String)>),
    /// All resources of these kinds.
    Kinds(Vec<ResourceKind>),
    All,
}

/// A question. `start` is included, `end` is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub selector: Selector,
    /// `None` for every metric.
    pub metrics: Option<Vec<Metric>>,
    pub start: UnixMs,
    pub end: UnixMs,
    /// Most points a series; 0 for `DEFAULT_POINTS`.
    pub max_points: usize,
}

/// A value of a line: the average of the samples it stands for, and their extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The sample's own time, or the start of the bucket.
    pub at: UnixMs,
    pub value: f64,
    pub min: f64,
    pub max: f64,
}

/// One metric of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub kind: ResourceKind,
    pub resource_id: Arc<str>,
    pub metric: Metric,
    /// Ascending. Where nothing was recorded there is no point.
    pub points: Vec<Point>,
}

/// An answer. Lines without points are left out; they are ordered by kind, resource and metric.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryResult {
    pub start: UnixMs,
    pub end: UnixMs,
    /// Length of a bucket in milliseconds; 0 when the points are the samples themselves.
    pub step_ms: i64,
    /// The tier that the newer part was read from.
    pub tier: Tier,
    pub lines: Vec<Line>,
    /// Blobs of the range that could not be read.
    pub unreadable: u64,
}
