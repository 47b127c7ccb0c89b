//! Scenarios X30–X33 of discovery, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pulse_discovery::{Event, Limits, Net, Outcome, Plan, Product, manual, scan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// What a made-up server says.
#[derive(Clone, Copy)]
struct Says {
    page: &'static str,
    server: &'static str,
    status: u16,
}

struct Fake {
    port: u16,
    /// Calls of the API, `/` not counted.
    api_calls: Arc<AtomicUsize>,
}

async fn fake(says: Says) -> Fake {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let api_calls = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&api_calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, calls) = (acceptor.clone(), Arc::clone(&calls));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut buffer = [0u8; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    let (status, body) = if buffer[..length].starts_with(b"GET / ") {
                        (if says.page.is_empty() { 404 } else { 200 }, says.page)
                    } else {
                        calls.fetch_add(1, Ordering::SeqCst);
                        (says.status, "{\"data\":null}")
                    };
                    let answer = format!(
                        "HTTP/1.1 {status} x\r\nServer: {}\r\nContent-Length: {}\r\n\r\n{body}",
                        says.server,
                        body.len()
                    );
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Fake { port, api_calls }
}

fn this_machine() -> Plan {
    manual(vec![Net::new(HOST, 32)])
}

fn limits(ports: Vec<u16>) -> Limits {
    Limits {
        ports,
        dial: Duration::from_millis(500),
        http: Duration::from_millis(500),
        ..Limits::default()
    }
}

async fn ask(ports: Vec<u16>) -> Outcome {
    scan(&this_machine(), &limits(ports), &|_| ()).await
}

async fn one(says: Says) -> (Option<(Product, String, String)>, usize) {
    let server = fake(says).await;
    let outcome = ask(vec![server.port]).await;
    let found = outcome.servers.into_iter().next();
    (
        found.map(|f| (f.product, f.version, f.hostname)),
        server.api_calls.load(Ordering::SeqCst),
    )
}

/// X30
#[tokio::test]
async fn an_anonymous_pve_is_told_by_its_header_with_one_call() {
    let says = Says {
        page: "",
        server: "pve-api-daemon/3.0",
        status: 401,
    };
    let (found, calls) = one(says).await;
    let expect = (Product::Pve, "Unknown".to_owned(), String::new());
    assert_eq!(found, Some(expect));
    assert_eq!(calls, 1);
}

/// X31: the mail gateway has the web server of Proxmox VE; its page tells.
#[tokio::test]
async fn a_mail_gateway_is_told_by_its_page_without_a_call() {
    let page = "<title>mx1 - Proxmox Mail Gateway</title>";
    let says = Says {
        page,
        server: "pve-api-daemon/3.0",
        status: 401,
    };
    let (found, calls) = one(says).await;
    let expect = (Product::Pmg, "Unknown".to_owned(), "mx1".to_owned());
    assert_eq!(found, Some(expect));
    assert_eq!(calls, 0);
}

#[tokio::test]
async fn a_backup_server_is_found_and_a_stranger_is_not() {
    let page = "<title>store - Proxmox Backup Server</title>";
    let (found, _) = one(Says {
        page,
        server: "",
        status: 401,
    })
    .await;
    assert_eq!(found.map(|f| f.0), Some(Product::Pbs));
    let (found, _) = one(Says {
        page: "<title>Router</title>",
        server: "nginx",
        status: 401,
    })
    .await;
    assert_eq!(found, None);
}

/// X32
#[tokio::test]
async fn a_service_that_echoes_is_not_reported() {
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    let outcome = ask(vec![port]).await;
    assert!(outcome.servers.is_empty(), "{:?}", outcome.servers);
    // It was asked, so the silence is a decision.
    assert!(asked.load(Ordering::SeqCst) > 0);
}

/// X33
#[tokio::test]
async fn known_servers_are_skipped_and_progress_ends_at_all() {
    let page = "<title>alpha - Proxmox Virtual Environment</title>";
    let server = fake(Says {
        page,
        server: "",
        status: 401,
    })
    .await;
    let plan = manual(vec!["127.0.0.0/29".parse().unwrap()]);
    let run = async |skip: BTreeSet<Ipv4Addr>| {
        let events = Mutex::new(Vec::new());
        let limits = Limits {
            skip,
            ..limits(vec![server.port])
        };
        let tell = |event| events.lock().unwrap().push(event);
        let outcome = scan(&plan, &limits, &tell).await;
        (outcome.servers.len(), events.into_inner().unwrap())
    };
    let last = |events: &[Event]| match events.last() {
        Some(Event::Progress(p)) => (p.total_targets, p.total_processed, p.servers_found),
        other => panic!("{other:?}"),
    };
    let (found, events) = run(BTreeSet::new()).await;
    assert_eq!((found, last(&events)), (1, (6, 6, 1)));
    let (found, events) = run(BTreeSet::from([HOST])).await;
    assert_eq!((found, last(&events)), (0, (5, 5, 0)));
}

/// A server that accepts and says nothing costs its time limit, not the scan; what was found
/// before the end of the scan is kept.
#[tokio::test]
async fn silence_is_bounded_and_keeps_what_was_found() {
    let page = "<title>alpha - Proxmox Virtual Environment</title>";
    let server = fake(Says {
        page,
        server: "",
        status: 401,
    })
    .await;
    let silent = TcpListener::bind(("127.0.0.2", server.port)).await.unwrap();
    let limits = Limits {
        dial: Duration::from_secs(30),
        within: Duration::from_millis(700),
        ..limits(vec![server.port])
    };
    let started = Instant::now();
    let plan = manual(vec!["127.0.0.0/30".parse().unwrap()]);
    let outcome = scan(&plan, &limits, &|_| ()).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(outcome.servers.len(), 1);
    assert_eq!(
        outcome.problems.first().map(|p| p.error_type),
        Some("timeout")
    );
    drop(silent);
}
