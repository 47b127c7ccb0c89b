//! The storages of the nodes: asked once a minute, and waited for only a moment.

use std::collections::BTreeSet;
use std::time::Duration;

use pulse_core::Timestamp;
use pulse_proxmox::PveApi as _;

use super::notes::Notes;
use super::{PART_WITHIN, Poller, within};
use crate::pve::gaps::Need;
use crate::pve::node::NodeRow;

/// How long a poll waits for storages; slower ones are taken up by a later poll.
const STORAGES_WITHIN: Duration = Duration::from_secs(5);
/// Storages that are being asked for are shown as they were for so long.
const STORAGE_KEPT_MS: i64 = 180_000;
const STORAGE_EVERY_MS: i64 = 60_000;
const DEFINITIONS_EVERY_MS: i64 = 300_000;

const STORAGES: Need = Need {
    capability: "storages",
    privilege: "Datastore.Audit",
};

impl Poller {
    /// Asks for the storages that are due and not being asked for already.
    pub(super) fn ask_storages(&mut self, rows: &[NodeRow], now: Timestamp) -> BTreeSet<String> {
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
    pub(super) async fn storage_lists(
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
}
