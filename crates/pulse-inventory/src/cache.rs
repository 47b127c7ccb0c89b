//! The ZFS cache of a node, where a host agent on the same machine knows more than Proxmox.
//!
//! Proxmox counts the cache as used; its history tells the size from version 9 on. The agent
//! takes off what the cache gives back on demand. On a node with ZFS pools whose cache Proxmox did
//! not tell, the agent's figure is shown when it is fresh and lower.

use std::sync::Arc;

use pulse_core::{Bytes, Host, Memory, MemorySource, Node, Timestamp};

use crate::inventory::{Applied, Inventory};

const FRESH_MS: i64 = 120_000;
/// Sizes of one machine's memory differ by what its kernel keeps for itself.
const SAME_SIZE: f64 = 0.05;

/// Memory without the cache, if the host knows better.
fn without_cache(node: &Node, host: &Host, now: Timestamp) -> Option<Memory> {
    let (total, known) = (node.memory.total.get(), host.memory.total.get());
    let fresh = host.online && now.since(host.seen) <= FRESH_MS;
    let same = total > 0 && (total.abs_diff(known) as f64) <= total as f64 * SAME_SIZE;
    let told = node.memory.reclaimable > Bytes::ZERO;
    let (used, lower) = (node.memory.used, host.memory.used);
    if !(node.online && fresh && same) || told || lower == Bytes::ZERO || lower >= used {
        return None;
    }
    Some(Memory {
        used: lower,
        reclaimable: used.saturating_sub(lower),
        source: MemorySource::HostAgent,
        ..node.memory
    })
}

/// After a poll of an instance: its nodes with pools and an agent.
pub(crate) fn take_off(
    inventory: &mut Inventory,
    instance: &str,
    now: Timestamp,
    applied: &mut Applied,
) {
    let hosts = &inventory.hosts;
    let Some(own) = inventory.pve.get_mut(instance) else {
        return;
    };
    for tracked in own.nodes.values_mut() {
        let pools = own.facts.zfs_pools.get(&tracked.node.name);
        let host = tracked
            .node
            .linked_host
            .as_ref()
            .and_then(|id| hosts.get(id));
        let Some(host) = host.filter(|_| pools.is_some_and(|pools| !pools.is_empty())) else {
            continue;
        };
        let Some(memory) = without_cache(&tracked.node, host, now) else {
            continue;
        };
        Arc::make_mut(&mut tracked.node).memory = memory;
        let recorded = applied
            .nodes
            .iter_mut()
            .find(|node| node.id == tracked.node.id);
        if let Some(recorded) = recorded {
            *recorded = Arc::clone(&tracked.node);
        }
    }
}
