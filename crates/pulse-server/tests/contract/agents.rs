//! Host agents: recorded exchanges, and every recorded report.

use serde_json::Value;

use crate::demo::{STATE_MAPS, state_shape};
use crate::deviations::Found;
use crate::recorded::{Names, Server, TOKEN};
use crate::replay::{compare, entries, id, replay};
use crate::shape::Shape;

const AGENTS: &str = include_str!("../fixtures/reference-api/agents.json");
const HISTORY: &str = include_str!("../fixtures/reference-api/metrics-store-live.json");
const REPORTS: &str = include_str!("../../../pulse-wire/tests/fixtures/host-reports.jsonl");
const PROCESSES: &str = include_str!("../fixtures/agent-reports/host.jsonl");
const HOSTS: &str = include_str!("../fixtures/reference-api/agent-hosts.json");

/// The tokens of the recording.
async fn names(server: &Server) -> Names {
    let mut names = Names::default();
    names.0.insert("<token-26>".into(), TOKEN.into());
    names
        .0
        .insert("<basic-1>".into(), "b3A6Zmlyc3QtcGFzc3dvcmQtMQ==".into());
    for report in ["<token-27>", "<token-30>", "<token-31>", "<token-32>"] {
        let token = server.token(&["host-agent:report"]).await;
        names.0.insert(report.into(), token);
    }
    let docker = server.token(&["docker:report"]).await;
    names.0.insert("<token-28>".into(), docker);
    names
}

fn basic_of(entries: &[Value]) -> Vec<String> {
    entries
        .iter()
        .filter_map(|entry| entry["request"]["headers"]["Authorization"].as_str())
        .filter_map(|value| Some(value.strip_prefix("Basic ")?.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges() {
    let server = Server::ready().await;
    let mut names = names(&server).await;
    let mut found = Found::new("agents");
    let list = entries(AGENTS);
    for basic in basic_of(&list) {
        names.0.insert(basic, "b3A6Zmlyc3QtcGFzc3dvcmQtMQ==".into());
    }
    for mut entry in list {
        let body = entry["request"]["body"].as_str().unwrap_or_default();
        if id(&entry) == "host-report-big" {
            // Stored shortened; just over what ours allows.
            let filler = "x".repeat(pulse_server::api::agents::LARGEST_REPORT);
            entry["request"]["body"] = serde_json::json!({"agent": {"id": filler}});
        } else if body.starts_with('<') && id(&entry) != "host-report-gzip" {
            panic!("{} has a shortened body", id(&entry));
        }
        if let Some(host) = entry["response"]["body"]["hostId"].as_str()
            && host.starts_with("host-a1-")
        {
            entry["response"]["body"]["hostId"] = "(derived)".into();
        }
        let mut snapshots = server.app.inventory.subscribe();
        let before = snapshots.borrow_and_update().version;
        let answer = replay(&server, &names, &entry, &STATE_MAPS, &mut found).await;
        if id(&entry).starts_with("host-report-") && answer.status == 200 {
            snapshots
                .wait_for(|snapshot| snapshot.version > before)
                .await
                .unwrap();
        }
    }
    found.check();
    server.stop().await;
}

/// Every report that an agent sent, as it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn reports() {
    let server = Server::ready().await;
    let token = server.token(&["host-agent:report"]).await;
    let mut found = Found::new("reports");
    let mut shape = Shape::default();
    let agents = entries(AGENTS);
    let recorded = agents
        .iter()
        .find(|entry| entry["id"] == "host-report-ok")
        .unwrap();
    shape.learn(&recorded["response"]["body"], "", &[]);
    let mut hosts = std::collections::BTreeSet::new();
    for line in REPORTS.lines() {
        let report: Value = serde_json::from_str(line).unwrap();
        let headers = [("x-api-token", token.as_str())];
        let answer = server
            .send(
                "POST",
                "/api/agents/host/report",
                &headers,
                Some(report.to_string()),
            )
            .await;
        compare(
            report["host"]["hostname"].as_str().unwrap_or("?"),
            &recorded["response"],
            &shape,
            &answer,
            &mut found,
        );
        hosts.insert(
            answer.json()["hostId"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert!(found.exchanges > 20, "only {}", found.exchanges);
    // Version 5 leaves out what it does not know; so keys may be absent, but not of another type.
    let mut state = state_shape();
    let mut all = serde_json::json!({ "hosts": [] });
    all["hosts"] = serde_json::from_str(HOSTS).unwrap();
    state.learn(&all, "", &STATE_MAPS);
    let ours = server.call("GET", "/api/state", None).await.json();
    assert_eq!(ours["hosts"].as_array().unwrap().len(), hosts.len());
    for difference in state.differences(&ours) {
        if difference.starts_with("hosts") {
            found.push("state", difference, "");
        }
    }
    found.check();
    server.stop().await;
}

/// Everything that a host agent of version 5 said and heard, refusals included: its requests with
/// their own headers. Only the tokens are ours.
#[tokio::test(flavor = "multi_thread")]
async fn processes() {
    let exchanges: Vec<Value> = PROCESSES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut found = Found::new("processes");
    for scenario in exchanges.chunk_by(|a, b| a["scenario"] == b["scenario"]) {
        let server = Server::ready().await;
        let scope = match scenario[0]["scenario"].as_str().unwrap() {
            "error-403-scope" => Some("docker:report"),
            "error-401" => None,
            _ => Some("host-agent:report"),
        };
        let token = match scope {
            Some(scope) => server.token(&[scope]).await,
            None => "0".repeat(64),
        };
        let mut names = Names::default();
        for exchange in scenario {
            let header = exchange["request"]["headers"]["X-Api-Token"].as_str();
            names.0.insert(header.unwrap().to_owned(), token.clone());
        }
        // This agent had reported before.
        if scenario[0]["response"]["status"] == 200 {
            let report = scenario
                .iter()
                .find(|exchange| exchange["request"]["path"] == "/api/agents/host/report");
            if let Some(report) = report {
                names.send(&server, &report["request"]).await;
            }
        }
        for exchange in scenario {
            let answer = replay(&server, &names, exchange, &[], &mut found).await;
            if exchange["response"]["bodyKind"] == "json" && answer.status == 200 {
                let recorded = &exchange["response"]["body"];
                for difference in crate::values::differences(recorded, &answer.json()) {
                    found.push(id(exchange), difference, "");
                }
            }
        }
        server.stop().await;
    }
    assert!(found.exchanges > 30, "{}", found.exchanges);
    found.check();
}

/// The host rows of the history recordings; the others are of Docker.
#[tokio::test(flavor = "multi_thread")]
async fn history() {
    let server = Server::ready().await;
    let names = names(&server).await;
    let reports = entries(AGENTS);
    let report = reports
        .iter()
        .find(|entry| entry["id"] == "host-report-ok")
        .unwrap();
    let answer = names.send(&server, &report["request"]).await;
    assert_eq!(answer.status, 200);
    let mut found = Found::new("metrics-store-live");
    for entry in entries(HISTORY) {
        let maps = [
            "data",
            "nodeData",
            "storageData",
            "dockerData",
            "dockerHostData",
            "guestTypes",
            "metrics",
        ];
        replay(&server, &names, &entry, &maps, &mut found).await;
    }
    found.check();
    server.stop().await;
}
