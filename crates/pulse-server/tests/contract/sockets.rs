//! WebSocket handshakes and the messages of version 5.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::demo::{STATE_MAPS, state_shape};
use crate::deviations::Found;
use crate::recorded::{Answer, Names, PASSWORD, Server, TOKEN};
use crate::replay::{compare, entries};
use crate::shape::Shape;

const HANDSHAKES: &str = include_str!("../fixtures/reference-api/websocket-handshakes.json");
const FRAMES: &str = include_str!("../fixtures/reference-api/websocket.jsonl");

/// The headers of an upgrade, changed as the recording says; null takes one away.
fn request_text(server: &Server, names: &Names, request: &Value) -> String {
    let mut headers = vec![
        ("Host".to_owned(), server.address.to_string()),
        ("Connection".to_owned(), "Upgrade".to_owned()),
        ("Upgrade".to_owned(), "websocket".to_owned()),
        ("Sec-WebSocket-Version".to_owned(), "13".to_owned()),
        (
            "Sec-WebSocket-Key".to_owned(),
            "dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        ),
    ];
    for (name, value) in request["headers"].as_object().unwrap() {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if let Some(value) = value.as_str() {
            headers.push((name.clone(), names.fill(value)));
        }
    }
    let path = names.fill(request["path"].as_str().unwrap());
    let lines: Vec<String> = headers
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("GET {path} HTTP/1.1\r\n{}\r\n", lines.concat())
}

/// Sends an upgrade byte by byte and reads the answer; of an accepted one its head.
async fn upgrade(server: &Server, request: &str) -> Answer {
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let complete = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        (body.len() >= length).then(|| (head.to_owned(), body.to_owned()))
    };
    let (head, body) = loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..read]);
        if let Some(done) = complete(&bytes) {
            break done;
        }
        assert!(read > 0, "no complete answer");
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = head
        .lines()
        .skip(1)
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse().unwrap(), value.parse().unwrap())
        })
        .collect();
    let text = if status == 101 { String::new() } else { body };
    Answer {
        status,
        headers,
        text,
    }
}

async fn names(server: &Server) -> Names {
    let mut names = Names::default();
    for full in ["<token-1>", "<token-44>", "<token-45>"] {
        names.0.insert(full.into(), TOKEN.into());
    }
    let other = server.token(&["host-agent:report"]).await;
    names.0.insert("<token-43>".into(), other);
    // op:first-password-1
    names
        .0
        .insert("<basic-1>".into(), "b3A6Zmlyc3QtcGFzc3dvcmQtMQ==".into());
    names.0.insert("<pulse>".into(), server.address.to_string());
    let body = serde_json::json!({"username": "op", "password": PASSWORD}).to_string();
    let login = server.send("POST", "/api/login", &[], Some(body)).await;
    let cookie = login.header("set-cookie").unwrap();
    let (_, session) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    names.0.insert("<session-14>".into(), session.to_owned());
    names
}

/// The list of allowed origins under which an exchange was recorded.
fn allowed_origins(note: &str) -> &str {
    note.strip_prefix("allowed origins \"")
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes() {
    let mut found = Found::new("handshakes");
    for allowed in ["", "https://ui.example, https://two.example", "*"] {
        let environment = [("ALLOWED_ORIGINS", allowed)];
        let server = Server::fresh_with(&environment, None).await.set_up().await;
        let names = names(&server).await;
        for mut entry in entries(HANDSHAKES) {
            let note = entry["note"].as_str().unwrap().to_owned();
            if allowed_origins(&note) != allowed {
                continue;
            }
            let body = entry["body"].as_str().unwrap_or_default();
            if let Ok(json) = serde_json::from_str(body) {
                entry["body"] = json;
            } else {
                entry["bodyKind"] = if body.is_empty() { "none" } else { "text" }.into();
            }
            let text = request_text(&server, &names, &entry["request"]);
            let answer = upgrade(&server, &text).await;
            let shape = Shape::of(&entry["body"], &[]);
            compare(&note, &entry, &shape, &answer, &mut found);
        }
        server.stop().await;
    }
    assert_eq!(found.exchanges, 41);
    found.check();
}

/// Recorded frames of a type.
fn frames(kind: &str) -> Vec<Value> {
    FRAMES
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["frame"]["type"] == kind)
        .map(|mut line| line["frame"].take())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages() {
    let server = crate::demo::server().await;
    let url = format!("ws://{}/ws?token={TOKEN}", server.address);
    let request = url.into_client_request().unwrap();
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let mut found = Found::new("sockets");
    for (kind, ask) in [
        ("initialState", None),
        ("rawData", Some(r#"{"type":"requestData"}"#)),
        ("rawData", None),
        ("pong", Some(r#"{"type":"ping","data":{}}"#)),
    ] {
        if let Some(ask) = ask {
            socket.send(Message::text(ask)).await.unwrap();
        }
        let frame = loop {
            let next = tokio::time::timeout(Duration::from_secs(20), socket.next());
            let Some(Ok(Message::Text(text))) = next.await.unwrap() else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == kind {
                break frame;
            }
        };
        found.exchanges += 1;
        let recorded = frames(kind);
        assert!(!recorded.is_empty(), "{kind}");
        let keys =
            |frame: &Value| -> Vec<String> { frame.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&frame), keys(&recorded[0]), "{kind}");
        // States differ by what a fleet has; what every fleet shows is in all of them.
        let mut shape = if kind == "pong" {
            Shape::default()
        } else {
            state_shape()
        };
        for frame in &recorded {
            shape.learn(&frame["data"], "", &STATE_MAPS);
        }
        for difference in shape.differences(&frame["data"]) {
            found.push(kind, difference, "");
        }
        if kind == "rawData" && frame["data"]["resources"].is_null() {
            found.push(kind, "resources: absent", "");
        }
    }
    found.check();
    server.stop().await;
}
