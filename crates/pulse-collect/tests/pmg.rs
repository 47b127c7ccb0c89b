//! A mail gateway of answers by path, its poller and what the inventory makes of it.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use pulse_collect::PmgSource;
use pulse_collect::pmg::Poller;
use pulse_core::{
    InstanceKind, Liveness, PmgInstance, PmgPart, PollFailure, ReportBody, Secret, SourceReport,
    Timestamp,
};
use pulse_inventory::Inventory;
use pulse_proxmox::{Credentials, PmgClient, PveOptions, ServerAddress, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Answers = Arc<Mutex<BTreeMap<String, (u16, String)>>>;

/// Serves what `answers` has for a path; what it does not have is 501.
async fn serve(answers: Answers) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut piece = [0; 2048];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    let read = stream.read(&mut piece).await.unwrap_or(0);
                    if read == 0 {
                        return;
                    }
                    request.extend_from_slice(&piece[..read]);
                }
                let text = String::from_utf8_lossy(&request);
                let path = text.split_whitespace().nth(1).unwrap_or("");
                let path = path.trim_start_matches("/api2/json");
                let path = path.split('?').next().unwrap_or("").to_owned();
                let answer = answers.lock().unwrap().get(&path).cloned();
                let (status, body) = answer.unwrap_or_else(|| (501, r#"{"data":null}"#.to_owned()));
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("http://{address}")
}

fn good() -> BTreeMap<String, (u16, String)> {
    let data = |path: &str, json: &str| (path.to_owned(), (200, format!(r#"{{"data":{json}}}"#)));
    BTreeMap::from([
        data("/version", r#"{"version":"8.2.1","release":"8.2"}"#),
        data(
            "/config/cluster/status",
            r#"[{"cid":1,"name":"mx1","type":"master","ip":"192.0.2.4"}]"#,
        ),
        data(
            "/nodes/mx1/status",
            r#"{"uptime":86400,"loadavg":["0.10","0.20","0.30"]}"#,
        ),
        data(
            "/nodes/mx1/postfix/queue",
            r#"{"active":"3","deferred":2.9,"hold":null,"incoming":"1"}"#,
        ),
        data(
            "/nodes/mx1/backup",
            r#"[{"filename":"pmg-backup_1.tgz","size":"1024","timestamp":1790000000}]"#,
        ),
        data(
            "/statistics/mail",
            r#"{"count":"1234","avptime":"0.52","bytes_in":5.5}"#,
        ),
        data(
            "/statistics/mailcount",
            r#"[{"index":1,"time":1790003600,"count":"7"},{"index":0,"time":1790000000,"count":5}]"#,
        ),
        data(
            "/statistics/spamscores",
            r#"[{"level":0,"count":"10","ratio":0.5},{"level":">10","count":2}]"#,
        ),
        data("/quarantine/spamstatus", r#"{"count":9}"#),
        data("/quarantine/virusstatus", r#"{"count":"1"}"#),
    ])
}

struct Lab {
    answers: Answers,
    poller: Poller,
    inventory: Inventory,
    now: AtomicI64,
}

impl Lab {
    async fn new() -> Self {
        let answers: Answers = Arc::new(Mutex::new(good()));
        let url = serve(Arc::clone(&answers)).await;
        let credentials = Credentials::Token {
            id: "mon@pmg!x".to_owned(),
            secret: Secret::new("s"),
        };
        let tls = TlsMode::resolve(true, "").unwrap();
        let options = PveOptions::new(ServerAddress::parse(&url, 8006).unwrap(), tls, credentials);
        let poller = Poller::new(PmgSource {
            name: "mx".to_owned(),
            client: Arc::new(PmgClient::new(options).unwrap()),
            host: url,
            guest_url: String::new(),
            mail_stats: true,
            queues: true,
            quarantine: true,
            interval_seconds: 60,
            demo: false,
        });
        let mut inventory = Inventory::default();
        inventory.add_instance("mx", InstanceKind::Pmg, false);
        Self {
            answers,
            poller,
            inventory,
            now: AtomicI64::new(1_790_010_000_000),
        }
    }

    fn set(&self, path: &str, status: u16, json: &str) {
        let answer = (status, format!(r#"{{"data":{json}}}"#));
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Polls a minute later; gives what failed.
    async fn poll(&mut self) -> Vec<PmgPart> {
        let now = Timestamp(self.now.fetch_add(60_000, SeqCst) + 60_000);
        let (missing, body) = match self.poller.poll(&|| now).await {
            Ok(report) => (report.missing.clone(), ReportBody::Pmg(Box::new(report))),
            Err(failure) => (Vec::new(), failed(failure)),
        };
        let demo = false;
        self.inventory.apply(SourceReport {
            at: now,
            demo,
            body,
        });
        self.inventory.tick(now);
        missing
    }

    fn shown(&mut self) -> PmgInstance {
        PmgInstance::clone(&self.inventory.snapshot().pmg[0])
    }

    fn health(&mut self) -> bool {
        self.inventory.snapshot().connection_health["pmg-mx"]
    }
}

fn failed(failure: PollFailure) -> ReportBody {
    ReportBody::PollFailed {
        instance: "mx".to_owned(),
        kind: InstanceKind::Pmg,
        failure,
    }
}

#[tokio::test]
async fn numbers_in_any_shape() {
    let mut lab = Lab::new().await;
    assert_eq!(lab.poll().await, []);
    let server = lab.shown();
    assert!(server.online && lab.health());
    assert_eq!(
        (server.id.as_str(), server.version.as_str()),
        ("pmg-mx", "8.2.1")
    );
    let node = &server.nodes[0];
    assert!(node.online);
    assert_eq!((node.role.as_str(), node.uptime), ("master", 86_400));
    assert_eq!(node.load, Some([0.1, 0.2, 0.3]));
    let queue = node.queue.as_ref().unwrap();
    assert_eq!(
        [queue.active, queue.deferred, queue.hold, queue.incoming],
        [3, 2, 0, 1]
    );
    assert_eq!(queue.total(), 6);
    let statistics = server.statistics.as_ref().unwrap();
    assert_eq!(statistics.count, 1234.0);
    assert_eq!(statistics.average_process_ms, 520.0);
    let counts: Vec<f64> = server.counts.iter().map(|row| row.count).collect();
    assert_eq!(counts, [5.0, 7.0]);
    assert_eq!(
        server.spam_scores,
        [("0".to_owned(), 10), (">10".to_owned(), 2)]
    );
    let quarantine = server.quarantine.as_ref().unwrap();
    assert_eq!(
        (quarantine.spam, quarantine.virus, quarantine.attachment),
        (Some(9), Some(1), None)
    );
    assert_eq!(server.backups[0].id, "pmg-mx-mx1-1790000000");
    assert_eq!(server.backups[0].size.0, 1024);
}

#[tokio::test]
async fn what_fails_keeps_what_was_known() {
    let mut lab = Lab::new().await;
    lab.poll().await;
    let before = lab.shown();
    for path in good().into_keys().filter(|path| path != "/version") {
        lab.set(&path, 500, "null");
    }
    let missing = lab.poll().await;
    assert!(missing.contains(&PmgPart::Statistics) && missing.contains(&PmgPart::Nodes));
    let after = lab.shown();
    assert_eq!(after.statistics, before.statistics);
    assert_eq!(after.counts, before.counts);
    assert_eq!(after.spam_scores, before.spam_scores);
    assert_eq!(after.quarantine, before.quarantine);
    assert_eq!(after.backups, before.backups);
    let queues = |server: &PmgInstance| server.nodes.iter().find_map(|node| node.queue.clone());
    assert_eq!(queues(&after), queues(&before));
    assert!(after.seen > before.seen);
}

#[tokio::test]
async fn a_gateway_that_is_gone_keeps_its_statistics_and_comes_back() {
    let mut lab = Lab::new().await;
    lab.poll().await;
    let before = lab.shown();
    lab.set("/version", 500, "null");
    for _ in 0..4 {
        lab.poll().await;
    }
    let gone = lab.shown();
    assert!(!gone.online && !lab.health());
    assert_eq!(gone.liveness, Liveness::Stale);
    assert_eq!(gone.statistics, before.statistics);
    assert_eq!(gone.seen, before.seen);
    lab.set("/version", 200, r#"{"version":"8.2.1"}"#);
    lab.poll().await;
    let back = lab.shown();
    assert!(back.online && lab.health());
    assert_eq!(back.liveness, Liveness::Fresh);
}

#[tokio::test]
async fn a_gateway_that_never_answered_is_shown_as_missing() {
    let mut lab = Lab::new().await;
    lab.set("/version", 401, "null");
    lab.poll().await;
    let server = lab.shown();
    assert!(!server.online && !lab.health());
    assert_eq!(server.statistics, None);
}
