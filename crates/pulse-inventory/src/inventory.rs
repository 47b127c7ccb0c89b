//! The state and its rules: apply a report, let time pass, build a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulse_core::{
    Guest, Host, InstanceKind, InstanceState, Node, ReportBody, Snapshot, SourceReport, Storage,
    Timestamp,
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
    pub(crate) unlinked: std::collections::BTreeSet<String>,
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
        self.pve.retain(|_, instance| !instance.state.demo);
        self.hosts.retain(|_, host| !host.demo);
        self.mark_all();
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
        self.dirty.any = true;
        match report.body {
            ReportBody::Pve(pve) => {
                let covered_by = self.covered_by(&pve);
                let instance = self
                    .pve
                    .entry(pve.instance.clone())
                    .or_insert_with(|| PveInstance::new(&pve.instance, report.demo));
                if let Some(other) = covered_by {
                    instance.reject_as_duplicate(&other, at);
                } else {
                    instance.apply(*pve, at, &mut self.dirty, &mut applied);
                }
            }
            ReportBody::PollFailed {
                instance,
                kind: InstanceKind::Pve,
                failure,
            } => {
                let entry = self
                    .pve
                    .entry(instance.clone())
                    .or_insert_with(|| PveInstance::new(&instance, report.demo));
                entry.poll_failed(failure, at);
                entry.age(at, &mut self.dirty);
            }
            ReportBody::PollFailed { .. } => {}
            ReportBody::Host(host) => {
                hosts::apply(self, *host, &mut applied);
            }
        }
        applied
    }

    /// A second connection to a cluster that is already watched would show every guest twice.
    fn covered_by(&self, report: &pulse_core::PveReport) -> Option<String> {
        self.pve
            .iter()
            .filter(|(name, _)| **name != report.instance)
            .find(|(name, other)| {
                let first = other.state.last_success.is_some()
                    && self
                        .pve
                        .get(&report.instance)
                        .is_none_or(|own| own.nodes.is_empty() || *name < &report.instance);
                first
                    && report
                        .nodes
                        .iter()
                        .any(|node| node.cluster.is_some() && other.has_node_id(&node.id))
            })
            .map(|(name, _)| name.clone())
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
        let instances: Vec<Arc<InstanceState>> =
            self.pve.values().map(|i| Arc::new(i.state.clone())).collect();
        let connection_health = Arc::new(self.connection_health());
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
