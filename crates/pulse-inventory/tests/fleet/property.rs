//! Whatever sources say, in whatever order and at whatever time: no panic, ids are unique,
//! collections are sorted, versions only go up, and both sides of a link agree.

use std::collections::HashSet;

use proptest::prelude::*;
use pulse_core::{InstanceHealth, InstanceKind, Snapshot, Timestamp};
use pulse_inventory::Inventory;

use crate::world::{Agent, GuestTruth, NodeTruth, Pve, StorageTruth};

#[derive(Clone, Debug)]
enum Step {
    Poll(PveStep),
    Fail(usize),
    Host {
        id: u8,
        name: u8,
        interval: u32,
        late: bool,
        demo: bool,
    },
    Pass(i64),
    Tick,
    Add(usize),
    Remove(usize),
    RemoveHost(u8),
    Unlink(u8),
    ForgetDemo,
}

#[derive(Clone, Debug)]
struct PveStep {
    instance: usize,
    nodes: Vec<(u8, bool)>,
    guests: Option<Vec<(u8, u8, u8)>>,
    storages: Option<Vec<(u8, u8)>>,
    healthy: bool,
}

/// Two that share a cluster's name, two standalone ones whose ids can collide, and a demo.
const INSTANCES: [(&str, Option<&str>, bool); 5] = [
    ("one", Some("prod"), false),
    ("two", Some("prod"), false),
    ("lab", None, false),
    ("lab-n0", None, false),
    ("demo", Some("demo"), true),
];

const NODES: [&str; 4] = ["n0", "n1", "n0-n1", "n0-n0-n1"];

fn step() -> impl Strategy<Value = Step> {
    let poll = (
        0..INSTANCES.len(),
        prop::collection::vec((0..4u8, any::<bool>()), 0..4),
        prop::option::of(prop::collection::vec((0..6u8, 0..4u8, 0..4u8), 0..8)),
        prop::option::of(prop::collection::vec((0..4u8, 0..4u8), 0..5)),
        any::<bool>(),
    )
        .prop_map(|(instance, nodes, guests, storages, healthy)| {
            Step::Poll(PveStep {
                instance,
                nodes,
                guests,
                storages,
                healthy,
            })
        });
    prop_oneof![
        6 => poll,
        2 => (0..INSTANCES.len()).prop_map(Step::Fail),
        3 => (0..4u8, 0..5u8, prop_oneof![Just(0u32), Just(10), Just(u32::MAX)], any::<bool>(), any::<bool>())
            .prop_map(|(id, name, interval, late, demo)| Step::Host { id, name, interval, late, demo }),
        4 => prop_oneof![Just(0i64), Just(1), Just(10_000), Just(61_000), Just(400_000), Just(90_000_000), Just(-30_000)]
            .prop_map(Step::Pass),
        4 => Just(Step::Tick),
        1 => (0..INSTANCES.len()).prop_map(Step::Add),
        1 => (0..INSTANCES.len()).prop_map(Step::Remove),
        1 => (0..4u8).prop_map(Step::RemoveHost),
        1 => (0..4u8).prop_map(Step::Unlink),
        1 => Just(Step::ForgetDemo),
    ]
}

fn report(step: &PveStep, at: Timestamp) -> pulse_core::SourceReport {
    let (name, cluster, demo) = INSTANCES[step.instance];
    let mut pve = Pve {
        name: name.to_owned(),
        cluster: cluster.map(str::to_owned),
        demo,
        health: if step.healthy {
            InstanceHealth::Healthy
        } else {
            InstanceHealth::Degraded
        },
        ..Pve::default()
    };
    for (node, up) in &step.nodes {
        let truth = NodeTruth {
            up: *up,
            silent: node % 2 == 0,
            address: format!("10.0.0.{node}"),
        };
        pve.nodes
            .insert(NODES[usize::from(*node)].to_owned(), truth);
    }
    pve.no_guests = step.guests.is_none();
    for (vmid, node, state) in step.guests.iter().flatten() {
        let truth = GuestTruth {
            node: NODES[usize::from(*node)].to_owned(),
            vm: vmid % 2 == 0,
            running: *state > 0,
            name: if *state == 1 {
                String::new()
            } else {
                format!("n{vmid}")
            },
            lost: *state == 3,
        };
        pve.guests.insert(100 + u32::from(*vmid), truth);
    }
    pve.no_storages = step.storages.is_none();
    for (storage, node) in step.storages.iter().flatten() {
        let shared = *storage == 0;
        let on = NODES[usize::from(*node)].to_owned();
        pve.storages.push(StorageTruth {
            name: NODES[usize::from(*storage)].to_owned(),
            node: if shared { String::new() } else { on.clone() },
            nodes: if shared { vec![on] } else { Vec::new() },
        });
    }
    pve.report(at)
}

fn sorted<T, K: Ord>(list: &[T], key: impl Fn(&T) -> K) -> bool {
    list.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1]))
}

