//! What is asked more seldom: merging, ageing, and going with what it is about.
//!
//! Scenarios of the monitoring chapter: T10, T16, T21, T22, B1 (last backup), B5, B7, B8, X24.

use pulse_core::{
    Bytes, CephCluster, ClusterState, GuestKind, GuestSnapshot, Liveness, Memory, MemorySource,
    NodeUpdates, PermissionGap, PhysicalDisk, PveFact, ReplicationJob, Sensors, Smart,
    StorageBackup, Timestamp, Verification, ZfsPool,
};

use crate::world::{GIB, World};

/// Backups of (guest, second) on a storage.
pub fn backups(storage: &str, node: Option<&str>, of: &[(u32, i64)]) -> PveFact {
    let backup = |&(vmid, seconds): &(u32, i64)| StorageBackup {
        instance: "prod".into(),
        storage: storage.into(),
        node: node.unwrap_or("a").into(),
        volid: format!("{storage}:backup/vzdump-qemu-{vmid}-{seconds}.vma.zst"),
        vmid,
        kind: Some(GuestKind::Qemu),
        time: Timestamp::from_secs(seconds),
        size: Bytes(1),
        format: "vma.zst".into(),
        notes: String::new(),
        protected: false,
        on_pbs: false,
        encrypted: false,
        verification: Verification::None,
    };
    PveFact::StorageBackups {
        storage: storage.to_owned(),
        node: node.map(str::to_owned),
        backups: of.iter().map(backup).collect(),
    }
}

fn disk(node: &str, path: &str, serial: &str) -> PhysicalDisk {
    PhysicalDisk {
        id: format!("prod-{node}-{}", path.replace('/', "-")),
        instance: "prod".into(),
        node: node.into(),
        dev_path: path.into(),
        serial: serial.into(),
        kind: "hdd".into(),
        ..PhysicalDisk::default()
    }
}

fn disks(node: &str) -> PveFact {
    PveFact::Disks {
        node: node.to_owned(),
        disks: vec![disk(node, "/dev/sda", "S1"), disk(node, "/dev/sdb", "S2")],
    }
}

fn lab() -> World {
    let mut world = World::new()
        .cluster("prod", &["a", "b"])
        .guests("prod", &["101@a", "102@b"]);
    world.run(60);
    world
}

