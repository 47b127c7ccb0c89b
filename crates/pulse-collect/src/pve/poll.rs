//! One poll cycle of one instance.
//!
//! The lists of a cycle: `/cluster/resources`, the status of every online node, the VM list of
//! every online node that has running VMs, and each node's storages once a minute. Parts that
//! fail are noted; only the first call failing fails the poll. The parts are asked side by side,
//! and a node whose storages hang is waited for in later cycles: one sick node neither fails the
//! poll nor slows the others down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use pulse_core::rates::RateTracker;
use pulse_core::{
    Bytes, Capacity, Guest, InstanceHealth, Node, PollFailure, PveReport, Storage, Timestamp,
};
use pulse_proxmox::types::{
    GuestStatus, NodeStatus, NodeStorage, Resource, ResourceKind, StorageDefinition,
};
use pulse_proxmox::{ClusterClient, Error, PveApi as _, ResourceFilter};
use tokio::task::JoinSet;

use super::budget::Budget;
use super::details::{Details, Wanted};
use super::facts::{
    Facts, MemoryHistory, World, WorldGuest, WorldNode, WorldStorage, memory_history,
};
use super::gaps::{Gaps, Need};
use super::node::NodeRow;
use super::source::PveSource;
use super::{guest, node, storage};

const AT_ONCE: usize = 8;
/// A node's status and VM list come from memory; one that takes longer is sick.
const PART_WITHIN: Duration = Duration::from_secs(10);
/// How long a poll waits for storages; slower ones are taken up by a later poll.
const STORAGES_WITHIN: Duration = Duration::from_secs(5);
/// Storages that are being asked for are shown as they were for so long.
const STORAGE_KEPT_MS: i64 = 180_000;
const STORAGE_EVERY_MS: i64 = 60_000;
const DEFINITIONS_EVERY_MS: i64 = 300_000;
/// Requests per 10 s beside the lists, before it is known what the lists cost.
const DETAIL_BUDGET: f64 = 66.0;
/// Between two looks at the memory history of a node.
const HISTORY_EVERY_MS: i64 = 30_000;
/// Its points are a minute apart, and asked for once a minute.
const HISTORY_KEPT_MS: i64 = 300_000;
/// A node's memory history comes from a file of the server that was asked.
const HISTORY_WITHIN: Duration = Duration::from_secs(2);

const NODE_STATUS: Need = Need {
    capability: "node status",
    privilege: "Sys.Audit",
};
const STORAGES: Need = Need {
    capability: "storages",
    privilege: "Datastore.Audit",
};

/// Polls one instance; keeps what has to be remembered between cycles.
pub struct Poller {
    source: PveSource,
    budget: Budget,
    gaps: Gaps,
    details: Details,
    facts: Facts,
    /// Memory history of nodes whose status does not tell, and when it was read.
    histories: HashMap<String, (Timestamp, Option<MemoryHistory>)>,
    rates: RateTracker<(u32, String)>,
    /// Whether a VM's agent is enabled, as its status said last.
    agents: HashMap<u32, bool>,
    definitions: Vec<StorageDefinition>,
    definitions_at: Option<Timestamp>,
    storages: BTreeMap<String, (Timestamp, Vec<NodeStorage>)>,
    storage_due: HashMap<String, Timestamp>,
    /// Nodes whose storages are being asked for.
    storages_asked: BTreeSet<String>,
    storage_answers: JoinSet<(String, Result<Vec<NodeStorage>, Error>)>,
}

/// What each of several nodes answered.
type PerNode<T> = Vec<(String, Result<T, Error>)>;

/// A VM as its node lists it, and when the list was read.
type Listed = HashMap<(u32, String), (GuestStatus, Timestamp)>;

/// What went wrong in parts of a poll; nodes with the same trouble share a line.
#[derive(Default)]
struct Notes {
    general: Vec<String>,
    of_nodes: BTreeMap<String, Vec<String>>,
}

impl Notes {
    fn add(&mut self, note: String) {
        self.general.push(note);
    }

    fn node(&mut self, node: &str, trouble: &str) {
        // Proxmox names the node in its refusals; without it they are the same trouble.
        let trouble = trouble.replace(&format!("/nodes/{node}"), "/nodes/{node}");
        self.of_nodes
            .entry(trouble)
            .or_default()
            .push(node.to_owned());
    }

    fn lines(self) -> Vec<String> {
        let of_nodes = self.of_nodes.into_iter().map(|(trouble, mut nodes)| {
            nodes.sort();
            format!("{}: {trouble}", nodes.join(", "))
        });
        self.general.into_iter().chain(of_nodes).collect()
    }
}

