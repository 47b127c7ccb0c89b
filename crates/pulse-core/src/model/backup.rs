//! Backups, snapshots, replication and the jobs that make them, as Proxmox VE knows them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::guest::GuestKind;
use super::shared::Liveness;
use crate::units::{Bytes, Timestamp};

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskOutcome {
    #[default]
    Running,
    Ok,
    /// Ended with so many warnings.
    Warnings(u32),
    Failed(String),
    /// The server does not know any more.
    Unknown,
}

impl TaskOutcome {
    /// Reads a task's `status`; an absent or empty one of a task without an end is running.
    pub fn parse(status: Option<&str>, ended: bool) -> Self {
        let status = status.map(str::trim).unwrap_or_default();
        if let Some(count) = status.strip_prefix("WARNINGS:") {
            return Self::Warnings(count.trim().parse().unwrap_or(1));
        }
        match status {
            "OK" => Self::Ok,
            "" | "RUNNING" | "running" if !ended => Self::Running,
            "" | "unknown" => Self::Unknown,
            text => Self::Failed(text.to_owned()),
        }
    }

    /// Whether the work was done, with or without warnings.
    pub const fn succeeded(&self) -> bool {
        matches!(self, Self::Ok | Self::Warnings(_))
    }

    pub const fn failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// A task of a Proxmox server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub upid: String,
    pub instance: String,
    pub node: String,
    /// Worker type: `vzdump`, `qmstart`, `verificationjob`, `aptupdate` …
    pub kind: String,
    /// What it works on: a VMID, a datastore, a job …; empty for several.
    pub target: String,
    /// With the token's name where one was used: `root@pam!backup`.
    pub user: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub outcome: TaskOutcome,
}

impl Task {
    pub fn vmid(&self) -> Option<u32> {
        self.target.parse().ok()
    }
}

/// The state of a backup's verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verification {
    /// Never verified.
    #[default]
    None,
    Ok,
    Failed,
}

/// A backup file on a storage of Proxmox VE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageBackup {
    pub instance: Arc<str>,
    pub storage: Arc<str>,
    /// Node of the guest where it is known, else the node that was asked.
    pub node: Arc<str>,
    pub volid: String,
    /// 0: not of a guest (host backup).
    pub vmid: u32,
    /// `None`: the volume's name does not tell.
    pub kind: Option<GuestKind>,
    pub time: Timestamp,
    pub size: Bytes,
    pub format: Arc<str>,
    pub notes: String,
    pub protected: bool,
    /// On a Proxmox Backup Server.
    pub on_pbs: bool,
    pub encrypted: bool,
    pub verification: Verification,
}

/// A snapshot of a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestSnapshot {
    pub instance: String,
    pub node: String,
    pub vmid: u32,
    pub kind: GuestKind,
    pub name: String,
    pub description: String,
    pub parent: String,
    pub time: Timestamp,
    /// Contains the memory.
    pub with_memory: bool,
    /// Sum of its volumes; `None` where the storage does not tell.
    pub size: Option<Bytes>,
}

impl GuestSnapshot {
    /// `<instance>-<node>-<vmid>-<name>`.
    pub fn id(&self) -> String {
        format!(
            "{}-{}-{}-{}",
            self.instance, self.node, self.vmid, self.name
        )
    }
}

/// Which guests a job of Proxmox VE backs up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum BackupSelection {
    /// All but these.
    All {
        except: Vec<u32>,
    },
    Vmids(Vec<u32>),
    Pool(String),
    #[default]
    None,
}

/// A vzdump job of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BackupJob {
    pub id: String,
    pub instance: String,
    pub enabled: bool,
    pub schedule: String,
    pub storage: String,
    /// Limited to a node; empty is all.
    pub node: String,
    pub mode: String,
    pub comment: String,
    pub next_run: Option<Timestamp>,
    pub selection: BackupSelection,
}

impl BackupJob {
    /// Whether the job backs up a guest with this vmid, pool and node. A job that is off does not.
    pub fn covers(&self, vmid: u32, pool: &str, node: &str) -> bool {
        if !self.enabled || (!self.node.is_empty() && self.node != node) {
            return false;
        }
        match &self.selection {
            BackupSelection::All { except } => !except.contains(&vmid),
            BackupSelection::Vmids(list) => list.contains(&vmid),
            BackupSelection::Pool(name) => !pool.is_empty() && name == pool,
            BackupSelection::None => false,
        }
    }
}

/// A storage replication job and its last run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplicationJob {
    /// `<instance>-<job id>`.
    pub id: String,
    pub instance: String,
    pub job_id: String,
    pub job_number: u32,
    pub guest: u32,
    pub guest_name: String,
    /// `qemu` or `lxc`; empty when the guest is not known.
    pub guest_kind: String,
    pub guest_node: String,
    pub source_node: String,
    pub source_storage: String,
    pub target_node: String,
    pub target_storage: String,
    pub schedule: String,
    pub kind: String,
    pub enabled: bool,
    pub state: String,
    /// `ok`, `error`, `syncing`, or empty before the first run.
    pub last_sync_status: String,
    pub last_sync: Option<Timestamp>,
    pub last_try: Option<Timestamp>,
    pub next_sync: Option<Timestamp>,
    /// Seconds that the last run took.
    pub duration: Option<f64>,
    pub fail_count: u32,
    pub error: String,
    pub comment: String,
    pub remove_job: String,
    /// MB/s.
    pub rate_limit: Option<f64>,
    pub polled: Timestamp,
    pub liveness: Liveness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tasks_status_is_read() {
        let cases = [
            (Some("OK"), true, TaskOutcome::Ok),
            (Some("WARNINGS: 2"), true, TaskOutcome::Warnings(2)),
            (None, false, TaskOutcome::Running),
            (Some("RUNNING"), false, TaskOutcome::Running),
            (None, true, TaskOutcome::Unknown),
            (
                Some("job errors"),
                true,
                TaskOutcome::Failed("job errors".into()),
            ),
        ];
        for (status, ended, want) in cases {
            assert_eq!(TaskOutcome::parse(status, ended), want, "{status:?}");
        }
    }

    #[test]
    fn a_job_covers_what_it_selects() {
        let mut job = BackupJob {
            enabled: true,
            selection: BackupSelection::All { except: vec![101] },
            ..BackupJob::default()
        };
        assert!(job.covers(100, "", "a"));
        assert!(!job.covers(101, "", "a"));
        job.node = "b".into();
        assert!(!job.covers(100, "", "a"));
        job.node.clear();
        job.selection = BackupSelection::Pool("prod".into());
        assert!(job.covers(100, "prod", "a"));
        assert!(!job.covers(100, "", "a"));
        job.enabled = false;
        assert!(!job.covers(100, "prod", "a"));
    }
}
