//! A client of the protocol, and the property that it ends up with what the server has.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use pulse_core::rates::Rates;
use pulse_core::{
    Attribution, BackupGroup, BackupJob, BackupKind, Bytes, BytesPerSecond, Capacity, CephCluster,
    ClusterState, CpuInfo, Datastore, Filesystem, Guest, GuestKind, GuestStatus, HaNode, HaState,
    Host, HostDetails, InstanceHealth, Liveness, MailStatistics, Memory, MemorySource, Node,
    PbsInstance, PbsSnapshot, Percent, PhysicalDisk, PmgBackup, PmgInstance, Ratio, Reading,
    ReplicationJob, Sensors, Snapshot, Storage, StorageStatus, Task, TaskOutcome, Timestamp,
    Unknown, Verification, ZfsPool,
};
use serde_json::{Value, json};

use super::DeltaEncoder;
use crate::parts::PartsCache;
use crate::state::StateJson;

/// A cheap deterministic sequence.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }

    fn share(&mut self) -> f64 {
        self.roll(1000) as f64 / 1000.0
    }
}

const GIB: u64 = 1 << 30;

fn guest(vmid: u32, dice: &mut Dice, now: Timestamp) -> Guest {
    let vm = vmid.is_multiple_of(2);
    let running = dice.roll(10) > 0;
    let node = format!("pve{}", 1 + dice.roll(2));
    let rate = |dice: &mut Dice| Reading::Known(BytesPerSecond(dice.roll(5_000_000) as f64));
    Guest {
        id: format!("lab:{node}:{vmid}"),
        instance: "lab".into(),
        node,
        vmid,
        kind: if vm { GuestKind::Qemu } else { GuestKind::Lxc },
        name: format!("guest-{vmid}"),
        status: if running {
            GuestStatus::Running
        } else {
            GuestStatus::Stopped
        },
        cpu: Ratio::new(if running { dice.share() } else { 0.0 }),
        cpus: 2,
        memory: Memory {
            total: Bytes(4 * GIB),
            used: Bytes(if running { dice.roll(4 * GIB) } else { 0 }),
            source: MemorySource::ClusterResources,
            at: now,
            ..Memory::default()
        },
        disk: if dice.roll(4) == 0 {
            Capacity::unknown(Bytes(32 * GIB), Unknown::AgentDisabled)
        } else {
            Capacity::known(Bytes(32 * GIB), Bytes(dice.roll(32 * GIB)))
        },
        filesystems: if vm {
            vec![Filesystem {
                mountpoint: "/".into(),
                kind: "ext4".into(),
                device: "/dev/sda1".into(),
                total: Bytes(32 * GIB),
                used: Bytes(GIB),
                free: Bytes(31 * GIB),
                usage: 3.125,
            }]
        } else {
            Vec::new()
        },
        rates: if running {
            Rates {
                net_in: rate(dice),
                net_out: rate(dice),
                disk_read: rate(dice),
                disk_write: rate(dice),
            }
        } else {
            Rates::zero()
        },
        uptime: if running { 1000 + now.secs() as u64 } else { 0 },
        template: false,
        tags: vec!["prod".into()],
        lock: String::new(),
        pool: String::new(),
        os_name: String::new(),
        os_version: String::new(),
        agent_version: String::new(),
        os_template: String::new(),
        ip_addresses: Vec::new(),
        interfaces: Vec::new(),
        agent_seen: None,
        last_backup: None,
        seen: now,
        liveness: Liveness::Fresh,
    }
}

fn node(name: &str, dice: &mut Dice, now: Timestamp) -> Node {
    Node {
        id: format!("lab-{name}"),
        name: name.into(),
        display_name: name.into(),
        instance: "lab".into(),
        cluster: None,
        host: format!("https://{name}:8006"),
        guest_url: String::new(),
        online: true,
        raw_status: "online".into(),
        health: InstanceHealth::Healthy,
        cpu: Ratio::new(dice.share()),
        memory: Memory {
            total: Bytes(64 * GIB),
            used: Bytes(dice.roll(64 * GIB)),
            source: MemorySource::AvailField,
            at: now,
            ..Memory::default()
        },
        disk: Capacity::known(Bytes(100 * GIB), Bytes(dice.roll(100 * GIB))),
        uptime: 5000 + now.secs() as u64,
        load: Some([dice.share(), 0.5, 0.5]),
        kernel_version: "6.8".into(),
        pve_version: "pve-manager/8.3".into(),
        cpu_info: CpuInfo::default(),
        upkeep: Arc::default(),
        linked_host: (name == "pve1").then(|| "host-1".into()),
        seen: now,
        liveness: Liveness::Fresh,
    }
}

