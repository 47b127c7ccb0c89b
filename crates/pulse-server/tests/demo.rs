//! Demo mode comes and goes; what is real stays.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use std::collections::BTreeSet;
use std::time::Duration;

use recorded::Server;
use serde_json::{Value, json};

const MARK: &str = "pulse-demo";

async fn switch(server: &Server, on: bool) {
    let body = json!({ "enabled": on });
    let answer = server
        .call("POST", "/api/system/mock-mode", Some(body))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["enabled"], on);
}

async fn post(server: &Server, hostname: &str) -> String {
    let body = json!({
        "agent": {"id": hostname, "version": "1", "intervalSeconds": 10},
        "host": {"hostname": hostname, "machineId": hostname, "uptimeSeconds": 5},
        "metrics": {"cpuUsagePercent": 33.0, "memory": {"totalBytes": 100, "usedBytes": 50}},
    });
    let answer = server
        .call("POST", "/api/agents/host/report", Some(body))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["hostId"].as_str().unwrap().to_owned()
}

async fn get(server: &Server, path: &str) -> Value {
    let answer = server.call("GET", path, None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// Points of CPU use that the history has.
async fn points(server: &Server, kind: &str, id: &str) -> usize {
    let path = format!(
        "/api/metrics-store/history?resourceType={kind}&resourceId={id}&metric=cpu&range=1h&points=2000"
    );
    get(server, &path).await["points"].as_array().unwrap().len()
}

async fn until<F: Future<Output = bool>>(what: &str, happened: impl Fn() -> F) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while !happened().await {
        assert!(
            tokio::time::Instant::now() < limit,
            "{what}: not within 30 s"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nodes, guests and hosts of the demo are shown and recorded.
async fn appears(server: &Server) -> BTreeSet<(&'static str, String)> {
    until("the demo fleet", || async {
        let snapshot = server.app.inventory.snapshot();
        snapshot.nodes.len() >= 4
            && snapshot.guests().count() > 100
            && snapshot.storages.len() > 4
            && snapshot.hosts.iter().filter(|h| h.demo).count() >= 4
            && snapshot.pmg.len() == 1
            && snapshot.pbs.iter().any(|p| p.datastores.len() == 2)
            && snapshot.backup_groups.len() > 100
            && !snapshot.disks.is_empty()
            && !snapshot.clusters.is_empty()
    })
    .await;
    let snapshot = server.app.inventory.snapshot();
    let nodes = snapshot.nodes.iter().map(|n| ("node", n.id.clone()));
    let guests = snapshot.guests().map(|g| ("guest", g.id.clone()));
    let storages = snapshot.storages.iter().map(|s| ("storage", s.id.clone()));
    let hosts = snapshot
        .hosts
        .iter()
        .filter(|h| h.demo)
        .map(|h| ("host", h.id.clone()));
    let ids: BTreeSet<_> = nodes.chain(guests).chain(storages).chain(hosts).collect();
    assert!(
        ids.iter()
            .all(|(_, id)| id.starts_with(MARK) || id.starts_with("pbs-pulse-demo"))
    );
    let (kind, first) = ids.iter().find(|(kind, _)| *kind == "host").unwrap();
    until("its history", || async {
        points(server, kind, first).await > 0
    })
    .await;
    let charts = get(server, "/api/charts").await.to_string();
    assert!(charts.contains(MARK));
    ids
}

/// Nothing anywhere.
async fn no_trace(server: &Server, ids: &BTreeSet<(&'static str, String)>) {
    for path in [
        "/api/state",
        "/api/charts",
        "/api/storage-charts",
        "/api/metrics-store/stats",
        "/api/config/nodes",
    ] {
        let text = get(server, path).await.to_string();
        assert!(!text.contains(MARK), "{path} still shows demo data");
    }
    let metrics = server.call("GET", "/metrics", None).await.text;
    assert!(!metrics.contains(MARK), "{metrics}");
    for (kind, id) in ids {
        let path =
            format!("/api/metrics-store/history?resourceType={kind}&resourceId={id}&range=24h");
        let history = get(server, &path).await;
        assert_eq!(history["metrics"], json!({}), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_mode_leaves_nothing_behind_and_takes_nothing_along() {
    let server = Server::ready().await;
    let real = post(&server, "real").await;
    until("history of the real host", || async {
        points(&server, "host", &real).await > 0
    })
    .await;
    let series = get(&server, "/api/metrics-store/stats").await["series"].clone();

    switch(&server, true).await;
    let mut ids = appears(&server).await;
    for _ in 0..3 {
        post(&server, "real").await;
    }
    switch(&server, false).await;
    no_trace(&server, &ids).await;
    assert_eq!(
        get(&server, "/api/metrics-store/stats").await["series"],
        series
    );

    // Nothing comes in late either.
    post(&server, "real").await;
    until("history of the real host", || async {
        points(&server, "host", &real).await > 0
    })
    .await;
    no_trace(&server, &ids).await;
    let state = get(&server, "/api/state").await;
    let hosts = state["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!(
        (&hosts[0]["hostname"], &hosts[0]["status"]),
        (&json!("real"), &json!("online"))
    );

    // The second time is like the first one, history included.
    switch(&server, true).await;
    ids.extend(appears(&server).await);
    switch(&server, false).await;
    no_trace(&server, &ids).await;
    assert!(points(&server, "host", &real).await > 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_in_the_middle_of_its_work_leaves_nothing_either() {
    let server = Server::ready().await;
    for pause in [0, 1, 5, 20, 60, 150, 400, 900] {
        switch(&server, true).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        switch(&server, false).await;
        no_trace(&server, &BTreeSet::new()).await;
        let stats = get(&server, "/api/metrics-store/stats").await;
        assert_eq!(stats["series"], 0, "after {pause} ms");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_things_may_not_look_like_demo_data() {
    let server = Server::ready().await;
    switch(&server, true).await;
    for name in [
        MARK,
        "Pulse-Demo",
        " pulse-demo ",
        "pulse-demo-2",
        "pulse-demo:x",
    ] {
        let node = json!({
            "type": "pve", "name": name, "host": "https://127.0.0.1:1",
            "tokenName": "a@pve!b", "tokenValue": "c", "verifySSL": false,
        });
        let answer = server.call("POST", "/api/config/nodes", Some(node)).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
        assert!(answer.text.contains("reserved"), "{}", answer.text);
    }
    // An agent names itself; it is kept apart.
    let id = post(&server, "pulse-demo-agent").await;
    assert!(!id.starts_with(MARK), "{id}");
    assert_eq!(post(&server, "pulse-demo-agent").await, id);
    until("its history", || async {
        points(&server, "host", &id).await > 0
    })
    .await;
    switch(&server, false).await;
    assert!(points(&server, "host", &id).await > 0);
    let state = get(&server, "/api/state").await;
    assert_eq!(state["hosts"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_beside_the_demo_stays() {
    let server = Server::ready().await;
    let sim = pulse_sim::Datacenter::new(pulse_sim::Fleet::S, 3, pulse_sim::Clock::real())
        .serve(([127, 0, 0, 1], 0).into(), pulse_sim::Tls::SelfSigned)
        .await
        .unwrap();
    let node = json!({
        "type": "pve", "name": "lab", "host": sim.urls[0],
        "tokenName": sim.api_token.id, "tokenValue": sim.api_token.secret,
    });
    let added = server.call("POST", "/api/config/nodes", Some(node)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    switch(&server, true).await;
    let ids: BTreeSet<_> = {
        until("both fleets", || async {
            let snapshot = server.app.inventory.snapshot();
            snapshot.nodes.iter().any(|n| n.instance == "lab")
                && snapshot.nodes.iter().any(|n| n.instance == MARK)
        })
        .await;
        let snapshot = server.app.inventory.snapshot();
        snapshot
            .nodes
            .iter()
            .filter(|n| n.instance == "lab")
            .map(|n| n.id.clone())
            .collect()
    };
    switch(&server, false).await;
    let state = get(&server, "/api/state").await;
    let left: BTreeSet<String> = state["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(left, ids);
    for id in &ids {
        assert!(points(&server, "node", id).await > 0);
    }
    no_trace(&server, &BTreeSet::new()).await;
    server.stop().await;
}
