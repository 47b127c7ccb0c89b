//! V1–V11, V20–V41, V45–V49, V52, X22.

use serde_json::{Value, json};

use crate::site::{G, Site, check, find};

const VM: &str = "north:alpha:204";

/// The VM that results from the changed rows.
async fn shown(resource: Value, listed: Value, more: impl FnOnce(&mut Site)) -> Value {
    let mut site = Site::s0().await;
    site.vm(resource, listed);
    more(&mut site);
    let state = site.look(2).await;
    find(&state, "vms", VM).clone()
}

#[tokio::test]
async fn memory() {
    let none = || json!({});
    let cases = [
        (
            "V1",
            none(),
            json!({"mem": 3 * G, "meminfo": {"available": 6 * G}}),
            json!({"memory": {"used": 2 * G, "usage": 25.0}, "memorySource": "meminfo-available"}),
        ),
        (
            "V2",
            none(),
            json!({"meminfo": {"free": G, "buffers": G / 2, "cached": 5 * G / 2}}),
            json!({"memory": {"used": 4 * G}, "memorySource": "meminfo-derived"}),
        ),
        (
            "V3",
            none(),
            json!({"balloon": 4 * G, "freemem": G, "mem": 3 * G}),
            json!({"memory": {"total": 4 * G, "used": 3 * G, "usage": 75.0, "balloon": 4 * G}, "memorySource": "status-freemem"}),
        ),
        (
            "V4",
            none(),
            json!({"balloon": 2 * G, "freemem": 3 * G, "mem": 5 * G}),
            json!({"memory": {"total": 2 * G, "used": 2 * G, "usage": 100.0}, "memorySource": "status-mem"}),
        ),
        (
            "V5",
            none(),
            json!({"balloon": 8 * G, "mem": G}),
            json!({"memory": {"total": 8 * G, "balloon": 8 * G}}),
        ),
        (
            "V6",
            none(),
            json!({"mem": 3 * G}),
            json!({"memory": {"used": 3 * G}, "memorySource": "status-mem"}),
        ),
        (
            "V7",
            none(),
            Value::Null,
            json!({"memory": {"used": 3 * G}, "memorySource": "cluster-resources", "ipAddresses": null}),
        ),
        (
            "V8",
            json!({"status": "stopped", "mem": 0}),
            Value::Null,
            json!({"memory": {"used": 0, "free": 8 * G, "usage": 0.0}, "memorySource": "powered-off"}),
        ),
        (
            "V9",
            none(),
            json!({"meminfo": {"available": 20 * G}}),
            json!({"memory": {"used": 0}}),
        ),
        (
            "V10",
            json!({"status": "stopped", "cpu": 0.4}),
            Value::Null,
            json!({"cpu": 0.0}),
        ),
        // The named mistakes say otherwise for its memory: it is kept.
        (
            "V11",
            json!({"status": "paused"}),
            json!({"qmpstatus": "paused", "mem": G}),
            json!({"status": "paused", "cpu": 0.0, "memory": {"used": G}}),
        ),
    ];
    for (case, resource, listed, want) in cases {
        check(case, &shown(resource, listed, |_| {}).await, &want);
    }
}

#[tokio::test]
async fn v8_a_stopped_vm_is_asked_nothing() {
    let mut site = Site::s0().await;
    site.vm(json!({"status": "stopped"}), Value::Null);
    site.look(3).await;
    assert_eq!(site.asked("/agent/") + site.asked("/qemu?"), 0);
}

fn fs(mount: &str, kind: &str, dev: Option<&str>, total: u64, used: u64) -> Value {
    let disk = dev.map_or_else(|| json!([]), |dev| json!([{"dev": dev}]));
    json!({"name": mount, "mountpoint": mount, "type": kind, "total-bytes": total, "used-bytes": used, "disk": disk})
}

