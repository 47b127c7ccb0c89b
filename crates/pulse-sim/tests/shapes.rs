//! Answers have the shapes of the recorded ones: no key that Proxmox VE does not send, no type it
//! does not use, and every key it always sends.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pulse_sim::{AgentState, Clock, Datacenter, Fault, Fleet, HostFleet, Order};
use serde_json::Value;

/// What was seen at one place of many answers.
#[derive(Default, Debug)]
struct Shape {
    seen: usize,
    types: BTreeSet<&'static str>,
    keys: BTreeMap<String, Shape>,
    /// List elements by what they are: a running VM has other keys than a stopped one.
    items: BTreeMap<String, Shape>,
}

impl Shape {
    fn add(&mut self, value: &Value) {
        self.seen += 1;
        self.types.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        });
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.keys.entry(place(key)).or_default().add(value);
                }
            }
            Value::Array(list) => {
                for item in list {
                    self.items.entry(group(item)).or_default().add(item);
                }
            }
            _ => {}
        }
    }

    /// Where `ours` differs from these recordings.
    fn differences(&self, ours: &Shape, at: &str, out: &mut BTreeSet<String>) {
        for found in ours.types.difference(&self.types) {
            out.insert(format!("{at}: is {found}, recorded {:?}", self.types));
        }
        for (key, shape) in &ours.keys {
            match self.keys.get(key) {
                Some(recorded) => recorded.differences(shape, &format!("{at}.{key}"), out),
                None => {
                    out.insert(format!("{at}.{key}: not in any recording"));
                }
            }
        }
        for (key, shape) in &self.keys {
            match ours.keys.get(key) {
                // A key that only some of the recorded have is optional.
                None if shape.seen == self.seen => {
                    out.insert(format!("{at}.{key}: always recorded, never sent"));
                }
                Some(found) if shape.seen == self.seen && found.seen < ours.seen => {
                    out.insert(format!("{at}.{key}: sometimes missing"));
                }
                None | Some(_) => {}
            }
        }
        for (group, shape) in &ours.items {
            if let Some(recorded) = self.items.get(group) {
                recorded.differences(shape, &format!("{at}[{group}]"), out);
            } else if !self.items.is_empty() {
                out.insert(format!("{at}[{group}]: no such element recorded"));
            }
        }
    }
}

/// Keys that are names of things, not of fields.
fn place(key: &str) -> String {
    let drive = ["scsi", "ide", "sata", "virtio"]
        .iter()
        .any(|d| key.strip_prefix(d).is_some_and(|n| n.parse::<u8>().is_ok()));
    match key {
        _ if key.starts_with("tap") => "tap*".into(),
        _ if key.starts_with('/') => "/*".into(),
        _ if drive => "drive*".into(),
        _ => key.into(),
    }
}

fn group(item: &Value) -> String {
    const TYPES: &[&str] = &[
        "qemu", "lxc", "node", "storage", "pool", "sdn", "cluster", "quorum", "master", "lrm",
        "service",
    ];
    const STATES: &[&str] = &[
        "running",
        "stopped",
        "paused",
        "unknown",
        "online",
        "offline",
        "available",
    ];
    let known = |key: &str, words: &[&str]| {
        let word = item[key].as_str().unwrap_or_default();
        if words.contains(&word) {
            word.to_owned()
        } else {
            String::new()
        }
    };
    format!("{} {}", known("type", TYPES), known("status", STATES))
        .trim()
        .to_owned()
}

fn recorded(name: &str) -> Value {
    // The project's recordings, and a few that only this crate needs.
    let found = ["../../tests/fixtures/pve", "tests/fixtures/pve"]
        .iter()
        .find_map(|folder| {
            let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
            std::fs::read(folder.join(format!("{name}.json"))).ok()
        });
    let text = found.unwrap_or_else(|| panic!("{name} is not recorded"));
    serde_json::from_slice(&text).unwrap()
}

