//! A small language for fleets and time.
//!
//! A [`World`] holds what is true outside (which node is up, where a guest runs, whether polls
//! get through) and lets time pass: every instance is polled each 10 s, every host reports each
//! 10 s, the inventory ticks each 5 s. What the inventory then shows is one short line:
//!
//! ```text
//! a online, b offline stale          (nodes)
//! 101@a running, 102@b unknown stale (guests)
//! ```

use std::collections::BTreeMap;

use pulse_core::rates::Rates;
use pulse_core::{
    Bytes, Capacity, CpuInfo, Guest, GuestKind, GuestStatus, Host, HostDetails, InstanceHealth,
    InstanceKind, Liveness, Memory, MemorySource, Node, Percent, PollFailure, PveFact, PveReport,
    Ratio, ReportBody, Sensors, Snapshot, SourceReport, Storage, StorageStatus, Timestamp,
};
use pulse_inventory::{Applied, Inventory};

pub const GIB: u64 = 1 << 30;
const START: Timestamp = Timestamp::from_secs(1_800_000_000);

pub struct World {
    pub inventory: Inventory,
    pub now: Timestamp,
    pub instances: BTreeMap<String, Pve>,
    pub agents: BTreeMap<String, Agent>,
    /// Of the last poll or report.
    pub applied: Applied,
    pub elapsed: i64,
}

/// What is true of one PVE instance.
#[derive(Clone, Default)]
pub struct Pve {
    pub name: String,
    pub cluster: Option<String>,
    pub demo: bool,
    pub nodes: BTreeMap<String, NodeTruth>,
    pub guests: BTreeMap<u32, GuestTruth>,
    pub storages: Vec<StorageTruth>,
    /// Polls fail with this.
    pub failure: Option<String>,
    /// The answer's parts that are missing.
    pub no_guests: bool,
    pub no_storages: bool,
    pub empty_node_list: bool,
    pub health: InstanceHealth,
}

#[derive(Clone)]
pub struct NodeTruth {
    pub up: bool,
    /// A node that is up, but whose status call fails.
    pub silent: bool,
    pub address: String,
}

#[derive(Clone)]
pub struct GuestTruth {
    pub node: String,
    pub vm: bool,
    pub running: bool,
    pub name: String,
    /// PVE has lost the node and lists the guest without numbers.
    pub lost: bool,
}

#[derive(Clone)]
pub struct StorageTruth {
    pub name: String,
    /// Of its node; empty for a shared one.
    pub node: String,
    pub nodes: Vec<String>,
}

#[derive(Clone)]
pub struct Agent {
    pub hostname: String,
    pub addresses: Vec<String>,
    pub interval: u32,
    pub silent: bool,
    pub demo: bool,
    pub sensors: Sensors,
    pub memory: Memory,
}

impl World {
    pub fn new() -> Self {
        Self {
            inventory: Inventory::default(),
            now: START,
            instances: BTreeMap::new(),
            agents: BTreeMap::new(),
            applied: Applied::default(),
            elapsed: 0,
        }
    }

    /// A cluster watched under its own name.
    pub fn cluster(self, name: &str, nodes: &[&str]) -> Self {
        self.watched_as(name, Some(name), nodes)
    }

    pub fn standalone(self, name: &str, node: &str) -> Self {
        self.watched_as(name, None, &[node])
    }

    /// A connection of any name to a cluster.
    pub fn watched_as(mut self, name: &str, cluster: Option<&str>, nodes: &[&str]) -> Self {
        let nodes = nodes.iter().enumerate().map(|(number, node)| {
            let truth = NodeTruth {
                up: true,
                silent: false,
                address: format!("10.0.0.{}", number + 1),
            };
            ((*node).to_owned(), truth)
        });
        let pve = Pve {
            name: name.to_owned(),
            cluster: cluster.map(str::to_owned),
            nodes: nodes.collect(),
            health: InstanceHealth::Healthy,
            ..Pve::default()
        };
        self.instances.insert(name.to_owned(), pve);
        self
    }

    /// `"101@a"` is a running VM, `"ct102@b"` a container.
    pub fn guests(mut self, instance: &str, guests: &[&str]) -> Self {
        for spec in guests {
            let (id, node) = spec.split_once('@').unwrap();
            let vmid: u32 = id.trim_start_matches("ct").parse().unwrap();
            let truth = GuestTruth {
                node: node.to_owned(),
                vm: !id.starts_with("ct"),
                running: true,
                name: format!("guest-{vmid}"),
                lost: false,
            };
            self.pve(instance).guests.insert(vmid, truth);
        }
        self
    }

