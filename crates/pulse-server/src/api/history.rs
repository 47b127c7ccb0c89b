//! The persistent history: statistics and series.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use http::StatusCode;
use pulse_core::Timestamp;
use pulse_metrics::{
    HistoryError, Metric, Point, Query as HistoryQuery, QueryResult, ResourceKind, Selector, UnixMs,
};
use pulse_wire::time::rfc3339_or_never;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, now};
use crate::config::parse_span;
use crate::http::answer::{Refusal, text};
use crate::http::{Reply, json as json_body};

/// A point of a series: the mean of what it stands for, and its extremes.
#[derive(Serialize, ToSchema)]
pub struct PointJson {
    /// Unix ms.
    pub timestamp: i64,
    pub value: f64,
    pub min: f64,
    pub max: f64,
}

impl From<&Point> for PointJson {
    fn from(point: &Point) -> Self {
        Self {
            timestamp: point.at.0,
            value: point.value,
            min: point.min,
            max: point.max,
        }
    }
}

/// Asks the history without blocking the runtime.
pub async fn ask(app: &App, query: HistoryQuery) -> Result<QueryResult, HistoryError> {
    let history = app.history.clone();
    match tokio::task::spawn_blocking(move || history.query(&query)).await {
        Ok(answer) => answer,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

pub fn failed(error: &HistoryError) -> Refusal {
    tracing::error!(%error, "history query failed");
    text(StatusCode::INTERNAL_SERVER_ERROR, "Failed to query metrics")
}

/// `GET /api/metrics-store/stats`
pub async fn stats(State(app): State<App>) -> Reply {
    let history = app.history.clone();
    let stats = tokio::task::spawn_blocking(move || history.stats()).await;
    let stats = match stats {
        Ok(Ok(stats)) => stats,
        Ok(Err(error)) => {
            return Ok(json_body(
                &json!({ "enabled": false, "error": error.to_string() }),
            ));
        }
        Err(error) => {
            return Ok(json_body(
                &json!({ "enabled": false, "error": error.to_string() }),
            ));
        }
    };
    let time = |at: Option<UnixMs>| rfc3339_or_never(at.map(|at| Timestamp(at.0)));
    Ok(json_body(&json!({
        "enabled": true,
        "dbSize": stats.db_size,
        "rawCount": stats.raw_samples,
        "minuteCount": stats.minute_buckets,
        "hourlyCount": stats.hour_buckets,
        "dailyCount": stats.day_buckets,
        "totalWrites": stats.total_writes,
        "bufferSize": stats.buffered_samples,
        "lastFlush": time(stats.last_flush),
        "lastRollup": time(stats.last_rollup),
        "lastRetention": time(stats.last_retention),
        "series": stats.series,
        "maxSeries": stats.max_series,
        "refusedSeries": stats.refused_series,
        "offender": stats.offender.as_ref().map(|o| json!({
            "kind": o.kind.to_string(),
            "idPrefix": o.id_prefix,
            "series": o.series,
        })),
        "droppedSamples": stats.dropped_samples,
        "unreadableBlobs": stats.unreadable_blobs,
        "writeErrors": stats.write_errors,
        "lastError": stats.last_error,
        "setAside": stats.set_aside.as_ref().map(|p| p.display().to_string()),
        "inMemory": stats.in_memory,
    })))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
#[derive(Default)]
pub struct HistoryParams {
    /// `node`, `vm`, `container`, `guest`, `storage`, `host` …
    resource_type: String,
    resource_id: String,
    /// One metric; all when absent.
    metric: String,
    /// `1h`, `6h`, `24h`, `7d`, `30d`, `90d`, or a span as `45m` or `1h30m`. Default 24h.
    range: String,
    /// Most points a series, 10 to 2000. Default 500.
    points: Option<usize>,
}

/// v5's names of kinds, and those that its UI uses.
fn kinds(resource_type: &str) -> Vec<ResourceKind> {
    match resource_type {
        "guest" => vec![ResourceKind::VM, ResourceKind::CONTAINER],
        "qemu" => vec![ResourceKind::VM],
        "lxc" | "oci" | "oci-container" => vec![ResourceKind::CONTAINER],
        "docker" => vec![ResourceKind::DOCKER_CONTAINER],
        other => vec![ResourceKind::from(other)],
    }
}

const DEFAULT_RANGE_MS: i64 = 86_400_000;
pub(super) const LONGEST_RANGE_MS: i64 = 10 * 365 * 86_400_000;

/// A range in milliseconds; what cannot be read is the default.
pub fn range_ms(range: &str) -> i64 {
    parse_span(range)
        .filter(|span| !span.is_zero() && range.chars().any(char::is_alphabetic))
        .map_or(DEFAULT_RANGE_MS, |span| {
            i64::try_from(span.as_millis()).unwrap_or(LONGEST_RANGE_MS)
        })
        .min(LONGEST_RANGE_MS)
}

/// A range as people write it: the largest unit that fits.
fn spell(ms: i64) -> String {
    let secs = ms / 1000;
    match secs {
        s if s % 86_400 == 0 && s > 86_400 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryAll {
    resource_type: String,
    resource_id: String,
    range: String,
    /// Unix ms.
    start: i64,
    end: i64,
    metrics: BTreeMap<String, Vec<PointJson>>,
    /// Milliseconds that a point stands for; 0 for single samples.
    step: i64,
}

/// `GET /api/metrics-store/history`
#[utoipa::path(get, path = "/api/metrics-store/history", params(HistoryParams),
    responses((status = 200, body = HistoryAll)))]
pub async fn history(State(app): State<App>, Query(params): Query<HistoryParams>) -> Reply {
    if params.resource_type.is_empty() || params.resource_id.is_empty() {
        return Err(text(
            StatusCode::BAD_REQUEST,
            "resourceType and resourceId are required",
        ));
    }
    let range = range_ms(&params.range);
    let end = now().millis();
    let start = end - range;
    let metric = match (params.resource_type.as_str(), params.metric.as_str()) {
        ("storage", "disk") => "usage",
        (_, metric) => metric,
    };
    let resources = kinds(&params.resource_type)
        .into_iter()
        .map(|kind| (kind, params.resource_id.clone()))
        .collect();
    let answer = ask(
        &app,
        HistoryQuery {
            selector: Selector::Many(resources),
            metrics: (!metric.is_empty()).then(|| vec![Metric::from(metric)]),
            start: UnixMs(start),
            end: UnixMs(end + 1),
            max_points: params.points.unwrap_or(500).clamp(10, 2000),
        },
    )
    .await
    .map_err(|error| failed(&error))?;
    let mut metrics: BTreeMap<String, Vec<PointJson>> = BTreeMap::new();
    for line in &answer.lines {
        metrics
            .entry(line.metric.to_string())
            .or_default()
            .extend(line.points.iter().map(PointJson::from));
    }
    for points in metrics.values_mut() {
        points.sort_by_key(|p| p.timestamp);
    }
    let range = spell(range);
    if metric.is_empty() {
        return Ok(json_body(&HistoryAll {
            resource_type: params.resource_type,
            resource_id: params.resource_id,
            range,
            start,
            end,
            metrics,
            step: answer.step_ms,
        }));
    }
    let points = metrics.into_values().next().unwrap_or_default();
    Ok(json_body(&json!({
        "resourceType": params.resource_type,
        "resourceId": params.resource_id,
        "metric": params.metric,
        "range": range,
        "start": start,
        "end": end,
        "points": points,
        "step": answer.step_ms,
    })))
}

#[cfg(test)]
mod tests {
    use super::{range_ms, spell};

    #[test]
    fn ranges_read_as_v5_clients_write_them() {
        let check = |text, ms| assert_eq!(range_ms(text), ms, "{text}");
        check("1h", 3_600_000);
        check("7d", 7 * 86_400_000);
        check("1h30m", 5_400_000);
        check("", 86_400_000);
        check("bogus", 86_400_000);
        check("-1h", 86_400_000);
        check("0h", 86_400_000);
        check("99999999y", super::LONGEST_RANGE_MS);
        assert_eq!(spell(86_400_000), "24h");
        assert_eq!(spell(5_400_000), "90m");
        assert_eq!(spell(7 * 86_400_000), "7d");
    }
}