fn host(dice: &mut Dice, now: Timestamp) -> Host {
    Host {
        id: "host-1".into(),
        hostname: "pve1".into(),
        display_name: "pve1".into(),
        details: HostDetails {
            os_name: "debian".into(),
            ..HostDetails::default()
        },
        cpu_count: 8,
        cpu: Percent(dice.roll(1000) as f64 / 10.0),
        load: Some([dice.share(), 1.0, 2.0]),
        memory: Memory {
            total: Bytes(16 * GIB),
            used: Bytes(dice.roll(16 * GIB)),
            ..Memory::default()
        },
        filesystems: Vec::new(),
        disk_io: Vec::new(),
        interfaces: Vec::new(),
        sensors: Sensors {
            temperature_celsius: BTreeMap::from([(
                "cpu_package".into(),
                40.0 + dice.roll(3) as f64,
            )]),
            ..Sensors::default()
        },
        raid: Vec::new(),
        rates: Rates::unknown(Unknown::FirstSample),
        uptime: 777 + now.secs() as u64,
        interval_seconds: 10,
        online: true,
        linked_node: Some("lab-pve1".into()),
        linked_guest: None,
        token_last_used: None,
        seen: now,
        liveness: Liveness::Fresh,
        demo: false,
    }
}

fn disk(dice: &mut Dice, now: Timestamp) -> PhysicalDisk {
    PhysicalDisk {
        id: "lab-pve1--dev-sda".into(),
        instance: "lab".into(),
        node: "pve1".into(),
        dev_path: "/dev/sda".into(),
        health: "PASSED".into(),
        temperature: (dice.roll(3) > 0).then_some(35 + dice.roll(3) as i32),
        seen: now,
        ..PhysicalDisk::default()
    }
}

fn backup_group(id: u64, dice: &mut Dice) -> BackupGroup {
    let snapshot = |_| PbsSnapshot {
        time: Timestamp::from_secs(1_763_000_000 + dice.roll(1_000_000) as i64),
        size: (dice.roll(5) > 0).then_some(Bytes(GIB)),
        protected: dice.roll(9) == 0,
        encrypted: false,
        verification: Verification::Ok,
        comment: "nightly".into(),
        files: Arc::new(["drive-scsi0.img.fidx".into()]),
    };
    BackupGroup {
        instance: "vault".into(),
        datastore: "main".into(),
        namespace: "".into(),
        kind: BackupKind::Vm,
        backup_id: id.to_string().into(),
        owner: "root@pam".into(),
        attribution: Attribution::None,
        snapshots: (0..4).map(snapshot).collect(),
    }
}

fn task(number: u64, dice: &mut Dice, now: Timestamp) -> Task {
    let running = dice.roll(20) == 0;
    Task {
        upid: format!("UPID:pve1:{number:08X}"),
        instance: "lab".into(),
        node: "pve1".into(),
        kind: if number.is_multiple_of(3) {
            "vzdump"
        } else {
            "qmstart"
        }
        .into(),
        target: "100".into(),
        user: "root@pam".into(),
        started: now,
        ended: (!running).then_some(now),
        outcome: if running {
            TaskOutcome::Running
        } else {
            TaskOutcome::Ok
        },
    }
}

fn pbs(dice: &mut Dice, now: Timestamp) -> PbsInstance {
    PbsInstance {
        id: "pbs-vault".into(),
        name: "vault".into(),
        online: dice.roll(4) > 0,
        memory_total: Bytes(GIB),
        datastores: vec![Datastore {
            name: "main".into(),
            total: Bytes(100 * GIB),
            seen: now,
            ..Datastore::default()
        }],
        seen: now,
        ..PbsInstance::default()
    }
}

