//! A cluster asked through several endpoints, over real sockets.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use http::Method;
use pulse_proxmox::{Call, ClusterClient, ErrorKind, GuestKind, PveApi as _, PveClient};
use support::server::{Certificate, Reply, Seen, Server, json, reply};

const EMPTY: &str = r#"{"data":[]}"#;

fn cluster(servers: &[&Server]) -> ClusterClient {
    let endpoints = servers
        .iter()
        .zip(1..)
        .map(|(server, number)| (Some(format!("pve{number}")), server.client()));
    ClusterClient::new("lab", endpoints)
}

fn healthy(cluster: &ClusterClient) -> Vec<bool> {
    cluster
        .health()
        .into_iter()
        .map(|endpoint| endpoint.healthy)
        .collect()
}

async fn good() -> Server {
    Server::start(|_| json(EMPTY)).await
}

async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// Lets background probes over real sockets come to an end.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it does not happen");
}

#[tokio::test]
async fn calls_go_round_and_to_the_node_they_are_about() {
    let (one, two, three) = (good().await, good().await, good().await);
    let cluster = cluster(&[&one, &two, &three]);
    for _ in 0..6 {
        cluster.nodes().await.unwrap();
    }
    assert_eq!(
        [&one, &two, &three].map(|server| server.seen().len()),
        [2, 2, 2]
    );
    for _ in 0..3 {
        cluster.node_storage("pve2").await.unwrap();
    }
    assert_eq!(
        two.paths()
            .iter()
            .filter(|path| path.ends_with("/storage"))
            .count(),
        3
    );
}

#[tokio::test]
async fn an_impostor_does_not_count_as_recovered() {
    let (one, two) = (good().await, good().await);
    let port = one.port;
    let cluster = cluster(&[&one, &two]);
    one.stop().await;
    for _ in 0..4 {
        cluster.nodes().await.unwrap();
    }
    assert_eq!(healthy(&cluster), [false, true]);
    let health = &cluster.health()[0];
    assert!(
        health
            .last_error
            .as_deref()
            .is_some_and(|error| error.starts_with("connection refused")),
        "{health:?}"
    );
    // Another machine on the old address does not count as recovered.
    let impostor = Server::start_with(Certificate::Good, port, true, |_| json(EMPTY)).await;
    advance(11).await;
    cluster.nodes().await.unwrap();
    until(|| impostor.connections.load(SeqCst) > 0).await;
    until(|| {
        cluster.health()[0]
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains("fingerprint changed"))
    })
    .await;
    assert_eq!(healthy(&cluster), [false, true]);
}

#[tokio::test]
async fn recovery_is_probed_in_the_background_and_not_too_often() {
    let sick = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&sick);
    let one = Server::start(move |_| {
        if state.load(SeqCst) {
            reply(595, "Connection refused", b"")
        } else {
            json(EMPTY)
        }
    })
    .await;
    let two = good().await;
    let cluster = cluster(&[&one, &two]);
    for _ in 0..10 {
        cluster.nodes().await.unwrap();
    }
    assert_eq!(healthy(&cluster), [false, true]);
    assert_eq!(
        one.seen().len(),
        1,
        "not asked again right after its failure"
    );
    advance(11).await;
    cluster.nodes().await.unwrap();
    until(|| one.seen().len() == 2).await;
    assert_eq!(one.paths()[1], "/cluster/status");
    until(|| cluster.health()[0].checked_ago < Some(Duration::from_secs(10))).await;
    sick.store(false, SeqCst);
    advance(11).await;
    cluster.nodes().await.unwrap();
    assert_eq!(one.seen().len(), 2, "the second wait is longer");
    advance(11).await;
    cluster.nodes().await.unwrap();
    until(|| healthy(&cluster) == [true, true]).await;
    assert_eq!(cluster.health()[0].last_error, None);
}

