//! Each route for nobody, for a token without its scope and for a token with all rights.

use serde_json::Value;

use crate::deviations::Found;
use crate::recorded::{Answer, Server, TOKEN};
use crate::replay::EXACT;

const ROWS: &str = include_str!("../fixtures/reference-api/access.tsv");

/// The id that the recorder used.
const ID: &str = "x1";

/// Bodies were cut to 160 characters: what is complete is compared, of JSON the fixed texts.
fn compare(id: &str, status: &str, body: &str, answer: &Answer, found: &mut Found) {
    found.exchanges += 1;
    if answer.status.to_string() != status {
        let detail = format!("{} instead of {status}: {:.90}", answer.status, answer.text);
        found.push(id, "status", detail);
        return;
    }
    let body = body.replace("\\n", "\n");
    if body.starts_with(['{', '[']) {
        if let Ok(recorded) = serde_json::from_str::<Value>(&body) {
            for key in EXACT {
                if !recorded[key].is_null() && recorded[key] != answer.json()[key] {
                    found.push(id, key, answer.json()[key].to_string());
                }
            }
        }
    } else if body != answer.text {
        found.push(id, "body", format!("{:.90}", answer.text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows() {
    let server = Server::ready().await;
    let mut found = Found::new("access");
    let mut compared = 0;
    for row in ROWS.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (method, path) = (columns[0], columns[1].replace("{id}", ID));
        // Upgrades are in tests/live.rs.
        if method == "WS" {
            continue;
        }
        // A new token for each row: logging out or another row may end one.
        let other = match columns[1] {
            "/api/agents/host/report" | "/api/agents/host/lookup" => "docker:report",
            _ => "kubernetes:report",
        };
        let unscoped = server.token(&[other]).await;
        for (who, token, status, body) in [
            ("anonymous", None, columns[2], columns[3]),
            ("unscoped", Some(unscoped.as_str()), columns[4], columns[5]),
            ("full", Some(TOKEN), columns[6], columns[7]),
        ] {
            if status == "-" {
                continue;
            }
            let header = token.map(|token| ("x-api-token", token));
            let answer = server.send(method, &path, header.as_slice(), None).await;
            let id = format!("{method} {} {who}", columns[1]);
            compare(&id, status, body, &answer, &mut found);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
    found.check();
    server.stop().await;
}