/// The element, or no element.
fn sometimes<T>(element: T, dice: &mut Dice) -> pulse_core::Shared<T> {
    let there = dice.roll(5) > 0;
    Arc::new(
        Some(Arc::new(element))
            .into_iter()
            .filter(|_| there)
            .collect(),
    )
}

/// The collections that polls of single facts bring.
fn slow_collections(base: Snapshot, dice: &mut Dice, now: Timestamp) -> Snapshot {
    let ha = HaState {
        nodes: vec![HaNode {
            node: "pve1".into(),
            state: "active".into(),
            last_contact: Some(now),
        }],
        ..HaState::default()
    };
    let cluster = ClusterState {
        instance: "lab".into(),
        name: "lab".into(),
        quorate: Some(dice.roll(3) > 0),
        ha: Some(ha),
        seen: now,
        ..ClusterState::default()
    };
    let pool = ZfsPool {
        id: "lab-pve1-rpool".into(),
        name: "rpool".into(),
        state: if dice.roll(3) > 0 {
            "ONLINE"
        } else {
            "DEGRADED"
        }
        .into(),
        seen: now,
        ..ZfsPool::default()
    };
    let ceph = CephCluster {
        id: "lab-f51d".into(),
        health: "HEALTH_OK".into(),
        used: Bytes(dice.roll(3)),
        seen: now,
        ..CephCluster::default()
    };
    let job = ReplicationJob {
        id: "lab-100-0".into(),
        fail_count: dice.roll(2) as u32,
        polled: now,
        ..ReplicationJob::default()
    };
    let pmg = PmgInstance {
        id: "pmg-mail".into(),
        name: "mail".into(),
        statistics: Some(MailStatistics {
            count: dice.roll(3) as f64,
            read: now,
            ..MailStatistics::default()
        }),
        backups: vec![PmgBackup {
            id: "pmg-mail-1".into(),
            time: now,
            ..PmgBackup::default()
        }],
        seen: now,
        ..PmgInstance::default()
    };
    let backup_jobs = vec![Arc::new(BackupJob {
        id: "backup-1".into(),
        enabled: dice.roll(2) == 0,
        ..BackupJob::default()
    })];
    Snapshot {
        disks: {
            let disk = disk(dice, now);
            sometimes(disk, dice)
        },
        zfs_pools: Arc::new(vec![Arc::new(pool)]),
        ceph: sometimes(ceph, dice),
        clusters: Arc::new(vec![Arc::new(cluster)]),
        replication: Arc::new(vec![Arc::new(job)]),
        backup_jobs: Arc::new(backup_jobs),
        unprotected: Arc::new(vec![("lab".into(), dice.roll(3) as u32)]),
        tasks: Arc::new((0..230).map(|n| Arc::new(task(n, dice, now))).collect()),
        pbs: Arc::new(vec![Arc::new(pbs(dice, now))]),
        backup_groups: Arc::new(
            (100..105)
                .map(|n| Arc::new(backup_group(n, dice)))
                .collect(),
        ),
        pmg: sometimes(pmg, dice),
        ..base
    }
}

