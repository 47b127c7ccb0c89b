//! One poll cycle of one instance.
//!
//! The lists of a cycle: `/cluster/resources`, the status of every online node, the VM list of
//! every online node that has running VMs, and each node's storages once a minute. Parts that
//! fail are noted; only the first call failing fails the poll.

use std::collections::{BTreeMap, HashMap};

use futures_util::StreamExt as _;
use futures_util::stream;
use pulse_core::rates::RateTracker;
use pulse_core::{InstanceHealth, PollFailure, PveReport, Timestamp};
use pulse_proxmox::types::{
    GuestStatus, NodeStatus, NodeStorage, Resource, ResourceKind, StorageDefinition,
};
use pulse_proxmox::{ClusterClient, Error, PveApi as _, ResourceFilter};

use super::details::{Details, Wanted};
use super::node::NodeRow;
use super::source::PveSource;
use super::{guest, node, storage};

const AT_ONCE: usize = 8;
const STORAGE_EVERY_MS: i64 = 60_000;
const DEFINITIONS_EVERY_MS: i64 = 300_000;
/// Requests per 10 s that guest details may cost.
pub(crate) const DETAIL_BUDGET: f64 = 66.0;

/// Polls one instance; keeps what has to be remembered between cycles.
pub struct Poller {
    source: PveSource,
    details: Details,
    rates: RateTracker<(u32, String)>,
    /// Whether a VM's agent is enabled, as its status said last.
    agents: HashMap<u32, bool>,
    definitions: Vec<StorageDefinition>,
    definitions_at: Option<Timestamp>,
    storages: BTreeMap<String, (Timestamp, Vec<NodeStorage>)>,
    storage_due: HashMap<String, Timestamp>,
}

impl Poller {
    pub fn new(source: PveSource) -> Self {
        let scale = f64::from(source.interval_seconds.max(1)) / 10.0;
        let details = Details::new(DETAIL_BUDGET * scale, source.interval_seconds);
        Self {
            source,
            details,
            rates: RateTracker::default(),
            agents: HashMap::new(),
            definitions: Vec::new(),
            definitions_at: None,
            storages: BTreeMap::new(),
            storage_due: HashMap::new(),
        }
    }

    pub fn source(&self) -> &PveSource {
        &self.source
    }

    pub fn details(&self) -> &Details {
        &self.details
    }

