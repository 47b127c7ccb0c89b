//! One WebSocket: v5's protocol, or deltas.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pulse_auth::{AuthMethod, Principal};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at, timeout};

use super::hub::Frame;
use crate::app::{App, VERSION, now};
use crate::http::answer::{response, text};
use crate::http::layers::{Peer, RequestId};

/// The subprotocol of `docs/live-protocol.md`.
pub const DELTA: &str = "pulse.v1+delta";
const LARGEST_IN: usize = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(30);
const SILENCE_ALLOWED: Duration = Duration::from_secs(90);

/// `GET /ws`.
pub async fn upgrade(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let (mut parts, _body): (_, Body) = request.into_parts();
    if !origin_allowed(&parts.headers, peer.tls, &app.settings.now().origins) {
        return refused(StatusCode::FORBIDDEN, "Forbidden");
    }
    let credentials = parts.headers.clone();
    let uri = parts.uri.clone();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &app).await else {
        return refused(StatusCode::BAD_REQUEST, "Bad Request");
    };
    let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
    tracing::debug!(user = principal.user, request = id, "websocket opened");
    let watch = Watch {
        principal,
        credentials,
        uri,
        peer,
    };
    upgrade
        .protocols([DELTA])
        .max_message_size(LARGEST_IN)
        .max_frame_size(LARGEST_IN)
        .on_upgrade(move |socket| serve(app, socket, watch))
        .into_response()
}

/// No upgrade; the answer names the version that would do.
fn refused(status: StatusCode, message: &str) -> Response {
    let mut refused = response(text(status, message));
    refused.headers_mut().insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    refused
}

/// What is needed to see whether the caller may still be here.
struct Watch {
    principal: Principal,
    credentials: HeaderMap,
    uri: http::Uri,
    peer: Peer,
}

impl Watch {
    async fn still_allowed(&self, app: &App) -> bool {
        if !matches!(
            self.principal.method,
            AuthMethod::Session | AuthMethod::Oidc | AuthMethod::ApiToken
        ) {
            return true;
        }
        let facts = pulse_auth::RequestFacts {
            method: &http::Method::GET,
            path: "/ws",
            query: self.uri.query(),
            headers: &self.credentials,
            peer: self.peer.ip,
            tls: self.peer.tls,
        };
        app.auth
            .authenticate(&facts)
            .await
            .is_ok_and(|now| now.is_authenticated())
    }
}

/// Whether a browser page of this origin may open a socket.
pub fn origin_allowed(headers: &HeaderMap, tls: bool, allowed: &[String]) -> bool {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .map(|v| v.split(',').next().unwrap_or(v).trim())
            .filter(|v| !v.is_empty())
    };
    let Some(origin) = header("origin") else {
        return true;
    };
    let scheme = match header("x-forwarded-proto").or_else(|| header("x-forwarded-scheme")) {
        Some("wss") => "https",
        Some("ws") => "http",
        Some(other) => other,
        None if tls => "https",
        None => "http",
    };
    let host = header("x-forwarded-host")
        .or_else(|| header(header::HOST.as_str()))
        .unwrap_or_default();
    if origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")) {
        return true;
    }
    if !allowed.is_empty() {
        return allowed.iter().any(|o| o == "*" || o == origin);
    }
    let Some(name) = url::Url::parse(origin)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .and_then(|url| url.host().map(|host| host.to_owned()))
    else {
        return false;
    };
    match name {
        url::Host::Ipv4(ip) => ip.is_loopback() || ip.is_private(),
        url::Host::Ipv6(ip) => ip.is_loopback() || (ip.segments()[0] & 0xfe00) == 0xfc00,
        url::Host::Domain(name) => {
            name == "localhost"
                || (matches!(name.rsplit('.').next(), Some("local" | "lan"))
                    && (2..=3).contains(&name.split('.').count()))
        }
    }
}

async fn serve(app: App, socket: WebSocket, watch: Watch) {
    let delta = socket
        .protocol()
        .is_some_and(|protocol| protocol.as_bytes() == DELTA.as_bytes());
    let clients = if delta {
        &app.live.delta_clients
    } else {
        &app.live.full_clients
    };
    clients.fetch_add(1, Ordering::Relaxed);
    let connection = Connection {
        app: &app,
        socket,
        heard: Instant::now(),
    };
    if delta {
        connection.deltas(&watch).await;
    } else {
        connection.full(&watch).await;
    }
    clients.fetch_sub(1, Ordering::Relaxed);
}