pub(crate) fn sample_snapshot(seed: u64) -> Snapshot {
    let mut dice = Dice(seed);
    let version = 1 + seed % 1000;
    let now = Timestamp::from_secs(1_764_000_000 + (seed % 1000) as i64 * 10);
    let mut vms = Vec::new();
    let mut containers = Vec::new();
    for vmid in 100..120 {
        if dice.roll(12) == 0 {
            continue;
        }
        let guest = Arc::new(guest(vmid, &mut dice, now));
        if guest.kind.is_vm() {
            vms.push(guest);
        } else {
            containers.push(guest);
        }
    }
    let storage = Storage {
        id: "lab-pve1-local".into(),
        name: "local".into(),
        node: "pve1".into(),
        instance: "lab".into(),
        source: "lab".into(),
        nodes: Vec::new(),
        kind: "dir".into(),
        status: StorageStatus::Available,
        total: Bytes(100 * GIB),
        used: Bytes(dice.roll(100 * GIB)),
        free: Bytes(0),
        content: "iso".into(),
        shared: false,
        enabled: true,
        active: true,
        zfs_pool: None,
        thin_pool: None,
        backend: String::new(),
        seen: now,
        liveness: Liveness::Fresh,
    };
    let storage = Storage {
        free: storage.total.saturating_sub(storage.used),
        ..storage
    };
    let base = Snapshot {
        version,
        at: now,
        instances: Vec::new(),
        nodes: Arc::new(vec![
            Arc::new(node("pve1", &mut dice, now)),
            Arc::new(node("pve2", &mut dice, now)),
        ]),
        vms: Arc::new(vms),
        containers: Arc::new(containers),
        storages: Arc::new(vec![Arc::new(storage)]),
        hosts: Arc::new(vec![Arc::new(host(&mut dice, now))]),
        connection_health: Arc::new(BTreeMap::from([("lab".to_owned(), dice.roll(2) == 0)])),
        ..Snapshot::default()
    };
    slow_collections(base, &mut dice, now)
}

/// What a browser does with the frames.
struct Client {
    version: u64,
    /// collection → handle → (object, boot)
    rows: BTreeMap<String, BTreeMap<u64, (Value, i64)>>,
    top: BTreeMap<String, Value>,
}

const COLLECTIONS: [&str; 12] = [
    "nodes",
    "vms",
    "containers",
    "storage",
    "hosts",
    "physicalDisks",
    "zfsPools",
    "cephClusters",
    "clusters",
    "replicationJobs",
    "pbs",
    "pmg",
];
/// Whose objects are sent whole but for the time of the last answer.
const SLOW: [&str; 7] = [
    "physicalDisks",
    "zfsPools",
    "cephClusters",
    "clusters",
    "replicationJobs",
    "pbs",
    "pmg",
];
/// Top-level keys that are replaced as a whole.
const WHOLE: [&str; 3] = ["connectionHealth", "backupJobs", "unprotected"];
const MIB: f64 = 1_048_576.0;

fn boot_of(object: &Value) -> i64 {
    let uptime = object["uptime"]
        .as_i64()
        .or(object["uptimeSeconds"].as_i64())
        .unwrap_or(0);
    object["lastSeen"].as_i64().unwrap_or(0).div_euclid(1000) - uptime
}

impl Client {
    fn from_snapshot(frame: &[u8]) -> Self {
        let frame: Value = serde_json::from_slice(frame).unwrap();
        let mut rows = BTreeMap::new();
        for name in COLLECTIONS {
            let list = frame["state"][name].as_array().unwrap();
            let handles = frame["handles"][name].as_array().unwrap();
            assert_eq!(list.len(), handles.len());
            let of_handle = handles
                .iter()
                .zip(list)
                .map(|(h, o)| (h.as_u64().unwrap(), (o.clone(), boot_of(o))))
                .collect();
            rows.insert(name.to_owned(), of_handle);
        }
        let top = WHOLE
            .iter()
            .chain(&["revisions"])
            .map(|key| ((*key).to_owned(), frame["state"][key].clone()))
            .collect();
        Self {
            version: frame["version"].as_u64().unwrap(),
            rows,
            top,
        }
    }

