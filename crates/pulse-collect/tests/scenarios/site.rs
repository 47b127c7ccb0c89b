//! A small language for scenarios: a server that answers what a case says, over a real socket, a
//! poller that asks it, and the state that results.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use pulse_collect::pve::Poller;
use pulse_collect::{Clock, EndpointName, Extent, PveSource};
use pulse_core::{InstanceKind, PollFailure, ReportBody, Secret, SourceReport, Timestamp};
use pulse_inventory::Inventory;
use pulse_proxmox::{ClusterClient, Credentials, PveClient, PveOptions, ServerAddress, TlsMode};
use pulse_wire::state::StateJson;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

pub const G: u64 = 1 << 30;
pub const M: u64 = 1 << 20;

#[derive(Clone)]
struct Reply {
    status: u16,
    reason: String,
    body: Vec<u8>,
}

#[derive(Default)]
struct Answers {
    replies: HashMap<String, Reply>,
    /// How often each path was asked.
    asked: BTreeMap<String, u64>,
}

/// One instance: its rows, its answers, and who watches it.
pub struct Site {
    answers: Arc<Mutex<Answers>>,
    resources: Vec<Value>,
    /// Rows of `/nodes/{node}/qemu?full=1`.
    lists: BTreeMap<String, Vec<Value>>,
    pub poller: Poller,
    pub inventory: Inventory,
    now: Arc<Mutex<Timestamp>>,
}

fn merged(mut base: Value, with: Value) -> Value {
    let Value::Object(with) = with else {
        return base;
    };
    for (key, value) in with {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(&key);
        } else {
            base[key] = value;
        }
    }
    base
}

impl Site {
    /// `north`: a single node `alpha`.
    pub async fn s0() -> Self {
        Self::new("north", None, &["alpha"], |_| {}).await
    }

    /// `cl1`: a cluster `prod` of three nodes.
    pub async fn c0() -> Self {
        Self::new("cl1", Some("prod"), &["alpha", "beta", "gamma"], |_| {}).await
    }

    pub async fn new(
        name: &str,
        cluster: Option<&str>,
        nodes: &[&str],
        change: impl FnOnce(&mut PveSource),
    ) -> Self {
        let answers = Arc::<Mutex<Answers>>::default();
        let url = serve(Arc::clone(&answers)).await;
        let options = PveOptions::new(
            ServerAddress::parse(&url, 8006).unwrap(),
            TlsMode::System,
            Credentials::Token {
                id: "mon@pve!p".into(),
                secret: Secret::new("s"),
            },
        );
        let mut source = PveSource {
            name: name.to_owned(),
            client: ClusterClient::single(PveClient::new(options).unwrap()),
            host: url,
            guest_url: String::new(),
            cluster: cluster.map(str::to_owned),
            endpoints: match cluster {
                Some(_) => nodes.iter().map(|node| endpoint(node)).collect(),
                None => Vec::new(),
            },
            vms: true,
            containers: true,
            storage: true,
            extent: Extent::default(),
            interval_seconds: 10,
            demo: false,
        };
        change(&mut source);
        let mut site = Self {
            answers,
            resources: Vec::new(),
            lists: BTreeMap::new(),
            poller: Poller::new(source),
            inventory: Inventory::default(),
            now: Arc::new(Mutex::new(Timestamp::from_secs(1_900_000_000))),
        };
        for node in nodes {
            site.row(json!({"id": format!("node/{node}"), "type": "node", "node": node, "status": "online",
                "cpu": 0.25, "maxcpu": 16, "mem": 20 * G, "maxmem": 32 * G, "uptime": 99,
                "disk": 5 * G, "maxdisk": 50 * G}));
            site.status(
                node,
                json!({"memory": {"total": 32 * G, "used": 10 * G, "free": 22 * G}}),
            );
            site.answer(&format!("/nodes/{node}/storage"), json!([]));
        }
        site.answer("/storage", json!([]));
        site
    }

    /// Adds a row of the resource list, or replaces the one of the same id.
    pub fn row(&mut self, row: Value) {
        self.resources.retain(|known| known["id"] != row["id"]);
        self.resources.push(row);
    }

