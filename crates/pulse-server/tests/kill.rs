//! Kills the real program, again and again, in the middle of its work.
//!
//! Agents report, tokens and nodes are made and removed; then comes SIGKILL. After each restart
//! everything that was acknowledged must be there, everything that was removed must be gone, and
//! the history may lack the last ten seconds before the kill and nothing else.
//!
//! `PULSE_KILLS` sets the number of kills (default 20), `PULSE_KILL_SEED` what happens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const TOKEN: &str = "7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b";
/// What the documentation promises.
const MAY_BE_LOST_MS: i64 = 10_000;
const HOSTS: usize = 3;
/// Every so many kills one comes late enough for the history to have been written.
const LONG_EVERY: u32 = 7;

/// A small generator: what happens is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Where a thing stands that was asked for.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    /// Asked for and not answered: both outcomes are right.
    Unknown,
    /// Acknowledged, with what is needed to check it.
    There(String),
    /// Its removal was asked for and not answered.
    Leaving,
    Gone,
}

#[derive(Default)]
struct Ledger {
    /// By name.
    tokens: BTreeMap<String, Fate>,
    nodes: BTreeMap<String, Fate>,
    /// Acknowledged reports: host, and when the server received them.
    reports: Vec<(usize, i64)>,
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.base);
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .header("x-api-token", token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        Some((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Option<(u16, Value)> {
        self.send(method, path, TOKEN, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

struct Program {
    child: Child,
    client: Client,
    took: Duration,
}

fn start(data: &Path, port: u16, log: &Path) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    Command::new(env!("CARGO_BIN_EXE_pulse"))
        .env_clear()
        .env("PULSE_DATA_DIR", data)
        .env("BIND_ADDRESS", "127.0.0.1")
        .env("FRONTEND_PORT", port.to_string())
        .env("LOG_LEVEL", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Starts the program and waits until it answers.
async fn up(data: &Path, port: u16, log: &Path) -> Program {
    let began = Instant::now();
    let mut child = start(data, port, log);
    let client = Client {
        http: reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap(),
        base: format!("http://127.0.0.1:{port}"),
    };
    loop {
        if let Some((200, _)) = client.call("GET", "/api/health", None).await {
            break;
        }
        let ended = child.try_wait().unwrap();
        let words = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none(), "it does not start: {ended:?}\n{}", words());
        assert!(began.elapsed() < Duration::from_secs(30), "{}", words());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Program {
        child,
        client,
        took: began.elapsed(),
    }
}

impl Program {
    /// SIGKILL; gives the moment.
    fn kill(&mut self) -> i64 {
        let at = jiff::Timestamp::now().as_millisecond();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        at
    }
}

fn report(host: usize) -> Value {
    json!({
        "agent": {"id": format!("agent-{host}"), "version": "1", "intervalSeconds": 10},
        "host": {"hostname": format!("kill-{host}"), "machineId": format!("machine-{host}"), "uptimeSeconds": 1000},
        "metrics": {
            "cpuUsagePercent": 12.5,
            "memory": {"totalBytes": 1u64 << 33, "usedBytes": 1u64 << 32},
        },
        "timestamp": jiff::Timestamp::now().to_string(),
    })
}

async fn agents(client: Client, ledger: Arc<Mutex<Ledger>>, stop: Arc<AtomicBool>, host: usize) {
    while !stop.load(SeqCst) {
        let sent = client
            .call("POST", "/api/agents/host/report", Some(report(host)))
            .await;
        if let Some((status, body)) = sent {
            assert_eq!(status, 200, "{body}");
            let at: jiff::Timestamp = body["lastSeen"].as_str().unwrap().parse().unwrap();
            ledger
                .lock()
                .unwrap()
                .reports
                .push((host, at.as_millisecond()));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

static NAMES: AtomicU64 = AtomicU64::new(0);

fn pick(list: &BTreeMap<String, Fate>, dice: &mut Dice) -> Option<(String, String)> {
    let there: Vec<_> = list
        .iter()
        .filter_map(|(name, fate)| match fate {
            Fate::There(what) => Some((name.clone(), what.clone())),
            _ => None,
        })
        .collect();
    if there.len() < 3 {
        return None;
    }
    Some(there[dice.roll(there.len() as u64) as usize].clone())
}

async fn tokens(client: Client, ledger: Arc<Mutex<Ledger>>, stop: Arc<AtomicBool>, mut dice: Dice) {
    let set = |name: &str, fate| {
        ledger.lock().unwrap().tokens.insert(name.to_owned(), fate);
    };
    while !stop.load(SeqCst) {
        let old = pick(&ledger.lock().unwrap().tokens, &mut dice).filter(|_| dice.roll(2) == 0);
        if let Some((name, what)) = old {
            let (id, _) = what.split_once(' ').unwrap();
            set(&name, Fate::Leaving);
            let path = format!("/api/security/tokens/{id}");
            if let Some((status, body)) = client.call("DELETE", &path, None).await {
                assert!((200..300).contains(&status), "{status} {body}");
                set(&name, Fate::Gone);
            }
        } else {
            let name = format!("token-{}", NAMES.fetch_add(1, SeqCst));
            set(&name, Fate::Unknown);
            let body = json!({"name": name, "scopes": ["monitoring:read"]});
            if let Some((status, body)) = client
                .call("POST", "/api/security/tokens", Some(body))
                .await
            {
                assert!((200..300).contains(&status), "{status} {body}");
                let id = body["record"]["id"].as_str().unwrap();
                let raw = body["token"].as_str().unwrap();
                set(&name, Fate::There(format!("{id} {raw}")));
            }
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// PBS nodes, because those are stored and not polled.
fn node(name: &str) -> Value {
    json!({
        "type": "pbs",
        "name": name,
        "host": format!("https://{name}.invalid:8007"),
        "user": "monitor@pbs",
        "password": format!("secret of {name}"),
        "verifySSL": false,
    })
}

async fn nodes(client: Client, ledger: Arc<Mutex<Ledger>>, stop: Arc<AtomicBool>, mut dice: Dice) {
    let set = |name: &str, fate| {
        ledger.lock().unwrap().nodes.insert(name.to_owned(), fate);
    };
    while !stop.load(SeqCst) {
        let old = pick(&ledger.lock().unwrap().nodes, &mut dice).filter(|_| dice.roll(2) == 0);
        if let Some((name, _)) = old {
            let Some((200, list)) = client.call("GET", "/api/config/nodes", None).await else {
                continue;
            };
            let list = list.as_array().unwrap();
            let uid = list.iter().find(|n| n["name"] == name).unwrap()["uid"].clone();
            set(&name, Fate::Leaving);
            let path = format!("/api/config/nodes/{}", uid.as_str().unwrap());
            if let Some((status, body)) = client.call("DELETE", &path, None).await {
                assert_eq!(status, 200, "{body}");
                set(&name, Fate::Gone);
            }
        } else {
            let name = format!("node-{}", NAMES.fetch_add(1, SeqCst));
            set(&name, Fate::Unknown);
            let added = client
                .call("POST", "/api/config/nodes", Some(node(&name)))
                .await;
            if let Some((status, body)) = added {
                assert_eq!(status, 201, "{body}");
                set(&name, Fate::There(String::new()));
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Compares a list with the ledger; what was open is settled by what is there.
fn settle(
    what: &str,
    fates: &mut BTreeMap<String, Fate>,
    there: &BTreeMap<String, String>,
) -> usize {
    for name in there.keys() {
        assert!(
            fates.contains_key(name),
            "{what} {name} was never asked for"
        );
    }
    let mut checked = 0;
    for (name, fate) in fates.iter_mut() {
        match (&*fate, there.get(name)) {
            (Fate::There(_), None) => panic!("{what} {name} was acknowledged and is lost"),
            (Fate::Gone, Some(_)) => panic!("{what} {name} was removed and is back"),
            // Its secret was never told: it is removed by the next run at the latest.
            (Fate::Unknown | Fate::Leaving, Some(found)) => *fate = Fate::There(found.clone()),
            (Fate::Unknown | Fate::Leaving, None) => *fate = Fate::Gone,
            (Fate::There(_), Some(_)) | (Fate::Gone, None) => checked += 1,
        }
    }
    checked
}

/// What history shows of a host: times in Unix ms.
async fn times(client: &Client, host: usize) -> Vec<i64> {
    let path = format!(
        "/api/metrics-store/history?resourceType=host&resourceId=machine-{host}&metric=cpu&range=15m&points=2000"
    );
    let body = client.get(&path).await;
    let points = body["points"].as_array().unwrap();
    points
        .iter()
        .map(|p| p["timestamp"].as_i64().unwrap())
        .collect()
}

fn has(times: &[i64], at: i64) -> bool {
    // Points may stand for half a second.
    let place = times.partition_point(|t| *t < at - 600);
    times.get(place).is_some_and(|t| *t <= at + 600)
}

struct World {
    data: PathBuf,
    ledger: Arc<Mutex<Ledger>>,
    /// Reports that must stay in the history from now on.
    kept: Vec<(usize, i64)>,
    lost: usize,
    checked: usize,
    secret_key: Vec<u8>,
}

impl World {
    /// Everything that has to hold after a restart.
    async fn check(&mut self, client: &Client, killed_at: i64) {
        let list = client.get("/api/security/tokens").await;
        let list = list
            .as_array()
            .or_else(|| list["tokens"].as_array())
            .unwrap();
        let there: BTreeMap<String, String> = list
            .iter()
            .map(|t| {
                (
                    t["name"].as_str().unwrap().to_owned(),
                    format!("{} ", t["id"].as_str().unwrap()),
                )
            })
            .filter(|(name, _)| name.starts_with("token-"))
            .collect();
        self.checked += settle("token", &mut self.ledger.lock().unwrap().tokens, &there);
        // And they work.
        let working: Vec<String> = {
            let ledger = self.ledger.lock().unwrap();
            let raw = |fate: &Fate| match fate {
                Fate::There(what) => what.split_once(' ').map(|(_, raw)| raw.to_owned()),
                _ => None,
            };
            let known = ledger.tokens.values().filter_map(raw);
            known.filter(|raw| !raw.is_empty()).collect()
        };
        for raw in working.iter().rev().take(3) {
            let answer = client.send("GET", "/api/state", raw, None).await.unwrap();
            assert_eq!(answer.0, 200, "an acknowledged token does not work");
        }

        let list = client.get("/api/config/nodes").await;
        let list = list.as_array().unwrap();
        for found in list {
            assert_eq!(found["hasPassword"], true, "{found}");
        }
        let there = list
            .iter()
            .map(|n| (n["name"].as_str().unwrap().to_owned(), String::new()))
            .collect();
        self.checked += settle("node", &mut self.ledger.lock().unwrap().nodes, &there);

        let stats = client.get("/api/metrics-store/stats").await;
        assert_eq!(stats["enabled"], true, "{stats}");
        assert_eq!(stats["unreadableBlobs"], 0, "{stats}");
        assert_eq!(stats["writeErrors"], 0, "{stats}");
        assert_eq!(stats["setAside"], Value::Null, "{stats}");

        let mut shown = Vec::new();
        for host in 0..HOSTS {
            shown.push(times(client, host).await);
        }
        for (host, at) in std::mem::take(&mut self.ledger.lock().unwrap().reports) {
            if has(&shown[host], at) {
                self.kept.push((host, at));
            } else {
                let age = killed_at - at;
                assert!(
                    age <= MAY_BE_LOST_MS,
                    "a report {age} ms before the kill is lost"
                );
                self.lost += 1;
            }
        }
        let horizon = jiff::Timestamp::now().as_millisecond() - 14 * 60_000;
        self.kept.retain(|(_, at)| *at > horizon);
        for (host, at) in &self.kept {
            assert!(
                has(&shown[*host], *at),
                "a report of {at} was there and is not any more"
            );
        }
        assert_eq!(
            std::fs::read(self.data.join("secret.key")).unwrap(),
            self.secret_key
        );
    }
}

fn integrity(file: &Path) {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = rusqlite::Connection::open_with_flags(file, flags).unwrap();
    let answer: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(answer, "ok", "{}", file.display());
}

/// Kills during the first start: the bootstrap token that the log showed stays the right one.
async fn set_up_after_kills(data: &Path, port: u16, log: &Path, dice: &mut Dice) {
    let file = data.join(".bootstrap_token");
    let mut first = None;
    for _ in 0..5 {
        let mut child = start(data, port, log);
        std::thread::sleep(Duration::from_millis(dice.roll(120)));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = std::fs::read_to_string(&file).ok();
        if first.is_some() {
            assert_eq!(now, first, "the bootstrap token changed");
        }
        first = now;
    }
    let program = up(data, port, log).await;
    let token = std::fs::read_to_string(&file).unwrap();
    if let Some(first) = first {
        assert_eq!(token, first);
    }
    let body = json!({
        "username": "op",
        "password": "first-password-1",
        "apiToken": TOKEN,
        "setupToken": token.trim(),
    });
    let answer = program
        .client
        .call("POST", "/api/security/quick-setup", Some(body))
        .await;
    assert_eq!(answer.as_ref().unwrap().0, 200, "{answer:?}");
    // Acknowledged: it holds, however the process ends.
    let mut program = program;
    program.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_sigkill() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |value| value.parse().unwrap())
    };
    let kills = number("PULSE_KILLS", 20) as u32;
    let seed = number("PULSE_KILL_SEED", 1);
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    set_up_after_kills(&data, port, &log, &mut dice).await;

    let mut program = up(&data, port, &log).await;
    assert!(
        !data.join(".bootstrap_token").exists(),
        "set-up is finished"
    );
    let mut world = World {
        secret_key: std::fs::read(data.join("secret.key")).unwrap(),
        data: data.clone(),
        ledger: Arc::default(),
        kept: Vec::new(),
        lost: 0,
        checked: 0,
    };
    // A simulated datacenter is polled meanwhile, in every run from now on.
    let demo = program
        .client
        .call(
            "POST",
            "/api/system/mock-mode",
            Some(json!({"enabled": true})),
        )
        .await;
    assert_eq!(demo.unwrap().0, 200);
    let mut slowest = program.took;
    for kill in 1..=kills {
        let stop = Arc::new(AtomicBool::new(false));
        let mut work = Vec::new();
        for host in 0..HOSTS {
            let (ledger, stop) = (Arc::clone(&world.ledger), Arc::clone(&stop));
            work.push(tokio::spawn(agents(
                program.client.clone(),
                ledger,
                stop,
                host,
            )));
        }
        let shared = || {
            (
                program.client.clone(),
                Arc::clone(&world.ledger),
                Arc::clone(&stop),
            )
        };
        let (client, ledger, end) = shared();
        work.push(tokio::spawn(tokens(
            client,
            ledger,
            end,
            Dice(dice.roll(u64::MAX) | 1),
        )));
        let (client, ledger, end) = shared();
        work.push(tokio::spawn(nodes(
            client,
            ledger,
            end,
            Dice(dice.roll(u64::MAX) | 1),
        )));
        let long = kill % LONG_EVERY == 0;
        let run = if long {
            10_500 + dice.roll(3_000)
        } else {
            300 + dice.roll(1_200)
        };
        tokio::time::sleep(Duration::from_millis(run)).await;
        let killed_at = program.kill();
        stop.store(true, SeqCst);
        for task in work {
            task.await.unwrap();
        }
        if long || kill == kills {
            integrity(&data.join("pulse.db"));
            integrity(&data.join("metrics.db"));
        }
        program = up(&data, port, &log).await;
        slowest = slowest.max(program.took);
        world.check(&program.client, killed_at).await;
        let mode = program.client.get("/api/system/mock-mode").await;
        assert_eq!(mode["enabled"], true, "after kill {kill}");
    }
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(!log.contains("panicked"), "{log}");
    println!(
        "{kills} kills, seed {seed}: {} checks of settings after them, {} samples kept, {} lost within 10 s of a kill, slowest start {slowest:?}",
        world.checked,
        world.kept.len(),
        world.lost
    );
    assert!(world.checked > 0 && (kills < LONG_EVERY || !world.kept.is_empty()));
    program.kill();
}
