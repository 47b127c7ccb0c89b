//! Recorded WebSocket handshakes, sent again byte by byte; only the status is compared.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use std::collections::BTreeSet;

use recorded::{Server, TOKEN};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// Handshakes that are meant to end otherwise, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("token without monitoring:read", "the scope is checked"),
    ("socket.io websocket transport", "not built yet"),
    (
        "allowed origins empty, Origin http://[::1]:5",
        "loopback is loopback",
    ),
    (
        "allowed origins empty, Origin http://[fd00::1]",
        "private is private",
    ),
    (
        "allowed origins \"https://ui.example, https://two.example\", Origin https://two.example",
        "blanks in the list do not matter",
    ),
];

async fn status(server: &Server, request: &Value, token: &str) -> u16 {
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
    let own = server.address.to_string();
    for (name, value) in request["headers"].as_object().unwrap() {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        let Some(value) = value.as_str() else {
            continue;
        };
        let start = value.find("<token-").unwrap_or(value.len());
        let value = if start < value.len() {
            format!("{}{token}", &value[..start])
        } else {
            value
                .replace("<pulse>", &own)
                .replace("<basic-1>", "b3A6Zmlyc3QtcGFzc3dvcmQtMQ==")
        };
        headers.push((name.clone(), value));
    }
    let path = request["path"]
        .as_str()
        .unwrap()
        .replace("<token-1>", token);
    let mut text = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        text.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
    }
    text += "\r\n";
    let stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_recorded() {
    let list = include_str!("fixtures/reference-api/websocket-handshakes.json");
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    let mut different = BTreeSet::new();
    let mut compared = 0;
    for allowed in ["", "https://ui.example, https://two.example", "*"] {
        let environment = [("ALLOWED_ORIGINS", allowed)];
        let server = Server::fresh_with(&environment, None).await.set_up().await;
        let other = server.token(&["host-agent:report"]).await;
        for entry in &list {
            let note = entry["note"].as_str().unwrap();
            let of = note
                .strip_prefix("allowed origins \"")
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default();
            // Sessions of the recording are gone.
            if of != allowed || note == "session cookie" {
                continue;
            }
            let reader = note != "token without monitoring:read";
            let token = if reader { TOKEN } else { &other };
            let ours = status(&server, &entry["request"], token).await;
            compared += 1;
            if entry["status"] != ours {
                println!("{note}: {ours}, recorded {}", entry["status"]);
                different.insert(note.to_owned());
            }
        }
        server.stop().await;
    }
    let listed: BTreeSet<String> = DIFFERENT.iter().map(|(n, _)| (*n).to_owned()).collect();
    assert_eq!(different, listed);
    assert_eq!(compared, 40);
}
