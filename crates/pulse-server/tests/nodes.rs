//! Node configuration over HTTP against a simulated cluster, and where this server is meant to
//! differ from version 5; what was recorded of it is in `contract/nodes.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use pulse_sim::{Clock, Datacenter, Fleet, SimServer, Tls};
use recorded::Server;
use serde_json::{Value, json};

async fn simulated() -> SimServer {
    Datacenter::new(Fleet::S, 3, Clock::real())
        .serve(([127, 0, 0, 1], 0).into(), Tls::SelfSigned)
        .await
        .unwrap()
}

fn credentials(sim: &SimServer) -> Value {
    json!({
        "type": "pve",
        "name": "lab",
        "host": sim.urls[0],
        "tokenName": sim.api_token.id,
        "tokenValue": sim.api_token.secret,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_tested_added_polled_and_removed() {
    let sim = simulated().await;
    let server = Server::ready().await;
    let path = "/api/config/nodes/test-connection";
    let tested = server.call("POST", path, Some(credentials(&sim))).await;
    assert_eq!(tested.status, 200, "{}", tested.text);
    let body = tested.json();
    assert_eq!(body["status"], "success");
    assert!(body["nodeCount"].as_u64().unwrap() >= 1);

    let added = server
        .call("POST", "/api/config/nodes", Some(credentials(&sim)))
        .await;
    assert_eq!(
        (added.status, added.json()),
        (201, json!({"status": "success"}))
    );
    let again = server
        .call("POST", "/api/config/nodes", Some(credentials(&sim)))
        .await;
    assert_eq!(again.status, 409, "{}", again.text);

    let list = server.call("GET", "/api/config/nodes", None).await;
    assert!(!list.text.contains(&sim.api_token.secret));
    let node = &list.json()[0];
    assert_eq!(node["id"], "pve-0");
    assert_eq!(node["hasToken"], true);
    // Nobody said how to judge the certificate, so the one that was seen is pinned.
    assert_eq!(node["verifySSL"], true);
    assert!(node["fingerprint"].as_str().is_some_and(|f| !f.is_empty()));

    let uid = node["uid"].as_str().unwrap();
    let renamed = json!({"name": "renamed", "guestURL": "https://guests.example"});
    let change = server
        .call("PUT", &format!("/api/config/nodes/{uid}"), Some(renamed))
        .await;
    assert_eq!(change.status, 200, "{}", change.text);
    let tested = server
        .call("POST", "/api/config/nodes/pve-0/test", None)
        .await;
    assert_eq!(tested.json()["status"], "success", "{}", tested.text);
    assert!(tested.json()["latency"].is_u64());

    let removed = server.call("DELETE", "/api/config/nodes/pve-0", None).await;
    assert_eq!(removed.status, 200);
    let list = server.call("GET", "/api/config/nodes", None).await;
    assert_eq!(list.json(), json!([]));
    let names = server.app.runner.keys();
    assert!(names.is_empty(), "{names:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_certificates_are_told_apart() {
    let sim = simulated().await;
    let server = Server::ready().await;
    let test = async |change: Value| {
        let mut body = credentials(&sim);
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = server
            .call("POST", "/api/config/nodes/test-config", Some(body))
            .await;
        (
            answer.status,
            answer.json()["reason"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    assert_eq!(
        test(json!({"tokenValue": "wrong"})).await,
        (400, "auth".into())
    );
    assert_eq!(test(json!({"verifySSL": true})).await, (400, "tls".into()));
    let other = ["AA"; 32].join(":");
    assert_eq!(
        test(json!({"fingerprint": other})).await,
        (400, "tls".into())
    );
    assert_eq!(
        test(json!({"host": "https://127.0.0.1:1"})).await,
        (400, "refused".into())
    );
    assert_eq!(test(json!({})).await.0, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_version_5_lets_through() {
    let server = Server::ready().await;
    for (name, host) in [("a", "127.0.0.1:1"), ("b", "127.0.0.1:2")] {
        let body = json!({"type": "pbs", "name": name, "host": host, "user": "u", "password": "p"});
        assert_eq!(
            server
                .call("POST", "/api/config/nodes", Some(body))
                .await
                .status,
            201
        );
    }
    let put = async |id: &str, body: Value| {
        server
            .call("PUT", &format!("/api/config/nodes/{id}"), Some(body))
            .await
    };
    assert_eq!(
        put("pbs-1", json!({"host": "127.0.0.1:1"})).await.status,
        409
    );
    let same_name = put("pbs-1", json!({"host": "127.0.0.1:2", "name": "a"})).await;
    assert_eq!(same_name.status, 200);
    let list = server.call("GET", "/api/config/nodes", None).await.json();
    assert_eq!(list[1]["name"], "a (127.0.0.1)");
    let shell =
        json!({"type": "pbs", "name": "x", "host": "pbs$(id)", "user": "u", "password": "p"});
    assert_eq!(
        server
            .call("POST", "/api/config/nodes", Some(shell))
            .await
            .status,
        400
    );
    let digits =
        json!({"type": "pbs", "name": "3", "host": "3com.invalid", "user": "u", "password": "p"});
    assert_eq!(
        server
            .call("POST", "/api/config/nodes", Some(digits))
            .await
            .status,
        201
    );
    let reserved = json!({"type": "pbs", "name": "pulse-demo", "host": "h.invalid", "user": "u", "password": "p"});
    assert_eq!(
        server
            .call("POST", "/api/config/nodes", Some(reserved))
            .await
            .status,
        400
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_need_an_administrator_with_the_scope() {
    let server = Server::ready().await;
    let anonymous = server.send("GET", "/api/config/nodes", &[], None).await;
    assert_eq!(anonymous.status, 401);
    let body = json!({"name": "reader", "scopes": ["settings:read"]});
    let created = server
        .call("POST", "/api/security/tokens", Some(body))
        .await
        .json();
    let reader = [("x-api-token", created["token"].as_str().unwrap())];
    assert_eq!(
        server
            .send("GET", "/api/config/nodes", &reader, None)
            .await
            .status,
        200
    );
    for (method, path) in [
        ("POST", "/api/config/nodes"),
        ("PUT", "/api/config/nodes/pve-0"),
        ("DELETE", "/api/config/nodes/pve-0"),
        ("POST", "/api/config/nodes/test-connection"),
        ("POST", "/api/config/nodes/pve-0/test"),
        ("POST", "/api/config/nodes/pve-0/refresh-cluster"),
    ] {
        let answer = server.send(method, path, &reader, Some("{}".into())).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert_eq!(answer.json()["requiredScope"], "settings:write");
    }
    server.stop().await;
}

/// A stand-in for Proxmox's tools: notes what it is asked and prints what they print.
fn tools(dir: &std::path::Path, sim: &SimServer) {
    use std::os::unix::fs::PermissionsExt as _;
    let write = |name: &str, text: String| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let token = &sim.api_token;
    let answer = json!({"full-tokenid": token.id, "info": {"privsep": "0"}, "value": token.secret});
    let calls = dir.join("calls");
    let pveum = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\ncase \"$*\" in\n'role modify'*) exit 1 ;;\n'role add'*VM.GuestAgent.Audit*) exit 1 ;;\n'user token add'*) cat <<'END'\n{answer}\nEND\n;;\nesac\n",
        calls.display()
    );
    write("pveum", pveum);
    write("id", "#!/bin/sh\necho 0\n".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_on_the_node_registers_it() {
    let sim = simulated().await;
    let server = Server::ready().await;
    let asked = json!({"type": "pve", "host": sim.urls[0], "backupPerms": true});
    let made = server
        .call("POST", "/api/setup-script-url", Some(asked))
        .await;
    assert_eq!(made.status, 200, "{}", made.text);
    let made = made.json();
    let token = made["setupToken"].as_str().unwrap().to_owned();
    let url = made["url"].as_str().unwrap();
    assert!(!url.contains(&token), "addresses end up in logs");

    let path = &url[url.find("/api/").unwrap()..];
    let script = server.send("GET", path, &[], None).await;
    assert_eq!(script.status, 200, "{}", script.text);
    let dir = tempfile::tempdir().unwrap();
    tools(dir.path(), &sim);
    let path = format!(
        "{}:{}",
        dir.path().display(),
        std::env::var("PATH").unwrap()
    );
    let run = || {
        std::process::Command::new("sh")
            .args(["-c", &script.text])
            .env("PULSE_SETUP_TOKEN", &token)
            .env("PATH", &path)
            .output()
            .unwrap()
    };
    let output = tokio::task::block_in_place(run);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("Pulse watches this server from now on."));
    assert!(!said.contains(&sim.api_token.secret));
    let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
    assert!(calls.contains("--privs Sys.Audit,VM.Monitor"), "{calls}");
    assert!(calls.contains("PVEDatastoreAdmin"), "{calls}");

    let nodes = server.call("GET", "/api/config/nodes", None).await.json();
    assert_eq!(nodes.as_array().unwrap().len(), 1, "{nodes}");
    assert_eq!(nodes[0]["tokenName"], sim.api_token.id);
    let mut snapshots = server.app.inventory.subscribe();
    let polled = snapshots.wait_for(|snapshot| snapshot.guests().count() > 0);
    let limit = std::time::Duration::from_secs(20);
    assert!(
        tokio::time::timeout(limit, polled).await.is_ok(),
        "it is not polled"
    );

    // The token is used up.
    let second = tokio::task::block_in_place(run);
    assert!(!second.status.success());
    let complained = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(complained.contains("Invalid or expired setup code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_without_a_credential_for_it() {
    let sim = simulated().await;
    let server = Server::ready().await;
    let made = server
        .call(
            "POST",
            "/api/setup-script-url",
            Some(json!({"type": "pbs"})),
        )
        .await
        .json();
    let of_another_kind = made["setupToken"].as_str().unwrap();
    let reading = server.token(&["monitoring:read"]).await;
    for token in ["", "0000", "no\ttoken", of_another_kind, &reading] {
        let body = json!({
            "type": "pve", "host": sim.urls[0], "serverName": "x", "authToken": token,
            "tokenId": sim.api_token.id, "tokenValue": sim.api_token.secret,
        });
        let refused = server
            .send("POST", "/api/auto-register", &[], Some(body.to_string()))
            .await;
        assert_eq!(refused.status, 401, "{token}: {}", refused.text);
    }
    let nodes = server.call("GET", "/api/config/nodes", None).await.json();
    assert_eq!(nodes, json!([]));
}
