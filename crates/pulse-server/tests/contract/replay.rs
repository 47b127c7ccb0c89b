//! Sends a recorded request and compares the answer with the recorded one.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::deviations::Found;
use crate::recorded::{Answer, Names, Server};
use crate::shape::Shape;

/// What a recording calls "standard set".
const STANDARD: [&str; 6] = [
    "x-frame-options",
    "x-content-type-options",
    "x-xss-protection",
    "referrer-policy",
    "permissions-policy",
    "content-security-policy",
];

/// Texts that clients show or compare.
pub const EXACT: [&str; 5] = ["error", "code", "message", "requiredScope", "success"];

pub fn entries(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

pub fn id(entry: &Value) -> &str {
    entry["id"].as_str().unwrap()
}

/// Clients resolve dot segments before they send; an attacker does not.
async fn raw(server: &Server, method: &str, path: &str, token: Option<&str>) -> Answer {
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let token = token.map_or_else(String::new, |token| format!("X-API-Token: {token}\r\n"));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n{token}Connection: close\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse().unwrap(), value.parse().unwrap())
        })
        .collect();
    Answer {
        status: status.parse().unwrap(),
        headers,
        text: body.to_owned(),
    }
}

pub async fn send(server: &Server, names: &Names, request: &Value) -> Answer {
    let path = request["path"].as_str().unwrap();
    if ["/../", "/./", "%2e"]
        .iter()
        .any(|dots| path.contains(dots))
    {
        let token = request["headers"]["X-API-Token"].as_str();
        let token = token.map(|token| names.fill(token));
        let method = request["method"].as_str().unwrap();
        return raw(server, method, path, token.as_deref()).await;
    }
    names.send(server, request).await
}

/// Sends and compares; `maps` are the places of a body where keys are ids.
pub async fn replay(
    server: &Server,
    names: &Names,
    entry: &Value,
    maps: &[&str],
    found: &mut Found,
) -> Answer {
    let answer = send(server, names, &entry["request"]).await;
    let shape = Shape::of(&entry["response"]["body"], maps);
    compare(id(entry), &entry["response"], &shape, &answer, found);
    answer
}

pub fn compare(id: &str, recorded: &Value, shape: &Shape, answer: &Answer, found: &mut Found) {
    found.exchanges += 1;
    if recorded["status"] != answer.status {
        let detail = format!(
            "{} instead of {}: {:.120}",
            answer.status, recorded["status"], answer.text
        );
        found.push(id, "status", detail);
        return;
    }
    headers(id, &recorded["headers"], answer, found);
    body(id, recorded, shape, answer, found);
}

fn headers(id: &str, recorded: &Value, answer: &Answer, found: &mut Found) {
    let Some(recorded) = recorded.as_object() else {
        return;
    };
    let security = recorded.get("(security-headers)").unwrap_or(&Value::Null);
    if security == "standard set" {
        for name in STANDARD {
            if answer.header(name).is_none() {
                found.push(id, format!("header {name}"), "None");
            }
        }
    }
    for name in security["absent"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if answer.header(name).is_some() {
            found.push(id, format!("header {name}"), "not recorded");
        }
    }
    headers_rest(id, recorded, answer, found);
}

fn headers_rest(
    id: &str,
    recorded: &serde_json::Map<String, Value>,
    answer: &Answer,
    found: &mut Found,
) {
    for (name, value) in recorded {
        let text = value.as_str().unwrap_or_default();
        let ours = answer.header(name);
        let holds = match name.as_str() {
            "transfer-encoding" | "connection" | "(security-headers)" => true,
            "sec-websocket-accept" | "set-cookie" | "x-ratelimit-reset" => ours.is_some(),
            // Ours says when there is room again, which depends on the moment.
            "retry-after" => ours.is_some_and(|ours| ours.parse::<u32>().is_ok_and(|s| s > 0)),
            "x-diagnostics-cached-at" => ours.is_some_and(|ours| ours.len() == text.len()),
            _ if text.starts_with("<csrf-") => ours.is_some(),
            "x-request-id" if text == "<uuid>" => ours.is_some_and(|id| id.len() == 36),
            // The account of the recording has another name.
            "x-authenticated-user" => {
                ours.is_some_and(|user| user.starts_with("token:") == text.starts_with("token:"))
            }
            _ => ours.is_some_and(|ours| ours.eq_ignore_ascii_case(text)),
        };
        if !holds {
            found.push(
                id,
                format!("header {name}"),
                format!("{ours:?}, not {text}"),
            );
        }
    }
}

fn body(id: &str, recorded: &Value, shape: &Shape, answer: &Answer, found: &mut Found) {
    let body = &recorded["body"];
    match recorded["bodyKind"].as_str() {
        Some("none") => {
            if !answer.text.is_empty() {
                found.push(id, "body", answer.text.clone());
            }
        }
        // A page or script: not stored.
        Some("text") if body.is_null() => {}
        Some("text") => {
            if body.as_str() != Some(&answer.text) {
                found.push(id, "body", format!("{:.120}", answer.text));
            }
        }
        _ => {
            let Ok(ours) = serde_json::from_str::<Value>(&answer.text) else {
                found.push(id, "body", format!("no JSON: {:.120}", answer.text));
                return;
            };
            for difference in shape.differences(&ours) {
                found.push(id, difference, "");
            }
            for key in EXACT {
                if !body[key].is_null() && body[key] != ours[key] {
                    found.push(id, key, ours[key].to_string());
                }
            }
        }
    }
}
