//! T1–T9, T13, T16–T19, B8, B9, B11, and what the storages' definitions say.

use pulse_core::StorageStatus;
use serde_json::{Value, json};

use crate::site::{G, Site, check, find};

const NODES: [&str; 3] = ["alpha", "beta", "gamma"];

fn storage(name: &str, kind: &str, used: u64, more: &Value) -> Value {
    let mut row = json!({"storage": name, "type": kind, "content": "rootdir,images,backup", "active": 1,
        "enabled": 1, "total": 100 * G, "used": used, "avail": 100 * G - used});
    for (key, value) in more.as_object().into_iter().flatten() {
        row[key] = value.clone();
    }
    row
}

#[tokio::test]
async fn shared_storages_are_one_and_local_ones_are_not() {
    let mut site = Site::c0().await;
    for (node, used) in NODES.iter().zip([10 * G, 10 * G, 12 * G]) {
        let rows = json!([
            storage("nas", "nfs", used, &json!({"shared": 1})),
            storage("local", "dir", G, &json!({})),
            storage("pool", "rbd", G, &json!({}))
        ]);
        site.answer(&format!("/nodes/{node}/storage"), rows);
    }
    let state = site.look(0).await;
    check(
        "T1",
        find(&state, "storage", "prod-cluster-nas"),
        &json!({"node": "cluster", "nodes": NODES, "nodeIds": ["prod-alpha", "prod-beta", "prod-gamma"],
            "nodeCount": 3, "used": 12 * G, "usage": 12.0}),
    );
    for node in NODES {
        let id = format!("cl1-{node}-local");
        check(
            "T2",
            find(&state, "storage", &id),
            &json!({"instance": "prod", "shared": false}),
        );
    }
    check(
        "T4",
        find(&state, "storage", "prod-cluster-pool"),
        &json!({"shared": true}),
    );
    check(
        "T6",
        find(&state, "storage", "prod-cluster-nas"),
        &json!({"content": "backup,images,rootdir"}),
    );
}

#[tokio::test]
async fn states_and_odd_figures() {
    let mut site = Site::new("alpha", None, &["alpha"], |_| {}).await;
    let rows = json!([
        storage("off", "dir", 0, &json!({"enabled": 0})),
        storage("away", "dir", 0, &json!({"active": 0})),
        storage("local", "dir", G, &json!({})),
        storage("empty", "dir", 0, &json!({"total": 0, "avail": 0})),
    ]);
    site.answer("/nodes/alpha/storage", rows);
    let state = site.look(0).await;
    let of = |name: &str| find(&state, "storage", &format!("alpha-{name}")).clone();
    check("T3 T5", &of("local"), &json!({"status": "available"}));
    check("T5", &of("off"), &json!({"status": "disabled"}));
    check("T5", &of("away"), &json!({"status": "inactive"}));
    check("T9", &of("empty"), &json!({"usage": 0.0}));
}

/// Scenarios T7, T8.
#[tokio::test]
async fn a_node_that_does_not_tell_keeps_its_storages() {
    let mut site = Site::c0().await;
    for node in NODES {
        let rows = json!([
            storage("local", "dir", G, &json!({})),
            storage("nas", "nfs", G, &json!({"shared": 1}))
        ]);
        site.answer(&format!("/nodes/{node}/storage"), rows);
    }
    site.look(0).await;
    site.refuse("/nodes/beta/storage", 596, "Connection timed out");
    let state = site.look(20).await;
    find(&state, "storage", "cl1-beta-local");
    for node in NODES {
        site.refuse(
            &format!("/nodes/{node}/storage"),
            596,
            "Connection timed out",
        );
    }
    site.look(20).await;
    let snapshot = site.inventory.snapshot();
    assert_eq!(snapshot.storages.len(), 4, "T8");
    assert!(
        snapshot
            .storages
            .iter()
            .all(|s| s.status == StorageStatus::Inactive),
        "T8"
    );
}

#[tokio::test]
async fn t10_a_storage_shows_the_pool_that_its_definition_names() {
    let mut site = Site::s0().await;
    site.answer(
        "/storage",
        json!([{"storage": "local-zfs", "type": "zfspool", "pool": "rpool/data"}]),
    );
    site.answer(
        "/nodes/alpha/storage",
        json!([storage("local-zfs", "zfspool", G, &json!({}))]),
    );
    site.answer(
        "/nodes/alpha/disks/zfs",
        json!([{"name": "rpool", "health": "DEGRADED", "size": G, "alloc": 1}]),
    );
    let leaf = |name: &str, state: &str, read: u64| json!({"name": name, "state": state, "leaf": 1, "read": read.to_string(), "write": 0, "cksum": 0});
    site.answer(
        "/nodes/alpha/disks/zfs/rpool",
        json!({"name": "rpool", "state": "DEGRADED", "leaf": 0, "children": [
            {"name": "rpool", "state": "DEGRADED", "leaf": 0, "children": [
                {"name": "mirror-0", "state": "DEGRADED", "leaf": 0, "children": [
                    leaf("sda3", "ONLINE", 0), leaf("sdb3", "FAULTED", 12)]}]}]}),
    );
    let state = site.look(1).await;
    check(
        "T10",
        find(&state, "storage", "north-alpha-local-zfs"),
        &json!({"zfsPool": {"name": "rpool", "state": "DEGRADED", "readErrors": 12,
            "devices": [{"name": "rpool"}, {"name": "mirror-0"}, {"name": "sdb3", "type": "disk"}]}}),
    );
    // Scenario T13.
    let mut site = Site::s0().await;
    site.answer(
        "/nodes/alpha/storage",
        json!([storage("local-zfs", "zfspool", G, &json!({}))]),
    );
    site.refuse(
        "/nodes/alpha/disks/zfs",
        403,
        "Permission check failed (/nodes/alpha, Sys.Audit)",
    );
    let state = site.look(1).await;
    check(
        "T13",
        find(&state, "storage", "north-alpha-local-zfs"),
        &json!({"zfsPool": null, "status": "available"}),
    );
}

