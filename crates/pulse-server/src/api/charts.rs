//! Series of everything for sparklines: v5's chart routes, served from the persistent history.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use pulse_core::{BytesPerSecond, Guest, Node, Reading, Storage, Timestamp};
use pulse_metrics::{Metric, Query as HistoryQuery, ResourceKind, Selector, UnixMs};
use pulse_wire::time::rfc3339;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::history::{LONGEST_RANGE_MS, ask, failed};
use crate::app::{App, now};
use crate::config::parse_span;
use crate::http::{Reply, json};

/// Points a series: enough for a sparkline, and the answer stays small with many guests.
const POINTS: usize = 120;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChartPoint {
    /// Unix ms.
    timestamp: i64,
    value: f64,
}

type Series = BTreeMap<String, Vec<ChartPoint>>;

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Charts {
    /// By guest id.
    data: BTreeMap<String, Series>,
    node_data: BTreeMap<String, Series>,
    storage_data: BTreeMap<String, Series>,
    docker_data: BTreeMap<String, Series>,
    docker_host_data: BTreeMap<String, Series>,
    /// Host agents; an addition to v5.
    host_data: BTreeMap<String, Series>,
    /// `vm` or `container` by guest id.
    guest_types: BTreeMap<String, String>,
    timestamp: i64,
    stats: ChartStats,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartStats {
    oldest_data_timestamp: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChartParams {
    /// `5m 15m 30m 1h 4h 12h 24h 7d`, and `30d 90d`. Default 1h.
    #[serde(default)]
    range: String,
    /// Comma list of resource ids; everything when absent. An addition to v5.
    #[serde(default)]
    ids: String,
    /// Comma list of metrics; all when absent. An addition to v5.
    #[serde(default)]
    metrics: String,
    /// Most points a series, 10 to 500. Default 120.
    points: Option<usize>,
}

/// Entries of a comma list that are not blank.
fn list(text: &str) -> Vec<&str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .collect()
}

const KINDS: [ResourceKind; 5] = [
    ResourceKind::VM,
    ResourceKind::CONTAINER,
    ResourceKind::NODE,
    ResourceKind::STORAGE,
    ResourceKind::HOST,
];
const METRICS: [Metric; 8] = [
    Metric::CPU,
    Metric::MEMORY,
    Metric::DISK,
    Metric::DISK_READ,
    Metric::DISK_WRITE,
    Metric::NET_IN,
    Metric::NET_OUT,
    Metric::USAGE,
];
/// Ids beyond this are ignored: a page shows fewer rows.
const MOST_IDS: usize = 1000;

impl ChartParams {
    fn query(&self, start: i64, end: i64) -> HistoryQuery {
        let ids = list(&self.ids);
        let selector = if ids.is_empty() {
            Selector::Kinds(KINDS.to_vec())
        } else {
            Selector::Many(
                ids.into_iter()
                    .take(MOST_IDS)
                    .flat_map(|id| KINDS.into_iter().map(move |kind| (kind, id.to_owned())))
                    .collect(),
            )
        };
        let wanted = list(&self.metrics);
        let metrics = METRICS
            .into_iter()
            .filter(|metric| wanted.is_empty() || wanted.contains(&metric.as_str()))
            .collect();
        HistoryQuery {
            selector,
            metrics: Some(metrics),
            start: UnixMs(start),
            end: UnixMs(end),
            max_points: self.points.unwrap_or(POINTS).clamp(10, 500),
        }
    }
}

fn chart_range(range: &str) -> i64 {
    match range {
        "5m" | "15m" | "30m" | "1h" | "4h" | "6h" | "8h" | "12h" | "24h" | "7d" | "30d" | "90d" => {
            parse_span(range).map_or(3_600_000, |span| span.as_millis() as i64)
        }
        _ => 3_600_000,
    }
}

const GUEST_KEYS: [&str; 7] = [
    "cpu",
    "memory",
    "disk",
    "diskread",
    "diskwrite",
    "netin",
    "netout",
];

fn single(value: f64, at: i64) -> Vec<ChartPoint> {
    vec![ChartPoint {
        timestamp: at,
        value,
    }]
}

/// The current values of a guest as one point each.
fn guest_now(guest: &Guest, at: i64) -> Series {
    let rate = |r: Reading<BytesPerSecond>| r.known().map_or(0.0, BytesPerSecond::get);
    let mut series: Series = [
        ("cpu", guest.cpu.percent().get()),
        (
            "memory",
            guest.memory.used.percent_of(guest.memory.total).get(),
        ),
        ("diskread", rate(guest.rates.disk_read)),
        ("diskwrite", rate(guest.rates.disk_write)),
        ("netin", rate(guest.rates.net_in)),
        ("netout", rate(guest.rates.net_out)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), single(value, at)))
    .collect();
    // An unknown use is no point, not −1.
    let disk = guest
        .disk
        .used
        .known()
        .map(|used| single(used.percent_of(guest.disk.total).get(), at))
        .unwrap_or_default();
    series.insert("disk".to_owned(), disk);
    series
}

