//! Storages in v5's internal shape.

use axum::extract::{Path, State};
use axum::routing::get;
use http::{Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_core::Storage;
use pulse_wire::state::StorageJson;
use serde_json::{Value, json};

use crate::app::{App, now};
use crate::http::answer::api_error;
use crate::http::{Reply, json as answer};
use crate::routes::{Entry, row};

pub fn routes() -> Vec<Entry> {
    let rule = |path| RouteRule::new(Method::GET, path, Access::Authenticated);
    vec![
        row(
            rule("/api/storage/").scope(Scope::MonitoringRead),
            get(list),
        ),
        row(
            rule("/api/storage/{*id}").scope(Scope::MonitoringRead),
            get(one),
        ),
    ]
}

/// The state's shape without the keys that only the browser's has.
fn internal(storage: &Storage) -> Value {
    let mut value = serde_json::to_value(StorageJson::new(storage)).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("storage");
        fields.remove("avail");
    }
    value
}

/// `GET /api/storage/`: all storages.
async fn list(State(app): State<App>) -> Reply {
    let snapshot = app.inventory.snapshot();
    let all: Vec<Value> = snapshot.storages.iter().map(|s| internal(s)).collect();
    Ok(answer(&json!({ "data": all, "timestamp": now().secs() })))
}

/// `GET /api/storage/{id}`
async fn one(State(app): State<App>, Path(id): Path<String>) -> Reply {
    let snapshot = app.inventory.snapshot();
    let found = snapshot.storages.iter().find(|storage| storage.id == id);
    let storage = found.ok_or_else(|| {
        api_error(
            StatusCode::NOT_FOUND,
            "storage_not_found",
            format!("Storage with ID '{id}' not found"),
        )
    })?;
    let body = json!({ "data": internal(storage), "timestamp": now().secs() });
    Ok(answer(&body))
}
