//! Backups, snapshots, tasks and backup jobs in the state.

use pulse_core::{
    Attribution, BackupGroup, BackupJob, BackupSelection, GuestKind, GuestSnapshot, PbsSnapshot,
    PmgBackup, Snapshot, StorageBackup, Task, TaskOutcome, Timestamp, Verification,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::is_zero;
use crate::time::{rfc3339, rfc3339_or_never};

/// v5's word for a kind of guest, which knows no application containers.
pub const fn guest_type(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Qemu => "qemu",
        GuestKind::Lxc | GuestKind::Oci => "lxc",
    }
}

/// `ok`, `failed`, or empty when never verified.
pub const fn verification(state: Verification) -> &'static str {
    match state {
        Verification::None => "",
        Verification::Ok => "ok",
        Verification::Failed => "failed",
    }
}

/// How a task ended, in Proxmox's words; `running` while it does.
pub fn status_text(outcome: &TaskOutcome) -> String {
    match outcome {
        TaskOutcome::Running => "running".into(),
        TaskOutcome::Ok => "OK".into(),
        TaskOutcome::Warnings(count) => format!("WARNINGS: {count}"),
        TaskOutcome::Failed(text) => text.clone(),
        TaskOutcome::Unknown => "unknown".into(),
    }
}

/// One word: `running`, `ok`, `warnings`, `failed` or `unknown`.
pub const fn outcome_word(outcome: &TaskOutcome) -> &'static str {
    match outcome {
        TaskOutcome::Running => "running",
        TaskOutcome::Ok => "ok",
        TaskOutcome::Warnings(_) => "warnings",
        TaskOutcome::Failed(_) => "failed",
        TaskOutcome::Unknown => "unknown",
    }
}

/// A vzdump task.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupTaskJson<'a> {
    /// `<instance>-<UPID>`.
    pub id: String,
    pub node: &'a str,
    pub instance: &'a str,
    pub r#type: &'a str,
    /// 0 when the job covers several guests.
    pub vmid: u32,
    /// Proxmox's text: `OK` on success; `running` while it runs.
    pub status: String,
    pub start_time: String,
    /// v5's zero time while running.
    pub end_time: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
}

impl<'a> BackupTaskJson<'a> {
    pub fn new(task: &'a Task) -> Self {
        Self {
            id: format!("{}-{}", task.instance, task.upid),
            node: &task.node,
            instance: &task.instance,
            r#type: &task.kind,
            vmid: task.vmid().unwrap_or(0),
            status: status_text(&task.outcome),
            start_time: rfc3339(task.started),
            end_time: rfc3339_or_never(task.ended),
            error: match &task.outcome {
                TaskOutcome::Failed(text) => text,
                _ => "",
            },
        }
    }

    /// The backup tasks of Proxmox VE, newest first.
    pub fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let tasks = snapshot.tasks.iter().filter(|task| task.kind == "vzdump");
        tasks.map(|task| Self::new(task)).collect()
    }
}

/// A backup file on a storage of Proxmox VE. `encrypted` is an addition to v5.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageBackupJson<'a> {
    /// `<instance>-<volid>`.
    pub id: String,
    pub storage: &'a str,
    pub node: &'a str,
    pub instance: &'a str,
    /// `qemu`, `lxc`, `host` or `unknown`.
    #[schema(value_type = String)]
    pub r#type: &'static str,
    pub vmid: u32,
    pub time: String,
    /// Unix s.
    pub ctime: i64,
    pub size: u64,
    pub format: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub notes: &'a str,
    pub protected: bool,
    pub volid: &'a str,
    #[serde(rename = "isPBS")]
    pub is_pbs: bool,
    pub verified: bool,
    /// `ok` or `failed`; absent when never verified.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(value_type = String)]
    pub verification: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
}

impl<'a> StorageBackupJson<'a> {
    pub fn new(backup: &'a StorageBackup) -> Self {
        Self {
            id: format!("{}-{}", backup.instance, backup.volid),
            storage: &backup.storage,
            node: &backup.node,
            instance: &backup.instance,
            r#type: match backup.kind {
                Some(kind) => guest_type(kind),
                None if backup.vmid == 0 => "host",
                None => "unknown",
            },
            vmid: backup.vmid,
            time: rfc3339(backup.time),
            ctime: backup.time.secs(),
            size: backup.size.get(),
            format: &backup.format,
            notes: &backup.notes,
            protected: backup.protected,
            volid: &backup.volid,
            is_pbs: backup.on_pbs,
            verified: backup.verification == Verification::Ok,
            verification: verification(backup.verification),
            encrypted: backup.encrypted,
        }
    }
}

