//! Storages, backups and snapshots.

use pulse_core::Snapshot;

use crate::demo;
use crate::deviations::Found;
use crate::replay::{compare, entries, id, send};
use crate::shape::Shape;

const STORAGE: &str = include_str!("../fixtures/reference-api/storage.json");
const RESOURCES: &str = include_str!("../fixtures/reference-api/resources.json");
const BACKUPS: &str = include_str!("../fixtures/reference-api/backups.json");

#[tokio::test(flavor = "multi_thread")]
async fn storages() {
    let server = demo::server().await;
    let mut names = demo::names(&server);
    let snapshot: std::sync::Arc<Snapshot> = server.app.inventory.snapshot();
    let mut name = |recorded: &str, ours: &str| {
        names.0.insert(recorded.to_owned(), ours.to_owned());
    };
    let first = snapshot.storages.first().unwrap();
    let last = snapshot.storages.last().unwrap();
    name("mock-cluster-pve1-local", &first.id);
    name("shared-storage", &last.id);
    let mut found = Found::new("storage");
    for entry in entries(STORAGE) {
        let answer = send(&server, &names, &entry["request"]).await;
        let mut recorded = entry["response"].clone();
        // The message of what is not found names the id.
        if let Some(text) = recorded["body"]["error"].as_str() {
            recorded["body"]["error"] = names.fill(text).into();
        }
        let shape = Shape::of(&recorded["body"], &[]);
        compare(id(&entry), &recorded, &shape, &answer, &mut found);
    }
    found.check();
    server.stop().await;
}

/// The places of `demo::OPTIONAL` in the bodies of these routes.
fn shape(body: &serde_json::Value) -> Shape {
    let mut shape = Shape::of(body, &[]);
    demo::allow_what_is_optional(&mut shape);
    let lists = [
        ("storageBackups[]", "notes verification"),
        ("backups[]", "notes verification"),
        ("guestSnapshots[]", "description parent sizeBytes"),
        ("snapshots[]", "description parent sizeBytes"),
        ("instances[]", "guestURL"),
    ];
    for (list, keys) in lists {
        for key in keys.split_whitespace() {
            shape.allow_absence(&format!("{list}.{key}"));
        }
    }
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn backups() {
    let server = demo::server().await;
    let names = demo::names(&server);
    let mut found = Found::new("backups");
    for entry in entries(BACKUPS) {
        let answer = send(&server, &names, &entry["request"]).await;
        let shape = shape(&entry["response"]["body"]);
        compare(id(&entry), &entry["response"], &shape, &answer, &mut found);
    }
    found.check();
    server.stop().await;
}

/// Types of resources that no collector brings yet.
const LATER: [&str; 3] = ["docker-container", "docker-host", "container-runtime"];

#[tokio::test(flavor = "multi_thread")]
async fn resources() {
    let server = demo::server().await;
    let mut names = demo::names(&server);
    let snapshot: std::sync::Arc<Snapshot> = server.app.inventory.snapshot();
    let vm = snapshot.vms.first().unwrap();
    names
        .0
        .insert("mock-cluster-pve1-100".into(), vm.id.clone());
    let mut found = Found::new("resources");
    for entry in entries(RESOURCES) {
        let id = id(&entry);
        if id == "one-docker-container" || id == "filter-platform=docker" {
            continue;
        }
        let mut recorded = entry["response"].clone();
        if let Some(list) = recorded
            .pointer_mut("/body/resources")
            .and_then(|l| l.as_array_mut())
        {
            list.retain(|resource| !LATER.contains(&resource["type"].as_str().unwrap()));
        }
        let maps = [
            "stats.byType",
            "stats.byPlatform",
            "stats.byStatus",
            "byType",
            "byPlatform",
            "byStatus",
            "resources[].platformData.sensors.temperatureCelsius",
        ];
        let mut shape = Shape::of(&recorded["body"], &maps);
        for key in ["memory.used", "disk"] {
            shape.allow_absence(key);
            shape.allow_absence(&format!("resources[].{key}"));
        }
        for key in ["rxBytes", "txBytes"] {
            shape.allow_absence(&format!("resources[].platformData.interfaces[].{key}"));
        }
        for place in ["platformData", "resources[].platformData"] {
            for key in ["osName", "osVersion", "ipAddresses", "lastBackup"] {
                shape.allow_absence(&format!("{place}.{key}"));
            }
        }
        let answer = send(&server, &names, &entry["request"]).await;
        compare(id, &recorded, &shape, &answer, &mut found);
    }
    found.check();
    server.stop().await;
}
