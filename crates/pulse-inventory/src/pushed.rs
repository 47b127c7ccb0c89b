//! What Proxmox pushes between polls: newer numbers for what is known, nothing else. Whether a
//! thing is there and runs is only told by polls.

use std::sync::Arc;

use pulse_core::{
    Bytes, Guest, Liveness, MemorySource, Node, PushedGuest, PushedNode, Ratio, Timestamp,
};

/// Figures of these sources are what a push tells, too; better evidence is not replaced.
const fn may_replace(source: MemorySource) -> bool {
    matches!(
        source,
        MemorySource::StatusMem
            | MemorySource::ClusterResources
            | MemorySource::NodesEndpoint
            | MemorySource::NodeStatusUsed
    )
}

/// Takes the numbers of a running guest; false when they are older than what is known.
pub(crate) fn guest(known: &mut Arc<Guest>, at: Timestamp, said: &PushedGuest) -> bool {
    if at <= known.seen || !known.status.is_running() {
        return false;
    }
    let guest = Arc::make_mut(known);
    if let Some(cpu) = said.cpu {
        guest.cpu = Ratio::new(cpu);
    }
    if let Some(used) = said.memory_used
        && may_replace(guest.memory.source)
    {
        guest.memory.used = Bytes(used).min(guest.memory.total);
        guest.memory.at = at;
    }
    if let Some(uptime) = said.uptime {
        guest.uptime = uptime;
    }
    if let Some(rates) = said.rates {
        guest.rates = rates;
    }
    guest.seen = at;
    guest.liveness = Liveness::Fresh;
    true
}

/// Takes the numbers of an online node; false when they are older than what is known.
pub(crate) fn node(known: &mut Arc<Node>, at: Timestamp, said: &PushedNode) -> bool {
    if at <= known.seen || !known.online {
        return false;
    }
    let node = Arc::make_mut(known);
    if let Some(cpu) = said.cpu {
        node.cpu = Ratio::new(cpu);
    }
    if let Some(used) = said.memory_used
        && may_replace(node.memory.source)
    {
        node.memory.used = Bytes(used).min(node.memory.total);
        node.memory.at = at;
    }
    if let Some(uptime) = said.uptime {
        node.uptime = uptime;
    }
    if said.load.is_some() {
        node.load = said.load;
    }
    node.seen = at;
    node.liveness = Liveness::Fresh;
    true
}