fn check(snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let ids: Vec<String> = snapshot
        .nodes
        .iter()
        .map(|n| format!("node {}", n.id))
        .chain(snapshot.guests().map(|g| format!("guest {}", g.id)))
        .chain(
            snapshot
                .storages
                .iter()
                .map(|s| format!("storage {}", s.id)),
        )
        .chain(snapshot.hosts.iter().map(|h| format!("host {}", h.id)))
        .chain(
            snapshot
                .instances
                .iter()
                .map(|i| format!("instance {}", i.name)),
        )
        .collect();
    let unique: HashSet<&String> = ids.iter().collect();
    prop_assert_eq!(unique.len(), ids.len(), "{:?}", ids);
    prop_assert!(sorted(&snapshot.nodes, |n| (
        n.name.clone(),
        n.instance.clone()
    )));
    prop_assert!(sorted(&snapshot.vms, |g| (
        g.vmid,
        g.instance.clone(),
        g.node.clone()
    )));
    prop_assert!(sorted(&snapshot.containers, |g| (
        g.vmid,
        g.instance.clone()
    )));
    prop_assert!(sorted(&snapshot.storages, |s| (
        s.instance.clone(),
        s.name.clone(),
        s.node.clone()
    )));
    prop_assert!(sorted(&snapshot.hosts, |h| (
        h.hostname.clone(),
        h.id.clone()
    )));
    for vm in snapshot.vms.iter() {
        prop_assert!(vm.kind.is_vm());
    }
    for node in snapshot.nodes.iter() {
        let linked = snapshot
            .hosts
            .iter()
            .find(|h| h.linked_node.as_ref() == Some(&node.id));
        prop_assert_eq!(node.linked_host.as_ref(), linked.map(|h| &h.id));
        prop_assert!(node.memory.used <= node.memory.total);
        if !node.online {
            prop_assert_eq!((node.cpu.get(), node.uptime), (0.0, 0));
        }
    }
    for host in snapshot.hosts.iter() {
        let dangling = host
            .linked_guest
            .as_ref()
            .is_some_and(|id| !snapshot.guests().any(|g| &g.id == id))
            || host
                .linked_node
                .as_ref()
                .is_some_and(|id| !snapshot.nodes.iter().any(|n| &n.id == id));
        prop_assert!(
            !dangling,
            "{} is linked to something that is not there",
            host.id
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_inventory_stays_consistent(steps in prop::collection::vec(step(), 1..60)) {
        let mut inventory = Inventory::default();
        let mut now = Timestamp::from_secs(1_800_000_000);
        let mut last = inventory.snapshot();
        for step in &steps {
            match step {
                Step::Poll(poll) => {
                    inventory.apply(report(poll, now));
                }
                Step::Fail(instance) => {
                    let (name, _, demo) = INSTANCES[*instance];
                    let pve = Pve {
                        name: name.to_owned(),
                        demo,
                        failure: Some("refused".to_owned()),
                        ..Pve::default()
                    };
                    inventory.apply(pve.report(now));
                }
                Step::Host { id, name, interval, late, demo } => {
                    let names = ["n0", "n1", "n102", "", "n0.example"];
                    let agent = Agent {
                        sensors: pulse_core::Sensors::default(),
                        memory: pulse_core::Memory::default(),
                        hostname: names[usize::from(*name)].to_owned(),
                        addresses: vec![format!("10.0.0.{id}")],
                        interval: *interval,
                        silent: false,
                        demo: *demo,
                    };
                    let at = if *late { now.plus_millis(-15_000) } else { now };
                    inventory.apply(agent.report(&format!("h{id}"), at));
                }
                Step::Pass(millis) => now = now.plus_millis(*millis),
                Step::Tick => inventory.tick(now),
                Step::Add(instance) => {
                    let (name, _, demo) = INSTANCES[*instance];
                    inventory.add_instance(name, InstanceKind::Pve, demo);
                }
                Step::Remove(instance) => inventory.remove_instance(InstanceKind::Pve, INSTANCES[*instance].0),
                Step::RemoveHost(id) => {
                    inventory.remove_host(&format!("h{id}"));
                }
                Step::Unlink(id) => {
                    inventory.unlink_host(&format!("h{id}"));
                }
                Step::ForgetDemo => inventory.forget_demo(),
            }
            let snapshot = inventory.snapshot();
            check(&snapshot)?;
            prop_assert!(snapshot.version >= last.version);
            prop_assert!(snapshot.at >= last.at);
            if matches!(step, Step::ForgetDemo) {
                prop_assert!(!snapshot.hosts.iter().any(|h| h.demo));
                prop_assert!(!snapshot.instances.iter().any(|i| i.demo));
                prop_assert!(!snapshot.nodes.iter().any(|n| n.instance == "demo"));
            }
            last = snapshot;
        }
    }
}