fn fleet() -> Datacenter {
    let sim = Datacenter::new(Fleet::L, 1, Clock::manual(1_795_600_000_000));
    // One node that is long gone and one that has just gone.
    let down = |node: &str, ago: f64| {
        let fault = Fault::NodeDown { node: node.into() };
        sim.order(Order::now(fault).after(600.0 - ago)).unwrap();
    };
    down("pve19", 500.0);
    down("pve20", 10.0);
    sim.clock().advance(std::time::Duration::from_secs(600));
    sim
}

/// Compares the answers to `paths` with the recordings, except for the listed differences.
fn check(sim: &Datacenter, recordings: &[&str], paths: &[String], allowed: &[&str]) {
    let mut theirs = Shape::default();
    for name in recordings {
        theirs.add(&recorded(name)["data"]);
    }
    let mut ours = Shape::default();
    for path in paths {
        let reply = sim.get(0, path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.reason);
        ours.add(&reply.json()["data"]);
    }
    let mut out = BTreeSet::new();
    theirs.differences(&ours, "", &mut out);
    let unexpected: Vec<&String> = out
        .iter()
        .filter(|d| !allowed.iter().any(|a| d.starts_with(a)))
        .collect();
    assert!(unexpected.is_empty(), "{recordings:?}: {unexpected:#?}");
    let unused: Vec<&&str> = allowed
        .iter()
        .filter(|a| !out.iter().any(|d| d.starts_with(**a)))
        .collect();
    assert!(
        unused.is_empty(),
        "{recordings:?}: allowed but not needed: {unused:?}"
    );
}

fn one(path: &str) -> Vec<String> {
    vec![path.to_owned()]
}

/// A path for every guest of that kind that is on a node that is up.
fn guests(sim: &Datacenter, kind: &str, tail: &str) -> Vec<String> {
    sim.guests(0)
        .iter()
        .filter(|g| g.kind == kind && g.node != "pve19" && g.node != "pve20")
        .map(|g| format!("/nodes/{}/{kind}/{}/{tail}", g.node, g.vmid))
        .collect()
}

#[test]
fn nodes_and_cluster() {
    let sim = fleet();
    let c = |recordings: &[&str], path: &str, allowed: &[&str]| {
        check(&sim, recordings, &one(path), allowed);
    };
    c(&["version"], "/version", &[]);
    c(&["node_version"], "/nodes/pve02/version", &[]);
    c(
        &[
            "nodes",
            "cluster3_up_nodes",
            "cluster3_p3gone_nodes",
            "cluster3_p3gone_6min_nodes",
        ],
        "/nodes",
        &[],
    );
    c(
        &[
            "cluster3_up_cluster_status",
            "cluster3_p3gone_cluster_status",
        ],
        "/cluster/status",
        &[],
    );
    c(
        &["node_status"],
        "/nodes/pve02/status",
        &[".boot-info.secureboot: not in"],
    );
    // A cluster with a subscription; recorded without.
    let paid = [
        "checktime",
        "key",
        "level",
        "nextduedate",
        "productname",
        "regdate",
        "sockets",
    ];
    let paid = paid.map(|k| format!(".{k}: not in"));
    let mut paid: Vec<&str> = paid.iter().map(String::as_str).collect();
    paid.push(".message: always");
    c(&["node_subscription"], "/nodes/pve02/subscription", &paid);
    c(
        &["node_certificates_info"],
        "/nodes/pve02/certificates/info",
        &[],
    );
    c(&["node_time"], "/nodes/pve02/time", &[]);
    c(&["node_dns"], "/nodes/pve02/dns", &[]);
    c(&["node_network"], "/nodes/pve02/network", &[]);
    c(&["node_services"], "/nodes/pve02/services", &[]);
    c(&["access_permissions"], "/access/permissions", &["./*."]);
    c(
        &["cluster_backup", "cluster3_up_cluster_backup"],
        "/cluster/backup",
        &[],
    );
    c(&["cluster_replication"], "/cluster/replication", &[]);
    c(&["node_tasks"], "/nodes/pve02/tasks", &[]);
    c(&["cluster_tasks"], "/cluster/tasks", &[]);
    c(
        &[
            "cluster3_up_cluster_ha_status_current",
            "cluster_ha_status_current",
            "cluster3_p3gone_6min_cluster_ha_status_current",
        ],
        "/cluster/ha/status/current",
        &[],
    );
    c(&["pools"], "/pools", &["[].comment: sometimes"]);
    c(
        &["node_rrddata_hour"],
        "/nodes/pve02/rrddata?timeframe=hour",
        &[],
    );
}