    /// Changes a row; nulls take keys away.
    pub fn change(&mut self, id: &str, with: Value) {
        let row = self
            .resources
            .iter_mut()
            .find(|row| row["id"] == id)
            .unwrap();
        *row = merged(row.take(), with);
    }

    /// VM 204 `mail` on `alpha`: its row in the resource list and in its node's list, changed as
    /// said. Nulls take keys away; a list row of null is none.
    pub fn vm(&mut self, resource: Value, listed: Value) {
        let row = json!({"id": "qemu/204", "type": "qemu", "vmid": 204, "node": "alpha", "name": "mail",
            "status": "running", "cpu": 0.0731, "maxcpu": 4, "mem": 3 * G, "maxmem": 8 * G, "disk": 0,
            "maxdisk": 64 * G, "netin": 1_000_000, "netout": 400_000, "diskread": 5_000_000,
            "diskwrite": 7_000_000, "uptime": 86_461, "template": 0, "tags": "büro;prod"});
        self.row(merged(row, resource));
        if listed.is_null() {
            return;
        }
        let own = json!({"vmid": 204, "name": "mail", "status": "running", "cpus": 4, "maxmem": 8 * G,
            "maxdisk": 64 * G, "agent": 1, "uptime": 86_461, "netin": 1_000_000, "netout": 400_000,
            "diskread": 5_000_000, "diskwrite": 7_000_000});
        let list = self.lists.entry("alpha".to_owned()).or_default();
        list.retain(|known| known["vmid"] != 204);
        list.push(merged(own, listed));
    }

    /// Container 105 `dns` on `alpha`.
    pub fn container(&mut self, resource: Value, config: Value) {
        let row = json!({"id": "lxc/105", "type": "lxc", "vmid": 105, "node": "alpha", "name": "dns",
            "status": "running", "cpu": 0.002, "maxcpu": 1, "mem": 900 * M, "maxmem": G, "disk": 2 * G,
            "maxdisk": 8 * G, "netin": 10, "netout": 20, "diskread": 0, "diskwrite": 0, "uptime": 500,
            "template": 0});
        self.row(merged(row, resource));
        self.answer("/nodes/alpha/lxc/105/config", config);
    }

    /// What the VM's agent says about its filesystems.
    pub fn filesystems(&mut self, result: Value) {
        self.answer(
            "/nodes/alpha/qemu/204/agent/get-fsinfo",
            json!({"result": result}),
        );
    }

    pub fn status(&mut self, node: &str, status: Value) {
        self.answer(&format!("/nodes/{node}/status"), status);
    }

    pub fn answer(&self, path: &str, data: Value) {
        let body = serde_json::to_vec(&json!({"data": data})).unwrap();
        self.reply(path, 200, "OK", body);
    }

    pub fn refuse(&self, path: &str, status: u16, reason: &str) {
        self.reply(path, status, reason, b"{\"data\":null}".to_vec());
    }

    fn reply(&self, path: &str, status: u16, reason: &str, body: Vec<u8>) {
        let reply = Reply {
            status,
            reason: reason.to_owned(),
            body,
        };
        self.answers
            .lock()
            .unwrap()
            .replies
            .insert(path.to_owned(), reply);
    }

    /// Requests so far to paths that contain the text.
    pub fn asked(&self, part: &str) -> u64 {
        let answers = self.answers.lock().unwrap();
        let fitting = answers.asked.iter().filter(|(path, _)| path.contains(part));
        fitting.map(|(_, count)| *count).sum()
    }

