//! The state and its rules: apply a report, let time pass, build a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pulse_core::{
    Guest, Host, InstanceKind, InstanceState, Node, PbsInstance, PveReport, ReportBody, Shared,
    Snapshot, SourceReport, Storage, Timestamp,
};

use crate::attribution::{self, Attributed};
use crate::pbs::PbsServer;
use crate::pmg::PmgServer;
use crate::pve::PveInstance;
use crate::{cache, hosts, link, temperatures};

/// A guest got a new id: what is stored under the old one follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    pub vm: bool,
    pub from: String,
    pub to: String,
}

/// What a report changed, after merging: the resources with a fresh observation.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub at: Timestamp,
    pub nodes: Vec<Arc<Node>>,
    pub guests: Vec<Arc<Guest>>,
    pub storages: Vec<Arc<Storage>>,
    pub hosts: Vec<Arc<Host>>,
    pub pbs: Vec<Arc<PbsInstance>>,
    pub renamed: Vec<Renamed>,
}

/// Everything that is known. Owned by one task; see [`crate::spawn`].
#[derive(Debug, Default)]
pub struct Inventory {
    pub(crate) pve: BTreeMap<String, PveInstance>,
    pub(crate) pbs: BTreeMap<String, PbsServer>,
    pub(crate) pmg: BTreeMap<String, PmgServer>,
    pub(crate) hosts: BTreeMap<String, Arc<Host>>,
    /// Hosts that an operator unlinked from their node; they stay unlinked.
    pub(crate) unlinked: BTreeSet<String>,
    pub(crate) attributed: Attributed,
    version: u64,
    at: Timestamp,
    dirty: Dirty,
    published: Arc<Snapshot>,
}

/// Which collections the next snapshot has to build anew.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub nodes: bool,
    pub guests: bool,
    pub storages: bool,
    pub hosts: bool,
    pub disks: bool,
    pub zfs_pools: bool,
    pub ceph: bool,
    pub clusters: bool,
    pub replication: bool,
    pub backup_jobs: bool,
    pub tasks: bool,
    pub storage_backups: bool,
    pub guest_snapshots: bool,
    pub pbs: bool,
    pub backup_groups: bool,
    pub pmg: bool,
    /// Names or members changed: links have to be found anew.
    pub membership: bool,
    pub any: bool,
}

impl Dirty {
    pub const ALL: Self = Self {
        nodes: true,
        guests: true,
        storages: true,
        hosts: true,
        disks: true,
        zfs_pools: true,
        ceph: true,
        clusters: true,
        replication: true,
        backup_jobs: true,
        tasks: true,
        storage_backups: true,
        guest_snapshots: true,
        pbs: true,
        backup_groups: true,
        pmg: true,
        membership: true,
        any: true,
    };
}

