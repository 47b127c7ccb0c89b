//! What the original shows for a recorded server, ours shows too, except for its named mistakes
//! and what we show better on purpose. Both are listed below, with the reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pulse_collect::{PveSource, Runner};
use pulse_core::{ReportBody, Secret, SourceReport, Timestamp};
use pulse_inventory::Inventory;
use pulse_proxmox::{ClusterClient, Credentials, PveClient, PveOptions, ServerAddress, TlsMode};
use pulse_wire::state::StateJson;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const PVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/pve");
const REFERENCE: &str =
    include_str!("../../../tests/fixtures/reference-state/pve-single-plus.json");

struct Recorded {
    status: u16,
    reason: String,
    body: Vec<u8>,
}

/// The answers of the single node, as the reference was given them.
fn recordings() -> HashMap<String, Recorded> {
    let index = std::fs::read_to_string(format!("{PVE}/index.tsv")).unwrap();
    let other = [
        "cluster3_",
        "stale_",
        "daemon_down",
        "err_",
        "noacl_",
        "auth_",
        "extjs_",
    ];
    let mut found: HashMap<String, (bool, Recorded)> = HashMap::new();
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, "GET", path, status, reason, ..] = fields[..] else {
            continue;
        };
        if other.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        // The plain name is the ordinary answer; a suffix tells of a special caller or case.
        let plain = !name.contains("__");
        if found.get(path).is_some_and(|(known, _)| *known || !plain) {
            continue;
        }
        let recorded = Recorded {
            status: status.parse().unwrap(),
            reason: reason.to_owned(),
            body: std::fs::read(format!("{PVE}/{name}.json")).unwrap_or_default(),
        };
        found.insert(path.to_owned(), (plain, recorded));
    }
    found
        .into_iter()
        .map(|(path, (_, recorded))| (path, recorded))
        .collect()
}

async fn replay() -> String {
    let recordings = Arc::new(recordings());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let recordings = Arc::clone(&recordings);
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                loop {
                    while let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
                        let head = String::from_utf8_lossy(&request[..end]).into_owned();
                        request.drain(..end + 4);
                        let target = head.split(' ').nth(1).unwrap_or_default();
                        let path = target.strip_prefix("/api2/json").unwrap_or(target);
                        let missing = Recorded {
                            status: 501,
                            reason: format!("Method 'GET {path}' not implemented"),
                            body: b"{\"data\":null}".to_vec(),
                        };
                        // Ours also asks for running ones, and for more than a page.
                        let path = path.replace("?source=all&limit=200&", "?");
                        let answer = recordings.get(&path).unwrap_or(&missing);
                        let head = format!(
                            "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                            answer.status,
                            answer.reason,
                            answer.body.len()
                        );
                        let written = async {
                            stream.write_all(head.as_bytes()).await?;
                            stream.write_all(&answer.body).await
                        };
                        if written.await.is_err() {
                            return;
                        }
                    }
                    match stream.read(&mut chunk).await {
                        Ok(0) | Err(_) => return,
                        Ok(n) => request.extend_from_slice(&chunk[..n]),
                    }
                }
            });
        }
    });
    url
}

#[derive(Clone)]
struct Reports(mpsc::UnboundedSender<SourceReport>);

impl pulse_collect::Sink for Reports {
    async fn report(&self, report: SourceReport) {
        let _ = self.0.send(report);
    }
}

/// Keys that ours has in addition to v5, or that the recording leaves out because they move.
const ADDED: [&str; 16] = [
    "updates",
    "certificates",
    "vendor",
    "lastChecked",
    "lastSyncStatus",
    "lastTryTime",
    "polledAt",
    "error",
    "memorySource",
    "ioStatusReason",
    "diskStatusReason",
    "agentSeen",
    "pool",
    "lock",
    "stale",
    "lastSeen",
];

/// What differs on purpose: where, and why.
const DEVIATIONS: [(&str, &str); 12] = [
    (
        "pveBackups/guestSnapshots/replay-pve1-101-after-upgrade/vmstate",
        "named mistake: no memory in these snapshots",
    ),
    (
        "pveBackups/guestSnapshots/replay-pve1-101-pre-upgrade/vmstate",
        "the same",
    ),
    ("nodes/replay-pve1/host", "the address of the replay"),
    (
        "vms/replay:pve1:100/memory",
        "named mistake: free memory is subtracted from the configured size",
    ),
    ("vms/replay:pve1:100/mem", "the same"),
    (
        "vms/replay:pve1:106/memory",
        "named mistake: a paused guest keeps its memory",
    ),
    ("vms/replay:pve1:106/mem", "the same"),
    (
        "vms/replay:pve1:101/disk/usage",
        "Improve: the use of a stopped VM is unknown, not 0",
    ),
    (
        "containers/replay:pve1:200/disk/usage",
        "decisions: an unknown value is never shown as 0",
    ),
    (
        "containers/replay:pve1:200/disks",
        "the same: no use, no filesystem",
    ),
    (
        "containers/replay:pve1:201/disk/free",
        "the reference mixes the figures of two answers",
    ),
    ("containers/replay:pve1:201/disks/0/free", "the same"),
];

/// Depends on which of several recorded answers is taken.
const MOVING: [&str; 6] = [
    "cpu",
    "uptime",
    "networkIn",
    "networkOut",
    "diskRead",
    "diskWrite",
];