struct Connection<'a> {
    app: &'a App,
    socket: WebSocket,
    heard: Instant,
}

/// Why a connection ends.
enum End {
    /// The other side is gone.
    Gone,
    Close(u16, &'static str),
}

impl Connection<'_> {
    async fn send(&mut self, message: Message) -> Result<(), End> {
        let size = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        match timeout(self.app.config.socket_write, self.socket.send(message)).await {
            Ok(Ok(())) => {
                self.app.live.note_sent(size);
                Ok(())
            }
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Close(1013, "too slow")),
        }
    }

    async fn send_json(&mut self, value: &Value, binary: bool) -> Result<(), End> {
        let text = value.to_string();
        if binary {
            self.send(Message::Binary(super::hub::pack(text.as_bytes())))
                .await
        } else {
            self.send(Message::Text(text.into())).await
        }
    }

    /// The next message of the client, as JSON; other text is ignored.
    fn read(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Value>, End> {
        match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => Err(End::Gone),
            Some(Ok(message)) => {
                self.heard = Instant::now();
                Ok(match message {
                    Message::Text(text) => serde_json::from_str(&text).ok(),
                    _ => None,
                })
            }
        }
    }

    async fn finish(mut connection: Self, end: End) {
        if let End::Close(code, reason) = end {
            if code == 1013 {
                connection
                    .app
                    .live
                    .dropped_clients
                    .fetch_add(1, Ordering::Relaxed);
            }
            let close = Message::Close(Some(CloseFrame {
                code,
                reason: Utf8Bytes::from_static(reason),
            }));
            let _ = timeout(Duration::from_secs(1), connection.socket.send(close)).await;
        }
    }

    async fn deltas(mut self, watch: &Watch) {
        let end = match self.run_deltas(watch).await {
            Err(end) => end,
            Ok(()) => End::Gone,
        };
        Self::finish(self, end).await;
    }

    async fn run_deltas(&mut self, watch: &Watch) -> Result<(), End> {
        let app = self.app;
        let hello = json!({
            "type": "hello",
            "server": VERSION,
            "interval": app.config.pve_interval,
        });
        self.send_json(&hello, true).await?;
        let (first, mut frames) = app.live.join_deltas();
        let mut version = first.version;
        self.send(Message::Binary(first.bytes)).await?;
        let mut events = app.live.events();
        let mut closing = app.live.closing();
        let start = Instant::now();
        let mut ping = interval_at(start + PING_EVERY, PING_EVERY);
        let mut check = interval_at(start + app.config.socket_check, app.config.socket_check);
        loop {
            tokio::select! {
                frame = frames.recv() => {
                    let frame = frame_or_end(frame)?;
                    if frame.version > version {
                        version = frame.version;
                        self.send(Message::Binary(frame.bytes)).await?;
                    }
                }
                message = self.socket.recv() => {
                    let Some(message) = self.read(message)? else { continue };
                    match message.get("type").and_then(Value::as_str) {
                        Some("resync") => {
                            let (frame, newer) = app.live.join_deltas();
                            frames = newer;
                            version = frame.version;
                            self.send(Message::Binary(frame.bytes)).await?;
                        }
                        Some("ping") => {
                            let t = message.get("t").cloned().unwrap_or(Value::Null);
                            self.send_json(&json!({"type": "pong", "t": t}), true).await?;
                        }
                        _ => {}
                    }
                }
                Ok(event) = events.recv() => {
                    let message = json!({"type": "event", "name": event.name, "data": event.data});
                    self.send_json(&message, true).await?;
                }
                _ = ping.tick() => self.ping().await?,
                _ = check.tick() => self.check(watch).await?,
                _ = closing.changed() => return Err(End::Close(1001, "server stops")),
            }
        }
    }

    async fn full(mut self, watch: &Watch) {
        let end = match self.run_full(watch).await {
            Err(end) => end,
            Ok(()) => End::Gone,
        };
        Self::finish(self, end).await;
    }

    async fn run_full(&mut self, watch: &Watch) -> Result<(), End> {
        let app = self.app;
        let welcome =
            json!({"type": "welcome", "data": {"message": "Connected to Pulse WebSocket"}});
        self.send_json(&welcome, false).await?;
        let (first, mut frames) = app.live.join_full();
        self.send(text_of(first)).await?;
        let mut events = app.live.events();
        let mut closing = app.live.closing();
        let start = Instant::now();
        let mut ping = interval_at(start + PING_EVERY, PING_EVERY);
        let mut check = interval_at(start + app.config.socket_check, app.config.socket_check);
        loop {
            tokio::select! {
                frame = frames.recv() => {
                    match frame {
                        Ok(frame) => self.send(text_of(frame.bytes)).await?,
                        // Each frame is the whole state: the next one makes up for missed ones.
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return Err(End::Close(1001, "server stops")),
                    }
                }
                message = self.socket.recv() => {
                    let Some(message) = self.read(message)? else { continue };
                    match message.get("type").and_then(Value::as_str) {
                        Some("ping") => {
                            let pong = json!({"type": "pong", "data": {"timestamp": now().secs()}});
                            self.send_json(&pong, false).await?;
                        }
                        Some("requestData") => {
                            let state = app.live.full_message("rawData");
                            self.send(text_of(state)).await?;
                        }
                        _ => {}
                    }
                }
                Ok(event) = events.recv() => {
                    let at = pulse_wire::time::rfc3339(pulse_core::Timestamp::from_secs(now().secs()));
                    let message = json!({"type": event.name, "data": event.data, "timestamp": at});
                    self.send_json(&message, false).await?;
                }
                _ = ping.tick() => {
                    let message = json!({"type": "ping", "data": {"timestamp": now().secs()}});
                    self.send_json(&message, false).await?;
                    self.ping().await?;
                }
                _ = check.tick() => self.check(watch).await?,
                _ = closing.changed() => return Err(End::Close(1001, "server stops")),
            }
        }
    }

    /// Control ping; the answer keeps the connection alive through proxies.
    async fn ping(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > SILENCE_ALLOWED {
            return Err(End::Gone);
        }
        self.send(Message::Ping(bytes::Bytes::new())).await
    }

    async fn check(&mut self, watch: &Watch) -> Result<(), End> {
        if watch.still_allowed(self.app).await {
            Ok(())
        } else {
            Err(End::Close(1008, "session ended"))
        }
    }
}

