//! What the credentials of an instance may not read. Kept by the poll, the guests' details and
//! the facts together, told to the operator, and not asked again for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulse_core::{PermissionGap, Timestamp};

/// Time until a refused question is asked again.
pub(crate) const REFUSED_MS: i64 = 600_000;
/// Gaps that are remembered.
const MOST: usize = 500;

/// What a call reads, and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// In words.
    pub capability: &'static str,
    pub privilege: &'static str,
}

#[derive(Debug, Default)]
struct State {
    gaps: BTreeMap<(String, &'static str), PermissionGap>,
    changed: bool,
}

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gaps(Arc<Mutex<State>>);

impl Gaps {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call was refused. `node` is empty for what is not about one.
    pub fn refused(&self, node: &str, need: Need, status: u16, now: Timestamp) {
        let mut state = self.lock();
        let key = (node.to_owned(), need.capability);
        if state.gaps.len() >= MOST && !state.gaps.contains_key(&key) {
            return;
        }
        let known = state.gaps.get(&key);
        let gap = PermissionGap {
            node: node.to_owned(),
            capability: need.capability.to_owned(),
            privilege: need.privilege.to_owned(),
            status,
            first_seen: known.map_or(now, |gap| gap.first_seen),
            last_seen: now,
        };
        state.gaps.insert(key, gap);
        state.changed = true;
    }

    /// The same was answered.
    pub fn granted(&self, node: &str, need: Need) {
        let mut state = self.lock();
        if state.gaps.is_empty() {
            return;
        }
        let gone = state.gaps.remove(&(node.to_owned(), need.capability));
        state.changed |= gone.is_some();
    }

    /// Forgets what was of nodes that are gone, and what nobody ran into for an hour.
    pub fn tidy(&self, is_known: impl Fn(&str) -> bool, now: Timestamp) {
        let mut state = self.lock();
        let before = state.gaps.len();
        state.gaps.retain(|(node, _), gap| {
            (node.is_empty() || is_known(node)) && now.since(gap.last_seen) < 6 * REFUSED_MS
        });
        state.changed |= before != state.gaps.len();
    }

    /// All of them, if they changed since this was asked last.
    pub fn news(&self) -> Option<Vec<PermissionGap>> {
        let mut state = self.lock();
        std::mem::take(&mut state.changed).then(|| state.gaps.values().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISKS: Need = Need {
        capability: "disks",
        privilege: "Sys.Audit",
    };

    #[test]
    fn a_gap_opens_and_closes() {
        let gaps = Gaps::default();
        let at = Timestamp::from_secs;
        assert_eq!(gaps.news(), None);
        gaps.refused("pve1", DISKS, 403, at(1));
        gaps.refused("pve1", DISKS, 403, at(601));
        let told = gaps.news().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].first_seen, told[0].last_seen), (at(1), at(601)));
        assert_eq!(gaps.news(), None);
        gaps.granted("pve2", DISKS);
        assert_eq!(gaps.news(), None);
        gaps.granted("pve1", DISKS);
        assert_eq!(gaps.news(), Some(Vec::new()));
    }

    #[test]
    fn gaps_of_a_node_that_is_gone_are_forgotten() {
        let gaps = Gaps::default();
        gaps.refused("pve1", DISKS, 403, Timestamp(0));
        gaps.refused("", DISKS, 403, Timestamp(0));
        gaps.tidy(|node| node != "pve1", Timestamp(1));
        assert_eq!(gaps.news().unwrap().len(), 1);
        gaps.tidy(|_| true, Timestamp::from_secs(3_600));
        assert_eq!(gaps.news(), Some(Vec::new()));
    }
}