#[tokio::test]
async fn t16_ceph_goes_with_its_storages() {
    let mut site = Site::s0().await;
    site.answer(
        "/cluster/ceph/status",
        json!({"fsid": "c0de", "health": {"status": "HEALTH_OK"}}),
    );
    site.look(6).await;
    assert_eq!(site.asked("/ceph/"), 0, "not without such a storage");
    site.answer(
        "/nodes/alpha/storage",
        json!([storage("pool", "rbd", G, &json!({"shared": 1}))]),
    );
    site.look(8).await;
    assert_eq!(site.inventory.snapshot().ceph[0].id, "north-c0de");
    site.answer(
        "/nodes/alpha/storage",
        json!([storage("local", "dir", G, &json!({}))]),
    );
    site.look(8).await;
    assert!(site.inventory.snapshot().ceph.is_empty());
}

#[tokio::test]
async fn t17_to_t19_disks() {
    let mut site = Site::s0().await;
    let wear = [
        json!(98),
        json!("N/A"),
        json!("\"81\""),
        json!("3%"),
        Value::Null,
        json!(250),
    ];
    let turns = [
        json!("7200"),
        json!("SSD"),
        json!(-1),
        Value::Null,
        json!(0),
        json!(5400),
    ];
    let disks: Vec<Value> = wear
        .iter()
        .zip(&turns)
        .zip('a'..)
        .map(|((wear, rpm), letter)| {
            json!({"devpath": format!("/dev/sd{letter}"), "model": "M", "serial": format!("S{letter}"),
                "type": "ssd", "size": G, "health": "PASSED", "wearout": wear, "rpm": rpm})
        })
        .collect();
    site.answer("/nodes/alpha/disks/list", Value::Array(disks));
    let state = site.look(1).await;
    let want = [(98, 7200), (-1, 0), (81, 0), (3, 0), (-1, 0), (100, 5400)];
    for ((wearout, rpm), letter) in want.into_iter().zip('a'..) {
        let id = format!("north-alpha--dev-sd{letter}");
        check(
            "T17 T18 T19",
            find(&state, "physicalDisks", &id),
            &json!({"wearout": wearout, "rpm": rpm}),
        );
    }
}

/// Scenarios B8, B9: an inactive storage is asked, and one that fails keeps what it had.
#[tokio::test]
async fn backups_are_asked_of_whatever_is_switched_on() {
    let mut site = Site::s0().await;
    let rows = |more: &Value| json!([storage("local", "dir", G, more)]);
    site.answer("/nodes/alpha/storage", rows(&json!({"active": 0})));
    let backup = json!({"volid": "local:backup/vzdump-qemu-204-2031_01_01-01_00_00.vma.zst", "content": "backup",
        "vmid": 204, "ctime": 1_924_992_000, "subtype": "qemu", "format": "vma.zst", "size": 5});
    site.answer("/nodes/alpha/storage/local/content", json!([backup]));
    site.vm(json!({}), json!({}));
    site.look(2).await;
    let last = |site: &mut Site| {
        site.inventory.snapshot().vms[0]
            .last_backup
            .map(pulse_core::Timestamp::secs)
    };
    assert_eq!(last(&mut site), Some(1_924_992_000), "B1 B9");
    site.refuse(
        "/nodes/alpha/storage/local/content",
        500,
        "unable to activate storage",
    );
    let asked = site.asked("/content");
    site.look(30).await;
    assert!(site.asked("/content") > asked);
    assert_eq!(last(&mut site), Some(1_924_992_000), "B8");
}

#[tokio::test]
async fn a_shared_storage_is_asked_once_and_a_local_one_on_each_node() {
    let mut site = Site::c0().await;
    for node in NODES {
        let rows = json!([
            storage("nas", "nfs", G, &json!({"shared": 1})),
            storage("local", "dir", G, &json!({}))
        ]);
        site.answer(&format!("/nodes/{node}/storage"), rows);
        for name in ["nas", "local"] {
            site.answer(&format!("/nodes/{node}/storage/{name}/content"), json!([]));
        }
    }
    site.look(2).await;
    assert_eq!(site.asked("/storage/nas/content"), 1);
    assert_eq!(site.asked("/storage/local/content"), 3);
}

