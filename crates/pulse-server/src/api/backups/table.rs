//! All backups of all sources as columns: small enough for tens of thousands of rows.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use pulse_core::{
    Attribution, BackupGroup, PmgInstance, Shared, Snapshot, StorageBackup, Verification,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::evidence::{kind_of, own_files};
use crate::app::App;
use crate::http::Reply;
use crate::http::cached::{self, Cached};

/// What a backup's flags mean, by bit.
mod flag {
    pub const VERIFIED: u8 = 1;
    pub const DAMAGED: u8 = 2;
    pub const PROTECTED: u8 = 4;
    pub const ENCRYPTED: u8 = 8;
    pub const INCOMPLETE: u8 = 16;
}

/// What many rows have in common: the backups of one thing in one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TableGroup {
    /// `pve` (files on storages), `pbs` or `pmg`.
    #[schema(value_type = String)]
    source: &'static str,
    /// The configured connection.
    #[schema(value_type = String)]
    instance: Arc<str>,
    /// Storage or datastore.
    #[schema(value_type = String)]
    store: Arc<str>,
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(value_type = String)]
    namespace: Arc<str>,
    /// `vm`, `ct`, `host`, `unknown`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// A VMID, or a host's name.
    #[schema(value_type = String)]
    id: Arc<str>,
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(value_type = String)]
    owner: Arc<str>,
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(value_type = String)]
    node: Arc<str>,
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(value_type = String)]
    format: Arc<str>,
    /// The instance whose guest it is; absent when no evidence tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    guest_instance: Option<Arc<str>>,
    /// Why it is that guest's, in words.
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(value_type = String)]
    evidence: Arc<str>,
    /// The instances that could be meant where nothing tells which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    candidates: Vec<Arc<str>>,
}

fn is_empty(text: &Arc<str>) -> bool {
    text.is_empty()
}

/// Columns of equal length, newest backup first.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupRows {
    /// Index into `groups`.
    group: Vec<u32>,
    /// Seconds by which the backup is older than the row before it; of the first row 0.
    older: Vec<i64>,
    /// Bytes; −1 while it is being written.
    size: Vec<i64>,
    /// Sum of 1 verified, 2 verification failed, 4 protected, 8 encrypted, 16 not complete.
    flags: Vec<u8>,
    /// Index into `comments`; 0 is none.
    comment: Vec<u32>,
}

/// `GET /api/backups/table`
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupTable {
    count: usize,
    /// Unix s of the first row.
    newest: i64,
    groups: Vec<TableGroup>,
    #[schema(value_type = Vec<String>)]
    comments: Vec<Arc<str>>,
    rows: BackupRows,
}

/// One backup on its way into the table.
struct Row {
    time: i64,
    group: u32,
    size: i64,
    flags: u8,
    comment: u32,
}

#[derive(Default)]
struct Builder {
    groups: Vec<TableGroup>,
    comments: Vec<Arc<str>>,
    comment_of: HashMap<Arc<str>, u32>,
    rows: Vec<Row>,
}

/// An index that always fits: there are fewer groups and comments than rows, and of those fewer
/// than memory holds.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn flags(verification: Verification, protected: bool, encrypted: bool, complete: bool) -> u8 {
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    bit(verification == Verification::Ok, flag::VERIFIED)
        | bit(verification == Verification::Failed, flag::DAMAGED)
        | bit(protected, flag::PROTECTED)
        | bit(encrypted, flag::ENCRYPTED)
        | bit(!complete, flag::INCOMPLETE)
}

fn signed(bytes: pulse_core::Bytes) -> i64 {
    i64::try_from(bytes.get()).unwrap_or(i64::MAX)
}

impl Builder {
    fn comment(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(known) = self.comment_of.get(text) {
            return *known;
        }
        let text: Arc<str> = text.into();
        let at = index(self.comments.len());
        self.comments.push(Arc::clone(&text));
        self.comment_of.insert(text, at);
        at
    }

    fn pbs(&mut self, group: &BackupGroup) {
        let (guest, evidence, candidates) = match &group.attribution {
            Attribution::Guest {
                instance, evidence, ..
            } => (Some(Arc::clone(instance)), Arc::clone(evidence), Vec::new()),
            Attribution::Ambiguous(candidates) => (None, "".into(), candidates.clone()),
            Attribution::None => (None, "".into(), Vec::new()),
        };
        let at = index(self.groups.len());
        self.groups.push(TableGroup {
            source: "pbs",
            instance: Arc::clone(&group.instance),
            store: Arc::clone(&group.datastore),
            namespace: Arc::clone(&group.namespace),
            kind: group.kind.as_str(),
            id: Arc::clone(&group.backup_id),
            owner: Arc::clone(&group.owner),
            node: "".into(),
            format: "".into(),
            guest_instance: guest,
            evidence,
            candidates,
        });
        for snapshot in &group.snapshots {
            let comment = self.comment(&snapshot.comment);
            self.rows.push(Row {
                time: snapshot.time.secs(),
                group: at,
                size: snapshot.size.map_or(-1, signed),
                flags: flags(
                    snapshot.verification,
                    snapshot.protected,
                    snapshot.encrypted,
                    snapshot.size.is_some(),
                ),
                comment,
            });
        }
    }