    /// Asks, and gives the report. `clock` is read when answers are complete.
    pub async fn poll(
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
        let mut notes = Vec::new();
        if !resources.skipped.is_empty() {
            notes.push(format!(
                "{} entries of the resource list could not be read",
                resources.skipped.len()
            ));
        }
        let resources = resources.items;
        let mut rows: Vec<NodeRow> = resources.iter().filter_map(node_row).collect();
        if rows.is_empty() {
            rows = self.nodes_from_list().await?;
        }
        let statuses = self.node_statuses(&rows).await;
        let lists = self.vm_lists(&rows, &resources, &mut notes).await;
        let missing = if self.source.storage {
            self.storage_lists(&rows, clock, &mut notes).await
        } else {
            Vec::new()
        };

        let health = self.health();
        let nodes = rows
            .iter()
            .map(|row| {
                node::build(
                    &self.source,
                    row,
                    statuses.get(row.name.as_str()),
                    health,
                    read_at,
                )
            })
            .collect();
        let guests = self.guests(&resources, &lists, read_at);
        let storages = self
            .source
            .storage
            .then(|| storage::merge(&self.source, &self.storages, &self.definitions));
        Ok(PveReport {
            instance: self.source.name.clone(),
            interval_seconds: self.source.interval_seconds,
            health,
            nodes,
            guests: Some(guests),
            storages,
            storages_missing_nodes: missing,
            notes,
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

    async fn node_statuses(&self, rows: &[NodeRow]) -> HashMap<String, NodeStatus> {
        let online = rows.iter().filter(|row| row.is_online());
        let answers = self
            .of_each(
                online.map(|row| row.name.clone()),
                |client, node| async move { client.node_status(&node).await },
            )
            .await;
        answers
            .into_iter()
            .filter_map(|(node, answer)| match answer {
                Ok(status) => Some((node, status)),
                Err(error) => {
                    tracing::debug!(node, %error, "node status not answered");
                    None
                }
            })
            .collect()
    }

    /// Asks the same of several nodes, a few at once.
    async fn of_each<T, F>(
        &self,
        nodes: impl Iterator<Item = String>,
        ask: impl Fn(ClusterClient, String) -> F,
    ) -> Vec<(String, Result<T, Error>)>
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
        notes: &mut Vec<String>,
    ) -> HashMap<u32, GuestStatus> {
        if !self.source.vms {
            return HashMap::new();
        }
        let runs_vms = |node: &str| {
            resources.iter().any(|r| {
                r.kind == ResourceKind::Qemu
                    && r.node.as_deref() == Some(node)
                    && r.status.as_deref() == Some("running")
            })
        };
        let with_vms = rows
            .iter()
            .filter(|row| row.is_online() && runs_vms(&row.name))
            .map(|row| row.name.clone());
        let answers = self
            .of_each(with_vms, |client, node| async move {
                client.node_vms(&node, true).await
            })
            .await;
        let mut found = HashMap::new();
        for (node, answer) in answers {
            match answer {
                Ok(list) => found.extend(list.items.into_iter().map(|vm| (vm.vmid, vm))),
                Err(error) => {
                    tracing::debug!(node, %error, "vm list not answered");
                    notes.push(format!("{node}: no VM list: {}", error.kind));
                }
            }
        }
        found
    }

    /// Refreshes the storages that are due; gives the nodes whose storages are not known now.
    async fn storage_lists(
        &mut self,
        rows: &[NodeRow],
        clock: &(impl Fn() -> Timestamp + Sync),
        notes: &mut Vec<String>,
    ) -> Vec<String> {
        let now = clock();
        if self
            .definitions_at
            .is_none_or(|at| now.since(at) >= DEFINITIONS_EVERY_MS)
        {
            match self.source.client.storage_definitions().await {
                Ok(list) => {
                    self.definitions = list.items;
                    self.definitions_at = Some(now);
                }
                Err(error) => notes.push(format!("no storage definitions: {}", error.kind)),
            }
        }
        let due: Vec<String> = rows
            .iter()
            .filter(|row| row.is_online())
            .map(|row| row.name.clone())
            .filter(|node| self.storage_due.get(node).is_none_or(|at| *at <= now))
            .collect();
        let answers = self
            .of_each(due.into_iter(), |client, node| async move {
                client.node_storage(&node).await
            })
            .await;
        let at = clock();
        for (place, (node, answer)) in answers.into_iter().enumerate() {
            // Nodes are asked at different cycles, so that the load is even.
            let spread = if self.storage_due.contains_key(&node) {
                0
            } else {
                (place % 6) as i64 * STORAGE_EVERY_MS / 6
            };
            match answer {
                Ok(list) => {
                    self.storage_due.insert(
                        node.clone(),
                        at.plus_millis(STORAGE_EVERY_MS - spread - 500),
                    );
                    self.storages.insert(node, (at, list.items));
                }
                Err(error) => {
                    notes.push(format!("{node}: no storages: {}", error.kind));
                    self.storages.remove(&node);
                }
            }
        }
        self.storages
            .retain(|node, _| rows.iter().any(|r| &r.name == node && r.is_online()));
        rows.iter()
            .map(|row| row.name.clone())
            .filter(|node| !self.storages.contains_key(node))
            .collect()
    }

    fn guests(
        &mut self,
        resources: &[Resource],
        lists: &HashMap<u32, GuestStatus>,
        at: Timestamp,
    ) -> Vec<pulse_core::Guest> {
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
            if row.status.as_deref() != Some("running") {
                continue;
            }
            let vm = row.kind == ResourceKind::Qemu;
            let status = lists.get(&row.vmid);
            if vm {
                if let Some(flag) = status.and_then(|s| s.agent) {
                    self.agents.insert(row.vmid, flag.0);
                }
                if status.is_none() {
                    // Nothing can be asked of a VM whose node does not answer.
                    continue;
                }
            }
            wanted.push(Wanted {
                vmid: row.vmid,
                vm,
                node: row.node.clone().unwrap_or_default(),
                uptime: row.uptime.unwrap_or(0),
                // The VM list does not always carry the flag: an agent that is off answers so.
                agent_disabled: vm && self.agents.get(&row.vmid) == Some(&false),
            });
        }
        self.agents
            .retain(|vmid, _| rows.iter().any(|r| r.vmid == *vmid));
        self.details.want(&wanted, at);
        let guests = rows
            .into_iter()
            .filter_map(|row| {
                let facts = self.details.facts(row.vmid);
                let inputs = guest::Inputs {
                    source: &self.source,
                    row,
                    status: lists.get(&row.vmid),
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
        transient: error.is_retryable(),
    }
}
