//! Password logins: single flight, renewal before and after the server's refusal, and no leaks.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use pulse_proxmox::{Call, Credentials, ErrorKind, LoginError, PveApi as _, PveClient, PveOptions};
use support::recordings::recording;
use support::server::{Reply, Seen, Server, json, replay, reply};

const VERSION: &str = r#"{"data":{"version":"8.3.0"}}"#;

fn is_login(seen: &Seen) -> bool {
    seen.path == "/api2/json/access/ticket"
}

fn ticket(number: usize) -> Reply {
    json(&format!(
        r#"{{"data":{{"ticket":"PVE:root@pam:T{number}","CSRFPreventionToken":"csrf-{number}","username":"root@pam"}}}}"#
    ))
}

fn password_client(server: &Server) -> PveClient {
    PveClient::new(server.password_options()).unwrap()
}

fn logins(server: &Server) -> usize {
    server.seen().iter().filter(|seen| is_login(seen)).count()
}

/// Gives numbered tickets and accepts everything.
async fn login_server() -> Server {
    let given = AtomicUsize::new(0);
    Server::start(move |seen| {
        if is_login(seen) {
            ticket(given.fetch_add(1, SeqCst) + 1)
        } else {
            json(VERSION)
        }
    })
    .await
}

#[tokio::test]
async fn many_first_calls_share_one_login() {
    let server = login_server().await;
    let client = password_client(&server);
    for result in join_all((0..12).map(|_| client.version())).await {
        result.unwrap();
    }
    assert_eq!(logins(&server), 1);
    let seen = server.seen();
    let login = seen.iter().find(|seen| is_login(seen)).unwrap();
    assert_eq!(login.body, "username=root%40pam&password=pass%26word");
    assert_eq!(
        login.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let call = seen.iter().find(|seen| !is_login(seen)).unwrap();
    assert_eq!(call.header("cookie"), Some("PVEAuthCookie=PVE:root@pam:T1"));
    assert_eq!(call.header("csrfpreventiontoken"), None);
}

#[tokio::test]
async fn writes_carry_the_csrf_token() {
    let server = login_server().await;
    let call = Call::new(Method::POST, "/nodes/{node}/qemu/{vmid}/agent/ping")
        .with("pve1")
        .with(100);
    password_client(&server).send(call).await.unwrap();
    let seen = server.seen();
    let write = seen.iter().find(|seen| !is_login(seen)).unwrap();
    assert_eq!(
        (write.method.as_str(), write.header("csrfpreventiontoken")),
        ("POST", Some("csrf-1"))
    );
}

#[tokio::test]
async fn the_recorded_login_is_accepted() {
    let server = Server::start(|seen| {
        if is_login(seen) {
            replay(&recording("access_ticket"))
        } else {
            json(VERSION)
        }
    })
    .await;
    password_client(&server).version().await.unwrap();
    let seen = server.seen();
    assert!(
        seen[1]
            .header("cookie")
            .is_some_and(|cookie| cookie.starts_with("PVEAuthCookie=PVE:")),
        "{}",
        seen[1].head
    );
}

#[tokio::test]
async fn a_ticket_is_renewed_before_it_dies() {
    let server = login_server().await;
    let client = password_client(&server);
    client.version().await.unwrap();
    for (minutes, expect) in [(100, 1), (6, 2), (100, 2), (6, 3)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(minutes)).await;
        tokio::time::resume();
        for result in join_all((0..4).map(|_| client.version())).await {
            result.unwrap();
        }
        assert_eq!(logins(&server), expect, "after {minutes} more minutes");
    }
}