    fn files<'a>(&mut self, files: impl Iterator<Item = &'a Arc<StorageBackup>>) {
        let mut known: HashMap<TableGroup, u32> = HashMap::new();
        for file in files {
            let group = TableGroup {
                source: "pve",
                instance: Arc::clone(&file.instance),
                store: Arc::clone(&file.storage),
                namespace: "".into(),
                kind: kind_of(file),
                id: file.vmid.to_string().into(),
                owner: "".into(),
                node: Arc::clone(&file.node),
                format: Arc::clone(&file.format),
                guest_instance: (file.vmid > 0).then(|| Arc::clone(&file.instance)),
                evidence: "".into(),
                candidates: Vec::new(),
            };
            let groups = &mut self.groups;
            let at = *known.entry(group).or_insert_with_key(|group| {
                groups.push(group.clone());
                index(groups.len() - 1)
            });
            let comment = self.comment(&file.notes);
            self.rows.push(Row {
                time: file.time.secs(),
                group: at,
                size: signed(file.size),
                flags: flags(file.verification, file.protected, file.encrypted, true),
                comment,
            });
        }
    }

    fn pmg(&mut self, server: &PmgInstance) {
        for backup in &server.backups {
            let at = index(self.groups.len());
            self.groups.push(TableGroup {
                source: "pmg",
                instance: server.name.as_str().into(),
                store: "".into(),
                namespace: "".into(),
                kind: "host",
                id: backup.node.as_str().into(),
                owner: "".into(),
                node: backup.node.as_str().into(),
                format: "".into(),
                guest_instance: None,
                evidence: "".into(),
                candidates: Vec::new(),
            });
            let comment = self.comment(&backup.filename);
            self.rows.push(Row {
                time: backup.time.secs(),
                group: at,
                size: signed(backup.size),
                flags: 0,
                comment,
            });
        }
    }

    fn finish(mut self) -> BackupTable {
        self.rows.sort_by_key(|row| (Reverse(row.time), row.group));
        let mut rows = BackupRows::default();
        let newest = self.rows.first().map_or(0, |row| row.time);
        let mut before = newest;
        for row in &self.rows {
            rows.group.push(row.group);
            rows.older.push(before - row.time);
            rows.size.push(row.size);
            rows.flags.push(row.flags);
            rows.comment.push(row.comment);
            before = row.time;
        }
        BackupTable {
            count: self.rows.len(),
            newest,
            groups: self.groups,
            comments: self.comments,
            rows,
        }
    }
}

/// The table of a snapshot.
pub fn build(snapshot: &Snapshot) -> BackupTable {
    let mut builder = Builder::default();
    builder.comments.push("".into());
    for group in snapshot.backup_groups.iter() {
        builder.pbs(group);
    }
    builder.files(own_files(snapshot));
    for server in snapshot.pmg.iter() {
        builder.pmg(server);
    }
    builder.finish()
}

/// The table as JSON.
#[doc(hidden)]
pub fn encode(snapshot: &Snapshot) -> Vec<u8> {
    serde_json::to_vec(&build(snapshot)).unwrap_or_default()
}

/// The collections that a table was made from; the same values give the same table.
pub struct TableKey {
    snapshot: Arc<Snapshot>,
}

impl PartialEq for TableKey {
    fn eq(&self, other: &Self) -> bool {
        fn same<T>(a: &Shared<T>, b: &Shared<T>) -> bool {
            Arc::ptr_eq(a, b)
        }
        let (a, b) = (&self.snapshot, &other.snapshot);
        same(&a.storage_backups, &b.storage_backups)
            && same(&a.backup_groups, &b.backup_groups)
            && a.pmg
                .iter()
                .map(|p| &p.backups)
                .eq(b.pmg.iter().map(|p| &p.backups))
    }
}

pub type TableCache = Cached<TableKey>;

/// All backups of all sources, newest first, as columns. Made once per change of a backup, with
/// an ETag; names of guests are not in it.
#[utoipa::path(get, path = "/api/backups/table", responses((status = 200, body = BackupTable)))]
pub async fn table(State(app): State<App>, headers: HeaderMap) -> Reply {
    cached::reply(&headers, move || {
        let snapshot = app.inventory.snapshot();
        let run = app.started_id();
        let key = TableKey { snapshot };
        app.backup_table.body(key, run, |key| encode(&key.snapshot))
    })
    .await
}
