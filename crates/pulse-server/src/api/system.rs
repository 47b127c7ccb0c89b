//! System settings and demo mode.

use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::demo;
use crate::http::answer::text;
use crate::http::{Ask, Reply, json as json_body};
use crate::settings::{self, ChangeError};

const LARGEST: usize = 32 << 10;
const LARGEST_SETTINGS: usize = 64 << 10;

fn answer(enabled: bool) -> serde_json::Value {
    json!({ "enabled": enabled, "config": demo::v5_config() })
}

/// `GET /api/system/settings`
pub async fn settings(State(app): State<App>) -> Reply {
    Ok(json_body(&settings::to_json(
        &app.config,
        &app.settings.now(),
    )))
}

/// `GET /api/config/system`: the same with the ports that are in use.
pub async fn config_system(State(app): State<App>) -> Reply {
    let mut body = settings::to_json(&app.config, &app.settings.now());
    body.insert("frontendPort".to_owned(), app.config.listen.port().into());
    body.insert("backendPort".to_owned(), app.config.listen.port().into());
    Ok(json_body(&body))
}

/// `POST /api/system/settings/update`: a partial object of the same keys.
pub async fn update_settings(State(app): State<App>, ask: Ask) -> Reply {
    let invalid = || text(StatusCode::BAD_REQUEST, "Invalid request body");
    let body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(ask.body_within(LARGEST_SETTINGS)).map_err(|_| invalid())?;
    app.settings
        .change(&app, &body)
        .await
        .map_err(|error| match error {
            ChangeError::Bad(problem) => text(StatusCode::BAD_REQUEST, &problem.to_string()),
            ChangeError::Store(error) => {
                tracing::error!(%error, "system settings not saved");
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The settings could not be saved. See the server log.",
                )
            }
        })?;
    let changed: Vec<&str> = body.keys().map(String::as_str).collect();
    app.auth
        .audit(
            &ask.facts(),
            "settings_changed",
            &ask.principal.user,
            true,
            &changed.join(", "),
        )
        .await;
    Ok(json_body(&json!({ "success": true })))
}

/// `GET /api/system/mock-mode`
pub async fn mock_mode(State(app): State<App>) -> Reply {
    Ok(json_body(&answer(app.demo.is_on())))
}

#[derive(Deserialize)]
struct MockMode {
    enabled: Option<bool>,
    config: Option<MockConfig>,
}

/// v5's fleet settings are checked as v5 does; the demo fleet itself is always the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MockConfig {
    node_count: i64,
    vms_per_node: i64,
    lxcs_per_node: i64,
    stopped_percent: f64,
}

impl Default for MockConfig {
    fn default() -> Self {
        Self {
            node_count: 1,
            vms_per_node: 0,
            lxcs_per_node: 0,
            stopped_percent: 0.0,
        }
    }
}

impl MockConfig {
    fn problem(&self) -> Option<&'static str> {
        if self.node_count <= 0 {
            Some("nodeCount must be greater than zero")
        } else if self.vms_per_node < 0 {
            Some("vmsPerNode cannot be negative")
        } else if self.lxcs_per_node < 0 {
            Some("lxcsPerNode cannot be negative")
        } else if !(0.0..=1.0).contains(&self.stopped_percent) {
            Some("stoppedPercent must be between 0 and 1")
        } else {
            None
        }
    }
}

/// `POST|PUT /api/system/mock-mode`
pub async fn set_mock_mode(State(app): State<App>, body: Bytes) -> Reply {
    let invalid = || text(StatusCode::BAD_REQUEST, "Invalid request body");
    if body.len() > LARGEST {
        return Err(invalid());
    }
    let wanted: MockMode = serde_json::from_slice(&body).map_err(|_| invalid())?;
    if let Some(problem) = wanted.config.as_ref().and_then(MockConfig::problem) {
        return Err(text(StatusCode::BAD_REQUEST, problem));
    }
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
