//! The monitor's and the scheduler's rows of `/metrics`.

use pulse_collect::{BreakerState, Histogram, InstanceKey, POLL_BUCKETS, PollStatus, WAIT_BUCKETS};
use pulse_core::{InstanceKind, Timestamp};

use super::metrics::Text;
use crate::app::{App, now};

type Rows<'a> = Vec<(&'a InstanceKey, &'a PollStatus)>;

const KINDS: [InstanceKind; 3] = [InstanceKind::Pve, InstanceKind::Pbs, InstanceKind::Pmg];
/// Tasks due within this count as due soon.
pub(super) const SOON_MS: i64 = 12_000;

fn labels(key: &InstanceKey) -> [(&'static str, &str); 2] {
    [
        ("instance_type", key.kind.as_str()),
        ("instance", key.name.as_str()),
    ]
}

fn gauges(
    text: &mut Text,
    rows: &Rows<'_>,
    name: &str,
    help: &str,
    value: impl Fn(&PollStatus) -> Option<f64>,
) {
    text.head(name, "gauge", help);
    for (key, status) in rows {
        if let Some(value) = value(status) {
            text.value(name, &labels(key), value);
        }
    }
}

fn histogram(
    text: &mut Text,
    name: &str,
    base: &[(&str, &str)],
    bounds: &[f64],
    histogram: &Histogram,
) {
    let bucket = format!("{name}_bucket");
    for (bound, count) in bounds.iter().zip(&histogram.buckets) {
        let le = bound.to_string();
        let labels = [base, &[("le", le.as_str())]].concat();
        text.value(&bucket, &labels, *count as f64);
    }
    let labels = [base, &[("le", "+Inf")]].concat();
    text.value(&bucket, &labels, histogram.count as f64);
    text.value(&format!("{name}_sum"), base, histogram.sum);
    text.value(&format!("{name}_count"), base, histogram.count as f64);
}

/// Whether a poll waits in the queue (and not among the dead letters).
pub(super) fn is_queued(status: &PollStatus) -> bool {
    !status.in_flight && status.dead_letter.is_none()
}

pub(super) fn is_due_soon(status: &PollStatus, at: Timestamp) -> bool {
    is_queued(status)
        && status
            .next_poll
            .is_some_and(|next| next.0 <= at.0 + SOON_MS)
}

pub(super) fn write(app: &App, text: &mut Text) {
    let statuses = app.runner.statuses();
    let rows: Rows<'_> = statuses.iter().collect();
    let at = now();
    polls(text, &rows, at);
    queue(text, &rows, at);
    breakers(text, &rows, at);
    nodes(app, text, at);
}

fn polls(text: &mut Text, rows: &Rows<'_>, at: Timestamp) {
    let name = "pulse_monitor_poll_duration_seconds";
    text.head(name, "histogram", "Length of the polls.");
    for (key, status) in rows {
        histogram(text, name, &labels(key), &POLL_BUCKETS, &status.durations);
    }
    let name = "pulse_monitor_poll_total";
    text.head(name, "counter", "Polls, by result.");
    for (key, status) in rows {
        let good = status.polls - status.failed_polls;
        for (result, count) in [("success", good), ("error", status.failed_polls)] {
            let labels = [&labels(key)[..], &[("result", result)]].concat();
            text.value(name, &labels, count as f64);
        }
    }
    let name = "pulse_monitor_poll_errors_total";
    text.head(name, "counter", "Failed polls, by cause.");
    for (key, status) in rows {
        for (class, count) in &status.errors {
            let labels = [&labels(key)[..], &[("error_type", *class)]].concat();
            text.value(name, &labels, *count as f64);
        }
    }
    gauges(
        text,
        rows,
        "pulse_monitor_poll_last_success_timestamp",
        "When a poll last worked, in unix seconds.",
        |status| Some(status.last_success?.0 as f64 / 1000.0),
    );
    gauges(
        text,
        rows,
        "pulse_monitor_poll_staleness_seconds",
        "Seconds since the last poll that worked; -1 is never.",
        |status| {
            let age = |last| at.since(last) as f64 / 1000.0;
            Some(status.last_success.map_or(-1.0, age))
        },
    );
    gauges(
        text,
        rows,
        "pulse_monitor_poll_requests_per_10s",
        "Requests to the instance in 10 s, over the last minute.",
        |status| status.requests_per_10s,
    );
}

fn queue(text: &mut Text, rows: &Rows<'_>, at: Timestamp) {
    let count = |which: &dyn Fn(&PollStatus) -> bool, kind: Option<InstanceKind>| {
        rows.iter()
            .filter(|(key, status)| kind.is_none_or(|kind| key.kind == kind) && which(status))
            .count() as f64
    };
    text.single(
        "pulse_monitor_poll_queue_depth",
        "gauge",
        "Polls that wait for their time or a place.",
        count(&is_queued, None),
    );
    text.single(
        "pulse_scheduler_queue_due_soon",
        "gauge",
        "Polls that are due within 12 s.",
        count(&|status| is_due_soon(status, at), None),
    );
    let name = "pulse_scheduler_queue_depth";
    text.head(name, "gauge", "Polls that wait, by kind.");
    for kind in KINDS {
        let label = [("instance_type", kind.as_str())];
        text.value(name, &label, count(&is_queued, Some(kind)));
    }
    let name = "pulse_monitor_poll_inflight";
    text.head(name, "gauge", "Polls under way, by kind.");
    for kind in KINDS {
        let label = [("instance_type", kind.as_str())];
        text.value(name, &label, count(&|status| status.in_flight, Some(kind)));
    }
    let name = "pulse_scheduler_queue_wait_seconds";
    text.head(name, "histogram", "Time from due to begun.");
    for kind in KINDS {
        let mut total = Histogram {
            buckets: vec![0; WAIT_BUCKETS.len()],
            ..Histogram::default()
        };
        for (_, status) in rows.iter().filter(|(key, _)| key.kind == kind) {
            for (sum, count) in total.buckets.iter_mut().zip(&status.waits.buckets) {
                *sum += count;
            }
            total.sum += status.waits.sum;
            total.count += status.waits.count;
        }
        let label = [("instance_type", kind.as_str())];
        histogram(text, name, &label, &WAIT_BUCKETS, &total);
    }
}

fn breakers(text: &mut Text, rows: &Rows<'_>, at: Timestamp) {
    gauges(
        text,
        rows,
        "pulse_scheduler_dead_letter_depth",
        "1 for an instance that failed too often.",
        |status| Some(f64::from(u8::from(status.dead_letter.is_some()))),
    );
    gauges(
        text,
        rows,
        "pulse_scheduler_breaker_state",
        "0 closed, 1 half-open, 2 open.",
        |status| {
            Some(match status.breaker.state {
                BreakerState::Closed => 0.0,
                BreakerState::HalfOpen => 1.0,
                BreakerState::Open => 2.0,
            })
        },
    );
    gauges(
        text,
        rows,
        "pulse_scheduler_breaker_failure_count",
        "Failures since the last poll that worked.",
        |status| Some(f64::from(status.breaker.failures)),
    );
    gauges(
        text,
        rows,
        "pulse_scheduler_breaker_retry_seconds",
        "Seconds until an open breaker lets a poll through; 0 when it is not open.",
        |status| {
            let wait = |retry: Timestamp| retry.since(at) as f64 / 1000.0;
            Some(status.breaker.retry_at.map_or(0.0, wait))
        },
    );
}

fn nodes(app: &App, text: &mut Text, at: Timestamp) {
    let snapshot = app.inventory.snapshot();
    let name = "pulse_monitor_node_poll_staleness_seconds";
    text.head(name, "gauge", "Seconds since a node was last seen online.");
    for node in snapshot.nodes.iter() {
        let labels = [
            ("instance_type", "pve"),
            ("instance", node.instance.as_str()),
            ("node", node.name.as_str()),
        ];
        text.value(name, &labels, at.since(node.seen) as f64 / 1000.0);
    }
}
