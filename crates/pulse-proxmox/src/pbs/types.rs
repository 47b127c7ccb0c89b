//! Shapes of the answers of a Proxmox Backup Server, as served.
//!
//! `None` is "not said or not readable", never zero. Units: bytes, epoch seconds, CPU as a
//! fraction. Names are kebab-case, except those of tasks.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::decode::{Element, Lenient, Scalar, tolerant};

tolerant! {
    pub struct Version {
        pub version: String,
        pub release: Option<String>,
    }

    pub struct Memory {
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub free: Option<u64>,
    }

    pub struct Filesystem {
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub avail: Option<u64>,
    }

    pub struct NodeInfo {
        pub fingerprint: Option<String>,
    }

    /// `/nodes/{node}/status`.
    pub struct NodeStatus {
        pub cpu: Option<f64>,
        pub memory: Option<Memory>,
        pub root: Option<Filesystem>,
        pub loadavg: Vec<f64>,
        pub uptime: Option<u64>,
        pub info: Option<NodeInfo>,
    }

    /// A row of `/admin/datastore`.
    pub struct DatastoreEntry {
        pub store: String,
        pub comment: Option<String>,
        /// `offline,message=…`, `read-only` …
        pub maintenance: Option<String>,
        /// Of removable datastores (3.3): `mounted`, `notmounted`, `nonremovable`.
        #[serde(rename = "mount-status")]
        pub mount_status: Option<String>,
    }

    /// A garbage collection, in several places.
    pub struct GcStatus {
        #[serde(rename = "index-data-bytes")]
        pub index_data_bytes: Option<u64>,
        #[serde(rename = "disk-bytes")]
        pub disk_bytes: Option<u64>,
    }

    /// A row of `/status/datastore-usage`.
    pub struct DatastoreUsage {
        pub store: String,
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub avail: Option<u64>,
        /// Why there are no sizes.
        pub error: Option<String>,
        /// 0 is "no change"; may lie in the past when the use falls.
        #[serde(rename = "estimated-full-date")]
        pub estimated_full_date: Option<i64>,
        #[serde(rename = "gc-status")]
        pub gc_status: Option<GcStatus>,
    }

    /// `/admin/datastore/{store}/status`.
    pub struct DatastoreStatus {
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub avail: Option<u64>,
        #[serde(rename = "total-space")]
        pub total_space: Option<u64>,
        #[serde(rename = "used-space")]
        pub used_space: Option<u64>,
        #[serde(rename = "avail-space")]
        pub avail_space: Option<u64>,
        #[serde(rename = "deduplication-factor", alias = "deduplication_factor")]
        pub deduplication_factor: Option<f64>,
        #[serde(rename = "gc-status")]
        pub gc_status: Option<GcStatus>,
    }

    /// A row of `/admin/datastore/{store}/namespace`. The root is the empty one.
    pub struct Namespace {
        pub ns: Option<String>,
        pub path: Option<String>,
        pub name: Option<String>,
        pub comment: Option<String>,
    }

    /// All backups of one thing in one namespace.
    pub struct Group {
        #[serde(rename = "backup-type")]
        pub backup_type: String,
        #[serde(rename = "backup-id")]
        pub backup_id: String,
        #[serde(rename = "last-backup")]
        pub last_backup: Option<i64>,
        #[serde(rename = "backup-count")]
        pub backup_count: Option<u64>,
        pub owner: Option<String>,
        pub comment: Option<String>,
    }

    /// One backup.
    pub struct Snapshot {
        #[serde(rename = "backup-type")]
        pub backup_type: String,
        #[serde(rename = "backup-id")]
        pub backup_id: String,
        #[serde(rename = "backup-time")]
        pub backup_time: Option<i64>,
        /// Logical size; absent while it is being written and of an interrupted backup.
        pub size: Option<u64>,
        pub protected: bool,
        pub owner: Option<String>,
        pub comment: Option<String>,
        pub files: Vec<File>,
        pub verification: Option<VerificationState>,
        /// Of the encryption key.
        pub fingerprint: Option<String>,
    }

    /// A row of `/admin/sync`, `/admin/verify` or `/admin/prune`.
    pub struct Job {
        pub id: String,
        pub store: String,
        pub ns: Option<String>,
        pub remote: Option<String>,
        #[serde(rename = "remote-store")]
        pub remote_store: Option<String>,
        #[serde(rename = "remote-ns")]
        pub remote_ns: Option<String>,
        pub schedule: Option<String>,
        pub comment: Option<String>,
        pub disable: bool,
        #[serde(rename = "last-run-upid")]
        pub last_run_upid: Option<String>,
        /// Absent while it runs, and before the first run.
        #[serde(rename = "last-run-state")]
        pub last_run_state: Option<String>,
        #[serde(rename = "last-run-endtime")]
        pub last_run_endtime: Option<i64>,
        #[serde(rename = "next-run")]
        pub next_run: Option<i64>,
    }

    /// A row of `/admin/gc`.
    pub struct GcJob {
        pub store: String,
        pub schedule: Option<String>,
        pub upid: Option<String>,
        #[serde(rename = "last-run-state")]
        pub last_run_state: Option<String>,
        #[serde(rename = "last-run-endtime")]
        pub last_run_endtime: Option<i64>,
        #[serde(rename = "next-run")]
        pub next_run: Option<i64>,
        #[serde(rename = "removed-bytes")]
        pub removed_bytes: Option<u64>,
        #[serde(rename = "pending-bytes")]
        pub pending_bytes: Option<u64>,
        #[serde(rename = "index-data-bytes")]
        pub index_data_bytes: Option<u64>,
        #[serde(rename = "disk-bytes")]
        pub disk_bytes: Option<u64>,
    }

    /// A row of the task list.
    pub struct Task {
        pub upid: String,
        pub node: Option<String>,
        pub worker_type: Option<String>,
        pub worker_id: Option<String>,
        pub user: Option<String>,
        pub starttime: Option<i64>,
        /// Absent while it runs, as is `status`.
        pub endtime: Option<i64>,
        pub status: Option<String>,
    }
}

