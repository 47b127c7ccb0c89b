//! Everything that is known at one version.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Guest, Host, InstanceState, Node, Storage};
use crate::units::Timestamp;

/// Immutable; readers hold an `Arc` of it. Collections are in the order in which clients see
/// them, and an unchanged resource keeps its `Arc` from version to version, so that "what
/// changed" is a pointer comparison.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub version: u64,
    /// Last change of anything.
    pub at: Timestamp,
    pub instances: Vec<Arc<InstanceState>>,
    /// By name, then instance.
    pub nodes: Arc<Vec<Arc<Node>>>,
    /// VMs by vmid, then instance, then node.
    pub vms: Arc<Vec<Arc<Guest>>>,
    pub containers: Arc<Vec<Arc<Guest>>>,
    /// By instance, then name, then node.
    pub storages: Arc<Vec<Arc<Storage>>>,
    /// By host name.
    pub hosts: Arc<Vec<Arc<Host>>>,
    /// v5's map: instance name, `pbs-<name>`, `host-<id>` … → works.
    pub connection_health: Arc<BTreeMap<String, bool>>,
}

impl Snapshot {
    pub fn guests(&self) -> impl Iterator<Item = &Arc<Guest>> {
        self.vms.iter().chain(self.containers.iter())
    }
}
