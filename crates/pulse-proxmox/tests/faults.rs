//! Everything that a server can do wrong, over real sockets.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::net::IpAddr;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use pulse_proxmox::outbound::{AddressCheck, probe_certificate};
use pulse_proxmox::{
    Call, ErrorKind, GuestKind, PveApi as _, PveClient, PveOptions, ServerAddress, TlsFailure,
    TlsMode, TransportError,
};
use support::recordings::{recording, recordings};
use support::server::{Certificate, Reply, Server, json, replay, reply};

const VERSION: &str = r#"{"data":{"version":"8.3.0","release":"8.3","repoid":"c1689ccb"}}"#;

async fn version_error(server: &Server) -> pulse_proxmox::Error {
    server.client().version().await.unwrap_err()
}

#[tokio::test]
async fn recorded_errors_keep_their_words() {
    for recorded in recordings()
        .into_iter()
        .filter(|r| r.method == "GET" && r.status >= 400)
    {
        let server = Server::sequence(vec![replay(&recorded)]).await;
        let call = Call::get(Box::leak(recorded.path.clone().into_boxed_str()));
        let error = server.client().send(call).await.unwrap_err();
        let name = &recorded.name;
        assert_eq!(error.status(), Some(recorded.status), "{name}: {error}");
        assert_eq!(
            error.status_error().and_then(|status| status.text()),
            Some(recorded.reason.as_str()),
            "{name}"
        );
        assert!(
            error.to_string().contains(&recorded.reason),
            "{name}: {error}"
        );
        assert_eq!(error.is_auth(), recorded.status == 401, "{name}");
        assert_eq!(error.is_permission(), recorded.status == 403, "{name}");
        assert_eq!(error.is_timeout(), recorded.status == 596, "{name}");
        assert_eq!(
            error.is_guest_agent(),
            recorded.reason.contains("guest agent"),
            "{name}"
        );
        assert_eq!(
            error.is_not_found(),
            recorded.reason.contains("not exist") || recorded.reason.contains("No such file"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn complaints_about_parameters_are_kept() {
    let server = Server::sequence(vec![replay(&recording("err_unknown_parameter"))]).await;
    let error = version_error(&server).await;
    let status = error.status_error().unwrap();
    assert_eq!(
        status.reason.as_deref(),
        Some("Parameter verification failed.")
    );
    assert!(
        status.errors["foo"].contains("not defined in schema"),
        "{error}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn connection_level_and_node_level_595_differ() {
    let server = Server::start(|_| reply(595, "No route to host", b"")).await;
    let client = server.client();
    let about_node = client.node_status("pve3").await.unwrap_err();
    assert!(
        about_node.is_node_unreachable() && !about_node.is_connection() && !about_node.is_auth(),
        "{about_node}"
    );
    let about_all = client.cluster_status().await.unwrap_err();
    assert!(
        !about_all.is_node_unreachable() && about_all.is_connection() && !about_all.is_auth(),
        "{about_all}"
    );
}

#[tokio::test]
async fn a_message_in_the_body_is_read_too() {
    let body = br#"{"data":null,"message":"QEMU guest agent is not running\n"}"#;
    let server = Server::sequence(vec![reply(500, "Internal Server Error", body)]).await;
    let error = version_error(&server).await;
    assert!(error.is_guest_agent(), "{error}");
    assert_eq!(
        error.status_error().unwrap().message.as_deref(),
        Some("QEMU guest agent is not running")
    );
}

#[tokio::test]
async fn html_is_quoted_not_parsed() {
    let page = b"<html>\n<h1>502 Bad Gateway</h1>\x07</html>";
    let server = Server::sequence(vec![
        reply(502, "Bad Gateway", page),
        reply(200, "OK", page),
    ])
    .await;
    let client = server.client();
    let error = client.version().await.unwrap_err();
    assert!(
        error.is_overloaded()
            && error
                .to_string()
                .contains("<h1>502 Bad Gateway</h1> </html>"),
        "{error}"
    );
    let error = client.version().await.unwrap_err();
    assert!(matches!(&*error.kind, ErrorKind::Decode(_)), "{error}");
    assert!(error.to_string().contains("<html>"), "{error}");
}

#[tokio::test]
async fn a_hanging_server_costs_the_deadline_and_no_more() {
    let server = Server::start(|_| Reply::Hang).await;
    let began = Instant::now();
    let call = Call::get("/version").within(Duration::from_millis(200));
    let error = server.client().send(call).await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_huge_body_is_refused_early() {
    let server = Server::sequence(vec![
        Reply::Flood { announce: true },
        Reply::Flood { announce: false },
    ])
    .await;
    let client = server.client();
    for announced in [true, false] {
        let call = Call::get("/cluster/resources").max_body(1024 * 1024);
        let error = client.send(call).await.unwrap_err();
        assert_eq!(
            error.transport(),
            Some(&TransportError::TooLarge { limit: 1024 * 1024 }),
            "{announced}"
        );
        assert!(!error.is_connection(), "says nothing against the endpoint");
    }
}

#[tokio::test]
async fn a_truncated_body_is_a_broken_connection() {
    let cut =
        || Reply::Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"data\":[{\"no".to_vec());
    let server = Server::sequence(vec![cut()]).await;
    let error = version_error(&server).await;
    assert!(
        matches!(error.transport(), Some(TransportError::Broken(_))),
        "{error:?}"
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn truncated_json_is_a_decode_error() {
    let server = Server::sequence(vec![json(r#"{"data":[{"node":"pve1""#)]).await;
    let error = server.client().nodes().await.unwrap_err();
    assert!(matches!(&*error.kind, ErrorKind::Decode(_)), "{error}");
}

#[tokio::test]
async fn a_broken_element_costs_only_itself() {
    let body = r#"{"data":[{"node":"pve1","cpu":"0.5","maxcpu":"8","uptime":-1,"mem":nan},7,{"node":"","cpu":1},
        {"node":"pve2","cpu":{"a":1},"mem":[1],"maxmem":"1,024","level":null,"unheard-of":{"deep":[1]}}]}"#;
    let server = Server::sequence(vec![json(body)]).await;
    let client = server.client();
    let nodes = client.nodes().await.unwrap();
    assert_eq!(nodes.items.len(), 2);
    assert_eq!(
        nodes
            .skipped
            .iter()
            .map(|skipped| skipped.index)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(nodes.odd_values, 2);
    assert_eq!(
        (
            nodes.items[0].cpu,
            nodes.items[0].maxcpu,
            nodes.items[0].uptime
        ),
        (Some(0.5), Some(8), None)
    );
    assert_eq!(
        (
            nodes.items[1].cpu,
            nodes.items[1].mem,
            nodes.items[1].maxmem
        ),
        (None, None, Some(1024))
    );
    let stats = &client.meter().snapshot()["/nodes"];
    assert_eq!(
        (
            stats.requests,
            stats.failures,
            stats.skipped_elements,
            stats.odd_values
        ),
        (1, 0, 2, 2)
    );
    assert_eq!(stats.bytes, body.len() as u64);
}

#[tokio::test]
async fn a_changed_certificate_is_named() {
    let first = Server::start(|_| json(VERSION)).await;
    let options = first.options();
    let (port, before) = (first.port, first.fingerprint);
    let client = PveClient::new(options).unwrap();
    client.version().await.unwrap();
    assert_eq!(client.certificate_seen(), Some(before));
    first.stop().await;
    let second = Server::start_with(Certificate::Good, port, true, |_| json(VERSION)).await;
    let error = client.version().await.unwrap_err();
    let expect = TlsFailure::FingerprintChanged {
        expected: before,
        seen: second.fingerprint,
    };
    assert_eq!(error.tls(), Some(&expect), "{error}");
    assert!(!error.is_auth() && !error.is_retryable() && error.is_connection());
    let text = error.to_string();
    assert!(
        text.contains(&format!("changed from {before} to {}", second.fingerprint)),
        "{text}"
    );
    assert_eq!(client.certificate_seen(), Some(second.fingerprint));
    assert_eq!(
        second.seen().len(),
        0,
        "no token may reach the wrong server"
    );
}

#[tokio::test]
async fn certificates_are_judged_as_configured() {
    let tls = async |kind: Certificate, trusted: bool| {
        let server = Server::start_with(kind, 0, true, |_| json(VERSION)).await;
        let mut options = PveOptions { ..server.options() };
        options.outbound.tls = TlsMode::System;
        if trusted {
            options.outbound.extra_roots = vec![server.authority.clone()];
        }
        let result = PveClient::new(options).unwrap().version().await;
        (
            result.map_err(|error| error.tls().cloned().unwrap()),
            server.fingerprint,
        )
    };
    assert!(tls(Certificate::Good, true).await.0.is_ok());
    let (result, seen) = tls(Certificate::Good, false).await;
    assert_eq!(result.unwrap_err(), TlsFailure::UnknownIssuer { seen });
    let (result, seen) = tls(Certificate::Expired, true).await;
    assert_eq!(result.unwrap_err(), TlsFailure::Expired { seen });
    let (result, seen) = tls(Certificate::OtherName, true).await;
    assert_eq!(result.unwrap_err(), TlsFailure::HostnameMismatch { seen });
    // A pin and no check both accept what an authority would not.
    for mode in [None, Some(TlsMode::Insecure)] {
        let server = Server::start_with(Certificate::Expired, 0, true, |_| json(VERSION)).await;
        let mut options = server.options();
        options.outbound.tls = mode.unwrap_or(options.outbound.tls);
        let client = PveClient::new(options).unwrap();
        client.version().await.unwrap();
        assert_eq!(client.certificate_seen(), Some(server.fingerprint));
    }
}

#[tokio::test]
async fn the_certificate_of_an_unknown_server_can_be_asked_for() {
    let server = Server::start(|_| json(VERSION)).await;
    let found = probe_certificate(&server.address(), Duration::from_secs(5), None).await;
    assert_eq!(found, Ok(server.fingerprint));
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_port_without_tls_is_named() {
    let server = Server::start_with(Certificate::Good, 0, false, |_| json(VERSION)).await;
    // A TLS greeting has no blank line, so a plain server waits for the rest and then hangs up.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let mut options = server.options();
    options.outbound.address = ServerAddress::parse(&format!("127.0.0.1:{port}"), 1).unwrap();
    let error = PveClient::new(options.clone())
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert_eq!(error.tls(), Some(&TlsFailure::NotTls), "{error}");
    // The same over http:// works, if that is what the user asked for.
    options.outbound.address =
        ServerAddress::parse(&format!("http://127.0.0.1:{}", server.port), 1).unwrap();
    let client = PveClient::new(options).unwrap();
    assert_eq!(client.version().await.unwrap().version, "8.3.0");
    assert_eq!(client.certificate_seen(), None);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let moved = |target: &str| {
        Reply::Keep(
            format!(
                "HTTP/1.1 301 Moved Permanently\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
            )
            .into_bytes(),
        )
    };
    let server = Server::sequence(vec![
        moved("https://user:pw@evil.example/x?t=1"),
        moved("/login"),
    ])
    .await;
    let client = server.client();
    let error = client.version().await.unwrap_err();
    assert_eq!(
        *error.kind,
        ErrorKind::Redirect("https://evil.example".to_owned()),
        "{error}"
    );
    let error = client.version().await.unwrap_err();
    assert_eq!(
        *error.kind,
        ErrorKind::Redirect("another path".to_owned()),
        "{error}"
    );
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn refused_and_unresolvable_hosts_are_named() {
    let server = Server::start(|_| json(VERSION)).await;
    let mut options = server.options();
    options.outbound.connect_timeout = Duration::from_secs(3);
    let port = server.port;
    server.stop().await;
    let error = PveClient::new(options.clone())
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert_eq!(error.transport(), Some(&TransportError::Refused), "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("127.0.0.1:{port}: connection refused")),
        "{error}"
    );
    options.outbound.address = ServerAddress::parse("no-such-host.invalid", 8006).unwrap();
    let error = PveClient::new(options)
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error.transport(),
            Some(TransportError::Dns(_) | TransportError::ConnectTimeout(_))
        ),
        "{error}"
    );
}

#[tokio::test]
async fn the_address_policy_is_asked_before_connecting() {
    let server = Server::start(|_| json(VERSION)).await;
    let mut options = server.options();
    options.outbound.address_check = Some(AddressCheck::new(|ip: IpAddr| !ip.is_loopback()));
    let error = PveClient::new(options)
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert_eq!(
        error.transport(),
        Some(&TransportError::Forbidden("127.0.0.1".to_owned()))
    );
    assert_eq!(server.connections.load(SeqCst), 0);
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let server = Server::start(|_| json(VERSION)).await;
    let client = server.client();
    for _ in 0..5 {
        client.version().await.unwrap();
    }
    assert_eq!(server.connections.load(SeqCst), 1);
}

#[tokio::test]
async fn a_dropped_kept_connection_is_not_an_error() {
    // The second request reaches a connection that the server then cuts without a word.
    let server = Server::sequence(vec![json(VERSION), Reply::Cut(Vec::new()), json(VERSION)]).await;
    let client = server.client();
    client.version().await.unwrap();
    client.version().await.unwrap();
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_write_is_never_repeated() {
    let server = Server::sequence(vec![Reply::Cut(Vec::new()), json(r#"{"data":"UPID:x"}"#)]).await;
    let call = Call::new(http::Method::POST, "/nodes/{node}/qemu/{vmid}/status/start")
        .with("pve1")
        .with(100);
    let error = server.client().send(call).await.unwrap_err();
    assert_eq!(
        error.transport(),
        Some(&TransportError::ClosedEarly),
        "{error}"
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn calls_are_what_pve_expects() {
    let server = Server::start(|_| json(r#"{"data":[]}"#)).await;
    let client = server.client();
    client.node_rrd("pve1").await.unwrap();
    client.node_vms("pve 1/x", true).await.unwrap();
    let _ = client.guest_status(GuestKind::Lxc, "pve1", 201).await;
    assert_eq!(
        server.paths(),
        [
            "/nodes/pve1/rrddata?timeframe=hour&cf=AVERAGE",
            "/nodes/pve%201%2Fx/qemu?full=1",
            "/nodes/pve1/lxc/201/status/current",
        ]
    );
    let seen = &server.seen()[0];
    assert_eq!(
        seen.header("authorization"),
        Some("PVEAPIToken=monitor@pve!pulse=token-secret")
    );
    assert_eq!(
        seen.header("host"),
        Some(format!("127.0.0.1:{}", server.port).as_str())
    );
    assert_eq!(seen.header("accept-encoding"), None);
    let templates: Vec<_> = client.meter().snapshot().into_keys().collect();
    assert_eq!(
        templates,
        [
            "/nodes/{node}/lxc/{vmid}/status/current",
            "/nodes/{node}/qemu",
            "/nodes/{node}/rrddata"
        ]
    );
}
