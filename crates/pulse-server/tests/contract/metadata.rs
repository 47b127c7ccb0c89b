//! What people write about guests, hosts and containers.

use std::sync::Arc;

use serde_json::json;

use crate::deviations::Found;
use crate::recorded::{Names, Server, TOKEN};
use crate::replay::{compare, entries, id, send};
use crate::shape::Shape;

const DIAGNOSTICS: &str = include_str!("../fixtures/reference-api/diagnostics.json");
const METADATA: &str = include_str!("../fixtures/reference-api/metadata.json");

#[tokio::test(flavor = "multi_thread")]
async fn metadata() {
    let server = Server::ready().await;
    let mut found = Found::new("metadata");
    let mut names = Names::default();
    for entry in entries(METADATA) {
        if let Some(token) = entry["request"]["headers"]["X-API-Token"].as_str() {
            names.0.insert(token.to_owned(), TOKEN.to_owned());
        }
        // Recorded in mock mode, where nothing is stored.
        if id(&entry) == "mock-note" {
            continue;
        }
        let mut entry = entry.clone();
        if let Some(body) = entry["request"]["body"].as_str()
            && body.starts_with("<20018 bytes")
        {
            entry["request"]["body"] = json!({ "description": "x".repeat(20_000) });
        }
        let answer = send(&server, &names, &entry["request"]).await;
        let all = id(&entry).contains("-all") || id(&entry).contains("-get-noid");
        let maps: &[&str] = if all { &[""] } else { &[] };
        let shape = Shape::of(&entry["response"]["body"], maps);
        compare(id(&entry), &entry["response"], &shape, &answer, &mut found);
    }
    found.check();
    server.stop().await;
}

async fn ask(
    server: &Server,
    method: &str,
    path: &str,
    body: serde_json::Value,
) -> serde_json::Value {
    let mut request = json!({
        "method": method, "path": path, "headers": { "X-API-Token": TOKEN },
    });
    if !body.is_null() {
        request["body"] = body;
    }
    let answer = send(server, &Names::default(), &request).await;
    serde_json::from_str(&answer.text).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_follow_a_guest_and_writes_keep_what_they_do_not_name() {
    let server = crate::demo::server().await;
    let snapshot: Arc<pulse_core::Snapshot> = server.app.inventory.snapshot();
    let guest = snapshot.vms.first().unwrap();
    let elsewhere = format!("{}:elsewhere:{}", guest.instance, guest.vmid);
    let path = format!("/api/guests/metadata/{elsewhere}");
    ask(&server, "PUT", &path, json!({ "notes": ["first"] })).await;
    ask(
        &server,
        "PUT",
        &path,
        json!({ "customUrl": "https://app.example" }),
    )
    .await;

    let here = format!("/api/guests/metadata/{}", guest.id);
    let one = ask(&server, "GET", &here, json!(null)).await;
    assert_eq!(one["notes"], json!(["first"]));
    assert_eq!(one["customUrl"], "https://app.example");
    assert_eq!(one["lastKnownName"], guest.name.as_str());
    let all = ask(&server, "GET", "/api/guests/metadata", json!(null)).await;
    assert_eq!(all[&guest.id], one, "listed under the id that it has now");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn diagnostics() {
    let server = Server::ready().await;
    let mut found = Found::new("diagnostics");
    let mut names = Names::default();
    for entry in entries(DIAGNOSTICS) {
        if let Some(token) = entry["request"]["headers"]["X-API-Token"].as_str() {
            names.0.insert(token.to_owned(), TOKEN.to_owned());
        }
        let answer = send(&server, &names, &entry["request"]).await;
        let mut shape = Shape::of(&entry["response"]["body"], &["queue.perType"]);
        for key in ["notes", "recommendedAgentVersion"] {
            shape.allow_absence(&format!("dockerAgents.{key}"));
        }
        for key in ["unusedTokenCount", "notes", "usage", "tokens[].lastUsedAt"] {
            shape.allow_absence(&format!("apiTokens.{key}"));
        }
        compare(id(&entry), &entry["response"], &shape, &answer, &mut found);
    }
    found.check();
    server.stop().await;
}
