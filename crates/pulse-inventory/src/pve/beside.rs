//! What is asked beside the polls, and where it shows: on nodes, guests and storages.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulse_core::{PveFact, Timestamp};

use super::PveInstance;
use crate::inventory::Dirty;

impl PveInstance {
    /// Merges what is asked more seldom.
    pub fn apply_facts(&mut self, facts: Vec<PveFact>, at: Timestamp, dirty: &mut Dirty) {
        let (mut pools, mut backups, mut upkeep) = (false, false, false);
        for fact in facts {
            match &fact {
                PveFact::ZfsPools { .. } | PveFact::ThinPools { .. } => pools = true,
                PveFact::StorageBackups { .. } | PveFact::BackupStorages(_) => backups = true,
                PveFact::Updates { .. }
                | PveFact::Certificates { .. }
                | PveFact::Temperatures { .. } => upkeep = true,
                _ => {}
            }
            if let PveFact::Gaps(gaps) = fact {
                self.state.gaps = gaps;
            } else {
                self.facts.apply(fact, at, dirty);
            }
        }
        // An answer may come after what it is about has gone.
        self.forget_gone(dirty);
        self.facts.age(at, dirty);
        if pools {
            self.link_storages(dirty);
        }
        if backups {
            self.show_backups(dirty);
        }
        if upkeep {
            self.show_upkeep(dirty);
        }
    }

    /// Newest backups on backup servers that are watched themselves, by vmid: they count beside
    /// those on this instance's own storages.
    pub fn set_pbs_backups(&mut self, newest: BTreeMap<u32, Timestamp>, dirty: &mut Dirty) {
        if self.pbs_backups != newest {
            self.pbs_backups = newest;
            self.show_backups(dirty);
        }
    }

    /// The newest backup of a guest that is known, wherever it lies.
    pub(super) fn newest_backup(&self, vmid: u32) -> Option<Timestamp> {
        let own = self.facts.newest_backups.get(&vmid);
        own.max(self.pbs_backups.get(&vmid)).copied()
    }

    pub(super) fn show_backups(&mut self, dirty: &mut Dirty) {
        let newest: Vec<(u32, Option<Timestamp>)> = self
            .guests
            .iter()
            .map(|(vmid, guest)| (*vmid, guest.last_backup, self.newest_backup(*vmid)))
            .filter(|(_, shown, newest)| shown != newest)
            .map(|(vmid, _, newest)| (vmid, newest))
            .collect();
        for (vmid, newest) in newest {
            if let Some(guest) = self.guests.get_mut(&vmid) {
                Arc::make_mut(guest).last_backup = newest;
                (dirty.guests, dirty.any) = (true, true);
            }
        }
    }

    pub fn show_upkeep(&mut self, dirty: &mut Dirty) {
        for (name, tracked) in &mut self.nodes {
            let upkeep = self.facts.upkeep.get(name);
            if upkeep.is_some_and(|known| *known != tracked.node.upkeep) {
                let known = upkeep.map(Arc::clone).unwrap_or_default();
                Arc::make_mut(&mut tracked.node).upkeep = known;
                (dirty.nodes, dirty.any) = (true, true);
            }
        }
    }

    pub(super) fn link_storages(&mut self, dirty: &mut Dirty) {
        for storage in &mut self.storages {
            if self.facts.link_storage(storage) {
                (dirty.storages, dirty.any) = (true, true);
            }
        }
    }

    /// Facts go with the nodes and guests that they are about.
    pub(super) fn forget_gone(&mut self, dirty: &mut Dirty) {
        let (nodes, guests) = (&self.nodes, &self.guests);
        if nodes.is_empty() {
            return;
        }
        self.facts.retain(
            |node| nodes.contains_key(node),
            |vmid| guests.contains_key(&vmid),
            dirty,
        );
    }
}