fn compare(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    if DEVIATIONS.iter().any(|(place, _)| *place == at) {
        found.push(at.to_owned());
        return;
    }
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in theirs {
                let at = format!("{at}/{key}");
                if MOVING.contains(&key.as_str()) {
                    continue;
                }
                match ours.get(key) {
                    Some(own) => compare(&at, own, value, found),
                    None if DEVIATIONS.iter().any(|(place, _)| *place == at) => found.push(at),
                    None => panic!("{at} is missing; the reference has {value}"),
                }
            }
            for key in ours.keys().filter(|key| !theirs.contains_key(*key)) {
                let at = format!("{at}/{key}");
                if DEVIATIONS.iter().any(|(place, _)| *place == at) {
                    found.push(at);
                } else {
                    assert!(
                        ADDED.contains(&key.as_str()),
                        "{at} is not in the reference"
                    );
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}: {ours:?} for {theirs:?}");
            // The order of filesystems is not told to anybody.
            let sorted = |list: &[Value]| {
                let mut list = list.to_vec();
                list.sort_by_key(|v| v["mountpoint"].as_str().map(str::to_owned));
                list
            };
            for (index, (own, their)) in sorted(ours).iter().zip(&sorted(theirs)).enumerate() {
                compare(&format!("{at}/{index}"), own, their, found);
            }
        }
        (Value::Number(own), Value::Number(their)) => {
            let (own, their) = (own.as_f64().unwrap(), their.as_f64().unwrap());
            assert!(
                (own - their).abs() <= their.abs() * 1e-9,
                "{at}: {own} for {their}"
            );
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

fn by_id<'a>(list: &'a Value, id: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|object| object["id"] == id)
        .unwrap_or_else(|| panic!("{id} is missing"))
}

#[tokio::test]
async fn the_recorded_server_looks_as_in_the_original() {
    let url = replay().await;
    let options = PveOptions::new(
        ServerAddress::parse(&url, 8006).unwrap(),
        TlsMode::System,
        Credentials::Token {
            id: "monitor@pve!auditor".into(),
            secret: Secret::new("recorded"),
        },
    );
    let client = PveClient::new(options).unwrap();
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let clock: pulse_collect::Clock = Arc::new(|| Timestamp(unix_ms()));
    let runner = Runner::new(Reports(reports), clock);
    runner.start(PveSource {
        name: "replay".into(),
        client: ClusterClient::single(client),
        host: url,
        guest_url: String::new(),
        cluster: None,
        endpoints: Vec::new(),
        vms: true,
        containers: true,
        storage: true,
        extent: pulse_collect::Extent::default(),
        interval_seconds: 1,
        demo: false,
    });
    let mut inventory = Inventory::default();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let state = loop {
        let report = tokio::time::timeout_at(deadline, inbox.recv())
            .await
            .expect("the guests' details did not come in time")
            .unwrap();
        if let ReportBody::PollFailed { failure, .. } = &report.body {
            panic!("{}", failure.message);
        }
        inventory.apply(report);
        let state = serde_json::to_value(StateJson::new(&inventory.snapshot())).unwrap();
        // All that is asked guest by guest has been answered.
        let slow = state["physicalDisks"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
            && state["replicationJobs"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
            && state["pveBackups"]["backupTasks"]
                .as_array()
                .is_some_and(|list| list.len() > 3)
            && state["pveBackups"]["guestSnapshots"]
                .as_array()
                .is_some_and(|list| list.len() > 1);
        let web = by_id(&state["vms"], "replay:pve1:100");
        let dns = by_id(&state["containers"], "replay:pve1:200");
        let proxy = by_id(&state["containers"], "replay:pve1:201");
        if web["agentVersion"].is_string()
            && web["osName"].is_string()
            && web["ipAddresses"].is_array()
            && web["disks"].is_array()
            && dns["osName"].is_string()
            && proxy["osName"].is_string()
            && slow
        {
            break state;
        }
    };
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let mut found = Vec::new();
    let lists = [
        "/nodes",
        "/vms",
        "/containers",
        "/storage",
        "/physicalDisks",
        "/replicationJobs",
        "/pveBackups/backupTasks",
        "/pveBackups/storageBackups",
        "/pveBackups/guestSnapshots",
    ];
    for list in lists {
        let of = |state: &Value| state.pointer(list).unwrap().clone();
        let (ours, theirs) = (of(&state), of(&reference["state"]));
        let theirs = theirs.as_array().unwrap();
        let name = &list[1..];
        let number = ours.as_array().unwrap().len();
        assert_eq!(number, theirs.len(), "number of {name}: {ours}");
        for object in theirs {
            let id = object["id"].as_str().unwrap();
            compare(
                &format!("{name}/{id}"),
                by_id(&ours, id),
                object,
                &mut found,
            );
        }
    }
    assert_eq!(
        state["connectionHealth"],
        reference["state"]["connectionHealth"]
    );
    for (place, reason) in DEVIATIONS {
        assert!(
            found.iter().any(|at| at == place),
            "{place} does not differ any more ({reason})"
        );
    }
    // The named mistakes, as the recording has them.
    let memory = |id| by_id(&state["vms"], id)["memory"]["used"].clone();
    assert_eq!(memory("replay:pve1:100"), 128_651_264);
    assert_eq!(memory("replay:pve1:106"), 39_599_512);
}

/// Unix milliseconds.
fn unix_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