/// A snapshot of a guest.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestSnapshotJson<'a> {
    /// `<instance>-<node>-<vmid>-<name>`.
    pub id: String,
    pub name: &'a str,
    pub node: &'a str,
    pub instance: &'a str,
    /// `qemu` or `lxc`.
    #[schema(value_type = String)]
    pub r#type: &'static str,
    pub vmid: u32,
    pub time: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub parent: &'a str,
    /// Contains the memory.
    pub vmstate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

impl<'a> GuestSnapshotJson<'a> {
    pub fn new(snapshot: &'a GuestSnapshot) -> Self {
        Self {
            id: snapshot.id(),
            name: &snapshot.name,
            node: &snapshot.node,
            instance: &snapshot.instance,
            r#type: guest_type(snapshot.kind),
            vmid: snapshot.vmid,
            time: rfc3339(snapshot.time),
            description: &snapshot.description,
            parent: &snapshot.parent,
            vmstate: snapshot.with_memory,
            size_bytes: snapshot.size.map(pulse_core::Bytes::get),
        }
    }
}

/// A backup on a backup server. Additions to v5: `encrypted`, `verification`, `incomplete`,
/// `guestInstance`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PbsBackupJson<'a> {
    /// `pbs-<instance>-<datastore>-<namespace>-<type>-<vmid>-<unix time>`.
    pub id: String,
    pub instance: &'a str,
    pub datastore: &'a str,
    /// Empty for the root.
    pub namespace: &'a str,
    /// `vm`, `ct` or `host`.
    #[schema(value_type = String)]
    pub backup_type: &'static str,
    pub vmid: &'a str,
    pub backup_time: String,
    /// 0 while it is being written.
    pub size: u64,
    pub protected: bool,
    pub verified: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub owner: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// `failed` when the verification found damage.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(value_type = String)]
    pub verification: &'static str,
    /// It is still being written, or was never finished.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The instance whose guest it is, where evidence tells.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub guest_instance: &'a str,
}

impl<'a> PbsBackupJson<'a> {
    pub fn new(group: &'a BackupGroup, snapshot: &'a PbsSnapshot) -> Self {
        Self {
            id: group.snapshot_id(snapshot),
            instance: &group.instance,
            datastore: &group.datastore,
            namespace: &group.namespace,
            backup_type: group.kind.as_str(),
            vmid: &group.backup_id,
            backup_time: rfc3339(snapshot.time),
            size: snapshot.size.map_or(0, pulse_core::Bytes::get),
            protected: snapshot.protected,
            verified: snapshot.verification == Verification::Ok,
            comment: &snapshot.comment,
            files: snapshot.files.iter().map(|file| &**file).collect(),
            owner: &group.owner,
            encrypted: snapshot.encrypted,
            verification: match snapshot.verification {
                Verification::Failed => "failed",
                _ => "",
            },
            incomplete: snapshot.size.is_none(),
            guest_instance: match &group.attribution {
                Attribution::Guest { instance, .. } => instance,
                _ => "",
            },
        }
    }

    /// All backups of all groups, newest first.
    pub fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let mut all: Vec<(Timestamp, usize, Self)> = Vec::new();
        for (index, group) in snapshot.backup_groups.iter().enumerate() {
            let each = group.snapshots.iter();
            all.extend(each.map(|snap| (snap.time, index, Self::new(group, snap))));
        }
        all.sort_by_key(|(time, index, _)| (std::cmp::Reverse(*time), *index));
        all.into_iter().map(|(_, _, backup)| backup).collect()
    }
}

/// A backup of a mail gateway's configuration.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PmgBackupJson<'a> {
    pub id: &'a str,
    pub instance: &'a str,
    pub node: &'a str,
    pub filename: &'a str,
    pub backup_time: String,
    pub size: u64,
}

impl<'a> PmgBackupJson<'a> {
    pub fn new(backup: &'a PmgBackup) -> Self {
        Self {
            id: &backup.id,
            instance: &backup.instance,
            node: &backup.node,
            filename: &backup.filename,
            backup_time: rfc3339(backup.time),
            size: backup.size.get(),
        }
    }

    /// Of all gateways, newest first.
    pub fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let mut all: Vec<&PmgBackup> = snapshot.pmg.iter().flat_map(|pmg| &pmg.backups).collect();
        all.sort_by(|a, b| (b.time, &a.id).cmp(&(a.time, &b.id)));
        all.into_iter().map(Self::new).collect()
    }
}

