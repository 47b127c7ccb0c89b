//! What becomes of values that a source does not give this time.

use pulse_core::rates::Rates;
use pulse_core::{Bytes, Guest, Memory, MemorySource, Node, Ratio, Reading, Unknown};

/// A status call that failed leaves facts of the node unknown this time: the last known stay.
pub(super) fn keep_last_known(node: &mut Node, previous: &Node, raw_online: bool) {
    if node.kernel_version.is_empty() {
        node.kernel_version.clone_from(&previous.kernel_version);
    }
    if node.pve_version.is_empty() {
        node.pve_version.clone_from(&previous.pve_version);
    }
    if node.cpu_info.model.is_empty() {
        node.cpu_info = previous.cpu_info.clone();
    }
    if node.disk.total == Bytes::ZERO {
        node.disk = previous.disk;
    }
    if !raw_online {
        // Proxmox gives no sizes for a node that is off; it did not shrink.
        if node.memory.total == Bytes::ZERO {
            node.memory.total = previous.memory.total;
        }
        return;
    }
    if node.load.is_none() {
        node.load = previous.load;
    }
    // The endpoint list counts the page cache as used: better an older figure of a better
    // source than a jump of the curve.
    if node.memory.source == MemorySource::NodesEndpoint
        && previous.memory.total > Bytes::ZERO
        && previous.memory.source != MemorySource::NodesEndpoint
    {
        let total = if node.memory.total == Bytes::ZERO {
            previous.memory.total
        } else {
            node.memory.total
        };
        node.memory = Memory {
            total,
            used: Bytes(previous.memory.used.0.min(total.0)),
            source: MemorySource::PreviousSnapshot,
            ..previous.memory
        };
    }
}

pub(super) fn mark_offline(node: &mut Node) {
    node.online = false;
    node.cpu = Ratio::default();
    node.uptime = 0;
    node.load = None;
    node.memory.used = Bytes::ZERO;
}

pub(super) fn keep_identity(guest: &mut Guest, previous: &Guest) {
    if guest.name.is_empty() {
        guest.name.clone_from(&previous.name);
    }
    if guest.tags.is_empty() {
        guest.tags.clone_from(&previous.tags);
    }
    if guest.memory.total == Bytes::ZERO {
        guest.memory.total = previous.memory.total;
    }
    if guest.disk.total == Bytes::ZERO {
        guest.disk.total = previous.disk.total;
    }
    if guest.cpus == 0 {
        guest.cpus = previous.cpus;
    }
}

pub(super) fn clear_numbers(guest: &mut Guest) {
    guest.cpu = Ratio::default();
    guest.memory.used = Bytes::ZERO;
    guest.memory.source = MemorySource::Unknown;
    guest.disk.used = Reading::Unknown(Unknown::SourceOffline);
    guest.rates = Rates::unknown(Unknown::SourceOffline);
    guest.uptime = 0;
}