impl Poller {
    pub fn new(source: PveSource) -> Self {
        let (budget, gaps) = (Budget::new(DETAIL_BUDGET), Gaps::default());
        let details = Details::new(budget.clone(), gaps.clone());
        let facts = Facts::new(source.clone(), budget.clone(), gaps.clone());
        Self {
            source,
            budget,
            gaps,
            details,
            facts,
            histories: HashMap::new(),
            rates: RateTracker::default(),
            agents: HashMap::new(),
            definitions: Vec::new(),
            definitions_at: None,
            storages: BTreeMap::new(),
            storage_due: HashMap::new(),
            storages_asked: BTreeSet::new(),
            storage_answers: JoinSet::new(),
        }
    }

    pub fn source(&self) -> &PveSource {
        &self.source
    }

    pub fn details(&self) -> &Details {
        &self.details
    }

    /// What is asked more seldom than the lists.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Asks, and gives the report. `clock` is read when answers are complete.
    pub async fn poll(
        &mut self,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Result<PveReport, PollFailure> {
        let report = self.try_poll(clock).await;
        if report.is_err() {
            self.details.hold();
        }
        report
    }

    async fn try_poll(
        &mut self,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Result<PveReport, PollFailure> {
        let resources = self
            .source
            .client
            .cluster_resources(ResourceFilter::All)
            .await
            .map_err(|error| failure(&error))?;
        let read_at = clock();
        let mut notes = Notes::default();
        if !resources.skipped.is_empty() {
            notes.add(format!(
                "{} entries of the resource list could not be read",
                resources.skipped.len()
            ));
        }
        let resources = resources.items;
        let mut rows: Vec<NodeRow> = resources.iter().filter_map(node_row).collect();
        if rows.is_empty() {
            rows = self.nodes_from_list().await?;
        }
        let asked = if self.source.storage {
            self.ask_storages(&rows, read_at)
        } else {
            BTreeSet::new()
        };
        let (statuses, lists) = tokio::join!(
            self.node_statuses(&rows),
            self.vm_lists(&rows, &resources, clock)
        );
        self.note_rights(&statuses, NODE_STATUS, read_at);
        let interval = f64::from(self.source.interval_seconds.max(1));
        let each_cycle = 1 + statuses.len() + lists.len();
        // Storages are asked once a minute.
        let lists_cost = each_cycle as f64 * 10.0 / interval + statuses.len() as f64 / 6.0;
        self.budget.lists_cost(lists_cost);
        let statuses = noted(statuses, "no status", &mut notes);
        self.read_histories(&statuses, clock).await;
        let lists = listed(lists, &mut notes);
        let missing = if self.source.storage {
            self.storage_lists(asked, &rows, clock, &mut notes).await
        } else {
            Vec::new()
        };

        let health = self.health();
        let mut nodes: Vec<Node> = rows
            .iter()
            .map(|row| {
                let inputs = node::Inputs {
                    source: &self.source,
                    row,
                    status: statuses.get(row.name.as_str()),
                    history: self.history(&row.name, read_at),
                    health,
                    at: read_at,
                };
                node::build(&inputs)
            })
            .collect();
        let guests = self.guests(&resources, &lists, read_at);
        let storages = self
            .source
            .storage
            .then(|| storage::merge(&self.source, &self.storages, &self.definitions));
        self.root_disks(&mut nodes);
        let world = self.world(&nodes, &guests, storages.as_deref());
        self.facts.observe(world, read_at);
        Ok(PveReport {
            instance: self.source.name.clone(),
            interval_seconds: self.source.interval_seconds,
            health,
            nodes,
            guests: Some(guests),
            storages,
            storages_missing_nodes: missing,
            notes: notes.lines(),
        })
    }

    /// Whether the credentials may ask this of each node.
    fn note_rights<T>(&self, answers: &PerNode<T>, need: Need, now: Timestamp) {
        for (node, answer) in answers {
            self.note_right(node, answer, need, now);
        }
    }

    fn note_right<T>(&self, node: &str, answer: &Result<T, Error>, need: Need, now: Timestamp) {
        match answer {
            Ok(_) => self.gaps.granted(node, need),
            Err(error) if error.is_permission() => {
                let status = error.status().unwrap_or(403);
                self.gaps.refused(node, need, status, now);
            }
            Err(_) => {}
        }
    }

    /// Memory histories of the nodes whose status says nothing of use.
    async fn read_histories(
        &mut self,
        statuses: &HashMap<String, NodeStatus>,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) {
        let now = clock();
        let wanted: Vec<String> = statuses
            .iter()
            .filter(|(_, status)| status.memory.as_ref().is_some_and(node::needs_history))
            .map(|(node, _)| node.clone())
            .collect();
        self.histories.retain(|node, _| wanted.contains(node));
        let due = wanted.into_iter().filter(|node| {
            self.histories
                .get(node)
                .is_none_or(|(at, _)| now.since(*at) >= HISTORY_EVERY_MS)
        });
        let answers = self
            .of_each(due.collect::<Vec<_>>().into_iter(), |client, node| async move {
                Ok(within(HISTORY_WITHIN, client.node_rrd(&node)).await)
            })
            .await;
        for (node, answer) in answers {
            let points = answer.ok().and_then(Result::ok);
            let history = points.and_then(|points| memory_history(&points.items, clock()));
            self.histories.insert(node, (now, history));
        }
    }

    /// Memory of a node as its history has it, while that says something about now.
    fn history(&self, node: &str, now: Timestamp) -> Option<MemoryHistory> {
        let own = self.histories.get(node).and_then(|(_, history)| *history);
        own.or_else(|| self.facts.node_memory(node))
            .filter(|history| now.since(history.at) <= HISTORY_KEPT_MS)
    }

    /// A node that tells nothing of its root filesystem shows the storage that usually lies on it.
    fn root_disks(&self, nodes: &mut [Node]) {
        for node in nodes.iter_mut().filter(|node| node.disk.total.get() == 0) {
            let rows = self.storages.get(&node.name).map(|(_, rows)| rows);
            let of = |name: &str| {
                rows?
                    .iter()
                    .find(|row| row.storage == name && row.total.is_some_and(|total| total > 0))
            };
            if let Some(row) = of("local").or_else(|| of("local-lvm")) {
                node.disk = Capacity {
                    available: row.avail.map(Bytes),
                    ..Capacity::known(Bytes(row.total.unwrap_or(0)), Bytes(row.used.unwrap_or(0)))
                };
            }
        }
    }

    /// What there is to ask about beside the lists.
    fn world(&self, nodes: &[Node], guests: &[Guest], storages: Option<&[Storage]>) -> World {
        let of_storage = |storage: &Storage| {
            let local = (!storage.shared).then(|| storage.node.clone());
            let elsewhere =
                storage.kind == "pbs" && self.source.extent.skip_backend.skips(&storage.backend);
            WorldStorage {
                name: storage.name.clone(),
                kind: storage.kind.clone(),
                nodes: match &local {
                    Some(node) => vec![node.clone()],
                    None => storage.nodes.clone(),
                },
                node: local,
                backups: storage.enabled
                    && !elsewhere
                    && storage.content.split(',').any(|kind| kind == "backup"),
                backend: storage.backend.clone(),
            }
        };
        World {
            nodes: nodes
                .iter()
                .map(|node| WorldNode {
                    name: node.name.clone(),
                    online: node.online,
                    kernel: node.kernel_version.clone(),
                })
                .collect(),
            guests: guests
                .iter()
                .map(|guest| (guest.vmid, WorldGuest::from(guest)))
                .collect(),
            storages_known: storages.is_some(),
            storages: storages
                .unwrap_or_default()
                .iter()
                .map(of_storage)
                .collect(),
        }
    }

    /// Some versions and permissions hide nodes from the resource list.
    async fn nodes_from_list(&self) -> Result<Vec<NodeRow>, PollFailure> {
        let list = self
            .source
            .client
            .nodes()
            .await
            .map_err(|error| failure(&error))?;
        Ok(list
            .items
            .into_iter()
            .map(|entry| NodeRow {
                name: entry.node,
                status: entry.status.unwrap_or_default(),
                cpu: entry.cpu.unwrap_or(0.0),
                maxcpu: entry.maxcpu.unwrap_or(0),
                mem: entry.mem.unwrap_or(0),
                maxmem: entry.maxmem.unwrap_or(0),
                disk: entry.disk.unwrap_or(0),
                maxdisk: entry.maxdisk.unwrap_or(0),
                uptime: entry.uptime.unwrap_or(0),
            })
            .collect())
    }

    fn health(&self) -> InstanceHealth {
        let endpoints = self.source.client.health();
        if endpoints.iter().all(|e| e.healthy) {
            InstanceHealth::Healthy
        } else {
            InstanceHealth::Degraded
        }
    }

    async fn node_statuses(&self, rows: &[NodeRow]) -> PerNode<NodeStatus> {
        let online = rows.iter().filter(|row| row.is_online());
        self.of_each(
            online.map(|row| row.name.clone()),
            |client, node| async move { client.node_status(&node).await },
        )
        .await
    }

    /// Asks the same of several nodes, a few at once.
    async fn of_each<T, F>(
        &self,
        nodes: impl Iterator<Item = String>,
        ask: impl Fn(ClusterClient, String) -> F,
    ) -> PerNode<T>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let calls: Vec<_> = nodes
            .map(|node| {
                let call = ask(self.source.client.clone(), node.clone());
                async move { (node, call.await) }
            })
            .collect();
        stream::iter(calls)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    }

    /// VM lists of the nodes that run VMs: memory and counters of all VMs of a node in one call.
    async fn vm_lists(
        &self,
        rows: &[NodeRow],
        resources: &[Resource],
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> PerNode<(Vec<GuestStatus>, Timestamp)> {
        if !self.source.vms {
            return Vec::new();
        }
        let runs_vms = |node: &str| {
            resources.iter().any(|r| {
                r.kind == ResourceKind::Qemu
                    && r.node.as_deref() == Some(node)
                    && matches!(r.status.as_deref(), Some("running" | "paused"))
            })
        };
        let with_vms = rows
            .iter()
            .filter(|row| row.is_online() && runs_vms(&row.name))
            .map(|row| row.name.clone());
        // Counters are as old as their own list, not as the poll: read some time between the
        // question and the answer.
        self.of_each(with_vms, |client, node| async move {
            let asked = clock();
            let list = client.node_vms(&node, true).await?;
            Ok((list.items, asked.plus_millis(clock().since(asked) / 2)))
        })
        .await
    }

    /// Asks for the storages that are due and not being asked for already.
    fn ask_storages(&mut self, rows: &[NodeRow], now: Timestamp) -> BTreeSet<String> {
        let due = rows.iter().filter(|row| {
            let at = self.storage_due.get(&row.name);
            row.is_online()
                && !self.storages_asked.contains(&row.name)
                && at.is_none_or(|at| *at <= now)
        });
        let due: BTreeSet<String> = due.map(|row| row.name.clone()).collect();
        for node in due.clone() {
            self.storages_asked.insert(node.clone());
            let client = self.source.client.clone();
            self.storage_answers.spawn(async move {
                let answer = client.node_storage(&node).await;
                (node, answer.map(|list| list.items))
            });
        }
        due
    }

    /// Waits a moment for what this poll asked, takes up what was answered, and gives the nodes
    /// whose storages are not known now.
    async fn storage_lists(
        &mut self,
        mut asked: BTreeSet<String>,
        rows: &[NodeRow],
        clock: &(impl Fn() -> Timestamp + Sync),
        notes: &mut Notes,
    ) -> Vec<String> {
        let now = clock();
        if self
            .definitions_at
            .is_none_or(|at| now.since(at) >= DEFINITIONS_EVERY_MS)
        {
            match within(PART_WITHIN, self.source.client.storage_definitions()).await {
                Ok(list) => {
                    self.definitions = list.items;
                    self.definitions_at = Some(now);
                }
                Err(trouble) => notes.add(format!("no storage definitions: {trouble}")),
            }
        }
        let until = tokio::time::Instant::now() + STORAGES_WITHIN;
        let mut place = 0;
        loop {
            let answer = if asked.is_empty() {
                self.storage_answers.try_join_next()
            } else {
                tokio::time::timeout_at(until, self.storage_answers.join_next())
                    .await
                    .ok()
                    .flatten()
            };
            let Some(answer) = answer else { break };
            // A task that was ended has no answer; its node is asked again.
            let Ok((node, answer)) = answer else {
                self.storages_asked.clear();
                continue;
            };
            self.storages_asked.remove(&node);
            asked.remove(&node);
            let at = clock();
            // Nodes are asked at different cycles, so that the load is even.
            let spread = if self.storage_due.contains_key(&node) {
                0
            } else {
                place % 6 * STORAGE_EVERY_MS / 6
            };
            place += 1;
            self.note_right(&node, &answer, STORAGES, at);
            match answer {
                Ok(list) => {
                    self.storage_due.insert(
                        node.clone(),
                        at.plus_millis(STORAGE_EVERY_MS - spread - 500),
                    );
                    self.storages.insert(node, (at, list));
                }
                Err(error) => {
                    notes.node(&node, &format!("no storages: {}", error.kind));
                    self.storages.remove(&node);
                }
            }
        }
        for node in &self.storages_asked {
            notes.node(node, "the storages are slow to answer");
        }
        let now = clock();
        self.storages.retain(|node, (at, _)| {
            now.since(*at) < STORAGE_KEPT_MS
                && rows.iter().any(|r| &r.name == node && r.is_online())
        });
        self.storage_due
            .retain(|node, _| rows.iter().any(|r| &r.name == node));
        rows.iter()
            .map(|row| row.name.clone())
            .filter(|node| !self.storages.contains_key(node))
            .collect()
    }

    fn guests(&mut self, resources: &[Resource], lists: &Listed, at: Timestamp) -> Vec<Guest> {
        // A guest on the move may still be listed by the node that it left.
        let listed = |row: &Resource| {
            let node = row.node.clone().unwrap_or_default();
            lists.get(&(row.vmid, node)).map(|(vm, at)| (vm, *at))
        };
        let wanted_kind = |kind: &ResourceKind| match kind {
            ResourceKind::Qemu => self.source.vms,
            ResourceKind::Lxc => self.source.containers,
            _ => false,
        };
        let rows: Vec<&Resource> = resources
            .iter()
            .filter(|r| wanted_kind(&r.kind) && !r.template)
            .collect();
        let mut wanted = Vec::new();
        for row in &rows {
            let running = row.status.as_deref() == Some("running");
            let vm = row.kind == ResourceKind::Qemu;
            // A stopped VM has nobody to ask; a container has its configuration.
            if !running && (vm || row.status.as_deref() != Some("stopped")) {
                continue;
            }
            let status = listed(row).map(|(vm, _)| vm);
            if vm && let Some(flag) = status.and_then(|s| s.agent) {
                self.agents.insert(row.vmid, flag.0);
            }
            wanted.push(Wanted {
                vmid: row.vmid,
                vm,
                node: row.node.clone().unwrap_or_default(),
                uptime: row.uptime.unwrap_or(0),
                running,
                // The VM list does not always carry the flag: an agent that is off answers so.
                agent_disabled: vm && self.agents.get(&row.vmid) == Some(&false),
                // Nothing can be asked of a VM whose node does not answer.
                held: vm && status.is_none(),
            });
        }
        self.agents
            .retain(|vmid, _| rows.iter().any(|r| r.vmid == *vmid));
        self.details.want(&wanted, at);
        let guests = rows
            .into_iter()
            .filter_map(|row| {
                let facts = self.details.facts(row.vmid);
                let listed = listed(row);
                let inputs = guest::Inputs {
                    source: &self.source,
                    row,
                    status: listed.map(|(vm, _)| vm),
                    status_at: listed.map_or(at, |(_, at)| at),
                    facts: facts.as_ref(),
                    at,
                };
                guest::build(&inputs, &mut self.rates)
            })
            .collect();
        self.rates.end_round();
        guests
    }
}

/// An answer in time, or what to say about it.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.kind.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}

/// The answers that came, by node; the others are noted.
fn noted<T>(answers: PerNode<T>, what: &str, notes: &mut Notes) -> HashMap<String, T> {
    let mut found = HashMap::new();
    for (node, answer) in answers {
        match answer {
            Ok(answer) => {
                found.insert(node, answer);
            }
            Err(error) => notes.node(&node, &format!("{what}: {}", error.kind)),
        }
    }
    found
}

fn listed(answers: PerNode<(Vec<GuestStatus>, Timestamp)>, notes: &mut Notes) -> Listed {
    noted(answers, "no VM list", notes)
        .into_iter()
        .flat_map(|(node, (list, at))| {
            list.into_iter()
                .map(move |vm| ((vm.vmid, node.clone()), (vm, at)))
        })
        .collect()
}

fn node_row(resource: &Resource) -> Option<NodeRow> {
    if resource.kind != ResourceKind::Node {
        return None;
    }
    Some(NodeRow {
        name: resource.node.clone()?,
        status: resource.status.clone().unwrap_or_default(),
        cpu: resource.cpu.unwrap_or(0.0),
        maxcpu: resource.maxcpu.map_or(0, |cpus| cpus as u32),
        mem: resource.mem.unwrap_or(0),
        maxmem: resource.maxmem.unwrap_or(0),
        disk: resource.disk.unwrap_or(0),
        maxdisk: resource.maxdisk.unwrap_or(0),
        uptime: resource.uptime.unwrap_or(0),
    })
}

pub(crate) fn failure(error: &Error) -> PollFailure {
    PollFailure {
        message: error.to_string(),
        auth: error.is_auth(),
        transient: error.heals_itself(),
    }
}
