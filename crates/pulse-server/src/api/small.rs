//! Small routes of v5: the configuration that pages need, a plain page of guests, a test event and
//! the shim for old socket clients.

use std::fmt::Write as _;

use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, RequestExt as _};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use pulse_auth::{Access, Principal, RouteRule, Scope};
use pulse_core::{Guest, Snapshot};
use serde::Deserialize;
use serde_json::json;

use crate::app::{App, now};
use crate::http::answer::text;
use crate::http::layers::Peer;
use crate::http::{Reply, json as answer};
use crate::live;
use crate::routes::{Entry, row};

pub fn routes() -> Vec<Entry> {
    let rule = RouteRule::new;
    let read = |path| rule(Method::GET, path, Access::Authenticated).scope(Scope::MonitoringRead);
    let gate = |method, path| rule(method, path, Access::Gate);
    vec![
        row(read("/api/config"), get(config)),
        row(
            gate(Method::GET, "/simple-stats").scope(Scope::MonitoringRead),
            get(simple_stats),
        ),
        row(
            gate(Method::POST, "/api/test-notification"),
            post(test_notification),
        ),
        row(
            gate(Method::GET, "/socket.io/").scope(Scope::MonitoringRead),
            get(socket_io),
        ),
        row(
            gate(Method::POST, "/socket.io/").scope(Scope::MonitoringRead),
            post(polled),
        ),
        row(
            gate(Method::GET, "/socket.io/{*file}").scope(Scope::MonitoringRead),
            get(no_client_library),
        ),
    ]
}

/// `GET /api/config`
async fn config(State(app): State<App>) -> Reply {
    let settings = app.store.settings().system().await.map_err(|error| {
        tracing::error!(%error, "system settings not read");
        text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Failed to read the settings",
        )
    })?;
    Ok(answer(&json!({
        "csrfProtection": true,
        "autoUpdateEnabled": settings.auto_update_enabled,
        "updateChannel": settings.update_channel,
    })))
}

/// `POST /api/test-notification`: browsers show a sample event.
async fn test_notification(State(app): State<App>) -> Reply {
    let sample = json!({
        "type": "pve",
        "host": "test-host.example:8006",
        "name": "Test Node",
        "tokenId": "test-token",
        "hasToken": true,
        "verifySSL": false,
        "status": "connected",
    });
    app.live.event("node_auto_registered", &sample);
    Ok(answer(&json!({ "status": "notification sent" })))
}

/// Text that is no markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

fn guest_row(out: &mut String, guest: &Guest) {
    let mib = |bytes: pulse_core::Bytes| bytes.get() >> 20;
    let rate = |reading: pulse_core::Reading<pulse_core::BytesPerSecond>| {
        reading
            .known()
            .map_or_else(|| "–".to_owned(), |r| r.whole().to_string())
    };
    let rates = &guest.rates;
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<tr><td>{}<td>{}<td>{}<td>{}<td>{:.1} %<td>{} / {} MiB<td>{}<td>{}<td>{}<td>{}",
        guest.vmid,
        escaped(&guest.name),
        escaped(&guest.node),
        escaped(guest.status.as_str()),
        guest.cpu.percent().get(),
        mib(guest.memory.used),
        mib(guest.memory.total),
        rate(rates.disk_read),
        rate(rates.disk_write),
        rate(rates.net_in),
        rate(rates.net_out),
    );
}

/// A page without scripts: for text browsers and old devices.
fn page(snapshot: &Snapshot) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=10>\
         <title>Pulse: guests</title><h1>Guests</h1><table><thead><tr><th>ID<th>Name<th>Node\
         <th>Status<th>CPU<th>Memory<th>Disk read B/s<th>Disk write B/s<th>Net in B/s\
         <th>Net out B/s<tbody>",
    );
    for guest in snapshot.guests() {
        guest_row(&mut out, guest);
    }
    out.push_str("</table></html>\n");
    out
}

/// `GET /simple-stats`
async fn simple_stats(State(app): State<App>) -> Response {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(CONTENT_TYPE, html)], page(&app.inventory.snapshot())).into_response()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Transport {
    transport: String,
    sid: Option<String>,
}

fn plain(body: String) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=UTF-8");
    ([(CONTENT_TYPE, kind)], body).into_response()
}

/// `GET /socket.io/`: old clients end up on the plain WebSocket.
async fn socket_io(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    let asked = request.extract_parts::<Query<Transport>>().await;
    let Query(asked) = asked.unwrap_or_default();
    match (asked.transport.as_str(), asked.sid) {
        ("websocket", _) => {
            live::upgrade(State(app), Extension(principal), Extension(peer), request).await
        }
        ("polling", None) => plain(format!(
            "0{{\"sid\":\"{}\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":60000}}",
            now().millis()
        )),
        ("polling", Some(_)) => plain("6".into()),
        _ => (StatusCode::FOUND, [(LOCATION, "/ws")]).into_response(),
    }
}

/// `POST /socket.io/`: what a polling client says is acknowledged and not used.
async fn polled() -> Response {
    plain("6".into())
}

/// The client library is not ours to give out, and nobody is sent to a third party for it.
async fn no_client_library() -> Reply {
    Err(text(
        StatusCode::NOT_FOUND,
        "This server does not give out the client library",
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pulse_core::Snapshot;

    use super::page;
    use crate::api::samples;

    #[test]
    fn names_are_no_markup() {
        let mut guest = samples::guest(100);
        guest.name = "<script>\"&".into();
        let snapshot = Snapshot {
            vms: Arc::new(vec![Arc::new(guest)]),
            ..Snapshot::default()
        };
        let page = page(&snapshot);
        assert!(page.contains("&lt;script&gt;&quot;&amp;"));
        assert!(!page.contains("<script"));
    }
}