#[test]
fn cluster_resources() {
    let sim = fleet();
    check(
        &sim,
        &[
            "cluster_resources",
            "cluster3_up_cluster_resources",
            "cluster3_p3gone_cluster_resources",
            "cluster3_p3gone_6min_cluster_resources",
        ],
        &one("/cluster/resources"),
        // Present where a guest has them; no recorded guest of that kind had.
        &[
            "[lxc running].hastate: not in",
            "[lxc running].lock: not in",
            "[lxc running].pool: sometimes",
            "[lxc running].tags: sometimes",
            "[lxc stopped].lock: not in",
            "[lxc stopped].pool: not in",
            "[lxc unknown]: no such",
            "[qemu running].lock: not in",
            "[qemu stopped].pool: not in",
            "[qemu unknown].tags: sometimes",
        ],
    );
}

/// A stopped VM has them too if its configuration has; no recorded one had.
const BALLOON: &[&str] = &["[stopped].balloon_min: not in", "[stopped].shares: not in"];

#[test]
fn virtual_machines() {
    let sim = fleet();
    check(&sim, &["node_qemu"], &one("/nodes/pve02/qemu"), BALLOON);
    check(
        &sim,
        &["node_qemu_full"],
        &one("/nodes/pve02/qemu?full=1"),
        BALLOON,
    );
    let current: Vec<String> = [100, 101, 102, 103, 104, 105, 106, 107]
        .iter()
        .map(|id| format!("qemu_{id}_status_current"))
        .collect();
    let current: Vec<&str> = current.iter().map(String::as_str).collect();
    check(&sim, &current, &guests(&sim, "qemu", "status/current"), &[]);
    let config: Vec<String> = [100, 101, 102, 103, 104, 105, 106, 107]
        .iter()
        .map(|id| format!("qemu_{id}_config"))
        .collect();
    let config: Vec<&str> = config.iter().map(String::as_str).collect();
    // The recorded machine had no hardware virtualisation.
    check(
        &sim,
        &config,
        &guests(&sim, "qemu", "config"),
        &[".kvm: always"],
    );
    check(
        &sim,
        &["qemu_100_rrddata_hour", "qemu_101_rrddata_hour"],
        &guests(&sim, "qemu", "rrddata?timeframe=hour"),
        &[],
    );
    check(
        &sim,
        &["qemu_100_snapshot", "qemu_101_snapshot"],
        &guests(&sim, "qemu", "snapshot"),
        &[],
    );
}

#[test]
fn containers() {
    let sim = fleet();
    check(
        &sim,
        &["node_lxc"],
        &one("/nodes/pve02/lxc"),
        &["[lxc running].tags: sometimes"],
    );
    check(
        &sim,
        &[
            "lxc_200_status_current",
            "lxc_201_status_current",
            "lxc_202_status_current",
        ],
        &guests(&sim, "lxc", "status/current"),
        &[".lock: not in"],
    );
    check(
        &sim,
        &["lxc_200_config", "lxc_201_config", "lxc_202_config"],
        &guests(&sim, "lxc", "config"),
        &[".lock: not in"],
    );
    check(
        &sim,
        &["lxc_200_interfaces", "lxc_201_interfaces"],
        &guests(&sim, "lxc", "interfaces"),
        &[],
    );
    check(
        &sim,
        &["lxc_200_rrddata_hour", "lxc_201_rrddata_hour"],
        &guests(&sim, "lxc", "rrddata?timeframe=hour"),
        &[],
    );
    // The recorded container has no snapshot, only the present.
    check(
        &sim,
        &["lxc_200_snapshot"],
        &guests(&sim, "lxc", "snapshot"),
        &[
            "[].digest: sometimes",
            "[].running: sometimes",
            "[].parent: not in",
            "[].snaptime: not in",
        ],
    );
}

