//! Which question is due, and what becomes of its answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulse_core::{PveFact, Task, Timestamp};
use pulse_proxmox::{ClusterClient, Error};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::Answer;
use super::ceph::CephDetails;
use super::cluster::Votes;
use super::jobs::{TaskLog, TaskNews};
use super::question::{Question, questions};
use super::world::{World, WorldStorage};
use crate::Clock;
use crate::pve::budget::Budget;
use crate::pve::facts::MemoryHistory;
use crate::pve::gaps::{Gaps, Need, REFUSED_MS};
use crate::pve::source::PveSource;

/// Questions at a time for an instance; a node is asked one at a time.
const AT_ONCE: usize = 6;
const RETRY_MS: i64 = 30_000;
const SLOWEST_RETRY_MS: i64 = 300_000;
/// Answers are gathered for so long before they are passed on.
const GATHER: Duration = Duration::from_secs(1);
/// The first snapshots of all guests are spread over this time for each guest, and no more than
/// the second.
const FIRST_SNAPSHOT_MS: f64 = 500.0;
const FIRST_SNAPSHOTS_MS: f64 = 600_000.0;

/// Something that changed on the server, so that it is worth asking at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    Tasks,
    Cluster,
    Replication,
    Ceph,
    /// Backup files, and the jobs that make them.
    Backups,
    /// Package updates of a node; of all when empty.
    Updates(String),
    Certificates(String),
    /// Disks and pools of a node; of all when empty.
    Disks(String),
    Snapshots(u32),
}

#[derive(Clone, Copy, Debug)]
struct Item {
    due: Timestamp,
    asking: bool,
    /// Became due while it was being asked.
    again: bool,
    failures: u32,
    /// Was answered before.
    answered: bool,
    /// The last answer was a refusal.
    refused: bool,
}