fn frame_or_end(frame: Result<Frame, RecvError>) -> Result<Frame, End> {
    match frame {
        Ok(frame) => Ok(frame),
        Err(RecvError::Lagged(_)) => Err(End::Close(1013, "too slow")),
        Err(RecvError::Closed) => Err(End::Close(1001, "server stops")),
    }
}

/// Our own JSON is UTF-8.
fn text_of(bytes: bytes::Bytes) -> Message {
    match Utf8Bytes::try_from(bytes) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Text(Utf8Bytes::from_static("{}")),
    }
}

#[cfg(test)]
mod tests {
    use super::origin_allowed;
    use http::{HeaderMap, HeaderName, HeaderValue};

    #[track_caller]
    fn check(pairs: &[(&'static str, &'static str)], allowed: &[&str], expect: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let allowed: Vec<String> = allowed.iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(
            origin_allowed(&headers, false, &allowed),
            expect,
            "{pairs:?}"
        );
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let host = ("host", "pulse.example:7655");
        check(&[host], &[], true);
        check(&[host, ("origin", "http://pulse.example:7655")], &[], true);
        check(
            &[host, ("origin", "https://pulse.example:7655")],
            &[],
            false,
        );
        check(
            &[
                host,
                ("origin", "https://pulse.example:7655"),
                ("x-forwarded-proto", "https"),
            ],
            &[],
            true,
        );
        check(&[host, ("origin", "https://evil.example")], &[], false);
        check(&[host, ("origin", "null")], &[], false);
        check(&[host, ("origin", "http://192.168.1.5:3000")], &[], true);
        check(&[host, ("origin", "http://8.8.8.8")], &[], false);
        check(&[host, ("origin", "http://nas.lan")], &[], true);
        check(&[host, ("origin", "http://a.b.c.lan")], &[], false);
        check(
            &[host, ("origin", "https://ui.example")],
            &["https://ui.example"],
            true,
        );
        check(
            &[host, ("origin", "http://192.168.1.5")],
            &["https://ui.example"],
            false,
        );
    }
}
