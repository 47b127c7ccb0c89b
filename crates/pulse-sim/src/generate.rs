//! Builds the datacenter of a seed: the same seed and shape always give the same one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::RwLock;

use crate::fleet::FleetSpec;
use crate::model::{
    Agent, Cluster, Guest, Health, Kind, Load, Node, NodeState, Pool, Power, State, Storage,
};
use crate::names::{cluster_name, node_name, role_of, system_of, tags_of};
use crate::noise::{between, chance, mix, pick, unit};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

pub(crate) fn clusters(spec: &FleetSpec, seed: u64) -> Vec<Cluster> {
    (0..spec.clusters).map(|i| cluster(spec, seed, i)).collect()
}

fn cluster(spec: &FleetSpec, seed: u64, index: usize) -> Cluster {
    let key = mix(mix(seed, 0xC1), index as u64);
    let name = cluster_name(index, spec.clusters, spec.nodes_per_cluster);
    let node_keys: Vec<u64> = (0..spec.nodes_per_cluster)
        .map(|n| mix(mix(key, 1), n as u64))
        .collect();
    let pools = pools();
    let guests = guests(spec, key, &node_keys, pools.len());
    let nodes: Vec<Node> = node_keys
        .iter()
        .enumerate()
        .map(|(n, node_key)| {
            let name = node_name(name.as_deref(), spec.clusters, spec.nodes_per_cluster, n);
            node(
                *node_key,
                name,
                guests.values().filter(|g| usize::from(g.node) == n),
            )
        })
        .collect();
    let states = nodes
        .iter()
        .enumerate()
        .map(|(n, node)| NodeState {
            health: Health::Up,
            ip: IpAddr::V4(Ipv4Addr::new(10, 10 + index as u8, 0, 11 + n as u8)),
            fingerprint: placeholder_fingerprint(node.key),
            pem: String::new(),
        })
        .collect();
    Cluster {
        key,
        storages: storages(key, spec),
        backups: (
            crate::pbs::datastore(index % crate::pbs::servers(spec.clusters)),
            crate::pbs::namespace(name.as_deref(), spec.clusters).to_owned(),
        ),
        name: name.map(Into::into),
        nodes,
        pools,
        state: RwLock::new(State {
            guests,
            nodes: states,
        }),
    }
}

fn guests(spec: &FleetSpec, key: u64, nodes: &[u64], pools: usize) -> BTreeMap<u32, Guest> {
    let mut vmid = 99;
    let mut numbers = BTreeMap::<&str, u32>::new();
    (0..spec.guests_per_cluster)
        .map(|i| {
            let key = mix(mix(key, 2), i as u64);
            // Numbers have gaps where guests were removed.
            vmid += 1 + u32::from(chance(key, 1, 0.06)) * (1 + (mix(key, 2) % 5) as u32);
            let kind = if chance(key, 3, 0.4) {
                Kind::Qemu
            } else {
                Kind::Lxc
            };
            let node = (i + (mix(key, 4) % 2) as usize) % nodes.len();
            let number = numbers
                .entry(role_of(key, kind == Kind::Qemu).name)
                .or_default();
            *number += 1;
            let mut guest = guest(key, vmid, kind, *number);
            guest.node = node as u16;
            guest.home_boot = nodes[node];
            if chance(key, 5, 0.6) {
                guest.pool = Some((mix(key, 6) % pools as u64) as u8);
            }
            if chance(key, 7, spec.stopped) {
                guest.power = Power::Stopped;
            }
            curiosity(&mut guest);
            (vmid, guest)
        })
        .collect()
}

/// A new guest of the given number within its role; it runs and is on node 0.
pub(crate) fn guest(key: u64, vmid: u32, kind: Kind, number: u32) -> Guest {
    let vm = kind == Kind::Qemu;
    let role = role_of(key, vm);
    let os = system_of(key, role);
    let cpus = if vm {
        pick(key, 20, &[1, 2, 2, 2, 4, 4, 4, 8, 16])
    } else {
        pick(key, 20, &[1, 1, 1, 2, 2, 4])
    };
    let memory = MIB
        * if vm {
            pick(key, 21, &[1024, 2048, 2048, 4096, 4096, 8192, 16384, 32768])
        } else {
            pick(key, 21, &[256, 512, 512, 1024, 1024, 2048, 4096, 8192])
        };
    let disk = GIB
        * if vm {
            pick(key, 22, &[16, 32, 32, 64, 100, 250, 400])
        } else {
            pick(key, 22, &[2, 4, 8, 8, 16, 32, 128])
        };
    let agent = match unit(key, 23) {
        _ if !vm => Agent::No,
        u if u < 0.74 => Agent::Answers,
        u if u < 0.86 => Agent::Silent,
        _ => Agent::No,
    };
    Guest {
        vmid,
        key,
        kind,
        name: format!("{}-{number:02}", role.name).into(),
        node: 0,
        home_boot: 0,
        cpus,
        memory,
        disk,
        tags: tags_of(key, role),
        pool: None,
        template: false,
        lock: None,
        agent,
        os,
        ha: chance(key, 24, 0.04),
        power: Power::Running(None),
        counters_from: 0,
        carried: [0; 4],
        load: load(key),
    }
}

