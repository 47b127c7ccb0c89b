//! The life of a server from its first start over set-up, login, lock-out, tokens and recovery to
//! the rotation of its tokens: one sequence, because each exchange builds on those before it.

use serde_json::Value;

use crate::deviations::Found;
use crate::recorded::{Answer, Names, PASSWORD, Server, TOKEN};
use crate::replay::{entries, id, replay};
use crate::values;

const LIFE: &str = include_str!("../../../pulse-auth/tests/fixtures/security.json");
const PROXY: (&str, &str) = ("PULSE_TRUSTED_PROXY_CIDRS", "127.0.0.1/32");

fn cookies(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap()).collect()
}

/// Cookies as recorded, without their values.
fn cookie_shapes<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let shape = |line: &str| {
        let (name, rest) = line.split_once('=').unwrap();
        let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
        let kind = if value.is_empty() { "empty" } else { "set" };
        format!("{name} {kind};{attributes}")
    };
    lines.into_iter().map(shape).collect()
}

fn recorded_cookies(entry: &Value) -> Vec<&str> {
    let lines = entry["response"]["headers"]["set-cookie"].as_array();
    lines
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// What the placeholders of the recorded answer are in ours.
fn learn(names: &mut Names, entry: &Value, answer: &Answer) {
    let recorded = &entry["response"];
    let body = answer.json();
    for (recorded, ours) in [
        (&recorded["body"]["token"], &body["token"]),
        (&recorded["body"]["record"]["id"], &body["record"]["id"]),
    ] {
        if let (Some(recorded), Some(ours)) = (recorded.as_str(), ours.as_str()) {
            names.0.insert(recorded.to_owned(), ours.to_owned());
        }
    }
    for line in recorded_cookies(entry) {
        let (key, rest) = line.split_once('=').unwrap();
        let placeholder = rest.split(';').next().unwrap();
        let mut ours = cookies(answer).into_iter().filter_map(|line| {
            let (name, value) = line.split(';').next()?.split_once('=')?;
            (name == key && !value.is_empty()).then_some(value)
        });
        if let (false, Some(value)) = (placeholder.is_empty(), ours.next_back()) {
            names.0.insert(placeholder.to_owned(), value.to_owned());
        }
    }
}

/// Where a request comes from. What counts attempts is tried from one address, as when it was
/// recorded; everything else each time from another, so that only the test of a limit meets it.
fn address(number: usize, id: &str) -> Option<String> {
    let loopback = ["rec-", "apply-"].iter().any(|group| id.starts_with(group));
    match id {
        "lockout-other-ip" => Some("10.9.9.51".to_owned()),
        _ if loopback => None,
        "login-wrong-password" | "login-unknown-user" | "login-empty-fields" => {
            Some("10.9.9.54".to_owned())
        }
        _ if id.starts_with("lockout-") => Some("10.9.9.50".to_owned()),
        _ if id.starts_with("login-rate-1") => Some("10.9.9.52".to_owned()),
        _ if id.starts_with("validate-rate-") => Some("10.9.9.53".to_owned()),
        _ => Some(format!("10.9.{}.{}", number / 200, number % 200 + 1)),
    }
}

/// The recording speaks to routes that come with later issues; who may pass is the same on all.
fn on_a_built_route(entry: &mut Value) {
    let path = entry["request"]["path"].as_str().unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path == "/api/config" {
        let query = if query.is_empty() {
            ""
        } else {
            &format!("?{query}")
        };
        entry["request"]["path"] = format!("/api/metrics-store/stats{query}").into();
        if entry["response"]["status"] == 200 {
            entry["response"]["body"] = serde_json::json!({});
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn life() {
    let server = Server::fresh_with(&[PROXY], None).await;
    let mut names = Names::default();
    let bootstrap = server.app.auth.bootstrap_token().unwrap();
    for (name, value) in [
        ("<bootstrap-token-1>", bootstrap.expose()),
        ("<password-1>", PASSWORD),
        ("<password-2>", "second-password-2"),
        ("<token-6>", TOKEN),
        ("<token-15>", &"28".repeat(32)),
        // op:first-password-1
        ("<basic-2>", "b3A6Zmlyc3QtcGFzc3dvcmQtMQ=="),
    ] {
        names.0.insert(name.to_owned(), value.to_owned());
    }
    let mut found = Found::new("security");
    for (number, mut entry) in entries(LIFE).into_iter().enumerate() {
        let id = id(&entry).to_owned();
        if id == "cp-ok" {
            // The login that led to this session was not recorded.
            let (session, csrf) = log_in(&server).await;
            names.0.insert("<session-9>".into(), session);
            names.0.insert("<csrf-16>".into(), csrf);
        }
        on_a_built_route(&mut entry);
        let headers = &mut entry["request"]["headers"];
        if let Some(address) = address(number, &id) {
            headers["X-Forwarded-For"] = address.into();
        } else if !headers["X-Forwarded-For"].is_null() {
            headers["X-Forwarded-For"] = format!("203.0.113.{number}").into();
        }
        // The recording keeps the last calls before a limit and the first one beyond it.
        if ["login-rate-10", "validate-rate-9"].contains(&id.as_str()) {
            for _ in 1..10 {
                names.send(&server, &entry["request"]).await;
            }
        }
        let answer = replay(&server, &names, &entry, &[], &mut found).await;
        if id == "csrf-old" {
            // Refused in the recording; without the token that it made here the rest is the same.
            names
                .0
                .insert("<csrf-11>".into(), names.0["<csrf-10>"].clone());
            let made = answer.json()["record"]["id"].as_str().unwrap().to_owned();
            let path = format!("/api/security/tokens/{made}");
            assert_eq!(server.call("DELETE", &path, None).await.status, 204);
        }
        learn(&mut names, &entry, &answer);
        if entry["response"]["status"] != answer.status {
            continue;
        }
        for difference in values::differences(&entry["response"]["body"], &answer.json()) {
            found.push(&id, difference, "");
        }
        let (ours, recorded) = (cookies(&answer), recorded_cookies(&entry));
        let (ours, recorded) = (cookie_shapes(ours), cookie_shapes(recorded));
        if ours != recorded {
            found.push(&id, "cookies", format!("{ours:?}, not {recorded:?}"));
        }
    }
    found.check();
    server.stop().await;
}

async fn log_in(server: &Server) -> (String, String) {
    let body = serde_json::json!({"username": "op", "password": PASSWORD}).to_string();
    let headers = [("x-forwarded-for", "10.8.8.8")];
    let answer = server
        .send("POST", "/api/login", &headers, Some(body))
        .await;
    let mut values = cookies(&answer).into_iter().map(|line| {
        let pair = line.split(';').next().unwrap();
        pair.split_once('=').unwrap().1.to_owned()
    });
    (values.next().unwrap(), values.next().unwrap())
}