    /// `"local@a"`, or `"nfs@a+b"` for a storage that both see.
    pub fn storages(mut self, instance: &str, storages: &[&str]) -> Self {
        for spec in storages {
            let (name, places) = spec.split_once('@').unwrap();
            let nodes: Vec<String> = places.split('+').map(str::to_owned).collect();
            let shared = nodes.len() > 1;
            self.pve(instance).storages.push(StorageTruth {
                name: name.to_owned(),
                node: if shared {
                    String::new()
                } else {
                    nodes[0].clone()
                },
                nodes: if shared { nodes } else { Vec::new() },
            });
        }
        self
    }

    /// A host agent that reports each 10 s.
    pub fn agent(mut self, id: &str, hostname: &str) -> Self {
        let agent = Agent {
            hostname: hostname.to_owned(),
            addresses: Vec::new(),
            interval: 10,
            silent: false,
            demo: false,
            sensors: Sensors::default(),
            memory: Memory::default(),
        };
        self.agents.insert(id.to_owned(), agent);
        self
    }

    pub fn pve(&mut self, name: &str) -> &mut Pve {
        self.instances.get_mut(name).unwrap()
    }

    /// The only instance.
    pub fn only(&mut self) -> &mut Pve {
        assert_eq!(self.instances.len(), 1);
        self.instances.values_mut().next().unwrap()
    }

    pub fn node(&mut self, name: &str) -> &mut NodeTruth {
        self.only().nodes.get_mut(name).unwrap()
    }

    pub fn guest(&mut self, vmid: u32) -> &mut GuestTruth {
        self.only().guests.get_mut(&vmid).unwrap()
    }

    /// A node loses power: PVE calls it offline and lists its guests without numbers.
    pub fn power_off(&mut self, node: &str) {
        self.node(node).up = false;
        for guest in self.only().guests.values_mut() {
            guest.lost |= guest.node == node;
        }
    }

    pub fn power_on(&mut self, node: &str) {
        self.node(node).up = true;
        for guest in self.only().guests.values_mut() {
            guest.lost &= guest.node != node;
        }
    }

    pub fn polls_fail(&mut self) {
        self.only().failure = Some("no route to host".to_owned());
    }

    pub fn polls_work(&mut self) {
        self.only().failure = None;
    }

    /// Polls an instance and lets it be merged.
    pub fn poll(&mut self, name: &str) {
        let report = self.instances[name].report(self.now);
        self.applied = self.inventory.apply(report);
    }

    pub fn report(&mut self, id: &str) {
        let report = self.agents[id].report(id, self.now);
        self.applied = self.inventory.apply(report);
    }

    /// Answers of the slow lane.
    pub fn facts(&mut self, instance: &str, facts: Vec<PveFact>) {
        let report = SourceReport {
            at: self.now,
            demo: false,
            body: ReportBody::PveFacts {
                instance: instance.to_owned(),
                facts,
            },
        };
        self.inventory.apply(report);
    }

    /// Time passes; the fleet is watched.
    pub fn run(&mut self, seconds: i64) {
        assert_eq!(seconds % 5, 0);
        for _ in 0..seconds / 5 {
            self.now = self.now.plus_millis(5_000);
            self.elapsed += 5;
            if self.elapsed % 10 == 0 {
                let names: Vec<_> = self.instances.keys().cloned().collect();
                for name in &names {
                    self.poll(name);
                }
                let ids: Vec<_> = self
                    .agents
                    .iter()
                    .filter(|(_, agent)| !agent.silent)
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in &ids {
                    self.report(id);
                }
            }
            self.inventory.tick(self.now);
        }
    }

    pub fn snapshot(&mut self) -> std::sync::Arc<Snapshot> {
        self.inventory.snapshot()
    }

    /// `a online, b offline stale`.
    pub fn nodes(&mut self) -> String {
        let snapshot = self.snapshot();
        list(snapshot.nodes.iter().map(|node| {
            let state = if node.online { "online" } else { "offline" };
            format!("{} {state}{}", node.name, stale(node.liveness))
        }))
    }

    /// `101@a running, 102@b unknown stale`; by vmid.
    pub fn guest_list(&mut self) -> String {
        let snapshot = self.snapshot();
        let mut guests: Vec<_> = snapshot.guests().cloned().collect();
        guests.sort_by_key(|g| g.vmid);
        list(guests.iter().map(|g| {
            let status = g.status.as_str();
            format!("{}@{} {status}{}", g.vmid, g.node, stale(g.liveness))
        }))
    }

    /// `local@a available, nfs@cluster inactive stale`.
    pub fn storage_list(&mut self) -> String {
        let snapshot = self.snapshot();
        list(snapshot.storages.iter().map(|s| {
            let status = s.status.as_str();
            format!("{}@{} {status}{}", s.name, s.node, stale(s.liveness))
        }))
    }