impl GcStatus {
    /// Logical bytes per byte on disk; unknown before the first run.
    pub fn deduplication(&self) -> Option<f64> {
        factor(self.index_data_bytes, self.disk_bytes)
    }
}

impl GcJob {
    pub fn deduplication(&self) -> Option<f64> {
        factor(self.index_data_bytes, self.disk_bytes)
    }
}

fn factor(index: Option<u64>, disk: Option<u64>) -> Option<f64> {
    let (index, disk) = (index?, disk.filter(|disk| *disk > 0)?);
    Some(index as f64 / disk as f64)
}

impl Namespace {
    /// The full path; empty for the root.
    pub fn path(&self) -> Option<&str> {
        (self.ns.as_deref())
            .or(self.path.as_deref())
            .or(self.name.as_deref())
    }
}

/// A file of a backup: an object, or only its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    pub filename: String,
    /// `none`, `encrypt`, `sign-only`.
    pub crypt_mode: Option<String>,
}

/// State of the last verification: an object, or only the word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerificationState(pub String);

impl Lenient for File {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let words = deserializer.deserialize_any(WordOrObject("filename", "crypt-mode"))?;
        Ok(words.map(|(filename, crypt_mode)| Self {
            filename,
            crypt_mode,
        }))
    }
}

impl Lenient for VerificationState {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let words = deserializer.deserialize_any(WordOrObject("state", ""))?;
        Ok(words.map(|(state, _)| Self(state)))
    }
}

/// Reads a text, or an object that has it under the first key; the second key is optional.
struct WordOrObject(&'static str, &'static str);

struct Value(Scalar);

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::read(deserializer).map(Self)
    }
}

impl<'de> Visitor<'de> for WordOrObject {
    type Value = Option<(String, Option<String>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok((!text.is_empty()).then(|| (text.to_owned(), None)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut word, mut extra) = (None, None);
        while let Some((key, Value(value))) = map.next_entry::<String, Value>()? {
            let slot = match key.as_str() {
                key if key == self.0 => &mut word,
                key if key == self.1 => &mut extra,
                _ => continue,
            };
            if let Scalar::Text(text) = value {
                *slot = Some(text);
            }
        }
        Ok(word.map(|word| (word, extra)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Declares which types stand alone in an answer, and what makes one unusable.
macro_rules! elements {
    ($($name:ty $(: |$this:ident| $usable:expr, $why:literal)?;)*) => {$(
        impl Element for $name {
            $(fn check(&self) -> Result<(), &'static str> {
                let $this = self;
                if $usable { Ok(()) } else { Err($why) }
            })?
        }
    )*};
}

elements! {
    Version;
    NodeStatus;
    DatastoreEntry: |this| !this.store.is_empty(), "a datastore without name";
    DatastoreUsage: |this| !this.store.is_empty(), "a datastore without name";
    DatastoreStatus;
    GcStatus;
    Namespace: |this| this.path().is_some(), "a namespace without path";
    Group: |this| !this.backup_type.is_empty() && !this.backup_id.is_empty(), "a group without type or id";
    Snapshot: |this| !this.backup_id.is_empty() && this.backup_time.is_some(), "a snapshot without id or time";
    Job: |this| !this.id.is_empty(), "a job without id";
    GcJob: |this| !this.store.is_empty(), "a collection without datastore";
    Task: |this| !this.upid.is_empty(), "a task without id";
}
