//! One poll cycle of one instance.
//!
//! The lists of a cycle: `/cluster/resources`, the status of every online node, the VM list of
//! every online node that has running VMs, and each node's storages once a minute. Parts that
//! fail are noted; only the first call failing fails the poll. The parts are asked side by side,
//! and a node whose storages hang is waited for in later cycles: one sick node neither fails the
//! poll nor slows the others down.

mod beside;
mod notes;
mod storages;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use pulse_core::rates::RateTracker;
use pulse_core::{Guest, InstanceHealth, Node, PollFailure, PveReport, Timestamp};
use pulse_proxmox::types::{
    GuestStatus, NodeStatus, NodeStorage, Resource, ResourceKind, StorageDefinition,
};
use pulse_proxmox::{ClusterClient, Error, PveApi as _, ResourceFilter};
use tokio::task::JoinSet;

use self::notes::Notes;
use super::budget::Budget;
use super::details::{Details, Wanted};
use super::facts::{Facts, MemoryHistory};
use super::gaps::{Gaps, Need};
use super::node::NodeRow;
use super::source::PveSource;
use super::{guest, node, storage};

const AT_ONCE: usize = 8;
/// A node's status and VM list come from memory; one that takes longer is sick.
const PART_WITHIN: Duration = Duration::from_secs(10);
/// Requests per 10 s beside the lists, before it is known what the lists cost.
const DETAIL_BUDGET: f64 = 66.0;

const NODE_STATUS: Need = Need {
    capability: "node status",
    privilege: "Sys.Audit",
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
