//! Backups, read only where something changed.
//!
//! A group that has the count and the newest time that are known is not asked again, unless it was
//! read an hour ago (verification, protection and notes change without either) or its newest
//! backup was still being written. Few due groups are asked one by one, many by one call for the
//! whole namespace. A namespace that fails keeps what is known of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use pulse_core::{
    Attribution, BackupGroup, BackupKind, Bytes, NamespaceGroups, PbsSnapshot, Timestamp,
    Verification,
};
use pulse_proxmox::pbs::{SnapshotFilter, types};
use pulse_proxmox::{Error, PbsClient};
use tokio::time::Instant;

use super::intern::Interner;

const REREAD_MS: i64 = 3_600_000;
const AT_ONCE: usize = 5;
/// More due groups than this are read with one call for their namespace.
const ONE_BY_ONE: usize = 10;
/// A backup without size that is older was interrupted, and is not asked for again each time.
const WRITING_MS: i64 = 24 * 3_600_000;
/// How long one poll reads backups; the rest is read by the next one.
const WITHIN: Duration = Duration::from_secs(20);

type GroupKey = (BackupKind, Arc<str>);

struct Known {
    group: BackupGroup,
    read: Timestamp,
}

#[derive(Default)]
struct Slot {
    groups: BTreeMap<GroupKey, Known>,
    read: Option<Timestamp>,
    /// Changed since it was last reported.
    unsent: bool,
}

/// What went wrong with one namespace.
pub(super) struct Trouble {
    pub datastore: String,
    pub namespace: String,
    pub error: Error,
}

/// All backups of one server that are known.
#[derive(Default)]
pub(super) struct Backups {
    slots: BTreeMap<(String, String), Slot>,
    interner: Interner,
    swept: Option<Timestamp>,
}