#[test]
fn guest_agent() {
    let sim = fleet();
    let vm = sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "qemu" && g.running && !g.name.starts_with("win"))
        .unwrap();
    sim.fault(Fault::Agent {
        vmid: vm.vmid,
        state: AgentState::Answers,
    })
    .unwrap();
    for (recording, command) in [
        ("qemu_100_agent_get_fsinfo", "get-fsinfo"),
        (
            "qemu_100_agent_network_get_interfaces",
            "network-get-interfaces",
        ),
        ("qemu_100_agent_get_osinfo", "get-osinfo"),
        ("qemu_100_agent_info", "info"),
        ("qemu_100_agent_get_host_name", "get-host-name"),
        ("qemu_100_agent_get_timezone", "get-timezone"),
        ("qemu_100_agent_get_users", "get-users"),
        ("qemu_100_agent_get_vcpus", "get-vcpus"),
    ] {
        let path = format!("/nodes/{}/qemu/{}/agent/{command}", vm.node, vm.vmid);
        check(&sim, &[recording], &one(&path), &[]);
    }
}

#[test]
fn storages_and_disks() {
    let sim = fleet();
    let nodes = |tail: &str| -> Vec<String> {
        (1..18)
            .map(|n| format!("/nodes/pve{n:02}/{tail}"))
            .collect()
    };
    check(
        &sim,
        &["storage", "cluster3_up_storage"],
        &one("/storage"),
        // Of storage types that were not recorded.
        &[
            "[].export",
            "[].pool",
            "[].share:",
            "[].sparse",
            "[].vgname",
        ],
    );
    check(&sim, &["node_storage"], &nodes("storage"), &[]);
    check(
        &sim,
        &["storage_local_status"],
        &nodes("storage/local/status"),
        &[],
    );
    check(
        &sim,
        &["storage_local_content"],
        &nodes("storage/local/content"),
        &[],
    );
    check(
        &sim,
        &["storage_local_content_backup__root"],
        &one("/nodes/pve01/storage/nas-backup/content?content=backup"),
        &[],
    );
    check(
        &sim,
        &["storage_local_rrddata_hour"],
        &one("/nodes/pve01/storage/local/rrddata?timeframe=hour"),
        &[],
    );
    check(&sim, &["disks_list"], &nodes("disks/list"), &[]);
    check(&sim, &["disks_zfs"], &nodes("disks/zfs"), &[]);
    check(
        &sim,
        &["disks_zfs_rpool", "disks_zfs_tank"],
        &nodes("disks/zfs/rpool"),
        &[],
    );
}

#[test]
fn host_reports() {
    let lines = include_str!("../../pulse-wire/tests/fixtures/host-reports.jsonl");
    let mut theirs = Shape::default();
    for line in lines.lines() {
        theirs.add(&serde_json::from_str(line).unwrap());
    }
    let sim = fleet();
    let fleet = HostFleet::of(&sim, 60);
    let mut ours = Shape::default();
    for i in 0..fleet.len() {
        ours.add(&fleet.host_report(i, sim.clock().now()));
    }
    assert!(
        sim.nodes(0)
            .iter()
            .any(|n| Some(n.as_str()) == fleet.name(0))
    );
    let mut out = BTreeSet::new();
    theirs.differences(&ours, "", &mut out);
    // In the specification, but the recorded machines had no such hardware.
    let documented = [
        ".metrics.memory.swap",
        ".sensors.fanRpm",
        ".sensors.temperatureCelsius.cpu_",
        ".sensors.smart[].standby",
        ".sensors.temperatureCelsius.nvme1",
        ".sensors.smart[].health: sometimes",
    ];
    out.retain(|d| !documented.iter().any(|k| d.starts_with(k)));
    assert!(out.is_empty(), "{out:#?}");
}
