//! The list of all backups on backup servers, newest first, encoded in pieces.
//!
//! There may be tens of thousands of them, and a new backup changes one group. Each group keeps its
//! encoded backups as long as it is the same value; the list is put together by copying.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use pulse_core::{BackupGroup, Shared, Timestamp};

use crate::state::PbsBackupJson;

/// The backups of one group, one after the other.
struct Encoded {
    /// Kept, so that its address names it.
    group: Arc<BackupGroup>,
    bytes: Vec<u8>,
    /// End of each backup in `bytes`.
    ends: Vec<usize>,
}

impl Encoded {
    fn new(group: &Arc<BackupGroup>) -> Result<Self, serde_json::Error> {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(group.snapshots.len());
        for snapshot in &group.snapshots {
            serde_json::to_writer(&mut bytes, &PbsBackupJson::new(group, snapshot))?;
            ends.push(bytes.len());
        }
        bytes.shrink_to_fit();
        Ok(Self {
            group: Arc::clone(group),
            bytes,
            ends,
        })
    }

    fn piece(&self, index: usize) -> &[u8] {
        let end = self.ends.get(index).copied().unwrap_or(0);
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before).copied())
            .unwrap_or(0);
        self.bytes.get(start..end).unwrap_or_default()
    }
}

/// See the module's text.
#[derive(Default)]
pub struct BackupList {
    of: Option<Shared<BackupGroup>>,
    groups: Vec<Encoded>,
    /// Time, group and place in it; newest first.
    order: Vec<(Reverse<Timestamp>, u32, u32)>,
    size: usize,
}

impl BackupList {
    /// Brings the list to `groups`; groups that it knows are not encoded again.
    pub fn update(&mut self, groups: &Shared<BackupGroup>) -> Result<(), serde_json::Error> {
        if self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, groups)) {
            return Ok(());
        }
        let mut known: HashMap<*const BackupGroup, Encoded> = std::mem::take(&mut self.groups)
            .into_iter()
            .map(|encoded| (Arc::as_ptr(&encoded.group), encoded))
            .collect();
        self.of = None;
        self.order.clear();
        self.size = 2;
        for group in groups.iter() {
            let encoded = match known.remove(&Arc::as_ptr(group)) {
                Some(encoded) => encoded,
                None => Encoded::new(group)?,
            };
            let place = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
            self.order.extend(
                (0u32..)
                    .zip(&group.snapshots)
                    .map(|(index, snapshot)| (Reverse(snapshot.time), place, index)),
            );
            self.size += encoded.bytes.len() + encoded.ends.len();
            self.groups.push(encoded);
        }
        self.order.sort_unstable();
        self.of = Some(Arc::clone(groups));
        Ok(())
    }

    /// Bytes of the JSON list.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Appends the JSON list.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        let mut first = true;
        for (_, group, index) in &self.order {
            let Some(encoded) = self.groups.get(*group as usize) else {
                continue;
            };
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(encoded.piece(*index as usize));
        }
        out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pulse_core::Snapshot;

    use super::BackupList;
    use crate::state::PbsBackupJson;

    #[test]
    fn the_pieces_give_the_list_after_every_change() {
        let mut list = BackupList::default();
        for seed in [1, 2, 2, 9] {
            let snapshot = crate::delta::tests::sample_snapshot(seed);
            let mut groups = snapshot.backup_groups.to_vec();
            for _ in 0..2 {
                let now = Arc::new(Snapshot {
                    backup_groups: Arc::new(groups.clone()),
                    ..snapshot.clone()
                });
                list.update(&now.backup_groups).unwrap();
                let mut out = Vec::new();
                list.write(&mut out);
                let want = serde_json::to_vec(&PbsBackupJson::all(&now)).unwrap();
                assert_eq!(String::from_utf8(out), String::from_utf8(want));
                groups.pop();
            }
        }
    }
}