    fn apply(&mut self, frame: &[u8]) {
        let frame: Value = serde_json::from_slice(frame).unwrap();
        assert_eq!(
            frame["from"].as_u64(),
            Some(self.version),
            "a version was missed"
        );
        self.version = frame["version"].as_u64().unwrap();
        for name in COLLECTIONS {
            let Some(change) = frame.get(name) else {
                continue;
            };
            let rows = self.rows.get_mut(name).unwrap();
            for handle in change["del"].as_array().into_iter().flatten() {
                rows.remove(&handle.as_u64().unwrap())
                    .expect("del of an unknown handle");
            }
            for put in change["put"].as_array().into_iter().flatten() {
                rows.insert(put[0].as_u64().unwrap(), (put[1].clone(), boot_of(&put[1])));
            }
            for group in change["patch"].as_array().into_iter().flatten() {
                let handles = group["h"].as_array().unwrap();
                for (index, handle) in handles.iter().enumerate() {
                    let (object, boot) = rows
                        .get_mut(&handle.as_u64().unwrap())
                        .expect("unknown handle");
                    for (key, column) in group.as_object().unwrap() {
                        let cell = column.get(index).unwrap_or(column);
                        match key.as_str() {
                            "h" => {}
                            "lastSeen" if SLOW.contains(&name) => {
                                seen_at(name, object, cell.as_i64().unwrap());
                            }
                            "boot" => *boot = cell.as_i64().unwrap(),
                            "cpu" if name == "hosts" => object["cpuUsage"] = cell.clone(),
                            "mem" => object["mem"] = json!(cell.as_f64().unwrap() * MIB),
                            "disk" => object["disk"]["used"] = json!(cell.as_f64().unwrap() * MIB),
                            "used" => object["used"] = json!(cell.as_f64().unwrap() * MIB),
                            "load" => object["loadAverage"] = cell.clone(),
                            other => object[other] = cell.clone(),
                        }
                    }
                }
            }
        }
        for (key, value) in frame["set"].as_object().into_iter().flatten() {
            self.top.insert(key.clone(), value.clone());
        }
    }

    /// Everything the client shows is what the server has, within the rounding of the wire.
    #[track_caller]
    fn assert_shows(&self, snapshot: &Snapshot) {
        let state = serde_json::to_value(StateJson::new(snapshot)).unwrap();
        for name in COLLECTIONS {
            let mine: BTreeMap<&str, &(Value, i64)> = self.rows[name]
                .values()
                .map(|row| (row.0["id"].as_str().unwrap(), row))
                .collect();
            let theirs = state[name].as_array().unwrap();
            assert_eq!(mine.len(), theirs.len(), "{name}");
            for object in theirs {
                let id = object["id"].as_str().unwrap();
                let (own, boot) = mine.get(id).unwrap_or_else(|| panic!("{id} is missing"));
                if SLOW.contains(&name) {
                    assert_eq!(without_times(own), without_times(object), "{id}");
                    assert_eq!(own["lastSeen"], object["lastSeen"], "{id}.lastSeen");
                    continue;
                }
                for key in [
                    "name",
                    "status",
                    "node",
                    "tags",
                    "template",
                    "linkedHostAgentId",
                ] {
                    assert_eq!(own.get(key), object.get(key), "{id}.{key}");
                }
                assert_eq!(own["lastSeen"], object["lastSeen"], "{id}.lastSeen");
                close(&own["cpu"], &object["cpu"], 0.0011, id);
                close(&own["cpuUsage"], &object["cpuUsage"], 0.11, id);
                for key in ["networkIn", "networkOut", "diskRead", "diskWrite"] {
                    let want = object[key].as_f64().unwrap_or(0.0);
                    close(&own[key], &object[key], (want * 0.0101).max(1.0), id);
                }
                let used = if name == "hosts" {
                    &object["memory"]["used"]
                } else {
                    &object["mem"]
                };
                if name != "hosts" {
                    close(&own["mem"], used, MIB, id);
                }
                close(&own["used"], &object["used"], MIB, id);
                close(&own["disk"]["used"], &object["disk"]["used"], MIB, id);
                assert_eq!(
                    own["disk"]["usage"] == -1.0,
                    object["disk"]["usage"] == -1.0,
                    "{id}"
                );
                let uptime = object["uptime"]
                    .as_i64()
                    .or(object["uptimeSeconds"].as_i64())
                    .unwrap_or(0);
                if uptime > 0 {
                    let shown = object["lastSeen"].as_i64().unwrap().div_euclid(1000) - boot;
                    assert!((shown - uptime).abs() <= 2, "{id}: {shown} for {uptime}");
                }
                assert_eq!(
                    own["temperature"]["cpuPackage"], object["temperature"]["cpuPackage"],
                    "{id}"
                );
            }
        }
        for key in WHOLE {
            assert_eq!(self.top[key], state[key], "{key}");
        }
    }
}

