//! One PVE instance: merging its polls, and what happens when they stay away.
//!
//! Rules (source: monitoring chapter §5.4–5.6 with its improvements):
//! * A node that PVE calls offline stays online for 60 s after it was last seen online.
//! * When polls fail, nothing changes for that grace; then nodes are offline with no load, guests
//!   are `unknown` with their numbers cleared, and health is `error`.
//! * A guest that an online node does not list any more is gone. Guests of a node that is not
//!   online are kept for 24 h.
//! * A node that a successful answer does not list is dropped after 5 min.

mod beside;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use pulse_core::{
    Guest, GuestStatus, InstanceHealth, InstanceKind, InstanceState, Liveness, Node, PollFailure,
    Pushed, PveReport, Storage, StorageStatus, Timestamp,
};

use self::values::{clear_numbers, keep_identity, keep_last_known, mark_offline};
use crate::facts::Facts;
use crate::inventory::{Applied, Dirty, Renamed};

const OFFLINE_GRACE_MS: i64 = 60_000;
const FORGET_NODE_MS: i64 = 5 * 60_000;
const FORGET_GUEST_MS: i64 = 24 * 3_600_000;
const KEEP_STORAGE_MS: i64 = 10 * 60_000;
const STALE_INTERVALS: i64 = 3;

#[derive(Debug)]
pub(crate) struct TrackedNode {
    pub node: Arc<Node>,
    /// What PVE said last.
    raw_online: bool,
    last_online: Option<Timestamp>,
    /// Last successful answer that listed it.
    listed: Timestamp,
}

#[derive(Debug)]
pub(crate) struct PveInstance {
    pub state: InstanceState,
    pub nodes: BTreeMap<String, TrackedNode>,
    /// By vmid: unique inside a cluster.
    guests: BTreeMap<u32, Arc<Guest>>,
    pub storages: Vec<Arc<Storage>>,
    pub facts: Facts,
    /// Newest backup of a guest on a backup server that is watched itself, by vmid.
    pbs_backups: BTreeMap<u32, Timestamp>,
    storages_reported: Option<Timestamp>,
    interval_ms: i64,
    first_failure: Option<Timestamp>,
}

impl PveInstance {
    pub fn new(name: &str, demo: bool) -> Self {
        Self {
            state: InstanceState {
                kind: InstanceKind::Pve,
                name: name.to_owned(),
                health: InstanceHealth::Pending,
                last_success: None,
                error: None,
                failures: 0,
                gaps: Vec::new(),
                demo,
            },
            nodes: BTreeMap::new(),
            guests: BTreeMap::new(),
            storages: Vec::new(),
            facts: Facts::default(),
            pbs_backups: BTreeMap::new(),
            storages_reported: None,
            interval_ms: 10_000,
            first_failure: None,
        }
    }

    pub fn guests(&self) -> impl Iterator<Item = &Arc<Guest>> {
        self.guests.values()
    }

    pub fn has_node_id(&self, id: &str) -> bool {
        self.nodes.values().any(|tracked| tracked.node.id == id)
    }

    pub fn was_asked(&self) -> bool {
        self.state.health != InstanceHealth::Pending
    }

    pub fn works(&self) -> bool {
        matches!(
            self.state.health,
            InstanceHealth::Healthy | InstanceHealth::Degraded
        )
    }

    /// Another instance has nodes of the same ids: this one shows nothing, and says why.
    pub fn reject_as_duplicate(
        &mut self,
        other: &str,
        clustered: bool,
        at: Timestamp,
        dirty: &mut Dirty,
    ) {
        if !self.nodes.is_empty() {
            self.nodes.clear();
            self.guests.clear();
            self.storages.clear();
            self.facts = Facts::default();
            *dirty = Dirty::ALL;
        }
        let name = &self.state.name;
        self.state.error = Some(if clustered {
            format!(
                "{name}: the same cluster is already watched as {other}; remove one of the two in Settings → Proxmox nodes"
            )
        } else {
            format!(
                "{name}: its node would have the same id as a node of {other}; give one of the two another name in Settings → Proxmox nodes"
            )
        });
        self.state.health = InstanceHealth::Degraded;
        self.state.last_success = Some(at);
        self.state.failures = 0;
        self.first_failure = None;
    }

    /// Storages that the report of `at` told about.
    pub fn observed_storages(&self, at: Timestamp) -> Vec<Arc<Storage>> {
        if self.storages_reported != Some(at) {
            return Vec::new();
        }
        self.storages
            .iter()
            .filter(|s| s.active)
            .map(Arc::clone)
            .collect()
    }