/// Most guests idle, some work, few are busy, and one in a hundred is at its limit.
fn load(key: u64) -> Load {
    let (cpu, net, disk) = match unit(key, 30) {
        u if u < 0.70 => (between(key, 31, 0.004, 0.04), 300.0, 2_000.0),
        u if u < 0.92 => (between(key, 31, 0.04, 0.22), 60_000.0, 120_000.0),
        u if u < 0.99 => (between(key, 31, 0.25, 0.55), 4.0e6, 3.0e6),
        _ => (between(key, 31, 0.75, 0.92), 2.5e7, 1.5e7),
    };
    let spread = |n: u64, mean: f64| (mean * 10f64.powf(between(key, n, -0.7, 0.5))) as f32;
    let memory = if chance(key, 32, 0.03) {
        between(key, 33, 0.86, 0.93)
    } else {
        between(key, 33, 0.18, 0.74)
    };
    Load {
        cpu: cpu as f32,
        memory: memory as f32,
        net_in: spread(34, net),
        net_out: spread(35, net * 1.4),
        disk_read: spread(36, disk),
        disk_write: spread(37, disk * 1.6),
    }
}

/// About one guest in a hundred is a template, is locked or is paused.
fn curiosity(guest: &mut Guest) {
    match unit(guest.key, 40) {
        u if u < 0.005 => {
            guest.template = true;
            guest.power = Power::Stopped;
            guest.name = format!("{}-tmpl", guest.name).into();
        }
        u if u < 0.008 => guest.lock = Some("backup".into()),
        u if u < 0.009 => guest.lock = Some("migrate".into()),
        u if u < 0.012 && guest.kind == Kind::Qemu && guest.is_running() => {
            guest.power = Power::Paused {
                started: None,
                at: 1_790_000_000_000,
            };
        }
        _ => {}
    }
}

/// A node that is big enough for its guests.
fn node<'a>(key: u64, name: String, guests: impl Iterator<Item = &'a Guest>) -> Node {
    let (mut memory, mut cpus) = (0u64, 0.0);
    for guest in guests {
        memory += guest.memory;
        cpus += f64::from(guest.cpus) * (0.3 + f64::from(guest.load.cpu));
    }
    let wanted = memory as f64 * between(key, 2, 0.85, 1.15) + 6e9;
    let sizes = [16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536];
    let memory = sizes
        .iter()
        .map(|g| g * GIB)
        .find(|m| *m as f64 >= wanted)
        .unwrap_or(2048 * GIB);
    let cores = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192]
        .into_iter()
        .find(|c| f64::from(*c) >= cpus)
        .unwrap_or(256);
    Node {
        name: name.into(),
        key,
        cores,
        // Firmware keeps a little for itself.
        memory: memory - memory / 64,
        disk: pick(key, 3, &[94, 94, 220, 450, 930]) * GIB,
    }
}

fn pools() -> Vec<Pool> {
    vec![
        Pool {
            id: "production",
            comment: "serves customers",
        },
        Pool {
            id: "staging",
            comment: "",
        },
        Pool {
            id: "infra",
            comment: "DNS, Monitoring & Übriges",
        },
        Pool {
            id: "lab",
            comment: "may be deleted any time",
        },
    ]
}

fn storages(key: u64, spec: &FleetSpec) -> Vec<Storage> {
    let many = spec.nodes_per_cluster > 1;
    let size = |n: u64, shared: f64| (shared * between(key, 50 + n, 0.8, 1.3)) as u64 & !0xfff;
    let storage = |n: u64, name, plugin, content, shared, bytes: f64| Storage {
        name,
        plugin,
        content,
        shared,
        size: size(n, bytes),
        key: mix(key, 60 + n),
        disabled: false,
    };
    let guests = spec.guests_per_cluster as f64;
    let per_node = guests / spec.nodes_per_cluster as f64;
    let mut all = vec![
        storage(0, "local", "dir", "backup,iso,vztmpl", false, 1.0e11),
        storage(
            1,
            "local-zfs",
            "zfspool",
            "images,rootdir",
            false,
            2.0e12 + per_node * 4e10,
        ),
        storage(
            2,
            "nas-backup",
            "nfs",
            "backup,iso",
            true,
            4.0e12 + guests * 6e10,
        ),
        storage(3, "pbs-main", "pbs", "backup", true, 8.0e12 + guests * 8e10),
    ];
    if many {
        all.push(storage(
            4,
            "san-vmdata",
            "lvm",
            "images",
            true,
            1.0e13 + guests * 3e10,
        ));
    }
    let mut old = storage(5, "old-nas", "cifs", "backup", true, 1e12);
    old.disabled = true;
    all.push(old);
    all
}

/// Looks like a certificate's SHA-256 until a real certificate is served.
fn placeholder_fingerprint(key: u64) -> String {
    let bytes: Vec<String> = (0..4)
        .flat_map(|n| mix(key, 70 + n).to_be_bytes())
        .map(|b| format!("{b:02X}"))
        .collect();
    bytes.join(":")
}
