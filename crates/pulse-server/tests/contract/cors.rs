//! CORS, and how many requests a client may send.

use serde_json::Value;

use crate::deviations::Found;
use crate::recorded::{Names, Server};
use crate::replay::{entries, id, replay};

const CORS: &str = include_str!("../fixtures/reference-api/cors-and-limits.json");

fn setup<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    entry["setup"]
        .as_str()?
        .strip_prefix(name)?
        .strip_prefix("=\"")?
        .strip_suffix('"')
}

#[tokio::test(flavor = "multi_thread")]
async fn origins() {
    let mut found = Found::new("cors");
    for allowed in ["https://ui.example, https://two.example", "*"] {
        let environment = [("ALLOWED_ORIGINS", allowed)];
        let server = Server::fresh_with(&environment, None).await.set_up().await;
        for entry in entries(CORS) {
            if setup(&entry, "ALLOWED_ORIGINS") == Some(allowed) {
                replay(&server, &Names::default(), &entry, &[], &mut found).await;
            }
        }
        server.stop().await;
    }
    assert!(found.exchanges >= 18, "{}", found.exchanges);
    found.check();
}

/// How many calls a recording needed until one was refused.
fn refused_at(entry: &Value) -> Option<usize> {
    entry["note"]
        .as_str()?
        .strip_prefix("first refused call was number ")?
        .parse()
        .ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits() {
    let environment = [
        ("ALLOWED_ORIGINS", "https://ui.example, https://two.example"),
        ("PULSE_TRUSTED_PROXY_CIDRS", "127.0.0.1/32"),
    ];
    let server = Server::fresh_with(&environment, None).await.set_up().await;
    let names = Names::default();
    let mut found = Found::new("limits");
    for (number, mut entry) in (90u8..).zip(entries(CORS)) {
        if !id(&entry).starts_with("limit-") {
            continue;
        }
        // Each row its own address, so that windows are fresh. Loopback itself is not limited.
        if !id(&entry).contains("loopback") {
            let address = format!("203.0.113.{number}");
            entry["request"]["headers"]["X-Forwarded-For"] = address.into();
        }
        if let Some(first) = refused_at(&entry) {
            for call in 1..first {
                let answer = names.send(&server, &entry["request"]).await;
                if answer.status == 429 {
                    found.push(id(&entry), "refused", format!("call {call}, not {first}"));
                    break;
                }
            }
        }
        replay(&server, &names, &entry, &[], &mut found).await;
    }
    found.check();
    server.stop().await;
}