#[tokio::test]
async fn a_ticket_refused_mid_flight_costs_one_login_for_all() {
    // The server forgets its first ticket: every call with it gets a 401.
    let given = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        if is_login(seen) {
            ticket(given.fetch_add(1, SeqCst) + 1)
        } else if seen.head.contains(":T1") && given.load(SeqCst) > 0 && seen.path.contains("nodes")
        {
            replay(&recording("err_ticket_invalid"))
        } else {
            json(r#"{"data":[]}"#)
        }
    })
    .await;
    let client = password_client(&server);
    client
        .list::<pulse_proxmox::types::Task>(Call::get("/cluster/tasks"))
        .await
        .unwrap();
    for result in join_all((0..8).map(|_| client.nodes())).await {
        result.unwrap();
    }
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn a_ticket_refused_for_good_is_an_auth_error() {
    let server = Server::start(|seen| {
        if is_login(seen) {
            ticket(1)
        } else {
            reply(401, "permission denied - invalid PVE ticket", b"")
        }
    })
    .await;
    let error = password_client(&server).version().await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    assert_eq!(server.seen().len(), 4, "one new login, one repetition");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let server = Server::start(|_| replay(&recording("err_login_wrong_password"))).await;
    let client = password_client(&server);
    for result in join_all((0..6).map(|_| client.version())).await {
        let error = result.unwrap_err();
        assert_eq!(
            *error.kind,
            ErrorKind::Login(LoginError::Refused("authentication failure".to_owned()))
        );
        assert!(error.is_auth() && !error.is_retryable() && !error.is_connection());
    }
    client.version().await.unwrap_err();
    assert_eq!(
        logins(&server),
        1,
        "further tries would only lock the account"
    );
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    client.version().await.unwrap_err();
    assert_eq!(
        logins(&server),
        2,
        "but the password may be corrected on the server"
    );
}

#[tokio::test]
async fn an_unreachable_login_is_not_an_auth_error() {
    let server = Server::start(|_| replay(&recording("daemon_down_access_ticket"))).await;
    let client = password_client(&server);
    let error = client.version().await.unwrap_err();
    assert!(!error.is_auth() && error.is_connection(), "{error}");
    client.version().await.unwrap_err();
    assert_eq!(logins(&server), 2, "tried again at the next call");
}

#[tokio::test]
async fn a_given_up_call_leaves_the_login_to_the_next() {
    let logins_seen = AtomicUsize::new(0);
    let server = Server::start(
        move |seen| match (is_login(seen), logins_seen.load(SeqCst)) {
            (true, 0) => {
                logins_seen.fetch_add(1, SeqCst);
                Reply::Hang
            }
            (true, _) => ticket(2),
            _ => json(VERSION),
        },
    )
    .await;
    let client = password_client(&server);
    let first = client
        .send(Call::get("/version").within(Duration::from_millis(200)))
        .await
        .unwrap_err();
    assert!(first.is_timeout(), "{first}");
    client.version().await.unwrap();
}

#[tokio::test]
async fn second_factors_are_said() {
    let body = r#"{"data":{"ticket":"PVE:!tfa!%7B%22totp%22%3Atrue%7D:65::x","NeedTFA":1,"CSRFPreventionToken":"c"}}"#;
    let server = Server::start(move |_| json(body)).await;
    let error = password_client(&server).version().await.unwrap_err();
    assert_eq!(*error.kind, ErrorKind::Login(LoginError::TwoFactor));
    assert!(
        error
            .to_string()
            .contains("two-factor account cannot be used"),
        "{error}"
    );
}

#[tokio::test]
async fn no_secret_is_ever_printed() {
    // A server that echoes what it got.
    let server = Server::start(|seen| {
        reply(
            500,
            "Internal Server Error",
            format!("{} {}", seen.body, seen.head).as_bytes(),
        )
    })
    .await;
    let client = password_client(&server);
    let error = client.version().await.unwrap_err();
    let shown = format!(
        "{error} {error:?} {client:?} {:?}",
        server.password_options()
    );
    for secret in ["pass&word", "pass%26word", "token-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let credentials = Credentials::Token {
        id: "a@b!c".to_owned(),
        secret: "tricky\u{7f}".into(),
    };
    let error = PveClient::new(PveOptions {
        credentials,
        ..server.options()
    })
    .unwrap()
    .version()
    .await
    .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("tricky"), "{error}");
}
