//! One poll of one backup server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pulse_core::{
    Bytes, Capacity, Datastore, DatastoreStatus, InstanceHealth, Namespace, PbsInstance, PbsJob,
    PbsJobKind, PbsReport, PermissionGap, PollFailure, Ratio, Reading, Timestamp,
};
use pulse_proxmox::Error;
use pulse_proxmox::pbs::types::{self, DatastoreEntry};

use super::backups::Backups;
use super::datastore::{self, Sizes};
use super::jobs;
use super::source::PbsSource;
use crate::pve::failure;

const JOBS_EVERY_MS: i64 = 300_000;
const NAMESPACES_EVERY_MS: i64 = 600_000;
const TASKS: u32 = 50;

/// Polls one backup server; keeps what has to be remembered between polls.
pub struct Poller {
    source: PbsSource,
    namespaces: BTreeMap<String, (Timestamp, Vec<Namespace>)>,
    jobs: BTreeMap<PbsJobKindKey, Vec<PbsJob>>,
    jobs_at: Option<Timestamp>,
    backups: Backups,
    gaps: BTreeMap<&'static str, PermissionGap>,
    knew_datastores: bool,
    /// Set from outside: the next poll asks for jobs and backups.
    pub(super) hurry: Arc<AtomicBool>,
}

/// Order in which jobs are reported.
type PbsJobKindKey = u8;

/// What goes along a poll: its time, what went wrong, what may not be read.
struct Cycle {
    at: Timestamp,
    notes: Vec<String>,
    refused: BTreeMap<&'static str, PermissionGap>,
    /// Whose refusal was looked at this time.
    asked: BTreeSet<&'static str>,
}

impl Cycle {
    fn gap(&mut self, capability: &'static str, privilege: &str, status: u16) {
        let gap = PermissionGap {
            capability: capability.to_owned(),
            privilege: privilege.to_owned(),
            status,
            first_seen: self.at,
            last_seen: self.at,
            ..PermissionGap::default()
        };
        self.refused.insert(capability, gap);
    }

    /// Notes a failed part; a refusal becomes a gap.
    fn failed(&mut self, what: &'static str, privilege: &str, error: &Error) {
        if error.is_permission() {
            self.gap(what, privilege, 403);
        } else {
            self.notes.push(format!("no {what}: {error}"));
        }
    }

    /// Takes an answer; `what` names it for the operator.
    fn take<T>(
        &mut self,
        what: &'static str,
        privilege: &str,
        answer: Result<T, Error>,
    ) -> Option<T> {
        self.asked.insert(what);
        match answer {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed(what, privilege, &error);
                None
            }
        }
    }
}

impl Poller {
    pub fn new(source: PbsSource) -> Self {
        Self {
            source,
            namespaces: BTreeMap::new(),
            jobs: BTreeMap::new(),
            jobs_at: None,
            backups: Backups::default(),
            gaps: BTreeMap::new(),
            knew_datastores: false,
            hurry: Arc::default(),
        }
    }

    pub fn source(&self) -> &PbsSource {
        &self.source
    }