    /// `h1 online, h2 offline stale`; by id.
    pub fn host_list(&mut self) -> String {
        let snapshot = self.snapshot();
        let mut hosts: Vec<_> = snapshot.hosts.iter().cloned().collect();
        hosts.sort_by(|a, b| a.id.cmp(&b.id));
        list(hosts.iter().map(|h| {
            let state = if h.online { "online" } else { "offline" };
            format!("{} {state}{}", h.id, stale(h.liveness))
        }))
    }

    /// `h1-node, h2-` : what each host is linked to; by id.
    pub fn links(&mut self) -> String {
        let snapshot = self.snapshot();
        let mut hosts: Vec<_> = snapshot.hosts.iter().cloned().collect();
        hosts.sort_by(|a, b| a.id.cmp(&b.id));
        let links = hosts.iter().map(|h| {
            let to = h.linked_node.as_deref().or(h.linked_guest.as_deref());
            format!("{}→{}", h.id, to.unwrap_or("nothing"))
        });
        let links = list(links);
        // Both sides always agree.
        for node in snapshot.nodes.iter() {
            let back = hosts
                .iter()
                .find(|h| h.linked_node.as_deref() == Some(&node.id));
            assert_eq!(node.linked_host.as_ref(), back.map(|h| &h.id), "{links}");
        }
        links
    }

    pub fn find_guest(&mut self, vmid: u32) -> std::sync::Arc<Guest> {
        let snapshot = self.snapshot();
        let guest = snapshot.guests().find(|g| g.vmid == vmid).cloned();
        guest.unwrap()
    }

    pub fn find_node(&mut self, name: &str) -> std::sync::Arc<Node> {
        let snapshot = self.snapshot();
        let node = snapshot.nodes.iter().find(|n| n.name == name).cloned();
        node.unwrap()
    }

    pub fn health(&mut self, instance: &str) -> InstanceHealth {
        let snapshot = self.snapshot();
        let state = snapshot.instances.iter().find(|i| i.name == instance);
        state.unwrap().health
    }

    pub fn error(&mut self, instance: &str) -> String {
        let snapshot = self.snapshot();
        let state = snapshot.instances.iter().find(|i| i.name == instance);
        state.unwrap().error.clone().unwrap_or_default()
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn stale(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Fresh => "",
        Liveness::Stale => " stale",
    }
}

impl Pve {
    pub fn report(&self, at: Timestamp) -> SourceReport {
        let body = match &self.failure {
            Some(message) => ReportBody::PollFailed {
                instance: self.name.clone(),
                kind: InstanceKind::Pve,
                failure: PollFailure {
                    message: message.clone(),
                    auth: false,
                    transient: true,
                },
            },
            None => ReportBody::Pve(Box::new(self.answer(at))),
        };
        SourceReport {
            at,
            demo: self.demo,
            body,
        }
    }

