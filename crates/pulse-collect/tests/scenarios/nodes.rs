//! N1, N5, N7–N9, N11–N13, N20, N21, X9.

use pulse_core::MemorySource;
use serde_json::json;

use crate::site::{G, Site, check, find};

#[tokio::test]
async fn n1_a_node_with_everything() {
    let mut site = Site::s0().await;
    site.change("node/alpha", json!({"mem": 56 * G, "maxmem": 64 * G}));
    site.status(
        "alpha",
        json!({"memory": {"total": 64 * G, "used": 56 * G, "free": 4 * G, "available": 32 * G},
            "rootfs": {"total": 100 * G, "used": 25 * G, "avail": 70 * G},
            "loadavg": ["0.50", "1.25", 2],
            "cpuinfo": {"model": "X", "cores": 8, "sockets": 1, "mhz": "3200.000"}}),
    );
    let state = site.look(0).await;
    check(
        "N1",
        find(&state, "nodes", "north-alpha"),
        &json!({"displayName": "north", "cpu": 0.25, "uptime": 99, "isClusterMember": null,
            "memory": {"total": 64 * G, "used": 32 * G, "usage": 50.0},
            "memorySource": "available-field",
            "disk": {"total": 100 * G, "used": 25 * G, "free": 70 * G, "usage": 25.0},
            "loadAverage": [0.5, 1.25, 2.0],
            "cpuInfo": {"model": "X", "cores": 16, "sockets": 1, "mhz": "3200.000"}}),
    );
}

#[tokio::test]
async fn n5_numbers_as_texts() {
    let mut site = Site::s0().await;
    site.status(
        "alpha",
        json!({"memory": {"total": "68,719,476,736", "used": "\"42949672960\"", "free": " 25769803776 ", "available": null}}),
    );
    let state = site.look(0).await;
    check(
        "N5",
        find(&state, "nodes", "north-alpha"),
        &json!({"memory": {"used": 40 * G, "usage": 62.5}, "memorySource": "derived-free-buffers-cached"}),
    );
}

#[tokio::test]
async fn n7_to_n9_the_history_of_a_node_is_asked_once_in_thirty_seconds() {
    let mut site = Site::s0().await;
    site.status(
        "alpha",
        json!({"memory": {"total": 8 * G, "used": 8 * G, "free": 0}}),
    );
    let point = |time, available: Option<u64>| json!({"time": time, "memtotal": 8 * G, "memavailable": available});
    site.answer(
        "/nodes/alpha/rrddata?timeframe=hour&cf=AVERAGE",
        json!([
            point(60, Some(3 * G)),
            point(120, Some(2 * G)),
            point(180, None)
        ]),
    );
    for _ in 0..2 {
        site.poll().await.unwrap();
        let state = site.state();
        check(
            "N7",
            find(&state, "nodes", "north-alpha"),
            &json!({"memory": {"used": 6 * G}, "memorySource": "rrd-memavailable"}),
        );
        site.pass(10);
    }
    assert_eq!(site.asked("rrddata"), 1, "N9");
    site.pass(20);
    site.poll().await.unwrap();
    assert_eq!(site.asked("rrddata"), 2, "N9");
}

#[tokio::test]
async fn n10_the_zfs_cache_is_not_in_use() {
    let mut site = Site::s0().await;
    site.status(
        "alpha",
        json!({"memory": {"total": 64 * G, "used": 58 * G, "free": 6 * G}}),
    );
    site.answer(
        "/nodes/alpha/rrddata?timeframe=hour&cf=AVERAGE",
        json!([{"time": 60, "arcsize": 30 * G}]),
    );
    let state = site.look(1).await;
    check(
        "N10",
        find(&state, "nodes", "north-alpha"),
        &json!({"memory": {"used": 30 * G, "usage": 46.875}}),
    );
    let snapshot = site.inventory.snapshot();
    assert_eq!(snapshot.nodes[0].memory.reclaimable.get(), 28 * G);
}

#[tokio::test]
async fn n11_n12_a_silent_status() {
    let mut site = Site::s0().await;
    site.refuse("/nodes/alpha/status", 500, "got no answer");
    let state = site.look(0).await;
    let shown = |used: u64, source: MemorySource| json!({"memory": {"used": used, "total": 32 * G}, "memorySource": source.as_str(), "cpu": 0.25});
    check(
        "N12",
        find(&state, "nodes", "north-alpha"),
        &shown(20 * G, MemorySource::NodesEndpoint),
    );

    let mut site = Site::s0().await;
    site.look(0).await;
    site.refuse("/nodes/alpha/status", 500, "got no answer");
    let state = site.look(1).await;
    check(
        "N11",
        find(&state, "nodes", "north-alpha"),
        &shown(10 * G, MemorySource::PreviousSnapshot),
    );
}

#[tokio::test]
async fn n13_without_a_root_filesystem_the_local_storage_tells() {
    let mut site = Site::s0().await;
    site.change("node/alpha", json!({"disk": 0, "maxdisk": 0}));
    site.answer(
        "/nodes/alpha/storage",
        json!([{"storage": "local-lvm", "type": "lvmthin", "content": "images", "active": 1, "enabled": 1,
                "total": 200 * G, "used": 50 * G, "avail": 150 * G},
            {"storage": "local", "type": "dir", "content": "iso", "active": 1, "enabled": 1,
                "total": 40 * G, "used": 10 * G, "avail": 30 * G}]),
    );
    let state = site.look(1).await;
    check(
        "N13",
        find(&state, "nodes", "north-alpha"),
        &json!({"disk": {"total": 40 * G, "used": 10 * G, "usage": 25.0}}),
    );
}

#[tokio::test]
async fn n20_a_word_for_a_number_costs_that_number_only() {
    let mut site = Site::c0().await;
    site.change("node/beta", json!({"cpu": "nan"}));
    let state = site.look(0).await;
    check(
        "N20",
        find(&state, "nodes", "prod-beta"),
        &json!({"cpu": 0.0, "status": "online"}),
    );
    check(
        "N20",
        find(&state, "nodes", "prod-alpha"),
        &json!({"cpu": 0.25}),
    );
}

#[tokio::test]
async fn n21_members_of_a_cluster_carry_their_host_names() {
    let mut site = Site::c0().await;
    let state = site.look(0).await;
    check(
        "N21",
        find(&state, "nodes", "prod-alpha"),
        &json!({"displayName": "alpha.lan", "isClusterMember": true, "clusterName": "prod"}),
    );
}

#[tokio::test]
async fn x9_a_node_that_cannot_be_reached_is_no_fault_of_the_endpoint() {
    let mut site = Site::c0().await;
    site.refuse("/nodes/gamma/status", 595, "No route to host");
    let state = site.look(0).await;
    check(
        "X9",
        find(&state, "nodes", "prod-alpha"),
        &json!({"connectionHealth": "healthy"}),
    );
    check("X9", &state["connectionHealth"], &json!({"cl1": true}));
}
