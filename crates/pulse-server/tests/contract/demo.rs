//! Routes that were recorded with a mock fleet.

use std::io::Read as _;
use std::sync::Arc;

use pulse_core::Snapshot;
use pulse_server::demo;
use serde_json::Value;

use crate::deviations::Found;
use crate::recorded::{Names, Server, TOKEN};
use crate::replay::{compare, entries, id, replay, send};
use crate::shape::Shape;

const CORE: &str = include_str!("../fixtures/reference-api/core.json");
const CHARTS: &str = include_str!("../fixtures/reference-api/charts.json");
const HISTORY: &str = include_str!("../fixtures/reference-api/metrics-store.json");
const DEFAULT_FLEET: &[u8] =
    include_bytes!("../fixtures/reference-api/state-default-fleet.json.gz");

/// Where the state has ids or sensor names as keys.
pub const STATE_MAPS: [&str; 9] = [
    "connectionHealth",
    "hosts[].sensors.temperatureCelsius",
    "hosts[].sensors.fanRpm",
    "hosts[].sensors.additional",
    "activeAlerts[].metadata",
    "dockerHosts[].containers[].labels",
    "kubernetesClusters[].pods[].labels",
    "nodes[].temperature.sensors",
    "pmg[].nodes[].queue",
];

/// What chapter 01 §2.14–2.20 calls omitted when empty, by list of the state.
const OPTIONAL: [(&str, &str); 9] = [
    (
        "replicationJobs[]",
        "jobNumber guest guestId guestName guestType guestNode sourceNode sourceStorage targetNode \
         targetStorage schedule type state status lastSyncStatus lastSyncTime lastSyncUnix \
         lastSyncDurationSeconds lastSyncDurationHuman nextSyncTime nextSyncUnix durationSeconds \
         durationHuman failCount error comment removeJob rateLimitMbps",
    ),
    ("cephClusters[]", "fsid healthMessage pools services"),
    ("pbs[]", "guestURL"),
    ("pbs[].datastores[]", "error namespaces deduplicationFactor"),
    (
        "pmg[]",
        "guestURL nodes mailStats mailCount spamDistribution quarantine",
    ),
    ("pmg[].nodes[]", "role uptime loadAvg queueStatus"),
    ("pbsBackups[]", "comment files owner"),
    ("pveBackups.storageBackups[]", "notes verification"),
    (
        "pveBackups.guestSnapshots[]",
        "description parent sizeBytes",
    ),
];

pub fn allow_what_is_optional(shape: &mut Shape) {
    for (list, keys) in OPTIONAL {
        for key in keys.split_whitespace() {
            shape.allow_absence(&format!("{list}.{key}"));
            // v5's second copy of the backup lists.
            let copy = list
                .replace("pbsBackups[]", "pbs[]")
                .replace("pveBackups.", "pve.");
            shape.allow_absence(&format!("backups.{copy}.{key}"));
        }
    }
}

/// What version 5 shows of its small and its default fleet.
pub fn state_shape() -> Shape {
    let mut shape = Shape::default();
    let core = entries(CORE);
    let small = core.iter().find(|entry| entry["id"] == "state").unwrap();
    shape.learn(&small["response"]["body"], "", &STATE_MAPS);
    let mut text = String::new();
    flate2::read::GzDecoder::new(DEFAULT_FLEET)
        .read_to_string(&mut text)
        .unwrap();
    let large: Value = serde_json::from_str(&text).unwrap();
    shape.learn(large.get("body").unwrap_or(&large), "", &STATE_MAPS);
    allow_what_is_optional(&mut shape);
    shape
}

/// A server with the demo fleet, all of it polled once.
pub async fn server() -> Server {
    let server = Server::ready().await;
    demo::switch(&server.app, true).await.unwrap();
    let mut snapshots = server.app.inventory.subscribe();
    let complete = |snapshot: &Arc<Snapshot>| {
        snapshot.nodes.len() >= 4
            && snapshot.guests().count() > 40
            && !snapshot.storages.is_empty()
            && snapshot.hosts.len() >= 6
    };
    snapshots.wait_for(complete).await.unwrap();
    server
}

/// Ids of the mock fleet, and of ours.
pub fn names(server: &Server) -> Names {
    let mut names = Names::default();
    let mut name = |recorded: &str, ours: &str| {
        names.0.insert(recorded.to_owned(), ours.to_owned());
    };
    name("<token-1>", TOKEN);
    // op:first-password-1
    name("<basic-1>", "b3A6Zmlyc3QtcGFzc3dvcmQtMQ==");
    let snapshot = server.app.inventory.snapshot();
    name("mock-cluster-pve1", &snapshot.nodes[0].id);
    name("host-macos-2", &snapshot.hosts[0].id);
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn core() {
    let server = server().await;
    let names = names(&server);
    let mut found = Found::new("core");
    for entry in entries(CORE) {
        let id = id(&entry);
        // Version 5 has a second port for its own metrics.
        if id == "prometheus-9091" {
            continue;
        }
        if id == "state" {
            let answer = send(&server, &names, &entry["request"]).await;
            compare(id, &entry["response"], &state_shape(), &answer, &mut found);
        } else {
            replay(&server, &names, &entry, &STATE_MAPS, &mut found).await;
        }
    }
    found.check();
    server.stop().await;
}

/// Places of chart bodies where keys are ids or metrics.
const CHART_MAPS: [&str; 8] = [
    "data",
    "nodeData",
    "storageData",
    "dockerData",
    "dockerHostData",
    "hostData",
    "guestTypes",
    "",
];

#[tokio::test(flavor = "multi_thread")]
async fn charts() {
    let server = server().await;
    let names = names(&server);
    let mut found = Found::new("charts");
    for entry in entries(CHARTS) {
        let maps = if id(&entry).starts_with("storage") && entry["response"]["status"] == 200 {
            &CHART_MAPS[..]
        } else {
            &CHART_MAPS[..CHART_MAPS.len() - 1]
        };
        replay(&server, &names, &entry, maps, &mut found).await;
    }
    found.check();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history() {
    let server = server().await;
    let names = names(&server);
    let mut found = Found::new("metrics-store");
    for entry in entries(HISTORY) {
        replay(&server, &names, &entry, &["metrics"], &mut found).await;
    }
    found.check();
    server.stop().await;
}
