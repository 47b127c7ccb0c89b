//! Backups: v5's lists, and what the pages of the UI read instead of them.

pub mod coverage;
mod evidence;
pub mod frequency;
pub mod table;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_core::Snapshot;
use pulse_wire::parts::PartsCache;

use crate::app::App;
use crate::http::Reply;
use crate::http::answer::api_error;
use crate::routes::{Entry, row};

use self::coverage::coverage;
use self::frequency::frequency;
use self::table::table;

/// Routes of this file and its siblings.
pub fn routes() -> Vec<Entry> {
    let rule = |path| {
        RouteRule::new(Method::GET, path, Access::Authenticated).scope(Scope::MonitoringRead)
    };
    vec![
        row(rule("/api/backups"), get(backups)),
        row(rule("/api/backups/"), get(backups)),
        row(rule("/api/backups/unified"), get(backups)),
        row(rule("/api/backups/{*rest}"), get(backups)),
        row(rule("/api/backups/pve"), get(storage_backups)),
        row(rule("/api/backups/pbs"), get(backup_servers)),
        row(rule("/api/backups/table"), get(table)),
        row(rule("/api/backups/coverage"), get(coverage)),
        row(rule("/api/backups/frequency"), get(frequency)),
        row(rule("/api/snapshots"), get(snapshots)),
    ]
}

type Encode = fn(&mut PartsCache, &Snapshot) -> Result<Bytes, serde_json::Error>;

/// A list in v5's shape; encoded once per change.
async fn list(app: App, encode: Encode) -> Reply {
    let work = tokio::task::spawn_blocking(move || {
        let snapshot: Arc<Snapshot> = app.inventory.snapshot();
        app.state.with_parts(|parts| encode(parts, &snapshot))
    });
    match work.await {
        Ok(Ok(body)) => Ok(json_bytes(body)),
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &dyn std::fmt::Display) -> crate::http::answer::Refusal {
    tracing::error!(%error, "backups not encoded");
    api_error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "encoding_error",
        "Failed to encode backups",
    )
}

fn json_bytes(body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], body).into_response()
}

/// `GET /api/backups`, `/api/backups/unified` and any other name below: all lists of v5.
async fn backups(State(app): State<App>) -> Reply {
    list(app, PartsCache::backups).await
}

/// `GET /api/backups/pve`
async fn storage_backups(State(app): State<App>) -> Reply {
    list(app, PartsCache::storage_backups).await
}

/// `GET /api/backups/pbs`: the servers, as in v5.
async fn backup_servers(State(app): State<App>) -> Reply {
    list(app, PartsCache::backup_servers).await
}

/// `GET /api/snapshots`
async fn snapshots(State(app): State<App>) -> Reply {
    list(app, PartsCache::snapshots).await
}
