//! Whether there is news in a report, for the adaptive intervals: states and memberships, not
//! the numbers that always move.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::mem::discriminant;

use pulse_core::ReportBody;

/// Equal for two reports in which nothing started, stopped, came or went.
pub(super) fn fingerprint(body: &ReportBody) -> u64 {
    let mut hash = DefaultHasher::new();
    match body {
        ReportBody::Pve(report) => {
            discriminant(&report.health).hash(&mut hash);
            report.notes.hash(&mut hash);
            for node in &report.nodes {
                (&node.name, node.online).hash(&mut hash);
            }
            for guest in report.guests.iter().flatten() {
                (guest.vmid, &guest.node, discriminant(&guest.status)).hash(&mut hash);
            }
        }
        ReportBody::Pbs(report) => {
            report.notes.hash(&mut hash);
            report.groups.len().hash(&mut hash);
            for store in &report.server.datastores {
                (&store.name, discriminant(&store.status)).hash(&mut hash);
            }
        }
        ReportBody::Pmg(report) => {
            report.notes.hash(&mut hash);
            for node in &report.server.nodes {
                let queued = node.queue.as_ref().map(|queue| queue.total() > 0);
                (&node.name, node.online, queued).hash(&mut hash);
            }
        }
        ReportBody::PveFacts { .. }
        | ReportBody::PollFailed { .. }
        | ReportBody::Host(_)
        | ReportBody::Pushed(_) => {}
    }
    hash.finish()
}