#[tokio::test]
async fn answers_about_something_else_keep_the_endpoint_healthy() {
    type Case = (u16, &'static str);
    let cases: [Case; 8] = [
        (401, "invalid token value!"),
        (403, "Permission check failed (/nodes/pve9, Sys.Audit)"),
        (500, "QEMU guest agent is not running"),
        (
            500,
            "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known",
        ),
        (
            500,
            "pbs-main: error fetching datastores - 500 Can't connect to 127.0.0.1:8007 (Connection refused)",
        ),
        (501, "Method 'GET /nodes/pve9/status' not implemented"),
        (595, "No route to host"),
        (596, "Connection timed out"),
    ];
    for (status, reason) in cases {
        let asked = Arc::new(AtomicUsize::new(0));
        let script = |asked: Arc<AtomicUsize>| {
            move |_: &Seen| {
                asked.fetch_add(1, SeqCst);
                reply(status, reason, b"")
            }
        };
        let (one, two) = (
            Server::start(script(Arc::clone(&asked))).await,
            Server::start(script(Arc::clone(&asked))).await,
        );
        let cluster = cluster(&[&one, &two]);
        let error = cluster.node_status("pve9").await.unwrap_err();
        assert_eq!(error.status(), Some(status), "{reason}");
        assert_eq!(asked.load(SeqCst), 1, "{status} {reason}: asked elsewhere");
        assert_eq!(healthy(&cluster), [true, true], "{status} {reason}");
    }
}

#[tokio::test]
async fn a_broken_endpoint_is_passed_over() {
    for (status, reason) in [
        (595, "Connection refused"),
        (500, "ipcc_send_rec[1] failed: Connection refused"),
    ] {
        let (one, two) = (
            Server::start(move |_| reply(status, reason, b"")).await,
            good().await,
        );
        let cluster = cluster(&[&one, &two]);
        for _ in 0..2 {
            cluster.cluster_status().await.unwrap();
        }
        assert_eq!(healthy(&cluster), [false, true], "{reason}");
    }
}

#[tokio::test]
async fn an_unreadable_answer_is_not_asked_for_again() {
    let (one, two) = (
        Server::start(|_| json("{}}")).await,
        Server::start(|_| json("{}}")).await,
    );
    let cluster = cluster(&[&one, &two]);
    let error = cluster.nodes().await.unwrap_err();
    assert!(matches!(&*error.kind, ErrorKind::Decode(_)), "{error}");
    assert_eq!(one.seen().len() + two.seen().len(), 1);
    assert_eq!(healthy(&cluster), [true, true]);
}

#[tokio::test]
async fn a_slow_storage_says_nothing_about_the_endpoint() {
    let one = Server::start(|seen| {
        if seen.path.ends_with("/storage") {
            Reply::Hang
        } else {
            json(EMPTY)
        }
    })
    .await;
    let cluster = cluster(&[&one]);
    let call = Call::get("/nodes/{node}/storage")
        .with("pve1")
        .within(Duration::from_millis(200));
    assert!(cluster.send(call).await.unwrap_err().is_timeout());
    until(|| one.seen().len() == 2).await;
    assert_eq!(one.paths()[1], "/cluster/status", "the probe tells");
    until(|| cluster.health()[0].checked_ago.is_some()).await;
    assert_eq!(healthy(&cluster), [true]);
}

#[tokio::test]
async fn a_hanging_endpoint_is_found_out_and_passed_over() {
    let (one, two) = (Server::start(|_| Reply::Hang).await, good().await);
    let cluster = cluster(&[&one, &two]);
    for _ in 0..2 {
        cluster
            .send(Call::get("/nodes").within(Duration::from_millis(500)))
            .await
            .unwrap();
    }
    assert_eq!(healthy(&cluster), [false, true]);
}

#[tokio::test]
async fn overload_is_waited_out() {
    let asked = AtomicUsize::new(0);
    let one = Server::start(move |_| {
        if asked.fetch_add(1, SeqCst) < 2 {
            reply(503, "busy", b"")
        } else {
            json(EMPTY)
        }
    })
    .await;
    let cluster = cluster(&[&one]);
    cluster.nodes().await.unwrap();
    assert_eq!(one.seen().len(), 3);
    assert_eq!(healthy(&cluster), [true]);
    // Another endpoint takes over without a wait.
    let (busy, idle) = (
        Server::start(|_| reply(429, "busy", b"")).await,
        good().await,
    );
    let cluster = ClusterClient::new("lab", [(None, busy.client()), (None, idle.client())]);
    for _ in 0..2 {
        cluster.nodes().await.unwrap();
    }
    assert_eq!(healthy(&cluster), [true, true]);
}

#[tokio::test]
async fn no_endpoint_is_an_error_and_never_an_empty_list() {
    let (one, two) = (good().await, good().await);
    let cluster = cluster(&[&one, &two]);
    one.stop().await;
    two.stop().await;
    for _ in 0..2 {
        let error = cluster.nodes().await.unwrap_err();
        let ErrorKind::NoEndpoint(tried) = &*error.kind else {
            panic!("{error}")
        };
        assert_eq!(tried.len(), 2);
        assert!(
            tried
                .iter()
                .all(|(_, why)| why.contains("connection refused")),
            "{error}"
        );
        assert!(error.is_retryable() && error.is_connection() && !error.is_auth());
    }
}

#[tokio::test]
async fn a_single_endpoint_is_always_tried() {
    let one = good().await;
    let (client, port): (PveClient, u16) = (
        PveClient::new({
            let mut options = one.options();
            options.outbound.tls = pulse_proxmox::TlsMode::Insecure;
            options
        })
        .unwrap(),
        one.port,
    );
    let cluster = ClusterClient::single(client);
    one.stop().await;
    let error = cluster.nodes().await.unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error}");
    let _again = Server::start_with(Certificate::Good, port, true, |_| json(EMPTY)).await;
    cluster.nodes().await.unwrap();
    assert_eq!(healthy(&cluster), [true]);
}

#[tokio::test]
async fn a_write_moves_on_only_if_it_was_never_sent() {
    let write = || {
        Call::new(Method::POST, "/nodes/{node}/qemu/{vmid}/status/start")
            .with("pve1")
            .with(100)
    };
    let (one, two) = (
        Server::start(|_| Reply::Cut(Vec::new())).await,
        good().await,
    );
    cluster(&[&one, &two]).send(write()).await.unwrap_err();
    assert_eq!((one.seen().len(), two.seen().len()), (1, 0));
    let (gone, two) = (good().await, good().await);
    let cluster = cluster(&[&gone, &two]);
    gone.stop().await;
    cluster.send(write()).await.unwrap();
    assert_eq!(two.seen().len(), 1);
}

#[tokio::test]
async fn a_node_is_asked_through_others_while_its_endpoint_is_down() {
    let (one, two) = (
        good().await,
        Server::start(|_| json(r#"{"data":{"status":"running"}}"#)).await,
    );
    let cluster = cluster(&[&one, &two]);
    one.stop().await;
    let status = cluster
        .guest_status(GuestKind::Qemu, "pve1", 100)
        .await
        .unwrap();
    assert_eq!(status.status.as_deref(), Some("running"));
    cluster.probe_all().await;
    assert_eq!(healthy(&cluster), [false, true]);
}
