//! The agent and its installer, for the machines that shall report here.

use std::path::{Path, PathBuf};

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::http::Reply;
use crate::http::answer::text;

const INSTALLER: &str = include_str!("../../../../deploy/install.sh");

/// `GET /install.sh`
pub async fn installer() -> Response {
    (
        [
            (CONTENT_TYPE, "text/x-shellscript; charset=utf-8"),
            (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        ],
        INSTALLER,
    )
        .into_response()
}

#[derive(Deserialize)]
pub struct Wanted {
    /// `linux-amd64` and so on; the server's own when absent.
    #[serde(default)]
    arch: String,
}

const ARCHITECTURES: [&str; 10] = [
    "linux-amd64",
    "linux-arm64",
    "linux-armv7",
    "linux-armv6",
    "linux-386",
    "darwin-amd64",
    "darwin-arm64",
    "windows-amd64",
    "windows-arm64",
    "windows-386",
];

fn own_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "linux-amd64",
        "aarch64" => "linux-arm64",
        "arm" => "linux-armv7",
        "x86" => "linux-386",
        _ => "",
    }
}

/// Where agents may lie: the configured folder, beside the server, and where a checkout builds it.
fn folders(configured: Option<&Path>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = configured.map(Path::to_owned).into_iter().collect();
    if let Some(own) = std::env::current_exe()
        .ok()
        .as_deref()
        .and_then(Path::parent)
    {
        folders.push(own.to_owned());
        folders.push(own.join("../agent"));
    }
    folders.push(PathBuf::from("/opt/pulse/bin"));
    folders
}

/// `GET /download/pulse-agent`
pub async fn agent(State(app): State<App>, Query(wanted): Query<Wanted>) -> Reply {
    let own = own_architecture();
    let arch = if wanted.arch.is_empty() {
        own
    } else {
        wanted.arch.as_str()
    };
    if !ARCHITECTURES.contains(&arch) {
        return Err(text(
            StatusCode::BAD_REQUEST,
            &format!(
                "unknown architecture; use one of {}",
                ARCHITECTURES.join(", ")
            ),
        ));
    }
    let mut names = vec![format!("pulse-agent-{arch}")];
    if arch == own {
        names.push("pulse-agent".to_owned());
    }
    let folders = folders(app.config.agent_dir.as_deref());
    let read = tokio::task::spawn_blocking(move || {
        folders
            .iter()
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find_map(|path| std::fs::read(path).ok())
    })
    .await
    .unwrap_or_default();
    let Some(bytes) = read else {
        return Err(text(
            StatusCode::NOT_FOUND,
            &format!(
                "this server has no agent for {arch}; put pulse-agent-{arch} into the folder that PULSE_BIN_DIR names"
            ),
        ));
    };
    let sum = hex::encode(Sha256::digest(&bytes));
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    if let Ok(sum) = HeaderValue::from_str(&sum) {
        headers.insert(HeaderName::from_static("x-checksum-sha256"), sum);
    }
    Ok(response)
}