fn node_now(node: &Node, metric: &str) -> f64 {
    match metric {
        "cpu" => node.cpu.percent().get(),
        "memory" => node.memory.used.percent_of(node.memory.total).get(),
        _ => node
            .disk
            .used
            .known()
            .map_or(0.0, |used| used.percent_of(node.disk.total).get()),
    }
}

fn storage_now(storage: &Storage) -> f64 {
    storage.used.percent_of(storage.total).get()
}

/// `GET /api/charts`
#[utoipa::path(get, path = "/api/charts", params(ChartParams), responses((status = 200, body = Charts)))]
pub async fn charts(State(app): State<App>, Query(params): Query<ChartParams>) -> Reply {
    let at = now().millis();
    let start = at - chart_range(&params.range);
    let answer = ask(&app, params.query(start, at + 1))
        .await
        .map_err(|error| failed(&error))?;
    let mut charts = Charts {
        timestamp: at,
        ..Charts::default()
    };
    let mut oldest = at;
    for line in answer.lines {
        let map = match line.kind.as_str() {
            "vm" | "container" => &mut charts.data,
            "node" => &mut charts.node_data,
            "storage" => &mut charts.storage_data,
            _ => &mut charts.host_data,
        };
        let metric = match (line.kind.as_str(), line.metric.as_str()) {
            ("storage", "usage") => "disk",
            ("node", "cpu" | "memory" | "disk") => line.metric.as_str(),
            ("storage" | "node", _) => continue,
            (_, metric) => metric,
        };
        if let Some(first) = line.points.first() {
            oldest = oldest.min(first.at.0);
        }
        let points = line
            .points
            .iter()
            .map(|p| ChartPoint {
                timestamp: p.at.0,
                value: p.value,
            })
            .collect();
        map.entry(line.resource_id.to_string())
            .or_default()
            .insert(metric.to_owned(), points);
    }
    let asked: std::collections::HashSet<&str> = list(&params.ids).into_iter().collect();
    fill(&app, &mut charts, at, &|id| {
        asked.is_empty() || asked.contains(id)
    });
    charts.stats.oldest_data_timestamp = oldest;
    Ok(json(&charts))
}

