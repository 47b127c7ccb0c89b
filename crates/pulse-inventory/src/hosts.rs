//! Host agents: merging their reports and noticing when they stay away.

use std::sync::Arc;

use pulse_core::{Host, Liveness, Timestamp};

use crate::inventory::{Applied, Inventory};
use crate::temperatures;

/// Takes a report of a host. A report that is older than the one known does not replace it.
pub(crate) fn apply(inventory: &mut Inventory, mut host: Host, applied: &mut Applied) {
    if let Some(previous) = inventory.hosts.get(&host.id) {
        if previous.seen > host.seen {
            return;
        }
        host.linked_node.clone_from(&previous.linked_node);
        host.linked_guest.clone_from(&previous.linked_guest);
        // Whoever comes back may claim a node again.
        if previous.hostname != host.hostname
            || previous.details.report_ip != host.details.report_ip
            || !previous.online
        {
            inventory.dirty_mut().membership = true;
        }
    } else {
        inventory.dirty_mut().membership = true;
    }
    host.online = true;
    host.liveness = Liveness::Fresh;
    let dirty = inventory.dirty_mut();
    dirty.hosts = true;
    dirty.any = true;
    let host = Arc::new(host);
    applied.hosts.push(Arc::clone(&host));
    inventory.hosts.insert(host.id.clone(), Arc::clone(&host));
    temperatures::after_host(inventory, &host, host.seen);
}

/// How long a host may stay silent before it counts as offline: six intervals, between one and
/// ten minutes, and never less than two intervals. An agent that names no interval gets 6 min.
pub(crate) fn silence_allowed_ms(interval_seconds: u32) -> i64 {
    if interval_seconds == 0 {
        return 360_000;
    }
    let interval = i64::from(interval_seconds) * 1000;
    (interval * 6).clamp(60_000, 600_000).max(interval * 2)
}

pub(crate) fn age(inventory: &mut Inventory, now: Timestamp) {
    let mut changed = false;
    let mut came_or_went = false;
    for host in inventory.hosts.values_mut() {
        let silent = now.since(host.seen);
        let online = silent <= silence_allowed_ms(host.interval_seconds);
        let stale = silent > i64::from(host.interval_seconds.max(10)) * 3000;
        let liveness = if stale {
            Liveness::Stale
        } else {
            Liveness::Fresh
        };
        if host.online != online || host.liveness != liveness {
            came_or_went |= host.online != online;
            let host = Arc::make_mut(host);
            host.online = online;
            host.liveness = liveness;
            changed = true;
        }
    }
    if changed {
        let dirty = inventory.dirty_mut();
        dirty.hosts = true;
        dirty.any = true;
        dirty.membership |= came_or_went;
    }
}

#[cfg(test)]
mod tests {
    use super::silence_allowed_ms;

    #[test]
    fn the_silence_window_follows_the_interval_within_bounds() {
        assert_eq!(silence_allowed_ms(0), 360_000);
        assert_eq!(silence_allowed_ms(5), 60_000);
        assert_eq!(silence_allowed_ms(10), 60_000);
        assert_eq!(silence_allowed_ms(60), 360_000);
        assert_eq!(silence_allowed_ms(300), 600_000);
        assert_eq!(silence_allowed_ms(3600), 7_200_000);
    }
}