/// The collection of the next snapshot: the old value unless it has to be built anew.
fn next<T>(
    dirty: bool,
    old: &Shared<T>,
    elements: impl Iterator<Item = Arc<T>>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Shared<T> {
    if !dirty {
        return Arc::clone(old);
    }
    let mut list: Vec<Arc<T>> = elements.collect();
    list.sort_by(|a, b| order(a, b));
    let same = list.len() == old.len() && list.iter().zip(&**old).all(|(a, b)| Arc::ptr_eq(a, b));
    if same {
        Arc::clone(old)
    } else {
        Arc::new(list)
    }
}

impl Inventory {
    /// Announces a configured instance, so that it is shown before its first poll ends.
    pub fn add_instance(&mut self, name: &str, kind: InstanceKind, demo: bool) {
        let known = match kind {
            InstanceKind::Pve => self.pve.contains_key(name),
            InstanceKind::Pbs => self.pbs.contains_key(name),
            InstanceKind::Pmg => self.pmg.contains_key(name),
        };
        if known {
            return;
        }
        let owned = name.to_owned();
        match kind {
            InstanceKind::Pve => {
                self.pve.insert(owned, PveInstance::new(name, demo));
            }
            InstanceKind::Pbs => {
                self.pbs.insert(owned, PbsServer::new(name, demo));
            }
            InstanceKind::Pmg => {
                self.pmg.insert(owned, PmgServer::new(name, demo));
            }
        }
        self.dirty.any = true;
    }

    /// Removes an instance and everything that came from it.
    pub fn remove_instance(&mut self, kind: InstanceKind, name: &str) {
        let known = match kind {
            InstanceKind::Pve => self.pve.remove(name).is_some(),
            InstanceKind::Pbs => self.pbs.remove(name).is_some(),
            InstanceKind::Pmg => self.pmg.remove(name).is_some(),
        };
        if known {
            self.mark_all();
        }
    }

    pub fn remove_host(&mut self, id: &str) -> bool {
        let removed = self.hosts.remove(id).is_some();
        if removed {
            self.mark_all();
        }
        removed
    }

    /// Breaks the link between a host and its node, also for later reports.
    pub fn unlink_host(&mut self, id: &str) -> bool {
        let Some(host) = self.hosts.get(id) else {
            return false;
        };
        if host.linked_node.is_none() {
            return false;
        }
        self.unlinked.insert(id.to_owned());
        self.mark_all();
        true
    }

    /// Removes everything that came from the simulated datacenter.
    pub fn forget_demo(&mut self) {
        let count = |own: &Self| own.pve.len() + own.pbs.len() + own.pmg.len() + own.hosts.len();
        let before = count(self);
        self.pve.retain(|_, instance| !instance.state.demo);
        self.pbs.retain(|_, server| !server.state.demo);
        self.pmg.retain(|_, server| !server.state.demo);
        let (hosts, unlinked) = (&mut self.hosts, &mut self.unlinked);
        hosts.retain(|id, host| {
            if host.demo {
                unlinked.remove(id);
            }
            !host.demo
        });
        if before != count(self) {
            self.mark_all();
        }
    }

    fn mark_all(&mut self) {
        self.dirty = Dirty::ALL;
    }

    /// Merges one report.
    pub fn apply(&mut self, report: SourceReport) -> Applied {
        let at = report.at;
        let demo = report.demo;
        let mut applied = Applied {
            at,
            ..Applied::default()
        };
        self.at = self.at.max(at);
        match report.body {
            ReportBody::Pve(pve) => {
                self.dirty.any = true;
                self.apply_pve(*pve, report.demo, at, &mut applied);
            }
            ReportBody::PollFailed {
                instance,
                kind: InstanceKind::Pve,
                failure,
            } => {
                self.dirty.any = true;
                let entry = self
                    .pve
                    .entry(instance.clone())
                    .or_insert_with(|| PveInstance::new(&instance, report.demo));
                entry.poll_failed(failure, at);
                entry.age(at, &mut self.dirty);
            }
            ReportBody::Pushed(pushed) => {
                if let Some(entry) = self.pve.get_mut(&pushed.instance) {
                    entry.apply_pushed(&pushed, &mut self.dirty, &mut applied);
                }
            }
            ReportBody::PveFacts { instance, facts } => {
                if let Some(entry) = self.pve.get_mut(&instance) {
                    self.dirty.any = true;
                    entry.apply_facts(facts, at, &mut self.dirty);
                    temperatures::refresh(self, Some(&instance), at);
                }
            }
            ReportBody::Pbs(report) => {
                self.dirty.any = true;
                let name = report.server.name.clone();
                self.pbs
                    .entry(name)
                    .or_insert_with_key(|name| PbsServer::new(name, demo))
                    .apply(*report, at, &mut self.dirty, &mut applied);
            }
            ReportBody::Pmg(report) => {
                self.dirty.any = true;
                let name = report.server.name.clone();
                self.pmg
                    .entry(name)
                    .or_insert_with_key(|name| PmgServer::new(name, demo))
                    .apply(*report, at, &mut self.dirty);
            }
            ReportBody::PollFailed {
                instance,
                kind: InstanceKind::Pbs,
                failure,
            } => {
                if let Some(server) = self.pbs.get_mut(&instance) {
                    self.dirty.any = true;
                    server.poll_failed(failure, at, &mut self.dirty);
                }
            }
            ReportBody::PollFailed {
                instance,
                kind: InstanceKind::Pmg,
                failure,
            } => {
                if let Some(server) = self.pmg.get_mut(&instance) {
                    self.dirty.any = true;
                    server.poll_failed(failure, at, &mut self.dirty);
                }
            }
            ReportBody::Host(host) => hosts::apply(self, *host, &mut applied),
        }
        applied
    }

    fn apply_pve(&mut self, report: PveReport, demo: bool, at: Timestamp, applied: &mut Applied) {
        let name = report.instance.clone();
        let own = self
            .pve
            .entry(name.clone())
            .or_insert_with(|| PveInstance::new(&name, demo));
        let newcomer = own.nodes.is_empty();
        // Ids have to be unique: a second connection to a cluster that is already watched would
        // show every guest twice.
        let rivals: Vec<String> = self
            .pve
            .iter()
            .filter(|(other, instance)| {
                **other != name && report.nodes.iter().any(|n| instance.has_node_id(&n.id))
            })
            .map(|(other, _)| other.clone())
            .collect();
        let clustered = report.nodes.iter().any(|node| node.cluster.is_some());
        let senior = rivals.iter().find(|other| newcomer || **other < name);
        if let Some(own) = self.pve.get_mut(&name) {
            if let Some(senior) = senior {
                own.reject_as_duplicate(senior, clustered, at, &mut self.dirty);
                return;
            }
            own.apply(report, at, &mut self.dirty, applied);
            cache::take_off(self, &name, at, applied);
        }
        // Two connections that turned out to lead to one cluster only now.
        for rival in rivals {
            if let Some(rival) = self.pve.get_mut(&rival) {
                rival.reject_as_duplicate(&name, clustered, at, &mut self.dirty);
            }
        }
        self.tell_storages_apart();
        if let Some(own) = self.pve.get(&name) {
            applied.storages = own.observed_storages(at);
        }
    }

    /// Different clusters may have one name, and with it storages of one id. The instance that
    /// comes first by name keeps it, so that history stays where it is over a restart.
    fn tell_storages_apart(&mut self) {
        let mut taken: HashSet<String> = HashSet::new();
        for (name, instance) in &mut self.pve {
            for storage in &mut instance.storages {
                if taken.contains(&storage.id) {
                    let mut id = format!("{name}-{}", storage.id);
                    while taken.contains(&id) {
                        id.push('+');
                    }
                    Arc::make_mut(storage).id = id;
                    self.dirty.storages = true;
                }
                taken.insert(storage.id.clone());
            }
        }
    }

    pub(crate) fn dirty_mut(&mut self) -> &mut Dirty {
        &mut self.dirty
    }

    pub(crate) fn pve_and_dirty(&mut self) -> (&mut BTreeMap<String, PveInstance>, &mut Dirty) {
        (&mut self.pve, &mut self.dirty)
    }

    /// Lets time pass: sources that did not report become stale, then offline.
    pub fn tick(&mut self, now: Timestamp) {
        for instance in self.pve.values_mut() {
            instance.age(now, &mut self.dirty);
        }
        for server in self.pbs.values_mut() {
            server.age(now, &mut self.dirty);
        }
        for server in self.pmg.values_mut() {
            server.age(now, &mut self.dirty);
        }
        hosts::age(self, now);
        if self.dirty.any {
            self.at = self.at.max(now);
        }
    }

    /// The current snapshot; a new version only if something changed.
    pub fn snapshot(&mut self) -> Arc<Snapshot> {
        if !self.dirty.any && self.version > 0 {
            return Arc::clone(&self.published);
        }
        if self.dirty.membership {
            link::relink(self);
            temperatures::refresh(self, None, self.at);
        }
        attribution::refresh(self);
        self.version += 1;
        let old = &self.published;
        let dirty = if self.version == 1 {
            &Dirty::ALL
        } else {
            &self.dirty
        };
        let pve = || self.pve.values();
        let facts = || pve().map(|instance| &instance.facts);
        let nodes = next(
            dirty.nodes,
            &old.nodes,
            pve().flat_map(|i| i.nodes.values().map(|n| Arc::clone(&n.node))),
            |a, b| (&a.name, &a.instance).cmp(&(&b.name, &b.instance)),
        );
        let of_kind = |vm: bool, old: &Shared<Guest>| {
            next(
                dirty.guests,
                old,
                pve()
                    .flat_map(PveInstance::guests)
                    .filter(|guest| guest.kind.is_vm() == vm)
                    .map(Arc::clone),
                |a, b| (a.vmid, &a.instance, &a.node).cmp(&(b.vmid, &b.instance, &b.node)),
            )
        };
        let vms = of_kind(true, &old.vms);
        let containers = of_kind(false, &old.containers);
        let storages = next(
            dirty.storages || dirty.pbs,
            &old.storages,
            pve()
                .flat_map(|i| &i.storages)
                .chain(self.pbs.values().flat_map(|p| &p.storages))
                .map(Arc::clone),
            |a, b| (&a.instance, &a.name, &a.node).cmp(&(&b.instance, &b.name, &b.node)),
        );
        let disks = next(
            dirty.disks,
            &old.disks,
            facts().flat_map(|f| f.disks.values().flatten().map(Arc::clone)),
            |a, b| (&a.instance, &a.node, &a.dev_path).cmp(&(&b.instance, &b.node, &b.dev_path)),
        );
        let zfs_pools = next(
            dirty.zfs_pools,
            &old.zfs_pools,
            facts().flat_map(|f| f.zfs_pools.values().flatten().map(Arc::clone)),
            |a, b| (&a.instance, &a.node, &a.name).cmp(&(&b.instance, &b.node, &b.name)),
        );
        let ceph = next(
            dirty.ceph,
            &old.ceph,
            facts().filter_map(|f| f.ceph.clone()),
            |a, b| (&a.instance, &a.id).cmp(&(&b.instance, &b.id)),
        );
        let clusters = next(
            dirty.clusters,
            &old.clusters,
            facts().filter_map(|f| f.cluster.clone()),
            |a, b| a.instance.cmp(&b.instance),
        );
        let replication = next(
            dirty.replication,
            &old.replication,
            facts().flat_map(|f| f.replication.iter().map(Arc::clone)),
            |a, b| (&a.instance, a.guest, a.job_number).cmp(&(&b.instance, b.guest, b.job_number)),
        );
        let backup_jobs = next(
            dirty.backup_jobs,
            &old.backup_jobs,
            facts().flat_map(|f| f.backup_jobs.iter().map(Arc::clone)),
            |a, b| (&a.instance, &a.id).cmp(&(&b.instance, &b.id)),
        );
        let unprotected = if dirty.backup_jobs {
            Arc::new(
                self.pve
                    .iter()
                    .flat_map(|(name, i)| {
                        i.facts
                            .unprotected
                            .iter()
                            .map(move |id| (name.clone(), *id))
                    })
                    .collect(),
            )
        } else {
            Arc::clone(&old.unprotected)
        };
        let tasks = next(
            dirty.tasks,
            &old.tasks,
            facts()
                .flat_map(|f| f.tasks.values().flatten())
                .chain(self.pbs.values().flat_map(|p| &p.tasks))
                .map(Arc::clone),
            |a, b| (b.started, &a.upid).cmp(&(a.started, &b.upid)),
        );
        let storage_backups = next(
            dirty.storage_backups,
            &old.storage_backups,
            facts().flat_map(|f| f.storage_backups.values().flatten().map(Arc::clone)),
            |a, b| (b.time, &a.volid).cmp(&(a.time, &b.volid)),
        );
        let guest_snapshots = next(
            dirty.guest_snapshots,
            &old.guest_snapshots,
            facts().flat_map(|f| f.snapshots.values().flatten().map(Arc::clone)),
            |a, b| (b.time, a.vmid, &a.name).cmp(&(a.time, b.vmid, &b.name)),
        );
        let pbs = next(
            dirty.pbs,
            &old.pbs,
            self.pbs.values().filter_map(PbsServer::shown),
            |a, b| a.name.cmp(&b.name),
        );
        let backup_groups = next(
            dirty.backup_groups,
            &old.backup_groups,
            self.pbs
                .values()
                .flat_map(PbsServer::groups)
                .map(Arc::clone),
            |a, b| {
                (
                    &a.instance,
                    &a.datastore,
                    &a.namespace,
                    a.kind,
                    &a.backup_id,
                )
                    .cmp(&(
                        &b.instance,
                        &b.datastore,
                        &b.namespace,
                        b.kind,
                        &b.backup_id,
                    ))
            },
        );
        let pmg = next(
            dirty.pmg,
            &old.pmg,
            self.pmg.values().filter_map(PmgServer::shown),
            |a, b| a.name.cmp(&b.name),
        );
        let hosts = next(
            dirty.hosts,
            &old.hosts,
            self.hosts.values().map(Arc::clone),
            |a, b| (&a.hostname, &a.id).cmp(&(&b.hostname, &b.id)),
        );
        // What did not change stays the same value: readers tell by it what to encode anew.
        let states = (self.pve.values().map(|i| &i.state))
            .chain(self.pbs.values().map(|p| &p.state))
            .chain(self.pmg.values().map(|p| &p.state));
        let instances: Vec<Arc<InstanceState>> = states
            .map(|state| {
                let known = old.instances.iter().find(|known| ***known == *state);
                known.map_or_else(|| Arc::new(state.clone()), Arc::clone)
            })
            .collect();
        let connection_health = self.connection_health();
        let connection_health = if connection_health == *old.connection_health {
            Arc::clone(&old.connection_health)
        } else {
            Arc::new(connection_health)
        };
        self.dirty = Dirty::default();
        self.published = Arc::new(Snapshot {
            version: self.version,
            at: self.at,
            instances,
            nodes,
            vms,
            containers,
            storages,
            disks,
            zfs_pools,
            ceph,
            clusters,
            replication,
            backup_jobs,
            unprotected,
            tasks,
            storage_backups,
            guest_snapshots,
            pbs,
            backup_groups,
            pmg,
            hosts,
            connection_health,
        });
        Arc::clone(&self.published)
    }

    fn connection_health(&self) -> BTreeMap<String, bool> {
        let mut map = BTreeMap::new();
        for (name, instance) in &self.pve {
            if instance.was_asked() {
                map.insert(name.clone(), instance.works());
            }
        }
        for (name, server) in &self.pbs {
            if server.was_asked() {
                map.insert(format!("pbs-{name}"), server.works());
            }
        }
        for (name, server) in &self.pmg {
            if server.was_asked() {
                map.insert(format!("pmg-{name}"), server.works());
            }
        }
        for (id, host) in &self.hosts {
            map.insert(format!("host-{id}"), host.online);
        }
        map
    }
}
