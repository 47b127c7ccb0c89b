//! A backup server from its answers to the state that clients see: recorded, and in trouble.
//!
//! Scenarios of the monitoring chapter: P1–P10.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pulse_collect::pbs::Poller;
use pulse_collect::{PbsExtent, PbsSource};
use pulse_core::{
    DatastoreStatus, InstanceKind, PollFailure, ReportBody, Secret, Snapshot, SourceReport,
    TaskOutcome, Timestamp, Verification,
};
use pulse_inventory::Inventory;
use pulse_proxmox::{Credentials, PbsClient, PveOptions, ServerAddress, TlsMode};
use pulse_wire::state::StateJson;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");
const START: i64 = 1_795_425_000;

type Answers = Arc<Mutex<HashMap<String, (u16, Vec<u8>)>>>;

/// A server that answers by path, the poller that asks it, and the inventory that is told.
struct Lab {
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
    poller: Poller,
    inventory: Inventory,
    now: i64,
    url: String,
}

async fn serve(answers: Answers, asked: Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
            tokio::spawn(async move {
                let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
                loop {
                    while let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
                        let head = String::from_utf8_lossy(&request[..end]).into_owned();
                        request.drain(..end + 4);
                        let target = head.split(' ').nth(1).unwrap_or_default();
                        let path = target.trim_start_matches("/api2/json").to_owned();
                        let (status, body) = (answers.lock().unwrap().get(&path).cloned())
                            .unwrap_or((404, b"Path not found.".to_vec()));
                        asked.lock().unwrap().push(path);
                        let head = format!(
                            "HTTP/1.1 {status} X\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
                            body.len()
                        );
                        let sent = [head.as_bytes(), &body].concat();
                        if stream.write_all(&sent).await.is_err() {
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

impl Lab {
    async fn new(name: &str, answers: HashMap<String, (u16, Vec<u8>)>) -> Self {
        let answers: Answers = Arc::new(Mutex::new(answers));
        let asked = Arc::default();
        let url = serve(Arc::clone(&answers), Arc::clone(&asked)).await;
        let token = Credentials::Token {
            id: "monitor@pbs!dash".into(),
            secret: Secret::new("recorded"),
        };
        let address = ServerAddress::parse(&url, 8007).unwrap();
        let options = PveOptions::new(address, TlsMode::System, token);
        let source = PbsSource {
            name: name.to_owned(),
            client: Arc::new(PbsClient::new(options).unwrap()),
            host: url.clone(),
            guest_url: String::new(),
            extent: PbsExtent::default(),
            interval_seconds: 60,
            demo: false,
        };
        let mut inventory = Inventory::default();
        inventory.add_instance(name, InstanceKind::Pbs, false);
        Self {
            answers,
            asked,
            poller: Poller::new(source),
            inventory,
            now: START,
            url,
        }
    }

    fn set(&self, path: &str, body: &Value) {
        let body = json!({ "data": body }).to_string().into_bytes();
        self.answers
            .lock()
            .unwrap()
            .insert(path.to_owned(), (200, body));
    }

    fn fail(&self, path: &str, status: u16, text: &str) {
        self.answers
            .lock()
            .unwrap()
            .insert(path.to_owned(), (status, text.as_bytes().to_vec()));
    }

    /// Polls and applies; gives the paths that were asked.
    async fn poll(&mut self) -> Result<Vec<String>, PollFailure> {
        self.asked.lock().unwrap().clear();
        let at = Timestamp::from_secs(self.now);
        let outcome = self.poller.poll(&|| at).await;
        let body = match &outcome {
            Ok(report) => ReportBody::Pbs(Box::new(report.clone())),
            Err(failure) => ReportBody::PollFailed {
                instance: self.poller.source().name.clone(),
                kind: InstanceKind::Pbs,
                failure: failure.clone(),
            },
        };
        self.inventory.apply(SourceReport {
            at,
            demo: false,
            body,
        });
        outcome.map(|_| self.asked.lock().unwrap().clone())
    }

    fn wait(&mut self, seconds: i64) {
        self.now += seconds;
        self.inventory.tick(Timestamp::from_secs(self.now));
    }

    fn snapshot(&mut self) -> Arc<Snapshot> {
        self.inventory.snapshot()
    }

    fn state(&mut self) -> Value {
        serde_json::to_value(StateJson::new(&self.snapshot())).unwrap()
    }
}

/// The answers that the reference was given; `offline` takes those of the datastore in maintenance.
fn recorded(offline: bool) -> HashMap<String, (u16, Vec<u8>)> {
    let index = std::fs::read_to_string(format!("{FIXTURES}/pbs/index.tsv")).unwrap();
    let others = [
        "-neverrun",
        "-empty",
        "-young",
        "-unmounted",
        "-readonly",
        "-during-sync",
        "-while-running",
        "-running",
    ];
    let mut found: HashMap<String, (u8, (u16, Vec<u8>))> = HashMap::new();
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let [file, "GET", path, status, caller] = line.split('\t').collect::<Vec<_>>()[..] else {
            continue;
        };
        let stem = file.rsplit_once('.').unwrap().0;
        let is_offline = stem.ends_with("-offline");
        if others.iter().any(|suffix| stem.ends_with(suffix)) || is_offline && !offline {
            continue;
        }
        let rank = match caller {
            "audit" => 1,
            "audit+remote" => 2,
            _ => continue,
        } + if is_offline { 2 } else { 0 };
        if found.get(path).is_some_and(|(known, _)| *known >= rank) {
            continue;
        }
        let body = std::fs::read(format!("{FIXTURES}/pbs/{file}")).unwrap();
        found.insert(path.to_owned(), (rank, (status.parse().unwrap(), body)));
    }
    let mut answers: HashMap<String, (u16, Vec<u8>)> = found
        .into_iter()
        .map(|(path, (_, answer))| (path, answer))
        .collect();
    // What was not recorded group by group is in the list of its namespace.
    let lists: Vec<(String, Vec<u8>)> = answers
        .iter()
        .filter(|(path, (status, _))| {
            *status == 200 && path.contains("/snapshots") && !path.contains("backup-")
        })
        .map(|(path, (_, body))| (path.clone(), body.clone()))
        .collect();
    for (path, body) in lists {
        let rows: Value = serde_json::from_slice(&body).unwrap();
        let mut groups: HashMap<(String, String), Vec<Value>> = HashMap::new();
        for row in rows["data"].as_array().unwrap() {
            let word = |key: &str| row[key].as_str().unwrap().to_owned();
            let key = (word("backup-type"), word("backup-id"));
            groups.entry(key).or_default().push(row.clone());
        }
        let joint = if path.contains('?') { '&' } else { '?' };
        for ((kind, id), rows) in groups {
            let path = format!("{path}{joint}backup-type={kind}&backup-id={id}");
            let body = json!({ "data": rows }).to_string().into_bytes();
            answers.insert(path, (200, body));
        }
    }
    answers
}

/// Every value of the reference is found in ours, except where a listed reason says otherwise.
fn contains(at: &str, ours: &Value, theirs: &Value, except: &[&str]) {
    if except.contains(&at) {
        return;
    }
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in theirs {
                let at = format!("{at}/{key}");
                if except.contains(&at.as_str()) {
                    continue;
                }
                let own = ours
                    .get(key)
                    .unwrap_or_else(|| panic!("{at} is missing; the reference has {value}"));
                contains(&at, own, value, except);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}: {ours:?}");
            for (own, their) in ours.iter().zip(theirs) {
                let name = ["id", "name", "path"].iter().find_map(|key| their.get(key));
                let name = name.and_then(Value::as_str).unwrap_or_default();
                contains(&format!("{at}/{name}"), own, their, except);
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

fn sorted(state: &Value, list: &str) -> Value {
    let mut list = state[list].as_array().cloned().unwrap_or_default();
    list.sort_by_key(|entry| entry["id"].as_str().map(str::to_owned));
    Value::Array(list)
}

fn reference(file: &str) -> Value {
    let text = std::fs::read_to_string(format!("{FIXTURES}/reference-state/{file}")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["state"].clone()
}

/// Named mistakes and moving parts of the reference.
const EXCEPT: [&str; 7] = [
    // The address of the replay.
    "/pbs/pbs-replay/host",
    // The load moves from answer to answer.
    "/pbs/pbs-replay/cpu",
    // Never asked for.
    "/pbs/pbs-replay/syncJobs",
    "/pbs/pbs-replay/verifyJobs",
    "/pbs/pbs-replay/pruneJobs",
    "/pbs/pbs-replay/garbageJobs",
    "/pbs/pbs-replay/backupJobs",
];

#[tokio::test]
async fn the_recorded_server_looks_as_in_the_original() {
    let mut lab = Lab::new("replay", recorded(false)).await;
    lab.poll().await.unwrap();
    let state = lab.state();
    let theirs = reference("pbs.json");
    for list in ["pbs", "pbsBackups", "storage"] {
        let at = format!("/{list}");
        contains(&at, &sorted(&state, list), &sorted(&theirs, list), &EXCEPT);
    }
    let pbs = Arc::clone(&lab.snapshot().pbs[0]);
    let kinds = |kind: &str| pbs.jobs.iter().filter(|j| j.kind.as_str() == kind).count();
    assert_eq!(
        ["sync", "verify", "prune", "garbage"].map(kinds),
        [3, 2, 3, 2],
        "what the reference never asks"
    );
    let job = |id: &str| pbs.jobs.iter().find(|job| job.id == id).unwrap();
    assert!(matches!(
        job("s-bad").last_outcome,
        Some(TaskOutcome::Failed(_))
    ));
    assert_eq!(job("v-main").last_outcome, Some(TaskOutcome::Ok));
    assert!(!job("p-staging").enabled);
    assert!(job("p-archive").next_run.is_some());
}

#[tokio::test]
async fn a_datastore_in_maintenance_is_not_available_and_the_others_are() {
    let mut lab = Lab::new("replay", recorded(true)).await;
    lab.poll().await.unwrap();
    let state = lab.state();
    let theirs = reference("pbs-offline.json");
    let mut except = EXCEPT.to_vec();
    except.extend([
        "/pbs/pbs-replay/datastores/cold/status",
        "/pbs/pbs-replay/datastores/cold/error",
        "/storage/pbs-replay-cold/status",
        "/storage/pbs-replay-cold/active",
        // Recorded in one call for all, later than the reference's call for each.
        "/pbs/pbs-replay/datastores/archive/used",
        "/pbs/pbs-replay/datastores/archive/free",
        "/pbs/pbs-replay/datastores/archive/usage",
        "/storage/pbs-replay-archive/used",
        "/storage/pbs-replay-archive/free",
        "/storage/pbs-replay-archive/avail",
        "/storage/pbs-replay-archive/usage",
    ]);
    for list in ["pbs", "storage"] {
        let at = format!("/{list}");
        contains(&at, &sorted(&state, list), &sorted(&theirs, list), &except);
    }
    let snapshot = lab.snapshot();
    let cold = (snapshot.pbs[0].datastores.iter())
        .find(|store| store.name == "cold")
        .unwrap();
    assert_eq!(cold.status, DatastoreStatus::Offline);
    assert!(cold.error.contains("disk is on the shelf"));
    assert!(
        !(snapshot.storages.iter())
            .find(|s| s.name == "cold")
            .unwrap()
            .active
    );
}

fn snapshots(of: &[(&str, &str, i64)]) -> Value {
    let row = |&(kind, id, time): &(&str, &str, i64)| {
        json!({"backup-type": kind, "backup-id": id, "backup-time": time, "size": 10,
               "protected": false, "files": ["a.fidx", {"filename": "b.blob", "crypt-mode": "encrypt"}]})
    };
    Value::Array(of.iter().map(row).collect())
}

fn group(kind: &str, id: &str, count: u64, last: i64) -> Value {
    json!({"backup-type": kind, "backup-id": id, "last-backup": last, "backup-count": count})
}

const GROUPS: &str = "/admin/datastore/main/groups";
const VM_204: &str = "/admin/datastore/main/snapshots?backup-type=vm&backup-id=204";

/// `vault` with one datastore of an old version: no usage list, no namespaces.
async fn vault() -> Lab {
    let lab = Lab::new("vault", HashMap::new()).await;
    lab.set("/version", &json!({"version": "2.4", "release": "1"}));
    lab.fail("/nodes/localhost/status", 403, "permission check failed");
    lab.set("/nodes/localhost/tasks?limit=50", &json!([]));
    lab.set("/admin/datastore", &json!([{"store": "main"}]));
    lab.set(
        "/admin/datastore/main/status?verbose=true",
        &json!({"total": 100, "used": 40, "avail": 55}),
    );
    lab.set(
        "/admin/datastore/main/gc",
        &json!({"index-data-bytes": 900, "disk-bytes": 300}),
    );
    lab.set(GROUPS, &json!([group("vm", "204", 3, 300)]));
    lab.set(
        VM_204,
        &snapshots(&[("vm", "204", 100), ("vm", "204", 200), ("vm", "204", 300)]),
    );
    lab
}

#[tokio::test]
async fn p1_p6_an_old_server_that_refuses_its_status_shows_what_it_tells() {
    let mut lab = vault().await;
    lab.poll().await.unwrap();
    let state = lab.state();
    let pbs = &state["pbs"][0];
    assert_eq!(
        (&pbs["status"], &pbs["version"]),
        (&json!("online"), &json!("2.4"))
    );
    assert_eq!(
        (pbs["cpu"].as_f64(), pbs["memory"].as_f64()),
        (Some(0.0), Some(0.0))
    );
    let store = &pbs["datastores"][0];
    assert_eq!(
        (store["usage"].as_f64(), store["free"].as_i64()),
        (Some(40.0), Some(55))
    );
    assert_eq!(store["deduplicationFactor"].as_f64(), Some(3.0));
    assert_eq!(state["storage"][0]["id"], "pbs-vault-main");
    assert_eq!(state["storage"][0]["active"], true);
    assert_eq!(state["connectionHealth"]["pbs-vault"], true);
    let snapshot = lab.snapshot();
    let gaps: Vec<&str> = (snapshot.instances[0].gaps.iter())
        .map(|gap| gap.capability.as_str())
        .collect();
    assert_eq!(gaps, ["node status"]);
    assert_eq!(
        snapshot.backup_groups[0].snapshots.len(),
        3,
        "of the root only"
    );
    assert_eq!(state["pbsBackups"][0]["files"], json!(["a.fidx", "b.blob"]));
}

#[tokio::test]
async fn p2_datastores_without_version_are_connected() {
    let mut lab = vault().await;
    lab.fail("/version", 500, "broken");
    lab.poll().await.unwrap();
    let state = lab.state();
    assert_eq!(state["pbs"][0]["version"], "connected");
    assert_eq!(state["pbs"][0]["status"], "online");
}

#[tokio::test]
async fn p3_p4_what_is_known_stays_when_the_server_does_not_answer() {
    let mut lab = vault().await;
    lab.poll().await.unwrap();
    for path in ["/version", "/admin/datastore"] {
        lab.fail(
            path,
            401,
            "authentication failed - invalid token secret value",
        );
    }
    for _ in 0..5 {
        lab.wait(60);
        let failure = lab.poll().await.unwrap_err();
        assert!(failure.auth, "{}", failure.message);
    }
    let state = lab.state();
    assert_eq!(state["pbs"][0]["status"], "offline");
    assert_eq!(state["pbs"][0]["connectionHealth"], "error");
    assert_eq!(state["connectionHealth"]["pbs-vault"], false);
    let snapshot = lab.snapshot();
    assert_eq!(snapshot.pbs[0].datastores[0].used.get(), 40);
    assert_eq!(snapshot.backup_groups[0].snapshots.len(), 3);
    assert!(!snapshot.storages[0].active);
    lab.set("/version", &json!({"version": "2.4"}));
    lab.set("/admin/datastore", &json!([{"store": "main"}]));
    lab.poll().await.unwrap();
    assert_eq!(lab.state()["pbs"][0]["status"], "online");
}

#[tokio::test]
async fn a_server_that_never_answered_is_shown_as_offline() {
    let mut lab = Lab::new("vault", HashMap::new()).await;
    lab.fail("/version", 500, "broken");
    lab.poll().await.unwrap_err();
    let state = lab.state();
    assert_eq!(state["pbs"][0]["status"], "offline");
    assert!(lab.url.starts_with("http"));
}

#[tokio::test]
async fn p7_p8_p10_only_groups_that_changed_are_asked() {
    let mut lab = vault().await;
    let asked = lab.poll().await.unwrap();
    assert!(asked.iter().any(|path| path == VM_204));
    lab.wait(301);
    let asked = lab.poll().await.unwrap();
    assert!(asked.iter().any(|path| path == GROUPS));
    assert!(
        !asked.iter().any(|path| path.contains("/snapshots")),
        "{asked:?}"
    );
    let before = lab.snapshot();
    assert_eq!(before.backup_groups[0].snapshots.len(), 3);

    lab.set(GROUPS, &json!([group("vm", "204", 4, 400)]));
    let mut four = snapshots(&[
        ("vm", "204", 100),
        ("vm", "204", 200),
        ("vm", "204", 300),
        ("vm", "204", 400),
    ]);
    four[0]["verification"] = json!({"state": "failed"});
    four[1]["verification"] = json!("ok");
    lab.set(VM_204, &four);
    lab.wait(301);
    lab.poll().await.unwrap();
    let snapshot = lab.snapshot();
    let states: Vec<Verification> = (snapshot.backup_groups[0].snapshots.iter())
        .map(|snapshot| snapshot.verification)
        .collect();
    assert_eq!(
        states,
        [
            Verification::None,
            Verification::None,
            Verification::Ok,
            Verification::Failed
        ]
    );

    // Neither count nor time tell of a verification: it is seen within the hour.
    four[3]["verification"] = json!("ok");
    lab.set(VM_204, &four);
    lab.wait(3601);
    lab.poll().await.unwrap();
    assert_eq!(
        lab.snapshot().backup_groups[0].snapshots[0].verification,
        Verification::Ok
    );
    // All pruned.
    lab.set(GROUPS, &json!([]));
    lab.wait(301);
    lab.poll().await.unwrap();
    assert!(lab.snapshot().backup_groups.is_empty());
}

#[tokio::test]
async fn p5_a_namespace_that_fails_keeps_its_backups_and_the_others_go_on() {
    let mut lab = vault().await;
    lab.set(
        "/admin/datastore/main/namespace",
        &json!([{"ns": ""}, {"ns": "a"}, {"ns": "a/b"}]),
    );
    lab.set(
        &format!("{GROUPS}?ns=a"),
        &json!([group("ct", "7", 1, 500)]),
    );
    lab.set(&format!("{GROUPS}?ns=a%2Fb"), &json!([]));
    lab.set(
        "/admin/datastore/main/snapshots?ns=a&backup-type=ct&backup-id=7",
        &snapshots(&[("ct", "7", 500)]),
    );
    lab.poll().await.unwrap();
    let paths: Vec<(String, u32)> = (lab.snapshot().pbs[0].datastores[0].namespaces.iter())
        .map(|n| (n.path.clone(), n.depth))
        .collect();
    assert_eq!(
        paths,
        [
            (String::new(), 0),
            ("a".to_owned(), 0),
            ("a/b".to_owned(), 1)
        ]
    );
    assert_eq!(lab.snapshot().backup_groups.len(), 2);

    lab.fail(&format!("{GROUPS}?ns=a"), 500, "input/output error");
    lab.set(GROUPS, &json!([]));
    lab.wait(301);
    lab.poll().await.unwrap();
    let snapshot = lab.snapshot();
    let left: Vec<&str> = (snapshot.backup_groups.iter())
        .map(|group| &*group.namespace)
        .collect();
    assert_eq!(left, ["a"]);
    assert!(
        snapshot.instances[0]
            .error
            .as_ref()
            .is_some_and(|e| e.contains("main/a"))
    );
}

#[tokio::test]
async fn known_sizes_stay_when_a_datastore_fails() {
    let mut lab = vault().await;
    lab.poll().await.unwrap();
    let first = lab.snapshot().pbs[0].datastores[0].seen;
    lab.fail(
        "/admin/datastore/main/status?verbose=true",
        500,
        "input/output error",
    );
    lab.wait(60);
    lab.poll().await.unwrap();
    let snapshot = lab.snapshot();
    let store = &snapshot.pbs[0].datastores[0];
    assert_eq!(store.status, DatastoreStatus::Error);
    assert_eq!((store.total.get(), store.used.get()), (100, 40));
    assert_eq!(store.seen, first, "as old as they are");
}

/// Bytes that the backups of a snapshot take: those of the groups, and those of what they share.
fn bytes(snapshot: &Snapshot) -> (usize, usize) {
    use std::collections::HashMap;
    const COUNTS: usize = 16;
    let mut own = 0;
    let mut shared: HashMap<*const u8, usize> = HashMap::new();
    let text = |shared: &mut HashMap<*const u8, usize>, word: &Arc<str>| {
        shared.insert(word.as_ptr(), COUNTS + word.len());
    };
    for group in &*snapshot.backup_groups {
        own += COUNTS + size_of_val(&**group) + size_of::<usize>();
        own += group.snapshots.capacity() * size_of::<pulse_core::PbsSnapshot>();
        for word in [
            &group.instance,
            &group.datastore,
            &group.namespace,
            &group.backup_id,
            &group.owner,
        ] {
            text(&mut shared, word);
        }
        for backup in &group.snapshots {
            text(&mut shared, &backup.comment);
            let list = size_of_val(&*backup.files) + COUNTS;
            shared.insert(backup.files.as_ptr().cast(), list);
            for file in &*backup.files {
                text(&mut shared, file);
            }
        }
    }
    (own, shared.values().sum())
}

#[tokio::test]
async fn ten_thousand_backups_cost_few_calls() {
    const GROUPS_N: i64 = 1000;
    let mut lab = vault().await;
    let ids: Vec<String> = (100..100 + GROUPS_N).map(|id| id.to_string()).collect();
    let list = |extra: u64| -> Value {
        let rows = ids.iter().enumerate().map(|(at, id)| {
            let more = u64::from(at < 3) * extra;
            group("vm", id, 10 + more, 9 + more as i64)
        });
        rows.collect()
    };
    let all: Vec<(&str, &str, i64)> = ids
        .iter()
        .flat_map(|id| (0..10).map(move |time| ("vm", id.as_str(), time)))
        .collect();
    lab.set(GROUPS, &list(0));
    let mut rows = snapshots(&all);
    for row in rows.as_array_mut().unwrap() {
        row["comment"] = json!(format!("guest-{}", row["backup-id"].as_str().unwrap()));
    }
    lab.set("/admin/datastore/main/snapshots", &rows);
    let began = std::time::Instant::now();
    let first = lab.poll().await.unwrap().len();
    eprintln!(
        "first poll: {first} calls, {} ms",
        began.elapsed().as_millis()
    );
    assert!(first <= 14, "{first} calls");
    let count = |lab: &mut Lab| -> usize {
        let snapshot = lab.snapshot();
        snapshot
            .backup_groups
            .iter()
            .map(|g| g.snapshots.len())
            .sum()
    };
    assert_eq!(count(&mut lab), 10_000);
    // The poller keeps a copy of each group, which shares texts and file lists.
    let (own, shared) = bytes(&lab.snapshot());
    let cost = 2 * own + shared;
    eprintln!("10,000 backups cost {} KiB", cost / 1024);
    assert!(cost <= 12 * 1024 * 1024 / 5, "{cost} bytes");
    lab.wait(60);
    assert!(lab.poll().await.unwrap().len() <= 7, "backups are not due");
    let before = lab.snapshot();
    lab.set(GROUPS, &list(1));
    for id in &ids[..3] {
        let mut rows: Vec<(&str, &str, i64)> =
            (0..10).map(|time| ("vm", id.as_str(), time)).collect();
        rows.push(("vm", id, 10));
        lab.set(
            &format!("/admin/datastore/main/snapshots?backup-type=vm&backup-id={id}"),
            &snapshots(&rows),
        );
    }
    lab.wait(241);
    let later = lab.poll().await.unwrap();
    let read = later.iter().filter(|p| p.contains("/snapshots")).count();
    assert_eq!(read, 3, "{later:?}");
    assert_eq!(count(&mut lab), 10_003);
    let after = lab.snapshot();
    let same = (before.backup_groups.iter())
        .zip(&*after.backup_groups)
        .filter(|(a, b)| Arc::ptr_eq(a, b))
        .count();
    assert_eq!(same, 997, "what did not change stays the same value");
}