    pub fn poll_failed(&mut self, failure: PollFailure, at: Timestamp) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.health = InstanceHealth::Error;
        self.state.error = Some(failure.message);
        self.first_failure.get_or_insert(at);
    }

    pub fn apply(
        &mut self,
        report: PveReport,
        at: Timestamp,
        dirty: &mut Dirty,
        applied: &mut Applied,
    ) {
        self.interval_ms = i64::from(report.interval_seconds.max(1)) * 1000;
        if report.nodes.is_empty() {
            // There is no server without nodes: a fault of the answer, not news. It counts as a
            // failed poll, so that what is known gets old as with any other.
            self.state.failures = self.state.failures.saturating_add(1);
            self.state.health = InstanceHealth::Error;
            self.state.error = Some(format!(
                "{}: Proxmox answered with an empty node list; check the permissions of the monitoring user (Sys.Audit on /nodes)",
                self.state.name
            ));
            self.first_failure.get_or_insert(at);
            self.age(at, dirty);
            return;
        }
        self.state.failures = 0;
        self.first_failure = None;
        self.state.last_success = Some(at);
        self.state.error = (!report.notes.is_empty()).then(|| report.notes.join("; "));
        self.state.health = report.health;
        self.apply_nodes(report.nodes, at, dirty, applied);
        if let Some(guests) = report.guests {
            self.apply_guests(guests, at, dirty, applied);
        }
        if let Some(storages) = report.storages {
            self.apply_storages(storages, &report.storages_missing_nodes, at, dirty);
        }
        self.forget_gone(dirty);
        self.age(at, dirty);
    }

    /// Takes numbers that were pushed between polls.
    pub fn apply_pushed(&mut self, pushed: &Pushed, dirty: &mut Dirty, applied: &mut Applied) {
        for (at, said) in &pushed.guests {
            if let Some(guest) = self.guests.get_mut(&said.vmid)
                && crate::pushed::guest(guest, *at, said)
            {
                (dirty.guests, dirty.any) = (true, true);
                applied.guests.push(Arc::clone(guest));
            }
        }
        for (at, said) in &pushed.nodes {
            if let Some(tracked) = self.nodes.get_mut(&said.name)
                && crate::pushed::node(&mut tracked.node, *at, said)
            {
                (dirty.nodes, dirty.any) = (true, true);
                applied.nodes.push(Arc::clone(&tracked.node));
            }
        }
    }

    fn apply_nodes(
        &mut self,
        nodes: Vec<Node>,
        at: Timestamp,
        dirty: &mut Dirty,
        applied: &mut Applied,
    ) {
        dirty.nodes = true;
        for mut node in nodes {
            let previous = self.nodes.get(&node.name);
            if previous.is_none() {
                dirty.membership = true;
            }
            let raw_online = node.online;
            let last_online = if raw_online {
                Some(at)
            } else {
                previous.and_then(|p| p.last_online)
            };
            if let Some(previous) = previous {
                keep_last_known(&mut node, &previous.node, raw_online);
                node.linked_host.clone_from(&previous.node.linked_host);
            }
            if let Some(upkeep) = self.facts.upkeep.get(&node.name) {
                node.upkeep = Arc::clone(upkeep);
            }
            if !raw_online {
                let in_grace = last_online.is_some_and(|t| at.since(t) < OFFLINE_GRACE_MS);
                if in_grace {
                    node.online = true;
                    if let Some(previous) = previous {
                        node.cpu = previous.node.cpu;
                        node.memory = previous.node.memory;
                        node.uptime = previous.node.uptime;
                    }
                } else {
                    mark_offline(&mut node);
                }
            }
            node.seen = last_online.unwrap_or_default();
            node.liveness = Liveness::Fresh;
            let node = Arc::new(node);
            if raw_online {
                applied.nodes.push(Arc::clone(&node));
            }
            self.nodes.insert(
                node.name.clone(),
                TrackedNode {
                    node,
                    raw_online,
                    last_online,
                    listed: at,
                },
            );
        }
        let before = self.nodes.len();
        self.nodes
            .retain(|_, tracked| at.since(tracked.listed) < FORGET_NODE_MS);
        dirty.membership |= before != self.nodes.len();
    }

    fn apply_guests(
        &mut self,
        guests: Vec<Guest>,
        at: Timestamp,
        dirty: &mut Dirty,
        applied: &mut Applied,
    ) {
        dirty.guests = true;
        let mut next = BTreeMap::new();
        for mut guest in guests {
            let previous = self.guests.get(&guest.vmid);
            match previous {
                None => dirty.membership = true,
                Some(previous) => {
                    dirty.membership |= previous.name != guest.name;
                    dirty.membership |= previous.id != guest.id;
                    // A VMID that comes back as the other kind is another guest.
                    let same = previous.kind.is_vm() == guest.kind.is_vm();
                    if same && previous.id != guest.id {
                        applied.renamed.push(Renamed {
                            vm: guest.kind.is_vm(),
                            from: previous.id.clone(),
                            to: guest.id.clone(),
                        });
                    }
                }
            }
            guest.liveness = Liveness::Fresh;
            guest.last_backup = self.newest_backup(guest.vmid).max(guest.last_backup);
            if guest.status == GuestStatus::Unknown {
                // PVE still lists the guests of a dead node, without numbers.
                guest.seen = previous.map_or(at, |p| p.seen);
                if let Some(previous) = previous {
                    keep_identity(&mut guest, previous);
                }
                clear_numbers(&mut guest);
                next.insert(guest.vmid, Arc::new(guest));
                continue;
            }
            let guest = Arc::new(guest);
            applied.guests.push(Arc::clone(&guest));
            next.insert(guest.vmid, guest);
        }
        for (vmid, previous) in &self.guests {
            if next.contains_key(vmid) {
                continue;
            }
            let node_online = self
                .nodes
                .get(&previous.node)
                .is_none_or(|tracked| tracked.raw_online);
            if node_online || at.since(previous.seen) > FORGET_GUEST_MS {
                dirty.membership = true;
            } else {
                next.insert(*vmid, Arc::clone(previous));
            }
        }
        self.guests = next;
    }

    fn apply_storages(
        &mut self,
        storages: Vec<Storage>,
        missing_nodes: &[String],
        at: Timestamp,
        dirty: &mut Dirty,
    ) {
        dirty.storages = true;
        let same = |a: &Storage, b: &Storage| {
            (&a.node, &a.name, &a.kind, a.shared) == (&b.node, &b.name, &b.kind, b.shared)
        };
        let mut next: Vec<Arc<Storage>> = Vec::with_capacity(storages.len());
        for storage in storages {
            if !next.iter().any(|known| same(known, &storage)) {
                next.push(Arc::new(storage));
            }
        }
        for previous in &self.storages {
            if next.iter().any(|s| same(s, previous)) {
                continue;
            }
            let not_answered = if previous.shared {
                previous.nodes.iter().all(|n| missing_nodes.contains(n))
            } else {
                missing_nodes.contains(&previous.node)
            };
            if not_answered && at.since(previous.seen) < KEEP_STORAGE_MS {
                let mut kept = Storage::clone(previous);
                kept.status = StorageStatus::Inactive;
                kept.active = false;
                kept.liveness = Liveness::Stale;
                next.push(Arc::new(kept));
            }
        }
        self.storages = next;
        self.link_storages(dirty);
        self.storages_reported = Some(at);
    }

    /// Applies the passing of time.
    pub fn age(&mut self, now: Timestamp, dirty: &mut Dirty) {
        let stale_after = self.interval_ms * STALE_INTERVALS;
        let failing = self
            .first_failure
            .is_some_and(|since| now.since(since) >= OFFLINE_GRACE_MS)
            || self
                .state
                .last_success
                .is_some_and(|t| now.since(t) >= OFFLINE_GRACE_MS.max(stale_after * 2));
        if failing && self.works() {
            self.state.health = InstanceHealth::Error;
            dirty.any = true;
        }
        let health = self.state.health;
        let last_success = self.state.last_success;
        for tracked in self.nodes.values_mut() {
            let unseen = tracked
                .last_online
                .is_none_or(|t| now.since(t) > stale_after);
            let liveness = if unseen {
                Liveness::Stale
            } else {
                Liveness::Fresh
            };
            // Answers that do not list it any more get the same grace as those that call it
            // offline.
            let left_out = last_success.is_some_and(|at| tracked.listed < at)
                && tracked
                    .last_online
                    .is_none_or(|t| now.since(t) >= OFFLINE_GRACE_MS);
            let goes_offline = (failing || left_out) && tracked.node.online;
            let health_differs = failing && tracked.node.health != health;
            if tracked.node.liveness != liveness || goes_offline || health_differs {
                let node = Arc::make_mut(&mut tracked.node);
                node.liveness = liveness;
                if goes_offline {
                    mark_offline(node);
                }
                if failing {
                    node.health = health;
                }
                dirty.nodes = true;
                dirty.any = true;
            }
        }
        for guest in self.guests.values_mut() {
            let node_down = failing
                || self
                    .nodes
                    .get(&guest.node)
                    .is_some_and(|tracked| !tracked.node.online);
            let unseen = now.since(guest.seen) > stale_after;
            let liveness = if unseen {
                Liveness::Stale
            } else {
                Liveness::Fresh
            };
            let becomes_unknown = node_down && unseen && guest.status != GuestStatus::Unknown;
            if guest.liveness != liveness || becomes_unknown {
                let guest = Arc::make_mut(guest);
                guest.liveness = liveness;
                if becomes_unknown {
                    guest.status = GuestStatus::Unknown;
                    clear_numbers(guest);
                }
                dirty.guests = true;
                dirty.any = true;
            }
        }
        for storage in &mut self.storages {
            let unseen = now.since(storage.seen) > stale_after.max(180_000);
            if unseen && (storage.liveness != Liveness::Stale || (failing && storage.active)) {
                let storage = Arc::make_mut(storage);
                storage.liveness = Liveness::Stale;
                if failing {
                    storage.active = false;
                    storage.status = StorageStatus::Inactive;
                }
                dirty.storages = true;
                dirty.any = true;
            }
        }
        self.facts.age(now, dirty);
    }
}