/// Backups of PVE: always three lists, newest first.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PveBackupsJson<'a> {
    pub backup_tasks: Vec<BackupTaskJson<'a>>,
    pub storage_backups: Vec<StorageBackupJson<'a>>,
    pub guest_snapshots: Vec<GuestSnapshotJson<'a>>,
}

impl<'a> PveBackupsJson<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let storage = snapshot.storage_backups.iter();
        let guests = snapshot.guest_snapshots.iter();
        Self {
            backup_tasks: BackupTaskJson::all(snapshot),
            storage_backups: storage.map(|b| StorageBackupJson::new(b)).collect(),
            guest_snapshots: guests.map(|s| GuestSnapshotJson::new(s)).collect(),
        }
    }
}

/// v5's second copy of the backup lists.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct BackupsJson<'a> {
    pub pve: PveBackupsJson<'a>,
    pub pbs: Vec<PbsBackupJson<'a>>,
    pub pmg: Vec<PmgBackupJson<'a>>,
}

/// A backup job of a cluster. An addition to v5's state.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupJobJson<'a> {
    pub id: &'a str,
    pub instance: &'a str,
    pub enabled: bool,
    pub schedule: &'a str,
    pub storage: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub node: &'a str,
    pub mode: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    /// Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run: Option<i64>,
    /// `all`, `vmids`, `pool` or `none`.
    #[schema(value_type = String)]
    pub selection: &'static str,
    /// The chosen guests of `vmids`, the excepted ones of `all`.
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    #[schema(value_type = Vec<u32>)]
    pub vmids: &'a [u32],
    #[serde(skip_serializing_if = "str::is_empty")]
    pub pool: &'a str,
}

impl<'a> BackupJobJson<'a> {
    pub fn new(job: &'a BackupJob) -> Self {
        let (selection, vmids, pool): (_, &[u32], &str) = match &job.selection {
            BackupSelection::All { except } => ("all", except, ""),
            BackupSelection::Vmids(list) => ("vmids", list, ""),
            BackupSelection::Pool(name) => ("pool", &[], name),
            BackupSelection::None => ("none", &[], ""),
        };
        Self {
            id: &job.id,
            instance: &job.instance,
            enabled: job.enabled,
            schedule: &job.schedule,
            storage: &job.storage,
            node: &job.node,
            mode: &job.mode,
            comment: &job.comment,
            next_run: job.next_run.map(Timestamp::millis),
            selection,
            vmids,
            pool,
        }
    }
}

/// A guest that no backup job covers, as Proxmox says it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnprotectedJson<'a> {
    pub instance: &'a str,
    pub vmid: u32,
}

impl<'a> UnprotectedJson<'a> {
    pub fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let guests = snapshot.unprotected.iter();
        guests
            .map(|(instance, vmid)| Self {
                instance,
                vmid: *vmid,
            })
            .collect()
    }
}

/// A task of any Proxmox server. An addition to v5's state.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskJson<'a> {
    pub upid: &'a str,
    pub instance: &'a str,
    pub node: &'a str,
    /// `vzdump`, `qmstart`, `verificationjob` …
    pub r#type: &'a str,
    /// What it works on; absent for several.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub target: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub vmid: u32,
    pub user: &'a str,
    /// Unix ms.
    pub start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// `running`, `ok`, `warnings`, `failed` or `unknown`.
    #[schema(value_type = String)]
    pub outcome: &'static str,
    /// Proxmox's text.
    pub status: String,
}

/// Finished tasks that the state lists, beside all running ones.
pub const TASKS_IN_STATE: usize = 200;

impl<'a> TaskJson<'a> {
    pub fn new(task: &'a Task) -> Self {
        Self {
            upid: &task.upid,
            instance: &task.instance,
            node: &task.node,
            r#type: &task.kind,
            target: &task.target,
            vmid: task.vmid().unwrap_or(0),
            user: &task.user,
            start_time: task.started.millis(),
            end_time: task.ended.map(Timestamp::millis),
            outcome: outcome_word(&task.outcome),
            status: status_text(&task.outcome),
        }
    }

    /// All running ones and the newest others, newest first.
    pub fn latest(snapshot: &'a Snapshot) -> Vec<Self> {
        let mut finished = 0;
        let chosen = snapshot.tasks.iter().filter(|task| {
            if task.outcome == TaskOutcome::Running {
                return true;
            }
            finished += 1;
            finished <= TASKS_IN_STATE
        });
        chosen.map(|task| Self::new(task)).collect()
    }
}
