//! Every fault over real sockets.

use std::time::Duration;

use crate::common::{Lab, fingerprint_of, lab, lab_at, send};
use pulse_sim::{Addresses, Fault, Fleet, FleetSpec, Order, PowerState, Tls};
use serde_json::{Value, json};

async fn order(lab: &Lab, order: Value) {
    let got = lab.control("POST", "faults", &order.to_string()).await;
    assert_eq!(
        got.status,
        200,
        "{order}: {}",
        String::from_utf8_lossy(&got.body)
    );
}

async fn resource(lab: &Lab, id: &str) -> Value {
    let all = lab.get("/cluster/resources").await.unwrap().json();
    let found = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["id"] == id);
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_dead_node_is_offline_and_takes_its_guests_along() {
    let lab = lab(Fleet::M, Tls::None).await;
    let guest = lab
        .sim
        .guests(0)
        .into_iter()
        .find(|g| g.node == "pve3" && g.running)
        .unwrap();
    let id = format!("{}/{}", guest.kind, guest.vmid);
    order(&lab, json!({"fault": "node-down", "node": "pve3"})).await;
    let got = lab.get("/nodes/pve3/status").await.unwrap();
    assert_eq!((got.status, got.reason.as_str()), (595, "No route to host"));
    assert!(got.body.is_empty());
    assert_eq!(lab.status("/nodes/pve3/rrddata?timeframe=hour").await, 200);
    assert_eq!(resource(&lab, "node/pve3").await["status"], "offline");
    assert_eq!(resource(&lab, &id).await["status"], "running");
    lab.pass(301);
    let gone = resource(&lab, &id).await;
    assert_eq!(gone["status"], "unknown");
    assert!(gone.get("name").is_none());
    order(&lab, json!({"fault": "node-up", "node": "pve3"})).await;
    assert_eq!(resource(&lab, &id).await["status"], "running");
}

#[tokio::test]
async fn a_node_without_proxy_refuses_and_a_hanging_one_times_out() {
    let lab = lab(Fleet::M, Tls::None).await;
    order(&lab, json!({"fault": "node-refused", "node": "pve2"})).await;
    order(&lab, json!({"fault": "node-hang", "node": "pve4"})).await;
    let refused = lab.get("/nodes/pve2/qemu").await.unwrap();
    assert_eq!(
        (refused.status, refused.reason.as_str()),
        (595, "Connection refused")
    );
    let hanging = lab.get("/nodes/pve4/qemu").await.unwrap();
    assert_eq!(
        (hanging.status, hanging.reason.as_str()),
        (596, "Connection timed out")
    );
    assert_eq!(resource(&lab, "node/pve2").await["status"], "online");
    lab.control("DELETE", "faults", "").await;
    assert_eq!(lab.status("/nodes/pve2/qemu").await, 200);
    assert_eq!(lab.status("/nodes/pve4/qemu").await, 200);
}

#[tokio::test]
async fn every_node_can_be_asked_at_its_own_address() {
    let lab = lab_at(Fleet::M.into(), Tls::None, Addresses::PerNode).await;
    let status = lab.get("/cluster/status").await.unwrap().json();
    assert_eq!(status["data"][2]["ip"], "127.100.0.2");
    let second = &lab.server.nodes[1];
    assert_eq!(second.node, "pve2");
    let token = format!("Authorization: {}\r\n", lab.server.api_token.header());
    let ask = async || send(&second.url, "GET", "/api2/json/cluster/status", &token, "").await;
    let answer = ask().await.unwrap().json();
    assert_eq!(answer["data"][2]["local"], 1);
    lab.sim
        .fault(Fault::NodeDown {
            node: "pve2".into(),
        })
        .unwrap();
    assert!(ask().await.is_err());
    lab.sim.heal();
    lab.sim
        .fault(Fault::NodeHang {
            node: "pve2".into(),
        })
        .unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(100), ask())
            .await
            .is_err()
    );
    assert_eq!(lab.status("/nodes").await, 200);
}

