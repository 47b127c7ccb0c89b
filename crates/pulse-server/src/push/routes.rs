//! The routes of the receivers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_core::InstanceKind;
use serde::Deserialize;
use serde_json::json;

use super::sample::Batch;
use super::{events, influx, setup};
use crate::app::{App, now};
use crate::http::answer::{Refusal, api_error};
use crate::http::{Reply, json as json_body};
use crate::routes::{Entry, row};

/// What a node with a thousand guests sends at once is below.
pub const LARGEST_WRITE: usize = 4_000_000;
const LARGEST_EVENT: usize = 256 << 10;

pub fn routes() -> Vec<Entry> {
    let pushed =
        |method, path| RouteRule::new(method, path, Access::Authenticated).scope(Scope::PushReport);
    let write = || post(write).layer(DefaultBodyLimit::max(LARGEST_WRITE));
    vec![
        row(pushed(Method::POST, "/api/push/influx/write"), write()),
        row(
            pushed(Method::POST, "/api/push/influx/api/v2/write"),
            write(),
        ),
        row(
            pushed(Method::GET, "/api/push/influx/health"),
            get(influx_health),
        ),
        row(
            pushed(Method::POST, "/api/push/events"),
            post(event).layer(DefaultBodyLimit::max(LARGEST_EVENT)),
        ),
        row(
            RouteRule::new(Method::GET, "/api/push/events", Access::Authenticated)
                .scope(Scope::MonitoringRead),
            get(list),
        ),
        row(
            RouteRule::new(Method::GET, "/api/push/setup", Access::Admin)
                .scope(Scope::SettingsRead),
            get(setup::setup),
        ),
    ]
}

fn too_many() -> Refusal {
    api_error(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "Too many pushes; send them less often",
    )
}

/// Names an instance in the places that Proxmox lets the operator fill.
#[derive(Debug, Default, Deserialize)]
pub struct WriteQuery {
    bucket: Option<String>,
    db: Option<String>,
}

/// `POST /api/push/influx/write` and `…/api/v2/write`: InfluxDB lines. A bucket (or database)
/// that is called as a PVE instance says whose they are. 204; 400 when no line can be read.
async fn write(
    State(app): State<App>,
    Query(query): Query<WriteQuery>,
    body: Bytes,
) -> Result<Response, Refusal> {
    if !app.push.admits("metrics", 50.0, 300.0) {
        return Err(too_many());
    }
    let received = now();
    let mut batch = Batch::default();
    influx::read(&body, received, &mut batch);
    if batch.lines > 0 && batch.broken == batch.lines {
        return Err(api_error(
            StatusCode::BAD_REQUEST,
            "invalid_lines",
            "The body is not InfluxDB's line protocol",
        ));
    }
    let snapshot = app.inventory.snapshot();
    let named = query.bucket.or(query.db).filter(|name| {
        let is = |kind: InstanceKind, other: &str| kind == InstanceKind::Pve && other == name;
        snapshot.instances.iter().any(|i| is(i.kind, &i.name))
    });
    app.push
        .metrics(&app, batch, named.as_deref(), received)
        .await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/push/influx/health`: Proxmox asks it when a metric server is added.
async fn influx_health() -> Reply {
    Ok(json_body(&json!({
        "name": "pulse",
        "message": "ready for writes",
        "status": "pass",
    })))
}

#[derive(Debug, Default, Deserialize)]
struct EventQuery {
    instance: Option<String>,
    /// `pve`, `pbs` or `pmg`.
    source: Option<String>,
}

/// `POST /api/push/events`: one notification; 202 with its number.
async fn event(
    State(app): State<App>,
    Query(query): Query<EventQuery>,
    body: Bytes,
) -> Result<Response, Refusal> {
    if !app.push.admits("events", 2.0, 60.0) {
        return Err(too_many());
    }
    let mut event = events::read(&body, now()).map_err(|reason| {
        api_error(
            StatusCode::BAD_REQUEST,
            "invalid_event",
            "The body is not a notification",
        )
        .with_details(&reason)
    })?;
    event.named_instance = query.instance.filter(|name| !name.is_empty());
    event.source = match query.source.as_deref() {
        Some("pve") => Some(InstanceKind::Pve),
        Some("pbs") => Some(InstanceKind::Pbs),
        Some("pmg") => Some(InstanceKind::Pmg),
        _ => None,
    };
    let id = app.push.event(&app, event);
    Ok((StatusCode::ACCEPTED, json_body(&json!({"id": id}))).into_response())
}

/// `GET /api/push/events`: the last notifications, newest first, and what was counted.
async fn list(State(app): State<App>) -> Reply {
    let shown: Vec<_> = app.push.events().iter().map(events::Event::json).collect();
    let count = |n: &AtomicU64| n.load(Relaxed);
    let counts = &app.push.counts;
    Ok(json_body(&json!({
        "events": shown,
        "counts": {
            "batches": count(&counts.batches),
            "lines": count(&counts.lines),
            "brokenLines": count(&counts.broken_lines),
            "applied": count(&counts.applied),
            "unknown": count(&counts.unknown),
            "events": count(&counts.events),
            "refused": count(&counts.refused),
        },
    })))
}