#[tokio::test]
async fn the_storage_of_a_backup_server_that_is_watched_itself_is_not_listed_again() {
    let mut site = Site::new("north", None, &["alpha"], |source| {
        source.extent.skip_backend =
            pulse_collect::SkipBackend::new(|backend| backend == "10.9.8.20:main");
    })
    .await;
    site.answer(
        "/storage",
        json!([{"storage": "vault", "type": "pbs", "server": "10.9.8.20", "datastore": "main"},
            {"storage": "other", "type": "pbs", "server": "10.9.8.21", "datastore": "main"}]),
    );
    site.answer(
        "/nodes/alpha/storage",
        json!([
            storage("vault", "pbs", G, &json!({})),
            storage("other", "pbs", G, &json!({}))
        ]),
    );
    site.look(2).await;
    assert_eq!(
        (
            site.asked("/vault/content"),
            site.asked("/other/content") > 0
        ),
        (0, true)
    );
}

/// Scenario B11: a container whose snapshots cannot be read hides nobody else's.
#[tokio::test]
async fn b11_snapshots_that_cannot_be_read() {
    let mut site = Site::s0().await;
    site.vm(json!({}), json!({}));
    site.container(json!({}), json!({}));
    site.answer(
        "/nodes/alpha/qemu/204/snapshot",
        json!([{"name": "pre-upgrade", "snaptime": 5, "vmstate": 0}, {"name": "current"}]),
    );
    site.refuse("/nodes/alpha/lxc/105/snapshot", 596, "Connection timed out");
    site.look(4).await;
    let snapshot = site.inventory.snapshot();
    let names: Vec<&str> = snapshot
        .guest_snapshots
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(names, ["pre-upgrade"], "B10 B11");
}

/// A snapshot that a task made is seen without waiting for the guest's turn.
#[tokio::test]
async fn a_task_that_ended_brings_its_guest_forward() {
    let mut site = Site::s0().await;
    site.vm(json!({}), json!({}));
    site.answer(
        "/nodes/alpha/qemu/204/snapshot",
        json!([{"name": "current"}]),
    );
    site.answer("/cluster/tasks", json!([]));
    site.look(6).await;
    let asked = site.asked("/qemu/204/snapshot");
    let task = json!({"upid": "UPID:alpha:1:2:3:qmsnapshot:204:root@pam:", "node": "alpha", "type": "qmsnapshot", "id": "204",
        "user": "root@pam", "starttime": 1_900_000_050, "endtime": 1_900_000_051, "status": "OK"});
    site.answer("/cluster/tasks", json!([task]));
    site.answer(
        "/nodes/alpha/qemu/204/snapshot",
        json!([{"name": "fresh", "snaptime": 1_900_000_051}, {"name": "current"}]),
    );
    site.look(4).await;
    assert_eq!(site.asked("/qemu/204/snapshot"), asked + 1);
    assert_eq!(site.inventory.snapshot().guest_snapshots.len(), 1);
}

/// Lists leave out what the credentials may not see, without a word: that is told all the same.
#[tokio::test]
async fn backups_that_a_list_leaves_out_are_a_gap() {
    let mut site = Site::s0().await;
    site.answer(
        "/nodes/alpha/storage",
        json!([storage("local", "dir", G, &json!({}))]),
    );
    site.answer("/nodes/alpha/storage/local/content", json!([]));
    let auditor = json!({"/": {"Datastore.Audit": 1, "Sys.Audit": 1, "VM.Audit": 1}});
    site.answer("/access/permissions", auditor);
    site.look(20).await;
    let gaps = |site: &mut Site| {
        let snapshot = site.inventory.snapshot();
        let gaps = snapshot.instances[0].gaps.iter();
        gaps.map(|gap| gap.privilege.clone()).collect::<Vec<_>>()
    };
    assert_eq!(gaps(&mut site), ["Datastore.AllocateSpace, VM.Backup"]);
    let more = json!({"/": {"Datastore.AllocateSpace": 1, "VM.Backup": 1}});
    site.answer("/access/permissions", more);
    site.look(60).await;
    assert!(gaps(&mut site).is_empty());
}

/// Rights may be given guest by guest: the gap stays while one is refused.
#[tokio::test]
async fn a_gap_stays_while_one_guest_is_refused() {
    let mut site = Site::s0().await;
    site.vm(json!({}), json!({}));
    site.container(json!({}), json!({}));
    site.refuse(
        "/nodes/alpha/qemu/204/snapshot",
        403,
        "Permission check failed (/vms/204, VM.Audit)",
    );
    site.answer(
        "/nodes/alpha/lxc/105/snapshot",
        json!([{"name": "current"}]),
    );
    let mut seen = 0;
    for _ in 0..100 {
        site.look(1).await;
        let snapshot = site.inventory.snapshot();
        let gaps = &snapshot.instances[0].gaps;
        let open = gaps.iter().any(|gap| gap.capability == "snapshots");
        assert!(open || seen == 0, "closed while one was refused");
        seen += u32::from(open);
    }
    assert!(seen > 90, "{seen}");
    assert!(site.asked("/lxc/105/snapshot") > 1);
}
