//! A Proxmox Backup Server and the backups on it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::InstanceHealth;
use super::backup::{TaskOutcome, Verification};
use super::shared::{Capacity, Liveness};
use crate::units::{Bytes, Ratio, Timestamp};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatastoreStatus {
    #[default]
    Available,
    /// Maintenance mode `read-only`: backups cannot be written.
    ReadOnly,
    /// Maintenance mode `offline`, or not mounted.
    Offline,
    /// Its status could not be read.
    Error,
}

impl DatastoreStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::ReadOnly => "readonly",
            Self::Offline => "offline",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Namespace {
    /// Empty for the root.
    pub path: String,
    pub parent: String,
    /// Number of slashes in the path.
    pub depth: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Datastore {
    pub name: String,
    pub comment: String,
    pub status: DatastoreStatus,
    /// Why it is not available, or what could not be read.
    pub error: String,
    pub total: Bytes,
    pub used: Bytes,
    pub available: Bytes,
    pub namespaces: Vec<Namespace>,
    pub deduplication: Option<f64>,
    /// When it will be full at the present growth.
    pub full_at: Option<Timestamp>,
    pub snapshots: u32,
    /// When its sizes were last read.
    pub seen: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PbsJobKind {
    Sync,
    Verify,
    Prune,
    Garbage,
}

impl PbsJobKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Verify => "verify",
            Self::Prune => "prune",
            Self::Garbage => "garbage",
        }
    }
}

/// A scheduled job of a backup server with its last and next run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PbsJob {
    pub kind: PbsJobKind,
    pub id: String,
    pub datastore: String,
    pub namespace: String,
    /// Of sync jobs: where it pulls from or pushes to.
    pub remote: String,
    pub remote_datastore: String,
    pub schedule: String,
    pub comment: String,
    pub enabled: bool,
    pub last_run: Option<Timestamp>,
    /// `None`: it never ran.
    pub last_outcome: Option<TaskOutcome>,
    pub last_upid: String,
    pub next_run: Option<Timestamp>,
    /// Of garbage collection: bytes that the last run freed, and that it left for later.
    pub removed: Option<Bytes>,
    pub pending: Option<Bytes>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PbsInstance {
    /// `pbs-<name>`.
    pub id: String,
    pub name: String,
    pub host: String,
    pub guest_url: String,
    pub online: bool,
    pub health: InstanceHealth,
    pub version: String,
    pub cpu: Option<Ratio>,
    pub memory_used: Bytes,
    /// 0 is not known.
    pub memory_total: Bytes,
    pub root: Option<Capacity>,
    pub load: Option<[f64; 3]>,
    /// Seconds; 0 is not known.
    pub uptime: u64,
    pub datastores: Vec<Datastore>,
    pub jobs: Vec<PbsJob>,
    /// When the server last answered.
    pub seen: Timestamp,
    pub liveness: Liveness,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum BackupKind {
    #[default]
    Vm,
    Ct,
    Host,
}

impl BackupKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Ct => "ct",
            Self::Host => "host",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "vm" => Self::Vm,
            "ct" => Self::Ct,
            "host" => Self::Host,
            _ => return None,
        })
    }
}

/// Whose backup it is, by evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attribution {
    /// A guest of this instance with this vmid; `evidence` says in words why.
    Guest {
        instance: Arc<str>,
        vmid: u32,
        evidence: Arc<str>,
    },
    /// Several guests could be meant, and nothing tells which; the instances that could be.
    Ambiguous(Vec<Arc<str>>),
    /// No guest of this number is known, or the backup is not of a guest.
    #[default]
    None,
}

/// One backup of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PbsSnapshot {
    pub time: Timestamp,
    /// `None` while the backup is being written.
    pub size: Option<Bytes>,
    pub protected: bool,
    pub encrypted: bool,
    pub verification: Verification,
    pub comment: Arc<str>,
    /// File names; snapshots with the same files share one list.
    pub files: Arc<[Arc<str>]>,
}

/// All backups of one guest or host in one namespace of a datastore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupGroup {
    /// Name of the backup server's instance.
    pub instance: Arc<str>,
    pub datastore: Arc<str>,
    pub namespace: Arc<str>,
    pub kind: BackupKind,
    /// A VMID or a host name.
    pub backup_id: Arc<str>,
    pub owner: Arc<str>,
    pub attribution: Attribution,
    /// Newest first.
    pub snapshots: Vec<PbsSnapshot>,
}

impl BackupGroup {
    /// v5's id of one backup: `pbs-<instance>-<datastore>-<namespace>-<type>-<id>-<time>`.
    pub fn snapshot_id(&self, snapshot: &PbsSnapshot) -> String {
        format!(
            "pbs-{}-{}-{}-{}-{}-{}",
            self.instance,
            self.datastore,
            self.namespace,
            self.kind.as_str(),
            self.backup_id,
            snapshot.time.secs()
        )
    }

    /// Size of the complete backups over time, oldest first. This is the history of a guest's
    /// growth: Proxmox keeps it with the backups, so that no series of our own repeats it.
    pub fn sizes(&self) -> impl Iterator<Item = (Timestamp, Bytes)> {
        let complete = |snapshot: &PbsSnapshot| Some((snapshot.time, snapshot.size?));
        self.snapshots.iter().rev().filter_map(complete)
    }

    /// Bytes a day by which the backups grow (negative: shrink), from the oldest to the newest
    /// complete one. Logical sizes, before deduplication. `None` with less than a day between.
    pub fn growth_per_day(&self) -> Option<f64> {
        let (first, last) = (self.sizes().next()?, self.sizes().last()?);
        let days = last.0.since(first.0) as f64 / 86_400_000.0;
        (days >= 1.0).then(|| (last.1.get() as f64 - first.1.get() as f64) / days)
    }

    pub fn vmid(&self) -> Option<u32> {
        match self.kind {
            BackupKind::Host => None,
            BackupKind::Vm | BackupKind::Ct => self.backup_id.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backups(of: &[(i64, Option<u64>)]) -> BackupGroup {
        let snapshot = |&(day, size): &(i64, Option<u64>)| PbsSnapshot {
            time: Timestamp::from_secs(day * 86_400),
            size: size.map(Bytes),
            protected: false,
            encrypted: false,
            verification: Verification::None,
            comment: "".into(),
            files: Arc::new([]),
        };
        BackupGroup {
            instance: "vault".into(),
            datastore: "main".into(),
            namespace: "".into(),
            kind: BackupKind::Vm,
            backup_id: "100".into(),
            owner: "".into(),
            attribution: Attribution::None,
            snapshots: of.iter().map(snapshot).collect(),
        }
    }

    #[test]
    fn growth_is_read_from_the_complete_backups() {
        let group = backups(&[(9, None), (8, Some(1_000)), (4, Some(300)), (3, Some(500))]);
        assert_eq!(group.growth_per_day(), Some(100.0));
        let shrinks = backups(&[(2, Some(10)), (1, Some(30))]);
        assert_eq!(shrinks.growth_per_day(), Some(-20.0));
        assert_eq!(backups(&[(2, Some(10)), (1, None)]).growth_per_day(), None);
        assert_eq!(backups(&[]).growth_per_day(), None);
    }
}
