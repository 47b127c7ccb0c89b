//! What Proxmox pushes, over real sockets: who may, whose it is, and what comes of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use std::time::Duration;

use pulse_core::{Guest, Snapshot, Timestamp};
use pulse_sim::{Clock, Datacenter, Fleet, SimServer, Tls};
use recorded::Server;
use serde_json::{Value, json};

const WRITE: &str = "/api/push/influx/api/v2/write?org=proxmox&bucket=proxmox";
const EVENTS: &str = "/api/push/events";

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}

struct Lab {
    _sim: SimServer,
    server: Server,
    token: String,
}

impl Lab {
    async fn new(environment: &[(&str, &str)]) -> Self {
        let sim = Datacenter::new(Fleet::S, 3, Clock::real())
            .serve(([127, 0, 0, 1], 0).into(), Tls::SelfSigned)
            .await
            .unwrap();
        let server = Server::fresh_with(environment, None).await.set_up().await;
        let node = json!({
            "type": "pve",
            "name": "lab",
            "host": sim.urls[0],
            "tokenName": sim.api_token.id,
            "tokenValue": sim.api_token.secret,
        });
        let added = server.call("POST", "/api/config/nodes", Some(node)).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let token = server.token(&["push:report"]).await;
        let lab = Self {
            _sim: sim,
            server,
            token,
        };
        until("a poll", || lab.running().is_some()).await;
        lab
    }

    fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.server.app.inventory.snapshot()
    }

    fn running(&self) -> Option<Guest> {
        let snapshot = self.snapshot();
        let guest = snapshot.vms.iter().find(|guest| guest.status.is_running());
        guest.map(|guest| Guest::clone(guest))
    }

    fn guest(&self, vmid: u32) -> Guest {
        let snapshot = self.snapshot();
        let guest = snapshot.vms.iter().find(|guest| guest.vmid == vmid);
        Guest::clone(guest.unwrap())
    }

    async fn push(&self, path: &str, body: &str) -> u16 {
        let authorization = format!("Token {}", self.token);
        let headers = [("authorization", authorization.as_str())];
        let body = Some(body.to_owned());
        let answer = self.server.send("POST", path, &headers, body).await;
        answer.status
    }

    async fn counts(&self) -> Value {
        self.server.call("GET", EVENTS, None).await.json()["counts"].clone()
    }
}

fn line(guest: &Guest, cpu: f64, received: u64, at: i64) -> String {
    format!(
        "system,object=qemu,vmid={},nodename={},host=x cpu={cpu},mem=5,uptime={},netin={received},netout=0,diskread=0,diskwrite=0,name=\"x\" {at}000000\n",
        guest.vmid,
        guest.node,
        guest.uptime + 1,
    )
}

