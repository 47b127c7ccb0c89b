//! The one door: a report about one source at one time.

use serde::{Deserialize, Serialize};

use crate::model::{
    BackupGroup, BackupJob, CephCluster, Certificate, ClusterState, Guest, GuestSnapshot, Host,
    InstanceHealth, InstanceKind, Node, NodeTemperatures, NodeUpdates, PbsInstance, PbsJob,
    PermissionGap, PhysicalDisk, PmgInstance, ReplicationJob, Storage, StorageBackup, Task,
    ThinPool, ZfsPool,
};
use crate::units::Timestamp;

/// What one source said, or that it did not answer.
#[derive(Clone, Debug)]
pub struct SourceReport {
    /// When the answer was complete (polls) or received (pushes).
    pub at: Timestamp,
    /// From the simulated datacenter.
    pub demo: bool,
    pub body: ReportBody,
}

#[derive(Clone, Debug)]
pub enum ReportBody {
    /// The lists of one cycle.
    Pve(Box<PveReport>),
    /// What is asked more seldom, piece by piece.
    PveFacts {
        instance: String,
        facts: Vec<PveFact>,
    },
    Pbs(Box<PbsReport>),
    Pmg(Box<PmgReport>),
    /// A poll of an instance failed as a whole.
    PollFailed {
        instance: String,
        kind: InstanceKind,
        failure: PollFailure,
    },
    Host(Box<Host>),
    /// What a PVE instance pushed between polls.
    Pushed(Box<Pushed>),
}

/// Numbers of guests and nodes that Proxmox pushed to us; those of others and those older than
/// what is known are ignored.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
    pub instance: String,
    pub guests: Vec<(Timestamp, PushedGuest)>,
    pub nodes: Vec<(Timestamp, PushedNode)>,
}

/// `None` was not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushedGuest {
    pub vmid: u32,
    /// Share of the allotted cores.
    pub cpu: Option<f64>,
    /// Bytes, as `mem` of the guest's status.
    pub memory_used: Option<u64>,
    /// Seconds.
    pub uptime: Option<u64>,
    pub rates: Option<crate::rates::Rates>,
}

/// `None` was not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushedNode {
    pub name: String,
    /// Share of all cores.
    pub cpu: Option<f64>,
    /// Bytes, page cache included.
    pub memory_used: Option<u64>,
    /// Seconds.
    pub uptime: Option<u64>,
    pub load: Option<[f64; 3]>,
}

impl ReportBody {
    /// Sets how long it takes to the next poll: things are stale after three of these.
    pub fn set_interval(&mut self, interval: std::time::Duration) {
        let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX).max(1);
        match self {
            Self::Pve(report) => report.interval_seconds = seconds,
            Self::Pbs(report) => report.interval_seconds = seconds,
            Self::Pmg(report) => report.interval_seconds = seconds,
            Self::PveFacts { .. } | Self::PollFailed { .. } | Self::Host(_) | Self::Pushed(_) => {}
        }
    }
}

/// One poll of one PVE instance.
#[derive(Clone, Debug, Default)]
pub struct PveReport {
    pub instance: String,
    /// Seconds between polls; decides when things are stale.
    pub interval_seconds: u32,
    pub health: InstanceHealth,
    /// Nodes as PVE lists them; `online` is PVE's word of this poll.
    pub nodes: Vec<Node>,
    /// `None`: not asked or not answered this time; what was known stays.
    pub guests: Option<Vec<Guest>>,
    pub storages: Option<Vec<Storage>>,
    /// Nodes whose storage list was not answered: their entries stay.
    pub storages_missing_nodes: Vec<String>,
    /// What went wrong in parts of the poll, for the operator.
    pub notes: Vec<String>,
}

/// One answered question about a PVE instance. A fact replaces the one of the same kind and the
/// same subject; a question that was not answered gives no fact, and what was known gets older.
#[derive(Clone, Debug)]
pub enum PveFact {
    Disks {
        node: String,
        disks: Vec<PhysicalDisk>,
    },
    ZfsPools {
        node: String,
        pools: Vec<ZfsPool>,
    },
    ThinPools {
        node: String,
        pools: Vec<ThinPool>,
    },
    /// `None`: there is no Ceph.
    Ceph(Option<Box<CephCluster>>),
    /// `None`: not a cluster.
    Cluster(Option<Box<ClusterState>>),
    Replication(Vec<ReplicationJob>),
    BackupJobs {
        jobs: Vec<BackupJob>,
        /// vmids that no job covers, as Proxmox says; `None` when it would not.
        unprotected: Option<Vec<u32>>,
    },
    /// The node's latest tasks, running ones included.
    Tasks {
        node: String,
        tasks: Vec<Task>,
    },
    /// All backups on a storage. `node` is set for a storage that is local to it.
    StorageBackups {
        storage: String,
        node: Option<String>,
        backups: Vec<StorageBackup>,
    },
    /// Storages that hold backups now, with their node when local: those of others are forgotten.
    BackupStorages(Vec<(String, Option<String>)>),
    Snapshots {
        vmid: u32,
        snapshots: Vec<GuestSnapshot>,
    },
    Updates {
        node: String,
        updates: NodeUpdates,
    },
    Certificates {
        node: String,
        certificates: Vec<Certificate>,
    },
    Temperatures {
        node: String,
        temperatures: NodeTemperatures,
    },
    /// Everything that the credentials may not read now.
    Gaps(Vec<PermissionGap>),
}

/// The groups of one namespace: they replace those known of it.
#[derive(Clone, Debug, Default)]
pub struct NamespaceGroups {
    pub datastore: String,
    pub namespace: String,
    pub groups: Vec<BackupGroup>,
}

/// One poll of one backup server.
#[derive(Clone, Debug, Default)]
pub struct PbsReport {
    pub interval_seconds: u32,
    /// The server itself and its datastores. A datastore whose sizes could not be read has status
    /// `Error` and sizes of 0: the known sizes stay. Its `jobs` are not read from here.
    pub server: PbsInstance,
    /// Whether `server.datastores` was read; else those known stay.
    pub datastores_read: bool,
    /// `None`: not asked or not answered this time.
    pub jobs: Option<Vec<PbsJob>>,
    pub groups: Vec<NamespaceGroups>,
    pub tasks: Option<Vec<Task>>,
    pub gaps: Option<Vec<PermissionGap>>,
    pub notes: Vec<String>,
}

/// One poll of one mail gateway. Optional parts that were not answered are `None` or empty in
/// `server` and named in `missing`: the known values stay.
#[derive(Clone, Debug, Default)]
pub struct PmgReport {
    pub interval_seconds: u32,
    pub server: PmgInstance,
    pub missing: Vec<PmgPart>,
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PmgPart {
    Nodes,
    Statistics,
    Counts,
    SpamScores,
    Quarantine,
    Backups,
}

/// Why a poll failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollFailure {
    /// Thing, cause, way out; no secrets.
    pub message: String,
    pub auth: bool,
    /// Worth trying again soon.
    pub transient: bool,
}
