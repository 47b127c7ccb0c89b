//! A Proxmox Backup Server: recorded answers decode whole, and calls are written as it wants them.
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "names of our own files"
)]
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use proptest::prelude::*;
use pulse_proxmox::PbsClient;
use pulse_proxmox::decode::{self, Element};
use pulse_proxmox::pbs::{SnapshotFilter, types as t};
use support::server::{Server, json, reply};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pbs")
}

/// File and path of every recorded 200 of a GET.
fn answers() -> Vec<(String, String)> {
    let index = std::fs::read_to_string(folder().join("index.tsv")).unwrap();
    let rows = index.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|row| row[1] == "GET" && row[3] == "200" && row[0].ends_with(".json"))
        .map(|row| (row[0].to_owned(), row[2].to_owned()))
        .collect()
}

fn list<T: Element>(file: &str, body: &[u8]) {
    let decoded = decode::list::<T>(body).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(decoded.skipped, [], "{file}");
    assert_eq!(decoded.odd_values, 0, "{file}");
}

fn object<T: Element>(file: &str, body: &[u8]) {
    let (_, odd) = decode::object::<T>(body).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(odd, 0, "{file}");
}

#[test]
fn recorded_answers_decode_whole() {
    let mut read = 0;
    for (file, path) in answers() {
        let body = std::fs::read(folder().join(&file)).unwrap();
        let path = path.split('?').next().unwrap();
        let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (file, body) = (file.as_str(), body.as_slice());
        match steps.as_slice() {
            ["version"] => object::<t::Version>(file, body),
            ["nodes", _, "status"] => object::<t::NodeStatus>(file, body),
            ["nodes", _, "tasks"] => list::<t::Task>(file, body),
            ["status", "datastore-usage"] => list::<t::DatastoreUsage>(file, body),
            ["admin", "datastore"] => list::<t::DatastoreEntry>(file, body),
            ["admin", "datastore", _, "status"] => object::<t::DatastoreStatus>(file, body),
            ["admin", "datastore", _, "gc"] => object::<t::GcStatus>(file, body),
            ["admin", "datastore", _, "namespace"] => list::<t::Namespace>(file, body),
            ["admin", "datastore", _, "groups"] => list::<t::Group>(file, body),
            ["admin", "datastore", _, "snapshots"] => list::<t::Snapshot>(file, body),
            ["admin", "sync" | "verify" | "prune"] => list::<t::Job>(file, body),
            ["admin", "gc"] => list::<t::GcJob>(file, body),
            _ => continue,
        }
        read += 1;
    }
    assert!(read >= 80, "only {read} recordings were read");
}

#[test]
fn a_snapshot_is_read_with_everything_that_is_shown() {
    let body = br#"{"data":[
        {"backup-type":"vm","backup-id":204,"backup-time":"1924995600","size":5,"protected":1,
         "files":["a.fidx",{"filename":"b.blob","crypt-mode":"encrypt"},7,null],"verification":"ok"},
        {"backup-type":"ct","backup-id":"1","backup-time":1,"verification":{"state":"failed"}},
        {"backup-type":"ct","backup-id":"2","backup-time":1,"verification":null,"size":null},
        {"backup-type":"ct","backup-id":"3"}]}"#;
    let decoded = decode::list::<t::Snapshot>(body).unwrap();
    assert_eq!(decoded.skipped.len(), 1, "one has no time");
    let [first, second, third] = decoded.items.as_slice() else {
        panic!("{decoded:?}")
    };
    let names: Vec<&str> = first.files.iter().map(|f| f.filename.as_str()).collect();
    assert_eq!(names, ["a.fidx", "b.blob"]);
    assert_eq!(first.files[1].crypt_mode.as_deref(), Some("encrypt"));
    assert_eq!((first.backup_id.as_str(), first.protected), ("204", true));
    let state = |s: &t::Snapshot| s.verification.clone().map(|v| v.0);
    assert_eq!(state(first).as_deref(), Some("ok"));
    assert_eq!(state(second).as_deref(), Some("failed"));
    assert_eq!((state(third), third.size), (None, None));
}

#[tokio::test]
async fn a_token_is_written_with_a_colon_and_arguments_are_escaped() {
    let server = Server::start(|_| json(r#"{"data":[]}"#)).await;
    let client = PbsClient::new(server.options()).unwrap();
    let filter = SnapshotFilter {
        group: Some(("host", "a&b")),
    };
    client
        .snapshots("a/b", "production/web", filter)
        .await
        .unwrap();
    client.groups("main", "").await.unwrap();
    let seen = server.seen();
    assert_eq!(
        seen[0].header("authorization"),
        Some("PBSAPIToken=monitor@pve!pulse:token-secret")
    );
    assert_eq!(
        server.paths(),
        [
            "/admin/datastore/a%2Fb/snapshots?ns=production%2Fweb&backup-type=host&backup-id=a%26b",
            "/admin/datastore/main/groups",
        ]
    );
}

#[tokio::test]
async fn a_password_becomes_a_ticket_in_the_cookie_of_the_product() {
    let server = Server::start(|seen| {
        if seen.path.ends_with("/access/ticket") {
            json(r#"{"data":{"ticket":"PBS:root@pam:1::a+b/c==","CSRFPreventionToken":"x"}}"#)
        } else {
            json(r#"{"data":{"version":"3.2"}}"#)
        }
    })
    .await;
    let client = PbsClient::new(server.password_options()).unwrap();
    client.server_version().await.unwrap();
    let seen = server.seen();
    let cookie = seen[1].header("cookie").unwrap();
    assert_eq!(
        cookie,
        "PBSAuthCookie=PBS%3Aroot%40pam%3A1%3A%3Aa%2Bb%2Fc%3D%3D"
    );
}

#[tokio::test]
async fn a_web_page_and_old_versions_are_told_apart() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/api2/json/version" => reply(200, "OK", b"<html><body>Welcome</body></html>"),
        _ => reply(404, "Not Found", b"Path not found."),
    })
    .await;
    let client = PbsClient::new(server.options()).unwrap();
    let text = client.server_version().await.unwrap_err().to_string();
    assert!(text.contains("https://") && text.contains("8007"), "{text}");
    assert!(client.namespaces("main").await.unwrap().items.is_empty());
    assert!(client.datastore_usage().await.unwrap().items.is_empty());
    assert!(client.sync_jobs().await.unwrap().items.is_empty());
    assert_eq!(
        client.datastores().await.unwrap_err().status(),
        Some(404),
        "every version has this one"
    );
}

proptest! {
    /// Whatever a server sends, decoding ends in a value or an error.
    #[test]
    fn foreign_bytes_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..5000, byte: u8) {
        let mut recorded = std::fs::read(folder().join("datastore-main-snapshots.json")).unwrap();
        let place = at % recorded.len();
        recorded[place] = byte;
        for body in [body, recorded] {
            let _ = decode::list::<t::Snapshot>(&body);
            let _ = decode::list::<t::Group>(&body);
            let _ = decode::list::<t::DatastoreUsage>(&body);
            let _ = decode::object::<t::NodeStatus>(&body);
            let _ = decode::list::<t::GcJob>(&body);
        }
    }
}
