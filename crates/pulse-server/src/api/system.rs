//! Demo mode.

use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::demo;
use crate::http::answer::text;
use crate::http::{Reply, json as json_body};

const LARGEST: usize = 32 << 10;

fn answer(enabled: bool) -> serde_json::Value {
    json!({ "enabled": enabled, "config": demo::v5_config() })
}

/// `GET /api/system/mock-mode`
pub async fn mock_mode(State(app): State<App>) -> Reply {
    Ok(json_body(&answer(app.demo.is_on())))
}

#[derive(Deserialize)]
struct MockMode {
    enabled: Option<bool>,
}

/// `POST|PUT /api/system/mock-mode`
pub async fn set_mock_mode(State(app): State<App>, body: Bytes) -> Reply {
    let invalid = || text(StatusCode::BAD_REQUEST, "Invalid request body");
    if body.len() > LARGEST {
        return Err(invalid());
    }
    let wanted: MockMode = serde_json::from_slice(&body).map_err(|_| invalid())?;
    if let Some(enabled) = wanted.enabled {
        demo::switch(&app, enabled).await.map_err(|error| {
            tracing::error!(%error, "demo mode not switched");
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Demo mode could not be switched. See the server log.",
            )
        })?;
    }
    Ok(json_body(&answer(app.demo.is_on())))
}
