//! What a poll tells the facts about: nodes, guests and storages as they are now.

use std::collections::BTreeMap;

use pulse_core::{Guest, GuestKind};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WorldNode {
    pub name: String,
    pub online: bool,
    /// `uname` line of the running kernel; empty when not known.
    pub kernel: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorldGuest {
    pub kind: GuestKind,
    pub node: String,
    pub name: String,
    /// A backup, snapshot or migration is under way.
    pub locked: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WorldStorage {
    pub name: String,
    pub kind: String,
    /// The node that it belongs to; none for shared ones.
    pub node: Option<String>,
    /// Online nodes that see it.
    pub nodes: Vec<String>,
    /// Switched on, and meant for backups.
    pub backups: bool,
    pub backend: String,
}

/// An instance at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub nodes: Vec<WorldNode>,
    pub guests: BTreeMap<u32, WorldGuest>,
    pub storages: Vec<WorldStorage>,
    /// Storages were asked for; else nothing can be said about them.
    pub storages_known: bool,
}

impl World {
    pub fn node(&self, name: &str) -> Option<&WorldNode> {
        self.nodes.iter().find(|node| node.name == name)
    }

    pub fn is_online(&self, name: &str) -> bool {
        self.node(name).is_some_and(|node| node.online)
    }

    pub fn online(&self) -> impl Iterator<Item = &WorldNode> {
        self.nodes.iter().filter(|node| node.online)
    }

    pub fn has_ceph(&self) -> bool {
        self.storages
            .iter()
            .any(|storage| matches!(storage.kind.as_str(), "rbd" | "cephfs" | "ceph"))
    }

    /// Whether a node has a storage of one of these kinds.
    pub fn has_kind(&self, node: &str, kinds: &[&str]) -> bool {
        self.storages.iter().any(|storage| {
            kinds.contains(&storage.kind.as_str())
                && (storage.node.as_deref() == Some(node)
                    || storage.nodes.iter().any(|name| name == node))
        })
    }
}

impl From<&Guest> for WorldGuest {
    fn from(guest: &Guest) -> Self {
        Self {
            kind: guest.kind,
            node: guest.node.clone(),
            name: guest.name.clone(),
            locked: !guest.lock.is_empty(),
        }
    }
}