    pub fn pass(&self, seconds: i64) {
        let mut now = self.now.lock().unwrap();
        *now = now.plus_millis(seconds * 1000);
    }

    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    /// One poll, merged.
    pub async fn poll(&mut self) -> Result<(), PollFailure> {
        self.answer("/cluster/resources", Value::Array(self.resources.clone()));
        for (node, list) in &self.lists {
            self.answer(&format!("/nodes/{node}/qemu"), Value::Array(list.clone()));
        }
        let now = Arc::clone(&self.now);
        let outcome = self.poller.poll(&move || *now.lock().unwrap()).await;
        let (body, result) = match outcome {
            Ok(report) => (ReportBody::Pve(Box::new(report)), Ok(())),
            Err(failure) => (
                ReportBody::PollFailed {
                    instance: self.poller.source().name.clone(),
                    kind: InstanceKind::Pve,
                    failure: failure.clone(),
                },
                Err(failure),
            ),
        };
        self.tell(body);
        result
    }

    fn tell(&mut self, body: ReportBody) {
        let at = self.now();
        self.inventory.apply(SourceReport {
            at,
            demo: false,
            body,
        });
    }

    /// What is asked beside the polls.
    pub async fn settle(&mut self) {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || *now.lock().unwrap());
        let client = self.poller.source().client.clone();
        self.poller.details().settle(&client, &clock).await;
        let facts = self.poller.facts().settle(&client, &clock).await;
        let instance = self.poller.source().name.clone();
        self.tell(ReportBody::PveFacts { instance, facts });
    }

    /// Polls, asks what is due beside, lets ten seconds pass, and so on; then the state.
    pub async fn look(&mut self, cycles: u32) -> Value {
        for _ in 0..cycles {
            let _ = self.poll().await;
            self.settle().await;
            self.pass(10);
        }
        let _ = self.poll().await;
        self.inventory.tick(self.now());
        self.state()
    }

    pub fn state(&mut self) -> Value {
        serde_json::to_value(StateJson::new(&self.inventory.snapshot())).unwrap()
    }
}

fn endpoint(node: &str) -> EndpointName {
    EndpointName {
        node: node.to_owned(),
        url: format!("https://{node}.lan:8006"),
        guest_url: String::new(),
    }
}

/// The object of that id, wherever it is in the state.
pub fn find<'a>(state: &'a Value, list: &str, id: &str) -> &'a Value {
    let found = state[list].as_array().unwrap().iter();
    found
        .clone()
        .find(|object| object["id"] == id)
        .unwrap_or_else(|| {
            let ids: Vec<&Value> = found.map(|object| &object["id"]).collect();
            panic!("{id} is not in {list}: {ids:?}")
        })
}

/// Every key of `want` is in `have` with that value; null stands for an absent key.
pub fn check(case: &str, have: &Value, want: &Value) {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            for (key, want) in want {
                match have.get(key) {
                    Some(have) => check(&format!("{case} {key}"), have, want),
                    None => assert!(want.is_null(), "{case}: no {key}, want {want}"),
                }
            }
        }
        (Value::Array(have), Value::Array(want)) if have.len() == want.len() => {
            for (index, (have, want)) in have.iter().zip(want).enumerate() {
                check(&format!("{case} {index}"), have, want);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= b.abs() * 1e-9, "{case}: {a}, want {b}");
        }
        _ => assert_eq!(have, want, "{case}"),
    }
}

async fn serve(answers: Arc<Mutex<Answers>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
                loop {
                    while let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
                        let head = String::from_utf8_lossy(&request[..end]).into_owned();
                        request.drain(..end + 4);
                        if stream.write_all(&answer(&answers, &head)).await.is_err() {
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

/// The answer to a request by its path, with or without query; 501 for what a case does not say.
fn answer(answers: &Mutex<Answers>, head: &str) -> Vec<u8> {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.strip_prefix("/api2/json").unwrap_or(target);
    let mut answers = answers.lock().unwrap();
    *answers.asked.entry(path.to_owned()).or_default() += 1;
    let bare = path.split('?').next().unwrap_or_default();
    let reply = answers
        .replies
        .get(path)
        .or_else(|| answers.replies.get(bare));
    let missing = Reply {
        status: 501,
        reason: format!("Method 'GET {bare}' not implemented"),
        body: b"{\"data\":null}".to_vec(),
    };
    let reply = reply.unwrap_or(&missing);
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        reply.status,
        reply.reason,
        reply.body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&reply.body);
    bytes
}