#[tokio::test]
async fn statuses_are_bent_on_the_wanted_paths_only() {
    let lab = lab(Fleet::S, Tls::None).await;
    for (effect, status, reason) in [
        (
            json!({"is": "unauthorized"}),
            401,
            "permission denied - invalid PVE ticket",
        ),
        (
            json!({"is": "forbidden"}),
            403,
            "Permission check failed (/nodes/pve1/status, Sys.Audit)",
        ),
        (
            json!({"is": "status", "code": 595, "reason": "Connection refused"}),
            595,
            "Connection refused",
        ),
        (
            json!({"is": "status", "code": 596, "reason": "Broken pipe"}),
            596,
            "Broken pipe",
        ),
        (
            json!({"is": "status", "code": 500, "reason": "it's (odd): 'x'"}),
            500,
            "it's (odd): 'x'",
        ),
    ] {
        order(
            &lab,
            json!({"fault": "answer", "path": "/nodes/*/status", "effect": effect}),
        )
        .await;
        let got = lab.get("/nodes/pve1/status").await.unwrap();
        assert_eq!((got.status, got.reason.as_str()), (status, reason));
        assert_eq!(lab.status("/nodes").await, 200);
    }
}

#[tokio::test]
async fn bodies_are_bent() {
    let lab = lab(Fleet::S, Tls::None).await;
    let bent = async |effect: Value| {
        order(
            &lab,
            json!({"fault": "answer", "path": "/nodes", "times": 1, "effect": effect}),
        )
        .await;
        lab.get("/nodes").await
    };
    let broken = bent(json!({"is": "broken-json"})).await.unwrap();
    assert!(broken.status == 200 && broken.json().is_null() && !broken.body.is_empty());
    let html = bent(json!({"is": "html"})).await.unwrap();
    assert!(html.status == 200 && html.body.starts_with(b"<!DOCTYPE"));
    let huge = bent(json!({"is": "huge-body", "bytes": 100_000_000}))
        .await
        .unwrap();
    assert_eq!(huge.body.len(), 100_000_000);
    assert!(huge.body.ends_with(b"x\"}"));
    let lying = bent(json!({"is": "lying-types"})).await.unwrap().json();
    assert!(lying["data"][0]["maxmem"].is_string());
    assert_eq!(
        bent(json!({"is": "empty"})).await.unwrap().json(),
        json!({"data": []})
    );
    assert!(bent(json!({"is": "drop"})).await.is_err());
    let begun = std::time::Instant::now();
    assert_eq!(
        bent(json!({"is": "slow", "ms": 80})).await.unwrap().status,
        200
    );
    assert!(begun.elapsed() >= Duration::from_millis(80));
    let hang = tokio::time::timeout(Duration::from_millis(100), bent(json!({"is": "hang"}))).await;
    assert!(hang.is_err());
    // Each was for one answer.
    assert_eq!(lab.status("/nodes").await, 200);
}

#[tokio::test]
async fn a_migration_keeps_the_number_and_moves_the_guest() {
    let lab = lab(Fleet::M, Tls::None).await;
    let guest = lab
        .sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "qemu" && g.running && g.node == "pve1")
        .unwrap();
    let (id, vmid) = (format!("qemu/{}", guest.vmid), guest.vmid);
    order(
        &lab,
        json!({"fault": "migrate", "vmid": vmid, "to": "pve2"}),
    )
    .await;
    let moved = resource(&lab, &id).await;
    assert_eq!(
        (&moved["node"], &moved["vmid"]),
        (&json!("pve2"), &json!(vmid))
    );
    assert_eq!(moved["name"], guest.name);
    assert_eq!(
        lab.status(&format!("/nodes/pve2/qemu/{vmid}/status/current"))
            .await,
        200
    );
    let old = lab
        .get(&format!("/nodes/pve1/qemu/{vmid}/status/current"))
        .await
        .unwrap();
    assert_eq!(
        old.reason,
        format!("Configuration file 'nodes/pve1/qemu-server/{vmid}.conf' does not exist")
    );
}