    /// Asks, and gives the report. `clock` is read when answers are complete. Fails only when
    /// neither the version nor the datastores can be read.
    pub async fn poll(
        &mut self,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Result<PbsReport, PollFailure> {
        if self.hurry.swap(false, Ordering::Relaxed) {
            self.jobs_at = None;
            self.backups.hasten();
        }
        let client = self.source.client.clone();
        let mut cycle = Cycle {
            at: clock(),
            notes: Vec::new(),
            refused: BTreeMap::new(),
            asked: BTreeSet::new(),
        };
        let (version, list) = self.answers().await?;
        let mut server = self.server(version.as_ref());
        if let Some(status) = cycle.take(
            "node status",
            "Sys.Audit on /system",
            client.server_status().await,
        ) {
            show_status(&mut server, &status);
        }
        let mut datastores_read = false;
        if let Some(list) = list {
            cycle.asked.insert("datastores");
            match list {
                Ok(list) if list.is_empty() && self.knew_datastores => {
                    cycle.gap("datastores", "Datastore.Audit on /datastore", 200);
                }
                Ok(list) => {
                    self.knew_datastores |= !list.is_empty();
                    server.datastores = self.datastores(list, &mut cycle).await;
                    datastores_read = true;
                }
                Err(error) => {
                    cycle.failed("datastores", "Datastore.Audit on /datastore", &error);
                }
            }
        }
        let jobs = self.read_jobs(&server.datastores, &mut cycle).await;
        let tasks = cycle
            .take("tasks", "Sys.Audit on /system", {
                client.server_tasks(TASKS).await
            })
            .map(|list| {
                let rows = list.items.into_iter();
                rows.map(|row| jobs::task(&self.source.name, row)).collect()
            });
        if self.source.extent.backups && datastores_read {
            self.read_backups(&mut server.datastores, &mut cycle, clock)
                .await;
        }
        server.seen = clock();
        Ok(PbsReport {
            interval_seconds: self.source.interval_seconds,
            server,
            datastores_read,
            jobs,
            groups: self.backups.take_changed(),
            tasks,
            gaps: Some(self.settle_gaps(&mut cycle)),
            notes: cycle.notes,
        })
    }

    /// Version and datastores: one of the two has to answer.
    async fn answers(
        &self,
    ) -> Result<
        (
            Option<types::Version>,
            Option<Result<Vec<DatastoreEntry>, Error>>,
        ),
        PollFailure,
    > {
        let client = &self.source.client;
        let version = client.server_version().await;
        if let Err(error) = &version
            && (error.is_auth() || error.is_connection())
        {
            return Err(failure(error));
        }
        // Backups lie in datastores: they cannot be read without their list.
        if !self.source.extent.datastores && !self.source.extent.backups {
            return match version {
                Ok(version) => Ok((Some(version), None)),
                Err(error) => Err(failure(&error)),
            };
        }
        let list = client.datastores().await.map(|list| list.items);
        match (version, list) {
            (Err(error), Err(second)) => {
                Err(failure(if second.is_auth() { &second } else { &error }))
            }
            (version, list) => Ok((version.ok(), Some(list))),
        }
    }

    fn server(&self, version: Option<&types::Version>) -> PbsInstance {
        PbsInstance {
            id: format!("pbs-{}", self.source.name),
            name: self.source.name.clone(),
            host: self.source.host.clone(),
            guest_url: self.source.guest_url.clone(),
            online: true,
            health: InstanceHealth::Healthy,
            version: version
                .map_or_else(|| "connected".to_owned(), |version| version.version.clone()),
            ..PbsInstance::default()
        }
    }

    async fn datastores(&mut self, list: Vec<DatastoreEntry>, cycle: &mut Cycle) -> Vec<Datastore> {
        let names: BTreeSet<String> = list.iter().map(|entry| entry.store.clone()).collect();
        self.namespaces.retain(|name, _| names.contains(name));
        let usage = self.source.client.datastore_usage().await;
        let usage = cycle.take("datastore usage", "Datastore.Audit on /datastore", usage);
        let mut sizes: HashMap<String, Sizes> = usage
            .into_iter()
            .flatten()
            .map(|row| (row.store.clone(), row.into()))
            .collect();
        let mut built = Vec::with_capacity(list.len());
        for entry in list {
            let size = match sizes.remove(&entry.store) {
                Some(size) => size,
                None => self.sizes(&entry.store).await,
            };
            let mut store = datastore::build(entry, &size, Vec::new(), 0, cycle.at);
            cycle.asked.insert("datastore sizes");
            if store.status == DatastoreStatus::Error && size.error.is_none() {
                cycle.gap("datastore sizes", "Datastore.Audit on /datastore", 403);
            }
            store.namespaces = self.list_namespaces(&store, cycle).await;
            store.snapshots = self.backups.count(&store.name);
            built.push(store);
        }
        built.sort_by(|a, b| a.name.cmp(&b.name));
        let exists = |name: &str, path: &str| {
            let store = built.iter().find(|store| store.name == name);
            store.is_some_and(|store| store.namespaces.iter().any(|n| n.path == path))
        };
        self.backups.keep_only(exists);
        built
    }

    /// Sizes of a datastore that the list of all does not have (old versions).
    async fn sizes(&self, store: &str) -> Sizes {
        let client = &self.source.client;
        let mut sizes = match client.datastore_status(store).await {
            Ok(status) => Sizes::from(status),
            Err(error) => {
                let text = error.status_error().and_then(|status| status.text());
                return Sizes {
                    error: Some(text.map_or_else(|| error.to_string(), str::to_owned)),
                    ..Sizes::default()
                };
            }
        };
        if sizes.deduplication.is_none()
            && let Ok(gc) = client.datastore_gc(store).await
        {
            sizes.deduplication = gc.deduplication();
        }
        sizes
    }

    /// Namespaces of a datastore, read every 10 min; those of one that is out of reach are kept.
    async fn list_namespaces(&mut self, store: &Datastore, cycle: &mut Cycle) -> Vec<Namespace> {
        let known = self.namespaces.get(&store.name);
        let fresh = known.is_some_and(|(at, _)| cycle.at.since(*at) < NAMESPACES_EVERY_MS);
        let kept = || known.map(|(_, list)| list.clone()).unwrap_or_default();
        if fresh || store.status == DatastoreStatus::Offline {
            return kept();
        }
        cycle.asked.insert("namespaces");
        match self.source.client.namespaces(&store.name).await {
            Ok(list) => {
                let list = datastore::namespaces(list.iter().filter_map(types::Namespace::path));
                self.namespaces
                    .insert(store.name.clone(), (cycle.at, list.clone()));
                list
            }
            Err(error) => {
                cycle.failed("namespaces", "Datastore.Audit on /datastore", &error);
                if kept().is_empty() {
                    return datastore::namespaces(std::iter::empty());
                }
                kept()
            }
        }
    }

    /// All jobs, every 5 min; a kind that fails keeps what is known of it.
    async fn read_jobs(
        &mut self,
        datastores: &[Datastore],
        cycle: &mut Cycle,
    ) -> Option<Vec<PbsJob>> {
        if (self.jobs_at).is_some_and(|at| cycle.at.since(at) < JOBS_EVERY_MS) {
            return None;
        }
        let (client, extent) = (&self.source.client, &self.source.extent);
        let audit = "Datastore.Audit on /datastore";
        let mut read: Vec<(PbsJobKindKey, Vec<PbsJob>)> = Vec::new();
        let of = |kind, list: pulse_proxmox::Decoded<types::Job>| {
            list.into_iter().map(|row| jobs::job(kind, row)).collect()
        };
        if extent.sync_jobs {
            let answer = client.sync_jobs().await;
            if let Some(list) = cycle.take("sync jobs", "Remote.Audit on /remote", answer) {
                read.push((0, of(PbsJobKind::Sync, list)));
            }
        }
        if extent.verify_jobs {
            let answer = client.verify_jobs().await;
            if let Some(list) = cycle.take("verify jobs", audit, answer) {
                read.push((1, of(PbsJobKind::Verify, list)));
            }
        }
        if extent.prune_jobs {
            let answer = client.prune_jobs().await;
            if let Some(list) = cycle.take("prune jobs", audit, answer) {
                read.push((2, of(PbsJobKind::Prune, list)));
            }
        }
        if extent.garbage_jobs {
            let answer = client.gc_jobs().await;
            if let Some(list) = cycle.take("garbage collection", audit, answer) {
                let mut list: Vec<PbsJob> = list.into_iter().map(jobs::garbage).collect();
                // The list drops those of datastores that are out of reach without a word.
                let old = self.jobs.get(&3).into_iter().flatten();
                let missing = old.filter(|job| {
                    datastores.iter().any(|store| store.name == job.datastore)
                        && list.iter().all(|known| known.datastore != job.datastore)
                });
                let missing: Vec<PbsJob> = missing.cloned().collect();
                list.extend(missing);
                read.push((3, list));
            }
        }
        for (kind, mut list) in read {
            list.sort_by(|a, b| (&a.datastore, &a.id).cmp(&(&b.datastore, &b.id)));
            self.jobs.insert(kind, list);
        }
        self.jobs_at = Some(cycle.at);
        Some(self.jobs.values().flatten().cloned().collect())
    }

    async fn read_backups(
        &mut self,
        datastores: &mut [Datastore],
        cycle: &mut Cycle,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) {
        let reachable = datastores
            .iter()
            .filter(|store| store.status != DatastoreStatus::Offline);
        let namespaces: Vec<(String, String)> = reachable
            .flat_map(|store| {
                let paths = store.namespaces.iter().map(|n| n.path.clone());
                paths.map(|path| (store.name.clone(), path))
            })
            .collect();
        let interval = i64::from(self.source.backup_interval_seconds()) * 1000;
        let (asked, troubles) = self
            .backups
            .refresh(
                &self.source.client,
                &self.source.name,
                namespaces.into_iter(),
                interval,
                clock,
            )
            .await;
        if asked {
            cycle.asked.insert("backups");
        }
        for trouble in troubles {
            if trouble.error.is_permission() {
                cycle.gap("backups", "Datastore.Audit on /datastore", 403);
            }
            let place = [trouble.datastore.as_str(), trouble.namespace.as_str()]
                .join("/")
                .trim_end_matches('/')
                .to_owned();
            cycle.notes.push(format!(
                "backups in {place} are as last read: {}",
                trouble.error
            ));
        }
        for store in datastores {
            store.snapshots = self.backups.count(&store.name);
        }
    }

    /// Gaps of this poll, and earlier ones of what was not asked this time.
    fn settle_gaps(&mut self, cycle: &mut Cycle) -> Vec<PermissionGap> {
        for (what, gap) in &mut cycle.refused {
            if let Some(known) = self.gaps.get(what) {
                gap.first_seen = known.first_seen;
            }
        }
        self.gaps.retain(|what, _| !cycle.asked.contains(what));
        self.gaps.append(&mut cycle.refused);
        self.gaps.values().cloned().collect()
    }
}

fn show_status(server: &mut PbsInstance, status: &types::NodeStatus) {
    server.cpu = status.cpu.map(Ratio::new);
    if let Some(memory) = &status.memory {
        server.memory_used = Bytes(memory.used.unwrap_or(0));
        server.memory_total = Bytes(memory.total.unwrap_or(0));
    }
    server.root = status.root.as_ref().and_then(|root| {
        Some(Capacity {
            total: Bytes(root.total?),
            used: root
                .used
                .map_or_else(Reading::default, |used| Reading::Known(Bytes(used))),
            available: root.avail.map(Bytes),
        })
    });
    if let [one, five, fifteen] = status.loadavg[..] {
        server.load = Some([one, five, fifteen]);
    }
    server.uptime = status.uptime.unwrap_or(0);
}