/// `path temperature`, stale ones marked.
fn shown(world: &mut World) -> String {
    let snapshot = world.snapshot();
    let lines = snapshot.disks.iter().map(|disk| {
        let celsius = disk.temperature.map_or("-".to_owned(), |t| t.to_string());
        let asleep = if disk.standby { " asleep" } else { "" };
        let stale = if disk.liveness == Liveness::Stale {
            " stale"
        } else {
            ""
        };
        format!("{}{} {celsius}{asleep}{stale}", disk.node, disk.dev_path)
    });
    lines.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_last_backup_is_the_newest_on_any_storage_and_goes_with_it() {
    let mut world = lab();
    let last = |world: &mut World| world.find_guest(101).last_backup.map(Timestamp::secs);
    assert_eq!(last(&mut world), None);
    world.facts(
        "prod",
        vec![backups("nas", None, &[(101, 50), (101, 90), (102, 99)])],
    );
    assert_eq!(last(&mut world), Some(90));
    world.facts("prod", vec![backups("local", Some("a"), &[(101, 95)])]);
    assert_eq!(last(&mut world), Some(95));
    // Polls do not know it, and do not take it away.
    world.run(10);
    assert_eq!(last(&mut world), Some(95));
    world.facts("prod", vec![backups("local", Some("a"), &[])]);
    assert_eq!(last(&mut world), Some(90));
    world.facts(
        "prod",
        vec![PveFact::BackupStorages(vec![(
            "local".into(),
            Some("a".into()),
        )])],
    );
    assert_eq!(last(&mut world), None);
}

/// Scenarios B5, B7, B8.
#[test]
fn each_storage_keeps_its_own_backups_until_it_tells_others() {
    let mut world = lab();
    let same = [(101, 1), (101, 2)];
    world.facts(
        "prod",
        vec![
            backups("local", Some("a"), &same),
            backups("local", Some("b"), &same),
        ],
    );
    assert_eq!(world.snapshot().storage_backups.len(), 4);
    world.power_off("b");
    world.run(300);
    assert_eq!(world.snapshot().storage_backups.len(), 4);
    world.polls_fail();
    world.run(600);
    assert_eq!(world.snapshot().storage_backups.len(), 4);
}

#[test]
fn what_was_told_again_is_the_same_value() {
    let mut world = lab();
    let fact = || backups("nas", None, &[(101, 50), (102, 60)]);
    world.facts("prod", vec![fact()]);
    let first = world.snapshot();
    world.facts("prod", vec![fact()]);
    let second = world.snapshot();
    assert!(std::sync::Arc::ptr_eq(
        &first.storage_backups,
        &second.storage_backups
    ));
    assert!(std::sync::Arc::ptr_eq(&first.vms, &second.vms));
}

/// Scenario T21.
#[test]
fn disks_of_a_node_that_is_off_stay_and_get_stale() {
    let mut world = lab();
    world.facts("prod", vec![disks("a"), disks("b")]);
    world.power_off("b");
    world.run(600);
    assert!(!shown(&mut world).contains("stale"));
    world.facts("prod", vec![disks("a")]);
    world.run(600);
    assert_eq!(
        shown(&mut world),
        "a/dev/sda -, a/dev/sdb -, b/dev/sda - stale, b/dev/sdb - stale"
    );
    world.power_on("b");
    world.run(10);
    world.facts("prod", vec![disks("b")]);
    assert!(!shown(&mut world).contains("stale"));
}

/// Scenarios T22, X24.
#[test]
fn an_agent_on_the_node_tells_the_temperatures() {
    let mut world = lab().agent("h1", "a");
    let smart = |device: &str, serial: &str, temperature, standby| Smart {
        device: device.into(),
        serial: serial.into(),
        temperature,
        standby,
        ..Smart::default()
    };
    let agent = |world: &mut World| world.agents.get_mut("h1").unwrap().sensors.clone();
    let mut sensors = Sensors {
        temperature_celsius: [
            ("cpu_package".to_owned(), 61.0),
            ("cpu_core_0".to_owned(), 63.0),
        ]
        .into(),
        // The agent's kernel named the disks the other way round.
        smart: vec![smart("sdb", "S1", 31, false), smart("sda", "S2", 32, false)],
        ..Sensors::default()
    };
    world.agents.get_mut("h1").unwrap().sensors = sensors.clone();
    world.facts("prod", vec![disks("a"), disks("b")]);
    world.run(20);
    assert_eq!(
        shown(&mut world),
        "a/dev/sda 31, a/dev/sdb 32, b/dev/sda -, b/dev/sdb -"
    );
    // Asked again: the disks' own list knows no temperatures.
    world.facts("prod", vec![disks("a")]);
    assert!(shown(&mut world).starts_with("a/dev/sda 31, a/dev/sdb 32"));
    let record = |world: &mut World| {
        let record = world.find_node("a").upkeep.record.unwrap();
        (record.lowest as i64, record.highest as i64)
    };
    assert_eq!(record(&mut world), (61, 61));
    sensors
        .temperature_celsius
        .insert("cpu_package".to_owned(), 55.0);
    sensors.smart[0] = smart("sdb", "S1", 0, true);
    world.agents.get_mut("h1").unwrap().sensors = sensors;
    world.run(20);
    assert_eq!(record(&mut world), (55, 61));
    assert!(shown(&mut world).starts_with("a/dev/sda 31 asleep, a/dev/sdb 32"));
    assert_eq!(agent(&mut world).smart.len(), 2);
    // The agent goes silent: its figures say nothing about now.
    world.agents.get_mut("h1").unwrap().silent = true;
    world.run(300);
    assert!(
        shown(&mut world).starts_with("a/dev/sda -, a/dev/sdb -"),
        "{}",
        shown(&mut world)
    );
    assert_eq!(record(&mut world), (55, 61));
}

/// N10, where only the agent on the node knows the cache.
#[test]
fn an_agent_on_a_node_with_pools_takes_the_zfs_cache_off() {
    let mut world = lab().agent("h1", "a");
    let gib = |n: u64| Bytes(n * GIB);
    world.agents.get_mut("h1").unwrap().memory = Memory {
        total: gib(63),
        used: gib(8),
        ..Memory::default()
    };
    let shown = |world: &mut World| {
        let memory = world.find_node("a").memory;
        (memory.used, memory.reclaimable, memory.source)
    };
    let plain = (gib(20), Bytes::ZERO, MemorySource::AvailableField);
    world.run(30);
    assert_eq!(shown(&mut world), plain, "without pools there is no cache");
    let pools = vec![ZfsPool {
        name: "rpool".into(),
        node: "a".into(),
        ..ZfsPool::default()
    }];
    world.facts(
        "prod",
        vec![PveFact::ZfsPools {
            node: "a".into(),
            pools,
        }],
    );
    world.run(10);
    assert_eq!(
        shown(&mut world),
        (gib(8), gib(12), MemorySource::HostAgent)
    );
    // What is recorded is what is shown.
    world.poll("prod");
    let recorded = world
        .applied
        .nodes
        .iter()
        .find(|node| node.name == "a")
        .unwrap();
    assert_eq!(recorded.memory.used, gib(8));
    // Another machine of that name, or an agent that went silent.
    world.agents.get_mut("h1").unwrap().memory.total = gib(16);
    world.run(20);
    assert_eq!(shown(&mut world), plain);
    world.agents.get_mut("h1").unwrap().memory.total = gib(64);
    world.agents.get_mut("h1").unwrap().silent = true;
    world.run(200);
    assert_eq!(shown(&mut world), plain);
}

#[test]
fn what_nobody_tells_any_more_gets_stale() {
    let mut world = lab();
    let at = world.now;
    let job = ReplicationJob {
        id: "prod-101-0".into(),
        polled: at,
        ..ReplicationJob::default()
    };
    let ceph = CephCluster {
        id: "prod".into(),
        seen: at,
        ..CephCluster::default()
    };
    let own = ClusterState {
        instance: "prod".into(),
        seen: at,
        ..ClusterState::default()
    };
    world.facts(
        "prod",
        vec![
            PveFact::Replication(vec![job.clone()]),
            PveFact::Ceph(Some(Box::new(ceph))),
            PveFact::Cluster(Some(Box::new(own))),
        ],
    );
    let stale = |world: &mut World| {
        let snapshot = world.snapshot();
        let all = [
            snapshot.replication[0].liveness,
            snapshot.ceph[0].liveness,
            snapshot.clusters[0].liveness,
        ];
        all.map(|liveness| liveness == Liveness::Stale)
    };
    world.run(590);
    assert_eq!(stale(&mut world), [false; 3]);
    world.run(15);
    assert_eq!(stale(&mut world), [true; 3]);
    world.facts("prod", vec![PveFact::Replication(vec![job])]);
    assert_eq!(stale(&mut world), [false, true, true]);
    // Scenario T16.
    world.facts("prod", vec![PveFact::Ceph(None)]);
    assert!(world.snapshot().ceph.is_empty());
}

#[test]
fn facts_go_with_the_node_and_the_guest() {
    let mut world = lab();
    let snapshot = |vmid| PveFact::Snapshots {
        vmid,
        snapshots: vec![GuestSnapshot {
            instance: "prod".into(),
            node: "a".into(),
            vmid,
            kind: GuestKind::Qemu,
            name: "s".into(),
            description: String::new(),
            parent: String::new(),
            time: Timestamp(1),
            with_memory: false,
            size: None,
        }],
    };
    let updates = PveFact::Updates {
        node: "a".into(),
        updates: NodeUpdates {
            pending: 3,
            ..NodeUpdates::default()
        },
    };
    world.facts(
        "prod",
        vec![
            disks("a"),
            disks("b"),
            snapshot(101),
            snapshot(102),
            updates,
        ],
    );
    world.run(10);
    // A poll builds the node anew; its upkeep stays.
    assert_eq!(
        world
            .find_node("a")
            .upkeep
            .updates
            .as_ref()
            .unwrap()
            .pending,
        3
    );
    world.only().guests.remove(&101);
    world.run(10);
    assert_eq!(world.snapshot().guest_snapshots.len(), 1);
    // An answer that was under way when its guest went.
    world.facts("prod", vec![snapshot(101)]);
    assert_eq!(world.snapshot().guest_snapshots.len(), 1);
    world.only().guests.remove(&102);
    world.only().nodes.remove("b");
    world.run(400);
    assert_eq!(world.snapshot().disks.len(), 2);
    assert!(world.snapshot().guest_snapshots.is_empty());
}

#[test]
fn gaps_are_the_instances() {
    let mut world = lab();
    let gap = PermissionGap {
        node: "a".into(),
        capability: "disks".into(),
        status: 403,
        ..PermissionGap::default()
    };
    world.facts("prod", vec![PveFact::Gaps(vec![gap.clone()])]);
    world.run(30);
    assert_eq!(world.snapshot().instances[0].gaps, [gap]);
    world.facts("prod", vec![PveFact::Gaps(Vec::new())]);
    assert!(world.snapshot().instances[0].gaps.is_empty());
}