#[tokio::test]
async fn filesystems() {
    let physical = Some(r"\\.\PhysicalDrive0");
    let sda = Some("/dev/sda1");
    let vda = Some("/dev/vda1");
    let zfs = |name: &str, total: u64, used: u64| json!({"name": name, "mountpoint": format!("/{name}"), "type": "zfs", "total-bytes": total, "used-bytes": used, "disk": []});
    let cases = [
        (
            "V20",
            json!([
                fs("/", "ext4", sda, 40 * G, 10 * G),
                fs("/boot/efi", "vfat", sda, G / 2, G / 4),
                fs("/run", "tmpfs", None, G, 0),
                fs("/mnt/nas", "nfs4", None, 900 * G, 0),
                fs("/snap/x", "squashfs", None, G, G)
            ]),
            json!({"disk": {"total": 40 * G, "used": 10 * G, "usage": 25.0},
                "disks": [{"mountpoint": "/", "device": "/dev/sda1"}]}),
        ),
        (
            "V21",
            json!([
                fs(r"C:\", "NTFS", physical, 100 * G, 60 * G),
                fs(r"D:\", "NTFS", physical, 200 * G, 20 * G),
                fs("System Reserved", "NTFS", physical, G / 2, 0)
            ]),
            json!({"disk": {"total": 300 * G, "used": 80 * G}, "disks": [{}, {}]}),
        ),
        (
            "V22",
            json!([
                fs(r"C:\", "NTFS", None, 100 * G, 60 * G),
                fs(r"C:\Data", "NTFS", None, 100 * G, 60 * G)
            ]),
            json!({"disk": {"total": 100 * G, "used": 60 * G}, "disks": [{"device": "C:"}]}),
        ),
        (
            "V23",
            json!([
                fs("/", "ext4", vda, 50 * G, 20 * G),
                fs("/srv/export", "ext4", vda, 50 * G, 20 * G)
            ]),
            json!({"disk": {"total": 50 * G, "used": 20 * G}, "disks": [{"mountpoint": "/"}]}),
        ),
        (
            "V24",
            json!([
                fs("/home", "btrfs", vda, 100 * G, 40 * G),
                fs("/", "btrfs", vda, 100 * G, 40 * G)
            ]),
            json!({"disk": {"total": 100 * G, "used": 40 * G}}),
        ),
        (
            "V25",
            json!([zfs("tank/a", 60 * G, 10 * G), zfs("tank/b", 70 * G, 20 * G)]),
            json!({"disk": {"total": 70 * G, "used": 30 * G}, "disks": [{}]}),
        ),
        (
            "V26",
            json!([
                fs("/", "erofs", None, G, G),
                fs("/etc", "overlay", None, G, G),
                fs("/mnt/data", "ext4", vda, 30 * G, 9 * G)
            ]),
            json!({"disk": {"total": 30 * G, "used": 9 * G, "usage": 30.0}}),
        ),
        (
            "V27",
            json!([{"mountpoint": "/", "type": "ext4", "total-bytes": "0x280000000", "used-bytes": "2.147483648e9"}]),
            json!({"disk": {"total": 10 * G, "used": 2 * G}}),
        ),
        (
            "V28",
            json!({"error": {"class": "CommandNotFound", "desc": "…"}}),
            json!({"disk": {"usage": -1.0}, "diskStatusReason": "no-filesystems"}),
        ),
        (
            "V29",
            json!([fs("/run", "tmpfs", None, G, 0)]),
            json!({"disk": {"total": 64 * G, "usage": -1.0}, "diskStatusReason": "special-filesystems-only"}),
        ),
        (
            "V37",
            json!([fs("/", "ext4", vda, 4 * G, 5 * G)]),
            json!({"disk": {"total": 4 * G, "used": 4 * G, "free": 0, "usage": 100.0}}),
        ),
    ];
    for (case, result, want) in cases {
        let vm = shown(json!({}), json!({}), |site| site.filesystems(result)).await;
        check(case, &vm, &want);
    }
}

#[tokio::test]
async fn reasons_for_an_unknown_disk() {
    let path = "/nodes/alpha/qemu/204/agent/get-fsinfo";
    let refused =
        |status, reason: &'static str| move |site: &mut Site| site.refuse(path, status, reason);
    let unknown = |reason: &str| json!({"disk": {"total": 64 * G, "usage": -1.0}, "diskStatusReason": reason});
    let vm = shown(json!({}), Value::Null, |_| {}).await;
    check("V30", &vm, &unknown("no-status"));
    for (case, agent) in [("V31", json!(0)), ("V31 text", json!("0"))] {
        let vm = shown(json!({}), json!({"agent": agent}), |_| {}).await;
        check(case, &vm, &unknown("agent-disabled"));
    }
    let vm = shown(
        json!({}),
        json!({}),
        refused(403, "Permission check failed (/vms/204, VM.Monitor)"),
    )
    .await;
    check("V34", &vm, &unknown("permission-denied"));
    let vm = shown(
        json!({}),
        json!({}),
        refused(500, "QEMU guest agent is not running"),
    )
    .await;
    check("V35", &vm, &unknown("agent-not-running"));
    let vm = shown(json!({}), json!({}), refused(596, "Connection timed out")).await;
    check("V36", &vm, &json!({"disk": {"usage": -1.0}}));
}

#[tokio::test]
async fn v31_v34_what_is_off_or_refused_is_left_alone() {
    let mut site = Site::s0().await;
    site.vm(json!({}), json!({"agent": 0}));
    let state = site.look(6).await;
    assert_eq!(site.asked("/agent/"), 0, "V31");
    check("V34", &state["connectionHealth"], &json!({"north": true}));

    let mut site = Site::s0().await;
    site.vm(json!({}), json!({}));
    site.refuse(
        "/nodes/alpha/qemu/204/agent/get-fsinfo",
        403,
        "Permission check failed (/vms/204, VM.Monitor)",
    );
    let state = site.look(1).await;
    check("V34", &state["connectionHealth"], &json!({"north": true}));
    let gaps = &site.inventory.snapshot().instances[0].gaps;
    assert!(
        gaps.iter()
            .any(|gap| gap.capability == "guest agent" && gap.status == 403),
        "{gaps:?}"
    );
}

#[tokio::test]
async fn v32_v33_ways_to_switch_an_agent_on() {
    for agent in [
        json!({"enabled": 1, "available": 1}),
        json!("1"),
        json!("enabled=1,fstrim_cloned_disks=1"),
    ] {
        let vm = shown(json!({}), json!({"agent": agent}), |site| {
            site.filesystems(json!([fs("/", "ext4", None, 40 * G, 10 * G)]));
        })
        .await;
        check("V32", &vm, &json!({"disk": {"used": 10 * G}}));
    }
}

#[tokio::test]
async fn addresses_and_systems() {
    let agent = |site: &mut Site, command: &str, result: Value| {
        site.answer(
            &format!("/nodes/alpha/qemu/204/agent/{command}"),
            json!({"result": result}),
        );
    };
    let interface = |name: &str, addresses: &[&str], rx: u64| {
        let addresses: Vec<Value> = addresses
            .iter()
            .map(|address| json!({"ip-address": address, "prefix": 24}))
            .collect();
        json!({"name": name, "hardware-address": "aa:bb", "ip-addresses": addresses,
            "statistics": {"rx-bytes": rx, "tx-bytes": 0}})
    };
    let vm = shown(json!({}), json!({}), |site| {
        let list = json!([
            interface("lo", &["127.0.0.1"], 9),
            interface("eth0", &["10.9.8.50", "fe80::1"], 1),
            interface("docker0", &[], 0),
            interface("eth1", &[], 5)
        ]);
        agent(site, "network-get-interfaces", list);
        agent(
            site,
            "get-osinfo",
            json!({"name": "Debian GNU/Linux", "version": "12 (bookworm)", "version-id": "12"}),
        );
    })
    .await;
    check(
        "V38 V40",
        &vm,
        &json!({"ipAddresses": ["10.9.8.50"], "networkInterfaces": [{"name": "eth0"}, {"name": "eth1"}],
            "osName": "Debian GNU/Linux", "osVersion": "12 (bookworm)"}),
    );
    let vm = shown(json!({}), json!({}), |site| {
        let list = json!([interface(
            "eth0",
            &["10.9.8.9", "10.9.8.10", "2001:db8::5"],
            1
        )]);
        agent(site, "network-get-interfaces", list);
        agent(
            site,
            "get-osinfo",
            json!({"pretty-name": "Alpine Linux v3.20", "id": "alpine"}),
        );
    })
    .await;
    check(
        "V39 V41",
        &vm,
        &json!({"ipAddresses": ["10.9.8.10", "10.9.8.9", "2001:db8::5"], "osName": "Alpine Linux v3.20", "osVersion": null}),
    );
}

#[tokio::test]
async fn v45_to_v49_names_tags_templates_locks() {
    let mut site = Site::s0().await;
    site.vm(
        json!({"tags": "a,b c", "lock": "backup", "mem": "oops"}),
        Value::Null,
    );
    let row = |vmid: u32, name: &str, tags: &str, template: u8| {
        json!({"id": format!("qemu/{vmid}"), "type": "qemu", "vmid": vmid, "node": "alpha", "name": name,
            "status": "stopped", "tags": tags, "template": template, "maxmem": G})
    };
    site.row(row(999_999_999, "café-日本 😀", "büro;prod", 0));
    site.row(row(300, "template", "", 1));
    let state = site.look(0).await;
    check(
        "V46 V48 V49",
        find(&state, "vms", VM),
        &json!({"tags": "a,b,c", "lock": "backup", "memory": {"used": 0}}),
    );
    check(
        "V45",
        find(&state, "vms", "north:alpha:999999999"),
        &json!({"name": "café-日本 😀", "tags": "büro,prod"}),
    );
    assert_eq!(state["vms"].as_array().unwrap().len(), 2, "V47");
}

#[tokio::test]
async fn v52_only_what_is_wanted_is_collected() {
    let mut site = Site::new("north", None, &["alpha"], |source| {
        source.containers = false;
    })
    .await;
    site.vm(json!({}), json!({}));
    site.container(json!({}), json!({}));
    let state = site.look(1).await;
    let count = |list: &str| state[list].as_array().unwrap().len();
    assert_eq!(
        (count("vms"), count("containers"), site.asked("/lxc/")),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn x22_guests_of_a_dead_node_are_unknown() {
    let mut site = Site::s0().await;
    site.vm(json!({}), json!({"mem": G}));
    site.look(1).await;
    site.change(
        "node/alpha",
        json!({"status": "offline", "cpu": null, "mem": null}),
    );
    site.row(json!({"id": "qemu/204", "type": "qemu", "vmid": 204, "node": "alpha", "status": "unknown"}));
    let asked = site.asked("/agent/");
    let state = site.look(12).await;
    check(
        "X22",
        find(&state, "vms", VM),
        &json!({"status": "unknown", "name": "mail", "cpu": 0.0, "networkIn": 0, "diskRead": 0}),
    );
    assert_eq!(site.asked("/agent/"), asked);
}
