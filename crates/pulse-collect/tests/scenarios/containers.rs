//! L2, L4–L8, L10–L13.

use serde_json::{Value, json};

use crate::site::{G, M, Site, check, find};

const CT: &str = "north:alpha:105";
const RRD: &str = "/nodes/alpha/lxc/105/rrddata?timeframe=hour&cf=AVERAGE";

async fn shown(resource: Value, config: Value, more: impl FnOnce(&mut Site)) -> Value {
    let mut site = Site::s0().await;
    site.container(resource, config);
    more(&mut site);
    let state = site.look(2).await;
    find(&state, "containers", CT).clone()
}

#[tokio::test]
async fn memory() {
    let point = |time: i64, available: Option<u64>| json!({"time": time, "maxmem": G, "memavailable": available});
    let ct = shown(json!({}), json!({}), |site| {
        site.answer(RRD, json!([point(60, Some(700 * M)), point(120, None)]));
    })
    .await;
    check(
        "L2",
        &ct,
        &json!({"memory": {"used": G - 700 * M}, "memorySource": "rrd-memavailable"}),
    );
    let ct = shown(json!({}), json!({}), |site| {
        site.refuse(RRD, 596, "Connection timed out");
    })
    .await;
    check(
        "L4",
        &ct,
        &json!({"memory": {"used": 900 * M}, "memorySource": "cluster-resources"}),
    );
}

#[tokio::test]
async fn l2_the_history_is_asked_once_a_minute_and_not_where_it_knows_nothing() {
    let mut site = Site::s0().await;
    site.container(json!({}), json!({}));
    site.answer(
        RRD,
        json!([{"time": 60, "maxmem": G, "memavailable": 700 * M}]),
    );
    site.look(18).await;
    assert!(
        (3..=4).contains(&site.asked("/lxc/105/rrddata")),
        "{}",
        site.asked("/lxc/105/rrddata")
    );
    // Versions up to 8 record what the list tells.
    let mut site = Site::s0().await;
    site.container(json!({}), json!({}));
    site.answer(RRD, json!([{"time": 60, "maxmem": G, "mem": 900 * M}]));
    site.look(18).await;
    assert_eq!(site.asked("/lxc/105/rrddata"), 1);
}

#[tokio::test]
async fn addresses() {
    let config = json!({"net0": "name=eth0,bridge=vmbr0,hwaddr=bc:24:11:00:aa:01,ip=10.9.8.60/24,gw=10.9.8.1,type=veth"});
    check(
        "L6",
        &shown(json!({}), config, |_| {}).await,
        &json!({"ipAddresses": ["10.9.8.60"], "networkInterfaces": [{"name": "eth0", "mac": "BC:24:11:00:AA:01"}]}),
    );
    let ct = shown(json!({}), json!({"net0": "name=eth0,ip=dhcp,ip6=auto"}), |site| {
        site.answer(
            "/nodes/alpha/lxc/105/interfaces",
            json!([{"name": "lo", "inet": "127.0.0.1/8"}, {"name": "eth0", "hwaddr": "aa:bb", "inet": "10.9.8.77/24"}]),
        );
    })
    .await;
    check("L7", &ct, &json!({"ipAddresses": ["10.9.8.77"]}));
}

#[tokio::test]
async fn disks_and_systems() {
    let config =
        json!({"rootfs": "local-zfs:subvol-105-disk-0,size=8G", "mp0": "/tank/media,mp=/media"});
    check(
        "L8",
        &shown(json!({}), config, |_| {}).await,
        &json!({"disks": [{"mountpoint": "/", "type": "rootfs", "device": "local-zfs:subvol-105-disk-0", "total": 8 * G}]}),
    );
    for (kind, name) in [
        ("debian", "Debian"),
        ("unmanaged", "Unmanaged"),
        ("void", "Void"),
    ] {
        let ct = shown(json!({}), json!({"ostype": kind}), |_| {}).await;
        check("L10", &ct, &json!({"osName": name}));
    }
    let ct = shown(json!({}), json!({}), |site| {
        site.refuse(
            "/nodes/alpha/lxc/105/config",
            403,
            "Permission check failed",
        );
    })
    .await;
    check(
        "L13",
        &ct,
        &json!({"name": "dns", "status": "running", "osName": null}),
    );
}

#[tokio::test]
async fn l11_an_image_container_stays_one() {
    let mut site = Site::s0().await;
    site.container(json!({}), json!({"entrypoint": "/init"}));
    let state = site.look(1).await;
    check(
        "L11",
        find(&state, "containers", CT),
        &json!({"type": "oci", "isOci": true}),
    );
    site.refuse(
        "/nodes/alpha/lxc/105/config",
        403,
        "Permission check failed",
    );
    site.pass(1_900);
    let state = site.look(2).await;
    check(
        "L11",
        find(&state, "containers", CT),
        &json!({"type": "oci", "isOci": true}),
    );
}

#[tokio::test]
async fn l12_a_stopped_container_keeps_its_size() {
    let mut site = Site::s0().await;
    site.container(
        json!({"status": "stopped", "cpu": 0.5}),
        json!({"ostype": "debian"}),
    );
    let state = site.look(1).await;
    check(
        "L12",
        find(&state, "containers", CT),
        &json!({"cpu": 0.0, "memory": {"usage": 0.0}, "disk": {"used": 2 * G, "total": 8 * G}, "osName": "Debian"}),
    );
    assert_eq!(site.asked("/interfaces") + site.asked("/status/current"), 0);
}
