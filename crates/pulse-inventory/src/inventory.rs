//! The state and its rules: apply a report, let time pass, build a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pulse_core::{
    Guest, Host, InstanceKind, InstanceState, Node, PveReport, ReportBody, Snapshot, SourceReport,
    Storage, Timestamp,
};

use crate::pve::PveInstance;
use crate::{hosts, link};

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
    pub renamed: Vec<Renamed>,
}

/// Everything that is known. Owned by one task; see [`crate::spawn`].
#[derive(Debug, Default)]
pub struct Inventory {
    pub(crate) pve: BTreeMap<String, PveInstance>,
    pub(crate) hosts: BTreeMap<String, Arc<Host>>,
    /// Hosts that an operator unlinked from their node; they stay unlinked.
    pub(crate) unlinked: BTreeSet<String>,
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
    /// Names or members changed: links have to be found anew.
    pub membership: bool,
    pub any: bool,
}

impl Inventory {
    /// Announces a configured instance, so that it is shown before its first poll ends.
    pub fn add_instance(&mut self, name: &str, kind: InstanceKind, demo: bool) {
        if kind == InstanceKind::Pve && !self.pve.contains_key(name) {
            self.pve
                .insert(name.to_owned(), PveInstance::new(name, demo));
            self.dirty.any = true;
        }
    }

    /// Removes an instance and everything that came from it.
    pub fn remove_instance(&mut self, name: &str) {
        if self.pve.remove(name).is_some() {
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
        let before = self.pve.len() + self.hosts.len();
        self.pve.retain(|_, instance| !instance.state.demo);
        let (hosts, unlinked) = (&mut self.hosts, &mut self.unlinked);
        hosts.retain(|id, host| {
            if host.demo {
                unlinked.remove(id);
            }
            !host.demo
        });
        if before != self.pve.len() + self.hosts.len() {
            self.mark_all();
        }
    }

    fn mark_all(&mut self) {
        self.dirty = Dirty {
            nodes: true,
            guests: true,
            storages: true,
            hosts: true,
            membership: true,
            any: true,
        };
    }

    /// Merges one report.
    pub fn apply(&mut self, report: SourceReport) -> Applied {
        let at = report.at;
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
            ReportBody::PollFailed { .. } => {}
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

    /// Lets time pass: sources that did not report become stale, then offline.
    pub fn tick(&mut self, now: Timestamp) {
        for instance in self.pve.values_mut() {
            instance.age(now, &mut self.dirty);
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
        }
        self.version += 1;
        let old = &self.published;
        let nodes = if self.dirty.nodes || self.version == 1 {
            let mut list: Vec<_> = self
                .pve
                .values()
                .flat_map(|i| i.nodes.values().map(|n| Arc::clone(&n.node)))
                .collect();
            list.sort_by(|a, b| (&a.name, &a.instance).cmp(&(&b.name, &b.instance)));
            Arc::new(list)
        } else {
            Arc::clone(&old.nodes)
        };
        let (vms, containers) = if self.dirty.guests || self.version == 1 {
            let mut vms = Vec::new();
            let mut containers = Vec::new();
            for guest in self.pve.values().flat_map(PveInstance::guests) {
                if guest.kind.is_vm() {
                    vms.push(Arc::clone(guest));
                } else {
                    containers.push(Arc::clone(guest));
                }
            }
            for list in [&mut vms, &mut containers] {
                list.sort_by(|a, b| {
                    (a.vmid, &a.instance, &a.node).cmp(&(b.vmid, &b.instance, &b.node))
                });
            }
            (Arc::new(vms), Arc::new(containers))
        } else {
            (Arc::clone(&old.vms), Arc::clone(&old.containers))
        };
        let storages = if self.dirty.storages || self.version == 1 {
            let mut list: Vec<_> = self
                .pve
                .values()
                .flat_map(|i| i.storages.iter().map(Arc::clone))
                .collect();
            list.sort_by(|a, b| {
                (&a.instance, &a.name, &a.node).cmp(&(&b.instance, &b.name, &b.node))
            });
            Arc::new(list)
        } else {
            Arc::clone(&old.storages)
        };
        let hosts = if self.dirty.hosts || self.version == 1 {
            let mut list: Vec<_> = self.hosts.values().map(Arc::clone).collect();
            list.sort_by(|a, b| (&a.hostname, &a.id).cmp(&(&b.hostname, &b.id)));
            Arc::new(list)
        } else {
            Arc::clone(&old.hosts)
        };
        // What did not change stays the same value: readers tell by it what to encode anew.
        let instances: Vec<Arc<InstanceState>> = self
            .pve
            .values()
            .map(|i| {
                let known = old.instances.iter().find(|known| ***known == i.state);
                known.map_or_else(|| Arc::new(i.state.clone()), Arc::clone)
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
        for (id, host) in &self.hosts {
            map.insert(format!("host-{id}"), host.online);
        }
        map
    }
}
