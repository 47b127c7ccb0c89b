//! `/metrics`: the server's own health in Prometheus text.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;

use crate::app::{App, VERSION};
use crate::http::metrics::BUCKETS;

pub(super) struct Text(String);

impl Text {
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub(super) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let list: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}=\"{}\"", escape(value)))
                .collect();
            let _ = write!(self.0, "{{{}}}", list.join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }

    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.value(name, &[], value);
    }
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// `GET /metrics`
pub async fn metrics(State(app): State<App>) -> Response {
    let mut text = Text(String::with_capacity(8 * 1024));
    text.head(
        "pulse_build_info",
        "gauge",
        "Version of the running server.",
    );
    text.value("pulse_build_info", &[("version", VERSION)], 1.0);
    text.single(
        "pulse_uptime_seconds",
        "gauge",
        "Seconds since the server started.",
        app.started.elapsed().as_secs_f64(),
    );
    http(&app, &mut text);
    inventory(&app, &mut text);
    polling(&app, &mut text);
    live(&app, &mut text);
    history(&app, &mut text).await;
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text.0,
    )
        .into_response()
}

fn http(app: &App, text: &mut Text) {
    let name = "pulse_http_request_duration_seconds";
    text.head(name, "histogram", "Time to answer, by route and status.");
    for ((method, route, status), stats) in app.http_metrics.snapshot() {
        let status = status.to_string();
        let base = [
            ("method", method.as_str()),
            ("route", route),
            ("status", status.as_str()),
        ];
        for (bound, count) in BUCKETS.iter().zip(stats.buckets) {
            let le = bound.to_string();
            let mut labels = base.to_vec();
            labels.push(("le", &le));
            text.value(&format!("{name}_bucket"), &labels, count as f64);
        }
        let mut labels = base.to_vec();
        labels.push(("le", "+Inf"));
        text.value(&format!("{name}_bucket"), &labels, stats.requests as f64);
        text.value(&format!("{name}_sum"), &base, stats.seconds);
        text.value(&format!("{name}_count"), &base, stats.requests as f64);
    }
}

fn inventory(app: &App, text: &mut Text) {
    let snapshot = app.inventory.snapshot();
    let name = "pulse_resources";
    text.head(name, "gauge", "Resources in the current state, by kind.");
    for (kind, count) in [
        ("node", snapshot.nodes.len()),
        ("vm", snapshot.vms.len()),
        ("container", snapshot.containers.len()),
        ("storage", snapshot.storages.len()),
        ("host", snapshot.hosts.len()),
    ] {
        text.value(name, &[("kind", kind)], count as f64);
    }
    text.single(
        "pulse_state_version",
        "counter",
        "Version of the current state.",
        snapshot.version as f64,
    );
}

fn polling(app: &App, text: &mut Text) {
    super::scheduler_metrics::write(app, text);
    let calls = app.sources.meter().snapshot();
    text.head(
        "pulse_proxmox_requests_total",
        "counter",
        "Requests to Proxmox, by path.",
    );
    for (path, stats) in &calls {
        text.value(
            "pulse_proxmox_requests_total",
            &[("path", path)],
            stats.requests as f64,
        );
    }
    text.head(
        "pulse_proxmox_request_failures_total",
        "counter",
        "Requests to Proxmox that failed.",
    );
    for (path, stats) in &calls {
        text.value(
            "pulse_proxmox_request_failures_total",
            &[("path", path)],
            stats.failures as f64,
        );
    }
    text.head(
        "pulse_proxmox_seconds_total",
        "counter",
        "Time spent waiting for Proxmox.",
    );
    for (path, stats) in &calls {
        text.value(
            "pulse_proxmox_seconds_total",
            &[("path", path)],
            stats.seconds,
        );
    }
}

fn live(app: &App, text: &mut Text) {
    let name = "pulse_websocket_clients";
    text.head(name, "gauge", "Open WebSockets, by protocol.");
    let count = |n: &std::sync::atomic::AtomicUsize| n.load(Ordering::Relaxed) as f64;
    text.value(
        name,
        &[("protocol", "delta")],
        count(&app.live.delta_clients),
    );
    text.value(name, &[("protocol", "v5")], count(&app.live.full_clients));
    text.single(
        "pulse_websocket_dropped_total",
        "counter",
        "WebSockets closed because they were too slow.",
        count(&app.live.dropped_clients),
    );
    text.single(
        "pulse_websocket_sent_bytes_total",
        "counter",
        "Bytes of frames sent.",
        app.live.sent_bytes.load(Ordering::Relaxed) as f64,
    );
}

async fn history(app: &App, text: &mut Text) {
    let store = app.history.clone();
    let Ok(Ok(stats)) = tokio::task::spawn_blocking(move || store.stats()).await else {
        return;
    };
    text.single(
        "pulse_history_bytes",
        "gauge",
        "Size of the history file.",
        stats.db_size as f64,
    );
    text.single(
        "pulse_history_series",
        "gauge",
        "Series in the history.",
        f64::from(stats.series),
    );
    text.single(
        "pulse_history_samples_written_total",
        "counter",
        "Samples written.",
        stats.total_writes as f64,
    );
    text.single(
        "pulse_history_samples_dropped_total",
        "counter",
        "Samples dropped because the disk did not keep up.",
        stats.dropped_samples as f64,
    );
    text.single(
        "pulse_history_reports_dropped_total",
        "counter",
        "Reports that were not recorded because the history did not keep up.",
        app.recorder_dropped() as f64,
    );
    text.single(
        "pulse_history_series_refused_total",
        "counter",
        "Series refused at the limit.",
        stats.refused_series as f64,
    );
    text.single(
        "pulse_history_unreadable_blobs_total",
        "counter",
        "Blobs that could not be read.",
        stats.unreadable_blobs as f64,
    );
    text.single(
        "pulse_history_write_errors_total",
        "counter",
        "Failed writes.",
        stats.write_errors as f64,
    );
}
