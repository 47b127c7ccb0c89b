//! The web UI's files: built in and compressed at build time, or from a folder.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{StatusCode, Uri};
use rust_embed::RustEmbed;

use crate::app::App;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "application/javascript; charset=utf-8",
        "json" | "webmanifest" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Hashed files never change; everything else is asked for each time.
fn cache(headers: &mut HeaderMap, path: &str) {
    let hashed = path.starts_with("assets/");
    let value = if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache, no-store, must-revalidate"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    if !hashed {
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(header::EXPIRES, HeaderValue::from_static("0"));
    }
}

/// The bytes of a file in the best encoding that was prepared.
fn find(app: &App, path: &str, accepts: &str) -> Option<(Vec<u8>, Option<&'static str>)> {
    let wants = |name: &str| {
        accepts
            .split(',')
            .any(|e| e.trim().split(';').next() == Some(name))
    };
    let load = |path: &str| match &app.config.frontend_dir {
        Some(dir) => std::fs::read(dir.join(path)).ok(),
        None => Files::get(path).map(|file| file.data.into_owned()),
    };
    if wants("br")
        && let Some(bytes) = load(&format!("{path}.br"))
    {
        return Some((bytes, Some("br")));
    }
    if wants("gzip")
        && let Some(bytes) = load(&format!("{path}.gz"))
    {
        return Some((bytes, Some("gzip")));
    }
    load(path).map(|bytes| (bytes, None))
}

/// Serves a file; unknown paths get the page, which routes by itself.
pub fn serve(app: &App, request: &Request) -> Response {
    let uri: &Uri = request.uri();
    let accepts = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let plain = !path.contains("..") && !path.contains('\\');
    let found = plain
        .then(|| find(app, path, accepts))
        .flatten()
        .map(|file| (path, file))
        .or_else(|| find(app, "index.html", accepts).map(|file| ("index.html", file)));
    let Some((path, (bytes, encoding))) = found else {
        return (
            StatusCode::NOT_FOUND,
            "The web UI was not built into this program. Run `make build`, or point PULSE_FRONTEND_DIR to it.\n",
        )
            .into_response();
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(path)),
    );
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    cache(headers, path);
    response
}
