//! Health, version, state.

use std::path::Path;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, VERSION, now};
use crate::http::answer::api_error;
use crate::http::{Reply, json};
use crate::live::Encoding;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Always `healthy`: clients compare with it.
    #[schema(value_type = String)]
    status: &'static str,
    /// Unix seconds.
    timestamp: i64,
    /// Seconds since the start.
    uptime: f64,
    proxy_install_script_available: bool,
}

/// `GET /api/health`
#[utoipa::path(get, path = "/api/health", responses((status = 200, body = Health)))]
pub async fn health(State(app): State<App>) -> Response {
    json(&Health {
        status: "healthy",
        timestamp: now().secs(),
        uptime: app.started.elapsed().as_secs_f64(),
        proxy_install_script_available: true,
    })
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // v5's names
pub struct Version {
    #[schema(value_type = String)]
    version: &'static str,
    /// `release` or `development`, as v5 clients know it.
    #[schema(value_type = String)]
    build_time: &'static str,
    #[schema(value_type = String)]
    build: &'static str,
    /// Compiler version; the name is v5's.
    #[schema(value_type = String)]
    go_version: &'static str,
    #[schema(value_type = String)]
    runtime: &'static str,
    #[schema(value_type = String)]
    channel: &'static str,
    is_docker: bool,
    is_source_build: bool,
    is_development: bool,
    #[schema(value_type = String)]
    deployment_type: &'static str,
    update_available: bool,
    containerized: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<String>,
}

/// `GET /api/version`
#[utoipa::path(get, path = "/api/version", responses((status = 200, body = Version)))]
pub async fn version() -> Response {
    let docker = Path::new("/.dockerenv").exists()
        || std::env::var("PULSE_DOCKER").is_ok_and(|v| v == "true");
    let containerized = Path::new("/run/systemd/container").exists();
    let development = cfg!(debug_assertions);
    let build = if development {
        "development"
    } else {
        "release"
    };
    json(&Version {
        version: VERSION,
        build_time: build,
        build,
        go_version: "rust",
        runtime: "rust",
        channel: if VERSION.contains('-') {
            "rc"
        } else {
            "stable"
        },
        is_docker: docker,
        is_source_build: false,
        is_development: development,
        deployment_type: if docker {
            "docker"
        } else if std::env::var_os("INVOCATION_ID").is_some() {
            "systemd"
        } else {
            "manual"
        },
        update_available: false,
        containerized,
        container_id: containerized
            .then(|| std::fs::read_to_string("/etc/hostname").ok())
            .flatten()
            .map(|name| name.trim().to_owned()),
    })
}

/// `GET /api/agent/version`
pub async fn agent_version() -> Response {
    json(&serde_json::json!({ "version": VERSION }))
}

/// `GET /api/server/info`
pub async fn server_info() -> Response {
    json(&serde_json::json!({
        "isDevelopment": cfg!(debug_assertions),
        "version": VERSION,
    }))
}

/// `GET /api/openapi.json`
pub async fn openapi() -> Response {
    json(&crate::openapi::document())
}

/// `GET /api/state`: the body is encoded once per version and content encoding.
#[utoipa::path(get, path = "/api/state",
    responses((status = 200, body = pulse_wire::state::StateJson<'static>)))]
pub async fn state(State(app): State<App>, headers: HeaderMap) -> Reply {
    let snapshot = app.inventory.snapshot();
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok())
    };
    let encoding = Encoding::accepted(text(http::header::ACCEPT_ENCODING));
    let tag = format!("W/\"{:x}-{}\"", app.started_id(), snapshot.version);
    let tag_value = HeaderValue::from_str(&tag).map_err(|_| {
        api_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "encoding_error",
            "no tag",
        )
    })?;
    let unchanged = text(IF_NONE_MATCH)
        .is_some_and(|given| given.split(',').any(|t| t.trim() == tag || t.trim() == "*"));
    if unchanged {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag_value)]).into_response());
    }
    let body = app.state.body(&snapshot, encoding).map_err(|error| {
        tracing::error!(%error, "state not encoded");
        api_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "encoding_error",
            "Failed to encode state",
        )
    })?;
    let mut response = body.into_response();
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.insert(ETAG, tag_value);
    out.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(name) = encoding.name() {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Ok(response)
}