fn now() -> i64 {
    pulse_server::app::now().0
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_move_known_guests_between_polls() {
    let lab = Lab::new(&[("PVE_POLLING_INTERVAL", "3600")]).await;
    let before = lab.running().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let at = now();
    assert_eq!(
        lab.push(WRITE, &line(&before, 0.4375, 1_000_000, at)).await,
        204
    );
    until("the first push", || {
        lab.guest(before.vmid).cpu.get() == 0.4375
    })
    .await;
    let first = lab.guest(before.vmid);
    assert!(first.seen > before.seen);
    // Nothing to compare with yet: what the poll knew stays.
    assert_eq!(first.rates, before.rates);
    // Ten seconds of Proxmox's clock later, 20 kB/s; and the node.
    let body = format!(
        "{}cpustat,object=nodes,host={} cpu=0.625,avg1=1,avg5=2,avg15=3 {}000000\n",
        line(&before, 0.5, 1_200_000, at + 10_000),
        before.node,
        at + 10_000
    );
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(lab.push(WRITE, &body).await, 204);
    until("the second push", || {
        lab.guest(before.vmid).cpu.get() == 0.5
    })
    .await;
    let rate = lab.guest(before.vmid).rates.net_in.known().unwrap();
    assert!((rate.0 - 20_000.0).abs() < 1.0, "{rate:?}");
    let snapshot = lab.snapshot();
    let node = snapshot
        .nodes
        .iter()
        .find(|n| n.name == before.node)
        .unwrap();
    assert_eq!((node.cpu.get(), node.load), (0.625, Some([1.0, 2.0, 3.0])));
    // Older ones, unknown ones and other clusters' change nothing.
    let old = line(&before, 0.1, 0, at - 60_000);
    let unknown = line(&before, 0.1, 0, now()).replace(&format!("={}", before.vmid), "=999999");
    assert_eq!(lab.push(WRITE, &old).await, 204);
    assert_eq!(lab.push(WRITE, &unknown).await, 204);
    until("nothing", || lab.guest(before.vmid).cpu.get() == 0.5).await;
    assert_eq!(lab.counts().await["unknown"], 1);
    assert_eq!(lab.push(WRITE, "nolines\n").await, 400);
    lab.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_scope_may_push_and_nothing_else_may_it() {
    let lab = Lab::new(&[]).await;
    for (method, path) in [
        ("POST", WRITE),
        ("POST", EVENTS),
        ("GET", "/api/push/influx/health"),
    ] {
        assert_eq!(lab.server.send(method, path, &[], None).await.status, 401);
        let reader = lab.server.token(&["monitoring:read"]).await;
        let headers = [("x-api-token", reader.as_str())];
        let refused = lab.server.send(method, path, &headers, None).await;
        assert_eq!(refused.status, 403, "{path}");
    }
    let headers = [("x-api-token", lab.token.as_str())];
    let health = lab
        .server
        .send("GET", "/api/push/influx/health", &headers, None)
        .await;
    assert_eq!(health.json()["status"], "pass");
    for path in ["/api/state", "/api/push/setup", EVENTS] {
        let refused = lab.server.send("GET", path, &headers, None).await;
        assert_eq!(refused.status, 403, "{path}");
    }
    lab.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_makes_the_next_poll_come_now() {
    let lab = Lab::new(&[("PVE_POLLING_INTERVAL", "3600")]).await;
    let polls = || {
        lab.server
            .app
            .runner
            .statuses()
            .values()
            .map(|s| s.polls)
            .sum::<u64>()
    };
    let before = polls();
    let body = json!({"title": "vzdump backup status", "message": "ok", "severity": "info",
        "timestamp": "1790000000", "fields": {"type": "vzdump", "hostname": "whatever"}});
    let path = format!("{EVENTS}?source=pve&instance=lab");
    assert_eq!(lab.push(&path, &body.to_string()).await, 202);
    until("a poll", || polls() > before).await;
    let shown = lab.server.call("GET", EVENTS, None).await.json();
    assert_eq!(shown["events"][0]["instance"], "pve::lab");
    assert_eq!(shown["events"][0]["polled"], json!(["pve::lab"]));
    // Of nobody that is known: kept, and nobody is asked.
    assert_eq!(
        lab.push(EVENTS, r#"{"title":"x","fields":{"hostname":"elsewhere"}}"#)
            .await,
        202
    );
    let shown = lab.server.call("GET", EVENTS, None).await.json();
    assert_eq!(shown["events"][0]["instance"], Value::Null);
    assert_eq!(lab.push(EVENTS, "{}").await, 400);
    // A flood is turned away, and the polls with it.
    let mut refused = 0;
    for _ in 0..100 {
        refused += usize::from(lab.push(&path, &body.to_string()).await == 429);
    }
    assert!(refused >= 20, "{refused}");
    lab.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_take_influx_and_graphite() {
    let free = || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap().to_string()
    };
    let (influx, graphite) = (free(), free());
    let lab = Lab::new(&[
        ("PVE_POLLING_INTERVAL", "3600"),
        ("PULSE_PUSH_INFLUX", &influx),
        ("PULSE_PUSH_GRAPHITE", &graphite),
    ])
    .await;
    let guest = lab.running().unwrap();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let text = line(&guest, 0.3125, 1, now());
    socket.send_to(text.as_bytes(), &influx).await.unwrap();
    until("the UDP push", || lab.guest(guest.vmid).cpu.get() == 0.3125).await;
    // Graphite tells whole seconds.
    let at = now() / 1000 + 2;
    let text = format!("proxmox.qemu.{}.cpu 0.1875 {at}\n", guest.vmid);
    tokio::time::sleep(Duration::from_millis(20)).await;
    socket.send_to(text.as_bytes(), &graphite).await.unwrap();
    until("the Graphite push", || {
        lab.guest(guest.vmid).cpu.get() == 0.1875
    })
    .await;
    let mut stream = tokio::net::TcpStream::connect(&graphite).await.unwrap();
    let text = format!("proxmox.qemu.{}.cpu 0.0625 {}\n", guest.vmid, at + 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (head, tail) = text.split_at(12);
    for piece in [head, tail] {
        tokio::io::AsyncWriteExt::write_all(&mut stream, piece.as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    until("the TCP push", || lab.guest(guest.vmid).cpu.get() == 0.0625).await;
    assert!(lab.guest(guest.vmid).seen <= Timestamp(now()));
    let setup = lab.server.call("GET", "/api/push/setup", None).await.json();
    assert_eq!(setup["listeners"]["graphite"], graphite);
    assert_eq!(setup["metricServers"][0]["instance"], "lab");
    assert_eq!(setup["webhooks"][0]["type"], "pve");
    lab.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_says_how_it_goes() {
    let lab = Lab::new(&[]).await;
    let health = lab
        .server
        .call("GET", "/api/monitoring/scheduler/health", None)
        .await;
    assert_eq!(health.status, 200);
    let body = health.json();
    assert_eq!(body["enabled"], false);
    let instance = &body["instances"][0];
    assert_eq!(instance["key"], "pve::lab");
    assert_eq!(instance["breaker"]["state"], "closed");
    assert_eq!(instance["deadLetter"], json!({"present": false}));
    assert!(instance["pollStatus"]["lastSuccess"].is_string());
    assert!(instance["lastDurationMs"].is_u64() && instance["inFlight"].is_boolean());
    assert_eq!(body["staleness"][0]["lastError"], "0001-01-01T00:00:00Z");
    assert!(body.get("breakers").is_none());
    let metrics = lab.server.call("GET", "/metrics", None).await.text;
    for row in [
        "pulse_monitor_poll_total{instance_type=\"pve\",instance=\"lab\",result=\"success\"}",
        "pulse_monitor_poll_duration_seconds_count{instance_type=\"pve\",instance=\"lab\"}",
        "pulse_scheduler_breaker_state{instance_type=\"pve\",instance=\"lab\"} 0",
        "pulse_scheduler_queue_wait_seconds_bucket{instance_type=\"pve\",le=\"+Inf\"}",
    ] {
        assert!(metrics.contains(row), "{row}\n{metrics}");
    }
    // Removed ones vanish.
    lab.server
        .call("DELETE", "/api/config/nodes/pve-0", None)
        .await;
    let body = lab
        .server
        .call("GET", "/api/monitoring/scheduler/health", None)
        .await
        .json();
    assert_eq!(body["instances"], json!([]));
    assert!(body.get("staleness").is_none());
    lab.server.stop().await;
}