/// Sets the time of the last answer in the form that the kind of resource has.
fn seen_at(kind: &str, object: &mut Value, millis: i64) {
    object["lastSeen"] = match kind {
        "pbs" | "pmg" => json!(crate::time::rfc3339(Timestamp::from_millis(millis))),
        _ => json!(millis),
    };
}

/// Without the times that tell when a part of the object was read.
fn without_times(object: &Value) -> Value {
    let mut object = object.clone();
    let times = ["lastChecked", "lastUpdated", "polledAt"];
    for key in times {
        if let Some(map) = object.as_object_mut() {
            map.remove(key);
        }
    }
    for path in ["/ha/nodes/0/lastContact", "/mailStats/updatedAt"] {
        if let Some(time) = object.pointer_mut(path) {
            *time = Value::Null;
        }
    }
    object
}

#[track_caller]
fn close(own: &Value, want: &Value, tolerance: f64, id: &str) {
    let (a, b) = (own.as_f64().unwrap_or(0.0), want.as_f64().unwrap_or(0.0));
    assert!((a - b).abs() <= tolerance, "{id}: {a} for {b}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_client_that_follows_the_deltas_shows_what_the_server_has(
        seeds in proptest::collection::vec(0u64..5000, 2..6)
    ) {
        let first = Arc::new(sample_snapshot(seeds[0]));
        let mut encoder = DeltaEncoder::new(&first);
        let mut parts = PartsCache::default();
        let mut client = Client::from_snapshot(&encoder.snapshot_frame(&mut parts, first.at).unwrap());
        client.assert_shows(&first);
        for seed in &seeds[1..] {
            let next = Arc::new(sample_snapshot(*seed));
            let frame = encoder.advance(&next, next.at).unwrap();
            client.apply(&frame);
            client.assert_shows(&next);
        }
        // A client that comes later sees the same.
        let last = Arc::clone(encoder.snapshot());
        let late = Client::from_snapshot(&encoder.snapshot_frame(&mut parts, last.at).unwrap());
        late.assert_shows(&last);
        for name in COLLECTIONS {
            prop_assert_eq!(
                client.rows[name].keys().collect::<Vec<_>>(),
                late.rows[name].keys().collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn an_unchanged_snapshot_costs_a_header_only() {
    let first = Arc::new(sample_snapshot(3));
    let mut encoder = DeltaEncoder::new(&first);
    let next = Arc::new(Snapshot {
        version: first.version + 1,
        ..Snapshot::clone(&first)
    });
    let frame: Value = serde_json::from_slice(&encoder.advance(&next, first.at).unwrap()).unwrap();
    let keys: Vec<_> = frame.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["at", "from", "type", "version"]);
}

#[test]
fn a_container_whose_disk_fills_sends_a_column_not_itself() {
    let mut first = sample_snapshot(3);
    let mut list: Vec<Arc<Guest>> = first.containers.to_vec();
    let container = Arc::make_mut(&mut list[0]);
    container.disk = Capacity::known(Bytes(32 * GIB), Bytes(GIB));
    container.filesystems = vec![Filesystem {
        mountpoint: "/".into(),
        kind: "rootfs".into(),
        total: Bytes(32 * GIB),
        used: Bytes(GIB),
        ..Filesystem::default()
    }];
    first.containers = Arc::new(list.clone());
    let first = Arc::new(first);
    let mut encoder = DeltaEncoder::new(&first);
    let container = Arc::make_mut(&mut list[0]);
    container.disk = Capacity::known(Bytes(32 * GIB), Bytes(2 * GIB));
    container.filesystems[0].used = Bytes(2 * GIB);
    let next = Arc::new(Snapshot {
        version: first.version + 1,
        containers: Arc::new(list),
        ..Snapshot::clone(&first)
    });
    let frame: Value = serde_json::from_slice(&encoder.advance(&next, first.at).unwrap()).unwrap();
    assert_eq!(frame["containers"].get("put"), None);
    assert_eq!(frame["containers"]["patch"][0]["disk"], 2048);
}