/// Keys that are always there, and current values where there is no history.
fn fill(app: &App, charts: &mut Charts, at: i64, wanted: &dyn Fn(&str) -> bool) {
    let snapshot = app.inventory.snapshot();
    let present: std::collections::HashSet<&str> =
        snapshot.guests().map(|g| g.id.as_str()).collect();
    // Guests that are gone have history but no row to show it in.
    charts.data.retain(|id, _| present.contains(id.as_str()));
    for guest in snapshot.guests().filter(|g| wanted(&g.id)) {
        let kind = if guest.kind.is_vm() {
            "vm"
        } else {
            "container"
        };
        charts.guest_types.insert(guest.id.clone(), kind.to_owned());
        let series = charts.data.entry(guest.id.clone()).or_default();
        if series.get("cpu").is_none_or(Vec::is_empty) {
            *series = guest_now(guest, at);
            continue;
        }
        for key in GUEST_KEYS {
            series.entry(key.to_owned()).or_default();
        }
    }
    for node in snapshot.nodes.iter().filter(|n| wanted(&n.id)) {
        let series = charts.node_data.entry(node.id.clone()).or_default();
        for metric in ["cpu", "memory", "disk"] {
            series
                .entry(metric.to_owned())
                .or_insert_with(|| single(node_now(node, metric), at));
        }
    }
    for storage in snapshot.storages.iter().filter(|s| wanted(&s.id)) {
        charts
            .storage_data
            .entry(storage.id.clone())
            .or_default()
            .entry("disk".to_owned())
            .or_insert_with(|| single(storage_now(storage), at));
    }
}

#[derive(Serialize)]
struct StoragePoint {
    value: f64,
    timestamp: String,
}

/// `60` and `24` are minutes as v5 reads them; `24h` is a span.
pub(super) fn storage_range(range: &str) -> i64 {
    if let Ok(minutes) = range.trim().parse::<i64>() {
        return if minutes > 0 {
            minutes.min(LONGEST_RANGE_MS / 60_000) * 60_000
        } else {
            0
        };
    }
    parse_span(range)
        .map_or(3_600_000, |span| {
            i64::try_from(span.as_millis()).unwrap_or(LONGEST_RANGE_MS)
        })
        .min(LONGEST_RANGE_MS)
}

/// `GET /api/storage-charts`, `GET /api/storage/charts`
pub async fn storage_charts(State(app): State<App>, Query(params): Query<ChartParams>) -> Reply {
    let at = now().millis();
    let start = at - storage_range(&params.range);
    let answer = ask(
        &app,
        HistoryQuery {
            selector: Selector::Kinds(vec![ResourceKind::STORAGE]),
            metrics: None,
            start: UnixMs(start),
            end: UnixMs(at + 1),
            max_points: 500,
        },
    )
    .await
    .map_err(|error| failed(&error))?;
    let mut found: BTreeMap<String, BTreeMap<String, Vec<StoragePoint>>> = BTreeMap::new();
    for storage in app.inventory.snapshot().storages.iter() {
        let series = found.entry(storage.id.clone()).or_default();
        for metric in ["usage", "used", "total", "avail"] {
            series.entry(metric.to_owned()).or_default();
        }
    }
    for line in answer.lines {
        let Some(series) = found.get_mut(&*line.resource_id) else {
            continue;
        };
        let points = line
            .points
            .iter()
            .map(|p| StoragePoint {
                value: p.value,
                timestamp: rfc3339(Timestamp(p.at.0)),
            })
            .collect();
        series.insert(line.metric.to_string(), points);
    }
    Ok(json(&found))
}

#[cfg(test)]
mod tests {
    use super::{chart_range, storage_range};

    #[test]
    fn unknown_ranges_are_the_default() {
        assert_eq!(chart_range("24h"), 86_400_000);
        assert_eq!(chart_range("1000y"), 3_600_000);
        assert_eq!(chart_range(""), 3_600_000);
    }

    #[test]
    fn storage_ranges_are_minutes_or_spans() {
        assert_eq!(storage_range("60"), 3_600_000);
        assert_eq!(storage_range("24h"), 86_400_000);
        assert_eq!(storage_range("-5"), 0);
        assert_eq!(storage_range("500000000000y"), super::LONGEST_RANGE_MS);
        assert_eq!(storage_range("abc"), 3_600_000);
        assert_eq!(storage_range(""), 3_600_000);
    }
}