    fn answer(&self, at: Timestamp) -> PveReport {
        let nodes: Vec<Node> = if self.empty_node_list {
            Vec::new()
        } else {
            let nodes = self.nodes.iter();
            nodes
                .map(|(name, truth)| self.node(name, truth, at))
                .collect()
        };
        let down: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, truth)| !truth.up)
            .map(|(name, _)| name.clone())
            .collect();
        let storages = self.storages.iter().filter_map(|truth| {
            let answered = if truth.node.is_empty() {
                truth.nodes.iter().any(|node| !down.contains(node))
            } else {
                !down.contains(&truth.node)
            };
            answered.then(|| self.storage(truth, &down, at))
        });
        PveReport {
            instance: self.name.clone(),
            interval_seconds: 10,
            health: self.health,
            nodes,
            guests: (!self.no_guests).then(|| {
                let guests = self.guests.iter();
                guests
                    .map(|(vmid, truth)| self.guest(*vmid, truth, at))
                    .collect()
            }),
            storages: (!self.no_storages).then(|| storages.collect()),
            storages_missing_nodes: down.clone(),
            notes: Vec::new(),
        }
    }

    pub fn node(&self, name: &str, truth: &NodeTruth, at: Timestamp) -> Node {
        let up = truth.up;
        let answers = up && !truth.silent;
        Node {
            id: format!("{}-{name}", self.cluster.as_ref().unwrap_or(&self.name)),
            name: name.to_owned(),
            display_name: name.to_owned(),
            instance: self.name.clone(),
            cluster: self.cluster.clone(),
            host: format!("https://{}:8006", truth.address),
            guest_url: String::new(),
            online: up,
            raw_status: if up { "online" } else { "offline" }.to_owned(),
            health: self.health,
            cpu: Ratio::new(if up { 0.25 } else { 0.0 }),
            memory: Memory {
                total: Bytes(if up { 64 * GIB } else { 0 }),
                used: Bytes(if answers {
                    20 * GIB
                } else if up {
                    50 * GIB
                } else {
                    0
                }),
                source: if answers {
                    MemorySource::AvailableField
                } else {
                    MemorySource::NodesEndpoint
                },
                at,
                ..Memory::default()
            },
            disk: if up {
                Capacity::known(Bytes(100 * GIB), Bytes(25 * GIB))
            } else {
                Capacity::default()
            },
            uptime: if up { 86_400 } else { 0 },
            load: answers.then_some([0.5, 0.4, 0.3]),
            kernel_version: if answers { "6.8.12-9-pve" } else { "" }.to_owned(),
            pve_version: if answers { "pve-manager/8.4.1" } else { "" }.to_owned(),
            cpu_info: CpuInfo::default(),
            upkeep: std::sync::Arc::default(),
            linked_host: None,
            seen: at,
            liveness: Liveness::Fresh,
        }
    }

    pub fn guest(&self, vmid: u32, truth: &GuestTruth, at: Timestamp) -> Guest {
        let alive = truth.running && !truth.lost;
        Guest {
            id: format!("{}:{}:{vmid}", self.name, truth.node),
            instance: self.name.clone(),
            node: truth.node.clone(),
            vmid,
            kind: if truth.vm {
                GuestKind::Qemu
            } else {
                GuestKind::Lxc
            },
            name: if truth.lost {
                String::new()
            } else {
                truth.name.clone()
            },
            status: if truth.lost {
                GuestStatus::Unknown
            } else if truth.running {
                GuestStatus::Running
            } else {
                GuestStatus::Stopped
            },
            cpu: Ratio::new(if alive { 0.1 } else { 0.0 }),
            cpus: if truth.lost { 0 } else { 2 },
            memory: Memory {
                total: Bytes(if truth.lost { 0 } else { 8 * GIB }),
                used: Bytes(if alive { 3 * GIB } else { 0 }),
                source: MemorySource::StatusMem,
                at,
                ..Memory::default()
            },
            disk: if truth.lost {
                Capacity::default()
            } else {
                Capacity::known(Bytes(32 * GIB), Bytes(8 * GIB))
            },
            filesystems: Vec::new(),
            rates: Rates::zero(),
            uptime: if alive { 3_600 } else { 0 },
            template: false,
            tags: if truth.lost {
                Vec::new()
            } else {
                vec!["web".to_owned()]
            },
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
            seen: at,
            liveness: Liveness::Fresh,
        }
    }

    fn storage(&self, truth: &StorageTruth, down: &[String], at: Timestamp) -> Storage {
        let owner = self.cluster.as_ref().unwrap_or(&self.name);
        let shared = truth.node.is_empty();
        let place = if shared { "cluster" } else { &truth.node };
        Storage {
            id: if shared {
                format!("{owner}-cluster-{}", truth.name)
            } else {
                format!("{}-{}-{}", self.name, truth.node, truth.name)
            },
            name: truth.name.clone(),
            node: place.to_owned(),
            instance: owner.clone(),
            source: self.name.clone(),
            nodes: truth
                .nodes
                .iter()
                .filter(|node| !down.contains(node))
                .cloned()
                .collect(),
            kind: if shared { "nfs" } else { "dir" }.to_owned(),
            status: StorageStatus::Available,
            total: Bytes(1000 * GIB),
            used: Bytes(300 * GIB),
            free: Bytes(700 * GIB),
            content: "images".to_owned(),
            shared,
            enabled: true,
            active: true,
            zfs_pool: None,
            thin_pool: None,
            backend: String::new(),
            seen: at,
            liveness: Liveness::Fresh,
        }
    }
}

impl Agent {
    pub fn report(&self, id: &str, at: Timestamp) -> SourceReport {
        SourceReport {
            at,
            demo: self.demo,
            body: ReportBody::Host(Box::new(self.host(id, at))),
        }
    }

    pub fn host(&self, id: &str, at: Timestamp) -> Host {
        let interfaces = self.addresses.iter().map(|address| {
            let mut interface = pulse_core::HostInterface::default();
            "eth0".clone_into(&mut interface.addresses.name);
            interface.addresses.addresses = vec![format!("{address}/24")];
            interface
        });
        Host {
            id: id.to_owned(),
            hostname: self.hostname.clone(),
            display_name: String::new(),
            details: HostDetails::default(),
            cpu_count: 4,
            cpu: Percent(10.0),
            load: None,
            memory: self.memory,
            filesystems: Vec::new(),
            disk_io: Vec::new(),
            interfaces: interfaces.collect(),
            sensors: self.sensors.clone(),
            raid: Vec::new(),
            rates: Rates::zero(),
            uptime: 1000,
            interval_seconds: self.interval,
            online: true,
            linked_node: None,
            linked_guest: None,
            token_last_used: None,
            seen: at,
            liveness: Liveness::Fresh,
            demo: self.demo,
        }
    }
}