impl Item {
    fn new(due: Timestamp) -> Self {
        Self {
            due,
            asking: false,
            again: false,
            failures: 0,
            answered: false,
            refused: false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub world: Arc<World>,
    items: BTreeMap<Question, Item>,
    observed: bool,
    pub tasks: TaskLog,
    pub votes: Votes,
    pub ceph: CephDetails,
    /// When Ceph's pools and OSDs were asked last.
    pub ceph_details_at: Option<Timestamp>,
    pub node_memory: HashMap<String, MemoryHistory>,
    /// Counts up, so that another node is asked when one does not answer.
    pub turn: usize,
    backup_storages: Vec<(String, Option<String>)>,
    news: Vec<PveFact>,
}

#[derive(Debug)]
struct Inner {
    source: PveSource,
    budget: Budget,
    gaps: Gaps,
    state: Mutex<State>,
    changed: Notify,
}

/// The slow lane of one instance; cheap to clone.
#[derive(Clone, Debug)]
pub struct Facts(Arc<Inner>);

impl Facts {
    pub(crate) fn new(source: PveSource, budget: Budget, gaps: Gaps) -> Self {
        Self(Arc::new(Inner {
            source,
            budget,
            gaps,
            state: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn source(&self) -> &PveSource {
        &self.0.source
    }

    pub(super) fn gaps(&self) -> &Gaps {
        &self.0.gaps
    }

    pub(super) fn charge(&self, requests: u32) {
        self.0.budget.charge(requests);
    }

    /// Memory of a node as its history had it last.
    pub(crate) fn node_memory(&self, node: &str) -> Option<MemoryHistory> {
        self.lock().node_memory.get(node).copied()
    }

    /// Takes up what a poll found.
    pub(crate) fn observe(&self, world: World, now: Timestamp) {
        let mut state = self.lock();
        let world = Arc::new(with_unseen_storages(world, &state.world));
        let old = std::mem::replace(&mut state.world, Arc::clone(&world));
        state.plan(self.source(), &old, now);
        state.tell_backup_storages(self.source());
        let known = |node: &str| world.node(node).is_some();
        state.tasks.forget(known);
        state.node_memory.retain(|node, _| known(node));
        state.observed = true;
        drop(state);
        self.gaps().tidy(known, now);
        self.0.changed.notify_one();
    }

    /// Asks about something as soon as the budget allows.
    pub fn hurry(&self, topic: &Topic, now: Timestamp) {
        let mut state = self.lock();
        let all: Vec<Question> = state.items.keys().cloned().collect();
        for question in all {
            let meant = match (topic, &question) {
                (Topic::Tasks, Question::Tasks)
                | (Topic::Cluster, Question::Cluster | Question::Votes)
                | (Topic::Replication, Question::Replication)
                | (Topic::Ceph, Question::Ceph)
                | (Topic::Backups, Question::BackupJobs | Question::StorageBackups { .. }) => true,
                (Topic::Updates(node), Question::Updates(of))
                | (Topic::Certificates(node), Question::Certificates(of))
                | (
                    Topic::Disks(node),
                    Question::Disks(of) | Question::Zfs(of) | Question::ThinPools(of),
                ) => node.is_empty() || node == of,
                (Topic::Snapshots(vmid), Question::Snapshots(of)) => vmid == of,
                _ => false,
            };
            if meant {
                state.set_due(&question, now);
            }
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Asks, forever, and passes facts to `report`. Drop the future to stop.
    pub async fn run<F, R>(&self, client: ClusterClient, clock: Clock, report: F)
    where
        F: Fn(Vec<PveFact>) -> R + Send,
        R: Future<Output = ()> + Send,
    {
        let mut asking = JoinSet::new();
        let mut reported = Instant::now();
        loop {
            self.start_due(&mut asking, &client, &clock);
            if reported.elapsed() >= GATHER {
                let news = self.news();
                if !news.is_empty() {
                    report(news).await;
                }
                reported = Instant::now();
            }
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = self.0.changed.notified() => {}
                Some(_) = asking.join_next() => {}
            }
        }
    }

    /// Asks what is due as far as the budget goes and gives what was answered: for those who let
    /// time pass by hand.
    pub async fn settle(&self, client: &ClusterClient, clock: &Clock) -> Vec<PveFact> {
        let mut asking = JoinSet::new();
        loop {
            self.start_due(&mut asking, client, clock);
            if asking.join_next().await.is_none() {
                return self.news();
            }
        }
    }

    fn start_due(&self, asking: &mut JoinSet<()>, client: &ClusterClient, clock: &Clock) {
        while asking.try_join_next().is_some() {}
        while asking.len() < AT_ONCE {
            let Some(question) = self.next(clock()) else {
                return;
            };
            let (own, client, clock) = (self.clone(), client.clone(), Arc::clone(clock));
            asking.spawn(async move {
                let answer = own.ask(&client, &question, &clock).await;
                own.finish(&question, answer, clock());
            });
        }
    }

    /// Facts that were not passed on yet.
    fn news(&self) -> Vec<PveFact> {
        let mut news = std::mem::take(&mut self.lock().news);
        news.extend(self.gaps().news().map(PveFact::Gaps));
        news
    }

    /// The most overdue question that the budget and the nodes' places allow.
    fn next(&self, now: Timestamp) -> Option<Question> {
        let mut state = self.lock();
        if !state.observed {
            return None;
        }
        let question = state.most_overdue(now)?;
        if !self.0.budget.take(question.is_urgent(), now) {
            return None;
        }
        state.items.get_mut(&question)?.asking = true;
        Some(question)
    }

    fn finish(&self, question: &Question, answer: Result<Answer, Error>, now: Timestamp) {
        let mut state = self.lock();
        let world = Arc::clone(&state.world);
        let node = question.node(&world).unwrap_or_default().to_owned();
        let usual = question.every(self.source(), &world);
        let empty = question.every_when_empty(self.source(), &world);
        if answer.as_ref().is_err_and(Error::is_auth) {
            self.0.budget.close();
        }
        let Some(item) = state.items.get_mut(question) else {
            // What it was about is gone meanwhile.
            return;
        };
        item.asking = false;
        let first = !std::mem::replace(&mut item.answered, true);
        let again = std::mem::take(&mut item.again);
        let need = question.need();
        let (wait, facts) = match answer {
            Ok(answer) => {
                item.failures = 0;
                item.refused = false;
                let wait = if answer.nothing { empty } else { usual };
                // What was asked together at the start is not asked together for ever.
                let wait = if first && wait > 60_000 {
                    (wait as f64 * (0.5 + question.spread() / 2.0)) as i64
                } else {
                    wait
                };
                (wait, answer.facts)
            }
            Err(error) if error.is_auth() || error.is_permission() => {
                let status = error.status().unwrap_or(401);
                item.refused = true;
                self.gaps().refused(&node, need, status, now);
                (REFUSED_MS, Vec::new())
            }
            Err(error) if error.is_not_implemented() || error.status() == Some(404) => {
                item.failures = 0;
                (empty.max(REFUSED_MS), question.nothing())
            }
            Err(error) => {
                item.failures = item.failures.saturating_add(1);
                tracing::debug!(
                    instance = self.source().name,
                    ?question,
                    %error,
                    "a question was not answered"
                );
                let wait = RETRY_MS << (item.failures - 1).min(8);
                (wait.min(usual.clamp(60_000, SLOWEST_RETRY_MS)), Vec::new())
            }
        };
        item.due = if again { now } else { now.plus_millis(wait) };
        let allowed = !item.refused;
        state.news.extend(facts);
        // Others of that kind may still be refused: rights can differ from guest to guest.
        if allowed && !state.is_refused(&node, need) {
            self.gaps().granted(&node, need);
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Tasks that ended tell what changed.
    pub(super) fn follow_up(&self, news: &TaskNews, now: Timestamp) {
        for task in &news.ended {
            if let Some(topic) = topic_of(task) {
                self.hurry(&topic, now);
            }
        }
    }
}

/// What a task changed that a list does not show.
fn topic_of(task: &Task) -> Option<Topic> {
    let node = || task.node.clone();
    Some(match task.kind.as_str() {
        "qmsnapshot" | "qmdelsnapshot" | "qmrollback" | "vzsnapshot" | "vzdelsnapshot"
        | "vzrollback" => Topic::Snapshots(task.vmid()?),
        "vzdump" | "imgdel" | "prunebackups" => Topic::Backups,
        "aptupdate" | "aptupgrade" => Topic::Updates(node()),
        "acmenewcert" | "acmerenew" | "acmerevoke" | "srvreload" => Topic::Certificates(node()),
        "zfscreate" | "zfsremove" | "lvmthincreate" | "lvmthinremove" | "diskinit" | "wipedisk" => {
            Topic::Disks(node())
        }
        kind if kind.starts_with("ceph") => Topic::Ceph,
        _ => return None,
    })
}

/// Storages of nodes that did not tell are still there.
fn with_unseen_storages(mut world: World, old: &World) -> World {
    if !world.storages_known {
        world.storages.clone_from(&old.storages);
        return world;
    }
    let told: BTreeSet<&str> = world
        .storages
        .iter()
        .flat_map(|storage| storage.nodes.iter().chain(&storage.node))
        .map(String::as_str)
        .collect();
    let silent = |node: &String| world.node(node).is_some() && !told.contains(node.as_str());
    let kept: Vec<WorldStorage> = old
        .storages
        .iter()
        .filter(|storage| {
            let same =
                |new: &&WorldStorage| (&new.name, &new.node) == (&storage.name, &storage.node);
            let unseen = match &storage.node {
                Some(node) => silent(node),
                None => storage.nodes.iter().all(silent),
            };
            unseen && world.storages.iter().find(same).is_none()
        })
        .cloned()
        .collect();
    world.storages.extend(kept);
    world
}

impl State {
    fn set_due(&mut self, question: &Question, at: Timestamp) {
        if let Some(item) = self.items.get_mut(question) {
            item.again |= item.asking;
            item.due = item.due.min(at);
        }
    }

    /// Whether something of that kind is refused on a node, or of the cluster.
    fn is_refused(&self, node: &str, need: Need) -> bool {
        let of = |question: &Question| question.node(&self.world).unwrap_or_default() == node;
        self.items
            .iter()
            .any(|(question, item)| item.refused && question.need() == need && of(question))
    }

    /// Questions come and go with what there is to ask about.
    fn plan(&mut self, source: &PveSource, old: &World, now: Timestamp) {
        let world = Arc::clone(&self.world);
        let mut before = std::mem::take(&mut self.items);
        let observed = self.observed;
        self.items = questions(source, &world)
            .into_iter()
            .map(|question| {
                let item = before.remove(&question).unwrap_or_else(|| {
                    Item::new(match &question {
                        Question::Snapshots(_) if !observed => {
                            let over = world.guests.len() as f64 * FIRST_SNAPSHOT_MS;
                            let spread = question.spread() * over.min(FIRST_SNAPSHOTS_MS);
                            now.plus_millis(2_000 + spread as i64)
                        }
                        _ => now,
                    })
                });
                (question, item)
            })
            .collect();
        if before.contains_key(&Question::Ceph) {
            self.news.push(PveFact::Ceph(None));
            self.ceph = CephDetails::default();
            self.ceph_details_at = None;
        }
        // A guest that moved or was just released may have other snapshots.
        let changed: Vec<u32> = world
            .guests
            .iter()
            .filter(|(vmid, guest)| {
                old.guests
                    .get(vmid)
                    .is_some_and(|old| old.node != guest.node || (old.locked && !guest.locked))
            })
            .map(|(vmid, _)| *vmid)
            .collect();
        for vmid in changed {
            self.set_due(&Question::Snapshots(vmid), now);
        }
    }

    fn tell_backup_storages(&mut self, source: &PveSource) {
        let told = |node: &str| {
            let mut all = self.world.storages.iter();
            all.any(|storage| storage.nodes.iter().any(|known| known == node))
        };
        // Where a node did not tell yet, nobody can say which storages are gone.
        let complete = self.world.online().all(|node| told(&node.name));
        if !source.extent.backups || !self.world.storages_known || !complete {
            return;
        }
        let mut storages: Vec<(String, Option<String>)> = self
            .world
            .storages
            .iter()
            .filter(|storage| storage.backups)
            .map(|storage| (storage.name.clone(), storage.node.clone()))
            .collect();
        storages.sort();
        storages.dedup();
        if !self.observed || storages != self.backup_storages {
            self.backup_storages.clone_from(&storages);
            self.news.push(PveFact::BackupStorages(storages));
        }
    }

    fn most_overdue(&self, now: Timestamp) -> Option<Question> {
        let world = &self.world;
        let busy: BTreeSet<&str> = self
            .items
            .iter()
            .filter(|(_, item)| item.asking)
            .filter_map(|(question, _)| question.node(world))
            .collect();
        let may_ask = |question: &Question| match question.node(world) {
            Some(node) => world.is_online(node) && !busy.contains(node),
            None => match question {
                Question::StorageBackups { storage, .. } => !self.candidates(storage).is_empty(),
                _ => true,
            },
        };
        self.items
            .iter()
            .filter(|(_, item)| !item.asking && item.due <= now)
            .filter(|(question, _)| may_ask(question))
            .min_by_key(|(question, item)| (!question.is_urgent(), item.due, *question))
            .map(|(question, _)| question.clone())
    }

    /// Online nodes that see a shared storage.
    pub fn candidates(&self, storage: &str) -> Vec<String> {
        self.world
            .storages
            .iter()
            .filter(|known| known.name == storage && known.node.is_none())
            .flat_map(|known| &known.nodes)
            .filter(|node| self.world.is_online(node))
            .cloned()
            .collect()
    }
}