#[tokio::test]
async fn restart_and_counter_reset() {
    let lab = lab(Fleet::S, Tls::None).await;
    let vmid = lab
        .sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "lxc" && g.running)
        .unwrap()
        .vmid;
    let id = format!("lxc/{vmid}");
    let before = resource(&lab, &id).await;
    order(&lab, json!({"fault": "reset-counters", "vmid": vmid})).await;
    lab.pass(10);
    let reset = resource(&lab, &id).await;
    assert!(reset["netin"].as_u64() < before["netin"].as_u64());
    assert!(reset["uptime"].as_u64() > before["uptime"].as_u64());
    order(&lab, json!({"fault": "restart", "vmid": vmid})).await;
    lab.pass(10);
    let fresh = resource(&lab, &id).await;
    assert_eq!(fresh["uptime"], 10);
    assert!(fresh["netin"].as_u64() <= reset["netin"].as_u64().map(|n| n * 3 + 1_000_000));
}

#[tokio::test]
async fn guests_come_go_and_change() {
    let lab = lab(Fleet::S, Tls::None).await;
    order(
        &lab,
        json!({"fault": "create-guest", "vmid": 900, "kind": "qemu", "name": "new"}),
    )
    .await;
    assert_eq!(resource(&lab, "qemu/900").await["name"], "new");
    for state in ["paused", "stopped", "running"] {
        order(&lab, json!({"fault": "power", "vmid": 900, "state": state})).await;
        assert_eq!(resource(&lab, "qemu/900").await["status"], state);
    }
    order(
        &lab,
        json!({"fault": "lock", "vmid": 900, "lock": "backup"}),
    )
    .await;
    assert_eq!(resource(&lab, "qemu/900").await["lock"], "backup");
    order(
        &lab,
        json!({"fault": "load", "vmid": 900, "cpu": 50.0, "memory": null}),
    )
    .await;
    assert!(resource(&lab, "qemu/900").await["cpu"].as_f64() > Some(0.9));
    let agent = "/nodes/pve1/qemu/900/agent/get-osinfo";
    for (state, reason) in [
        ("disabled", "No QEMU guest agent configured"),
        ("silent", "QEMU guest agent is not running"),
        ("answers", "OK"),
    ] {
        order(&lab, json!({"fault": "agent", "vmid": 900, "state": state})).await;
        assert_eq!(lab.get(agent).await.unwrap().reason, reason);
    }
    order(&lab, json!({"fault": "delete-guest", "vmid": 900})).await;
    assert!(resource(&lab, "qemu/900").await.is_null());
    let again = lab
        .control("POST", "faults", r#"{"fault":"delete-guest","vmid":900}"#)
        .await;
    assert_eq!(
        again.json()["error"],
        "there is no guest 900 in that cluster"
    );
}

#[tokio::test]
async fn the_certificate_can_change() {
    let lab = lab_at(FleetSpec::new(1, 2, 4), Tls::SelfSigned, Addresses::PerNode).await;
    let url = &lab.server.urls[0];
    let before = fingerprint_of(url).await;
    assert_eq!(before, lab.server.fingerprint);
    lab.sim
        .fault(Fault::NewCertificate {
            node: Some("pve1".into()),
        })
        .unwrap();
    let after = fingerprint_of(url).await;
    assert_ne!(after, before);
    assert_eq!(
        fingerprint_of(&lab.server.nodes[1].url).await,
        lab.server.nodes[1].fingerprint
    );
    let told = lab.sim.get(0, "/nodes").json()["data"][0]["ssl_fingerprint"].clone();
    assert_eq!(
        told.as_str().unwrap().replace(':', "").to_lowercase(),
        after
    );
}

#[tokio::test]
async fn faults_come_and_go_on_schedule() {
    let lab = lab(Fleet::M, Tls::None).await;
    order(&lab, json!([
        {"fault": "node-down", "node": "pve2", "in_seconds": 60, "for_seconds": 30},
        {"fault": "answer", "path": "/nodes", "effect": {"is": "unauthorized"}, "in_seconds": 10, "for_seconds": 5},
    ])).await;
    assert_eq!(lab.status("/nodes").await, 200);
    lab.pass(12);
    assert_eq!(lab.status("/nodes").await, 401);
    lab.pass(5);
    assert_eq!(lab.status("/nodes").await, 200);
    lab.pass(45);
    assert_eq!(lab.status("/nodes/pve2/status").await, 595);
    lab.pass(40);
    assert_eq!(lab.status("/nodes/pve2/status").await, 200);
    let states = lab.control("GET", "faults", "").await.json();
    assert!(
        states
            .as_array()
            .unwrap()
            .iter()
            .all(|s| s["state"] == "done"),
        "{states}"
    );
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let lab = lab(Fleet::S, Tls::None).await;
    for (body, part) in [
        (r#"{"fault":"node-down","node":"nosuch"}"#, "no node nosuch"),
        (r#"{"fault":"restart","vmid":1}"#, "no guest 1"),
        (
            r#"{"fault":"restart","vmid":100,"cluster":7}"#,
            "no cluster 7",
        ),
        (
            r#"{"fault":"restart","vmid":100,"for_seconds":7}"#,
            "for_seconds",
        ),
        (r#"{"fault":"explode"}"#, "unknown variant"),
        ("{", ""),
    ] {
        let got = lab.control("POST", "faults", body).await;
        assert_eq!(got.status, 400, "{body}");
        let error = got.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{body}: {error}");
    }
}

#[tokio::test]
async fn requests_are_counted_per_template() {
    let lab = lab(Fleet::S, Tls::None).await;
    for g in lab.sim.guests(0).iter().take(4) {
        lab.get(&format!("/nodes/pve1/{}/{}/status/current", g.kind, g.vmid))
            .await
            .unwrap();
    }
    lab.get("/nodes?x=1").await.unwrap();
    let counts = lab.control("GET", "requests", "").await.json();
    assert_eq!(counts["total"], 5);
    let nodes = counts["requests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["path"] == "/nodes")
        .unwrap();
    assert_eq!((&nodes["count"], &nodes["errors"]), (&json!(1), &json!(1)));
    assert!(
        counts
            .to_string()
            .contains("/nodes/{node}/lxc/{vmid}/status/current")
    );
    lab.control("DELETE", "requests", "").await;
    assert_eq!(lab.control("GET", "requests", "").await.json()["total"], 0);
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let lab = lab(Fleet::S, Tls::None).await;
    let url = lab.server.urls[0].clone();
    assert_eq!(lab.status("/nodes").await, 200);
    drop(lab.server);
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(send(&url, "GET", "/", "", "").await.is_err());
}

#[tokio::test]
async fn a_pause_leaves_no_jump_in_the_counters() {
    let lab = lab(Fleet::S, Tls::None).await;
    let vm = lab
        .sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "qemu" && g.running)
        .unwrap();
    let power = |state| {
        Order::now(Fault::Power {
            vmid: vm.vmid,
            state,
        })
    };
    lab.sim.order(power(PowerState::Paused)).unwrap();
    let id = format!("qemu/{}", vm.vmid);
    let before = resource(&lab, &id).await;
    lab.pass(5_000);
    let paused = resource(&lab, &id).await;
    assert_eq!(before["netin"], paused["netin"]);
    lab.sim.order(power(PowerState::Running)).unwrap();
    let after = resource(&lab, &id).await;
    let grown = after["netin"].as_i64().unwrap() - paused["netin"].as_i64().unwrap();
    assert!(grown.abs() < 2, "{grown}");
}
