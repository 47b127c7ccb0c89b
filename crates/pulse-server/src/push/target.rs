//! Whose is what was pushed? Names and ids are unique only inside an instance: what could be
//! meant of two is meant of none.

use std::collections::HashMap;

use pulse_collect::InstanceKey;
use pulse_core::{InstanceKind, Snapshot};

use super::events::Event;
use super::sample::Object;

/// Which instance has a node or a guest; `None` stands for more than one.
pub struct Targets<'a> {
    nodes: HashMap<&'a str, Option<&'a str>>,
    guests: HashMap<(bool, u32), Vec<(&'a str, &'a str)>>,
}

impl<'a> Targets<'a> {
    /// Only those of `instance` when it is given. The demo is never meant.
    pub fn of(snapshot: &'a Snapshot, instance: Option<&str>) -> Self {
        let meant =
            |name: &str| instance.is_none_or(|only| only == name) && !crate::demo::is_demo_id(name);
        let mut nodes = HashMap::new();
        for node in snapshot.nodes.iter().filter(|node| meant(&node.instance)) {
            nodes
                .entry(node.name.as_str())
                .and_modify(|known| *known = None)
                .or_insert(Some(node.instance.as_str()));
        }
        let mut guests: HashMap<_, Vec<_>> = HashMap::new();
        let all = snapshot.vms.iter().chain(snapshot.containers.iter());
        for guest in all.filter(|guest| meant(&guest.instance)) {
            guests
                .entry((guest.kind.is_vm(), guest.vmid))
                .or_default()
                .push((guest.instance.as_str(), guest.node.as_str()));
        }
        Self { nodes, guests }
    }

    pub fn instance_of(&self, object: &Object) -> Option<&'a str> {
        match object {
            Object::Node(name) => self.nodes.get(name.as_str()).copied().flatten(),
            Object::Guest { vm, vmid, node } => {
                let mut fitting = self
                    .guests
                    .get(&(*vm, *vmid))?
                    .iter()
                    .filter(|(_, own)| node.as_deref().is_none_or(|node| node == *own));
                let found = fitting.next()?;
                fitting.next().is_none().then_some(found.0)
            }
        }
    }
}

/// The instance that an event came from: the one that its target's URL names, else the only one
/// with a node (or backup server, or gateway) of its host's name.
pub fn of_event(event: &Event, snapshot: &Snapshot, keys: &[InstanceKey]) -> Option<InstanceKey> {
    let only = |mut found: Vec<InstanceKey>| {
        found.sort();
        found.dedup();
        (found.len() == 1).then(|| found.remove(0))
    };
    if let Some(named) = &event.named_instance {
        let named = keys
            .iter()
            .filter(|key| key.name == *named && event.source.is_none_or(|kind| kind == key.kind));
        return only(named.cloned().collect());
    }
    let host = event.host.split('.').next().filter(|h| !h.is_empty())?;
    let nodes = snapshot
        .nodes
        .iter()
        .filter(|node| node.name == host)
        .map(|node| InstanceKey::new(InstanceKind::Pve, node.instance.clone()));
    let named = keys
        .iter()
        .filter(|key| key.kind != InstanceKind::Pve && key.name == host)
        .cloned();
    let found = nodes.chain(named).filter(|key| keys.contains(key));
    only(found.collect())
}