impl Backups {
    /// Snapshots of a datastore that are known.
    pub fn count(&self, datastore: &str) -> u32 {
        let slots = self.slots.iter().filter(|((name, _), _)| name == datastore);
        let groups = slots.flat_map(|(_, slot)| slot.groups.values());
        let count: usize = groups.map(|known| known.group.snapshots.len()).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Makes everything due; groups that did not change still cost nothing.
    pub fn hasten(&mut self) {
        for slot in self.slots.values_mut() {
            slot.read = None;
        }
    }

    /// Forgets namespaces that are not there any more.
    pub fn keep_only(&mut self, exists: impl Fn(&str, &str) -> bool) {
        self.slots
            .retain(|(datastore, namespace), _| exists(datastore, namespace));
    }

    /// Reads the namespaces that are due, those that waited longest first, for a while. Tells
    /// whether there were any, and which failed.
    pub async fn refresh(
        &mut self,
        client: &PbsClient,
        instance: &str,
        namespaces: impl Iterator<Item = (String, String)>,
        interval_ms: i64,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> (bool, Vec<Trouble>) {
        let now = clock();
        let mut due: Vec<(Option<Timestamp>, (String, String))> = namespaces
            .map(|key| (self.slots.get(&key).and_then(|slot| slot.read), key))
            .filter(|(read, _)| read.is_none_or(|at| now.since(at) >= interval_ms))
            .collect();
        due.sort();
        let asked = !due.is_empty();
        let until = Instant::now() + WITHIN;
        let mut troubles = Vec::new();
        for (_, key) in due {
            if Instant::now() >= until {
                break;
            }
            if let Err(error) = self.namespace(client, instance, &key, clock).await {
                troubles.push(Trouble {
                    datastore: key.0,
                    namespace: key.1,
                    error,
                });
            }
        }
        if self.swept.is_none_or(|at| now.since(at) >= REREAD_MS) {
            self.interner.sweep();
            self.swept = Some(now);
        }
        (asked, troubles)
    }

    async fn namespace(
        &mut self,
        client: &PbsClient,
        instance: &str,
        key: &(String, String),
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Result<(), Error> {
        let (store, namespace) = key;
        let slot = self.slots.entry(key.clone()).or_default();
        // A failing namespace is tried again when it is due again.
        slot.read = Some(clock());
        let listed = client.groups(store, namespace).await?.items;
        let now = clock();
        let listed: BTreeMap<GroupKey, types::Group> = listed
            .into_iter()
            .filter(|group| group.backup_count != Some(0))
            .filter_map(|group| {
                let kind = BackupKind::parse(&group.backup_type)?;
                Some(((kind, self.interner.word(&group.backup_id)), group))
            })
            .collect();
        let before = slot.groups.len();
        slot.groups.retain(|key, _| listed.contains_key(key));
        slot.unsent |= before != slot.groups.len();
        let due: Vec<GroupKey> = listed
            .iter()
            .filter(|(key, group)| is_due(slot.groups.get(key), group, now))
            .map(|(key, _)| key.clone())
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let (answers, mut failed) = fetch(client, key, due).await;
        for (group, rows) in answers {
            let owner = listed.get(&group).and_then(|row| row.owner.as_deref());
            let snapshots = snapshots(&mut self.interner, rows);
            if snapshots.is_empty() {
                // Pruned between the two answers.
                slot.unsent |= slot.groups.remove(&group).is_some();
                continue;
            }
            let mut built = BackupGroup {
                instance: self.interner.word(instance),
                datastore: self.interner.word(store),
                namespace: self.interner.word(namespace),
                kind: group.0,
                backup_id: Arc::clone(&group.1),
                owner: self.interner.word(owner.unwrap_or_default()),
                attribution: Attribution::None,
                snapshots,
            };
            built.snapshots.shrink_to_fit();
            let known = slot.groups.get(&group);
            slot.unsent |= known.is_none_or(|known| known.group != built);
            slot.groups.insert(
                group,
                Known {
                    group: built,
                    read: now,
                },
            );
        }
        match failed.pop() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The namespaces that changed since they were last taken.
    pub fn take_changed(&mut self) -> Vec<NamespaceGroups> {
        let changed = self.slots.iter_mut().filter(|(_, slot)| slot.unsent);
        changed
            .map(|((datastore, namespace), slot)| {
                slot.unsent = false;
                NamespaceGroups {
                    datastore: datastore.clone(),
                    namespace: namespace.clone(),
                    groups: slot
                        .groups
                        .values()
                        .map(|known| known.group.clone())
                        .collect(),
                }
            })
            .collect()
    }
}

fn is_due(known: Option<&Known>, listed: &types::Group, now: Timestamp) -> bool {
    let Some(known) = known else { return true };
    let newest = known.group.snapshots.first();
    let count = known.group.snapshots.len() as u64;
    let newer = listed.last_backup.is_some_and(|last| {
        newest.is_none_or(|snapshot| Timestamp::from_secs(last) > snapshot.time)
    });
    let writing = newest
        .is_some_and(|snapshot| snapshot.size.is_none() && now.since(snapshot.time) < WRITING_MS);
    let owner = listed.owner.as_deref().unwrap_or_default();
    listed.backup_count.is_some_and(|listed| listed != count)
        || newer
        || writing
        || *owner != *known.group.owner
        || now.since(known.read) >= REREAD_MS
}

type Answers = Vec<(GroupKey, Vec<types::Snapshot>)>;

/// The snapshots of the due groups; groups whose call failed are missing.
async fn fetch(
    client: &PbsClient,
    (store, namespace): &(String, String),
    due: Vec<GroupKey>,
) -> (Answers, Vec<Error>) {
    if due.len() > ONE_BY_ONE {
        let all = match client
            .snapshots(store, namespace, SnapshotFilter::default())
            .await
        {
            Ok(all) => all.items,
            Err(error) => return (Vec::new(), vec![error]),
        };
        let mut groups: HashMap<(BackupKind, String), Vec<types::Snapshot>> = HashMap::new();
        for row in all {
            if let Some(kind) = BackupKind::parse(&row.backup_type) {
                let key = (kind, row.backup_id.clone());
                groups.entry(key).or_default().push(row);
            }
        }
        let answers = due
            .into_iter()
            .map(|(kind, id)| {
                let rows = groups.remove(&(kind, id.to_string())).unwrap_or_default();
                ((kind, id), rows)
            })
            .collect();
        return (answers, Vec::new());
    }
    let calls: Vec<_> = due
        .into_iter()
        .map(|key| async move {
            let filter = SnapshotFilter {
                group: Some((key.0.as_str(), &key.1)),
            };
            let answer = client.snapshots(store, namespace, filter).await;
            answer.map(|list| (key.clone(), list.items))
        })
        .collect();
    let answers: Vec<_> = stream::iter(calls)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (mut read, mut failed) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(answer) => read.push(answer),
            Err(error) => failed.push(error),
        }
    }
    (read, failed)
}

/// Newest first.
fn snapshots(interner: &mut Interner, rows: Vec<types::Snapshot>) -> Vec<PbsSnapshot> {
    let mut snapshots: Vec<PbsSnapshot> = rows
        .into_iter()
        .filter_map(|row| {
            let time = Timestamp::from_secs(row.backup_time?);
            let encrypted = row.fingerprint.is_some()
                || (row.files.iter()).any(|file| file.crypt_mode.as_deref() == Some("encrypt"));
            let state = row.verification.as_ref().map(|state| state.0.as_str());
            Some(PbsSnapshot {
                time,
                size: row.size.map(Bytes),
                protected: row.protected,
                encrypted,
                verification: match state {
                    Some("ok") => Verification::Ok,
                    Some("failed") => Verification::Failed,
                    _ => Verification::None,
                },
                comment: interner.word(row.comment.as_deref().unwrap_or_default().trim()),
                files: interner.list(row.files.iter().map(|file| file.filename.as_str())),
            })
        })
        .collect();
    snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time));
    snapshots.dedup_by_key(|snapshot| snapshot.time);
    snapshots
}
