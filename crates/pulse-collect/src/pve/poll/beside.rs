//! What a poll does for those who ask beside it: rights, memory histories, the world for the facts.

use std::collections::HashMap;
use std::time::Duration;

use pulse_core::{Bytes, Capacity, Guest, Node, Storage, Timestamp};
use pulse_proxmox::types::NodeStatus;
use pulse_proxmox::{Error, PveApi as _};

use super::{PerNode, Poller, within};
use crate::pve::facts::{
    MemoryHistory, World, WorldGuest, WorldNode, WorldStorage, memory_history,
};
use crate::pve::gaps::Need;
use crate::pve::node;

/// Between two looks at the memory history of a node.
const HISTORY_EVERY_MS: i64 = 30_000;
/// Its points are a minute apart, and asked for once a minute.
const HISTORY_KEPT_MS: i64 = 300_000;
/// A node's memory history comes from a file of the server that was asked.
const HISTORY_WITHIN: Duration = Duration::from_secs(2);

impl Poller {
    /// Whether the credentials may ask this of each node.
    pub(super) fn note_rights<T>(&self, answers: &PerNode<T>, need: Need, now: Timestamp) {
        for (node, answer) in answers {
            self.note_right(node, answer, need, now);
        }
    }

    pub(super) fn note_right<T>(
        &self,
        node: &str,
        answer: &Result<T, Error>,
        need: Need,
        now: Timestamp,
    ) {
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
    pub(super) async fn read_histories(
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
    pub(super) fn history(&self, node: &str, now: Timestamp) -> Option<MemoryHistory> {
        let own = self.histories.get(node).and_then(|(_, history)| *history);
        own.or_else(|| self.facts.node_memory(node))
            .filter(|history| now.since(history.at) <= HISTORY_KEPT_MS)
    }

    /// A node that tells nothing of its root filesystem shows the storage that usually lies on it.
    pub(super) fn root_disks(&self, nodes: &mut [Node]) {
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
    pub(super) fn world(
        &self,
        nodes: &[Node],
        guests: &[Guest],
        storages: Option<&[Storage]>,
    ) -> World {
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
}
