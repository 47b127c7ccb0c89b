//! The mail gateway's client: its login, and a ticket that grew old.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures_util::future::join_all;
use pulse_proxmox::pmg::REALM;
use pulse_proxmox::{Credentials, PmgClient};
use support::server::{Server, json, reply};

fn is_login(path: &str) -> bool {
    path.ends_with("/access/ticket")
}

#[tokio::test]
async fn a_client_that_slept_logs_in_again_and_goes_on() {
    let given = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        if is_login(&seen.path) {
            let number = given.fetch_add(1, SeqCst) + 1;
            json(&format!(
                r#"{{"data":{{"ticket":"PMG:T{number}","CSRFPreventionToken":"x"}}}}"#
            ))
        } else if seen.header("cookie") == Some("PMGAuthCookie=PMG:T1")
            || seen.header("cookie") == Some("PMGAuthCookie=PMG:T2")
        {
            json(r#"{"data":{"version":"8.2","release":"1"}}"#)
        } else {
            reply(401, "No ticket", b"")
        }
    })
    .await;
    let mut options = server.password_options();
    options.credentials =
        Credentials::resolve_in(REALM, "admin", &"secret".into(), "", &"".into()).unwrap();
    let client = PmgClient::new(options).unwrap();
    assert_eq!(client.server_version().await.unwrap().version, "8.2");
    let login = server
        .seen()
        .into_iter()
        .find(|s| is_login(&s.path))
        .unwrap();
    assert_eq!(login.body, "username=admin%40pmg&password=secret");
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(91)).await;
    tokio::time::resume();
    // Many calls at once, as a poll of several instances would make: one login, nobody hangs.
    let calls = join_all((0..6).map(|_| client.server_version()));
    let answers = tokio::time::timeout(Duration::from_secs(10), calls)
        .await
        .unwrap();
    assert!(answers.iter().all(Result::is_ok));
    let logins = server.paths().into_iter().filter(|path| is_login(path));
    assert_eq!(logins.count(), 2);
}

#[tokio::test]
async fn queues_that_are_only_listed_are_asked_one_by_one() {
    let server = Server::start(|seen| {
        if seen.path.contains("queue=deferred") {
            json(r#"{"data":[{"domain":"TOTAL","total":4,"10m":4}]}"#)
        } else if seen.path.contains("qshape") {
            json(r#"{"data":[]}"#)
        } else {
            json(r#"{"data":[{"queue":"deferred"},{"queue":"hold"}]}"#)
        }
    })
    .await;
    let client = PmgClient::new(server.options()).unwrap();
    let queues = client.queues("mx1").await.unwrap();
    assert_eq!((queues.active, queues.deferred), (Some(0), Some(4)));
    assert_eq!(queues.oldest_age, Some(300));
}
