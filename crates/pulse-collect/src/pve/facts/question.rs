//! The questions that are asked more seldom than the lists of a cycle.

use super::world::World;
use crate::pve::gaps::Need;
use crate::pve::source::PveSource;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// One question. The order is that of importance among those that are due at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Membership, quorum and high availability.
    Cluster,
    /// Votes and the external one.
    Votes,
    /// Latest tasks of all nodes.
    Tasks,
    Ceph,
    Replication,
    BackupJobs,
    /// What the credentials may do: some lists are filtered without a word.
    Rights,
    StorageBackups {
        storage: String,
        /// The node of a local storage.
        node: Option<String>,
    },
    /// vzdump tasks of a node, further back than `Tasks`.
    BackupTasks(String),
    Disks(String),
    Zfs(String),
    ThinPools(String),
    /// RRD series of a node's memory.
    NodeMemory(String),
    Updates(String),
    Certificates(String),
    Snapshots(u32),
}

impl Question {
    /// The node that it is asked of; none for those about the whole cluster.
    pub fn node<'a>(&'a self, world: &'a World) -> Option<&'a str> {
        match self {
            Self::StorageBackups { node, .. } => node.as_deref(),
            Self::BackupTasks(node)
            | Self::Disks(node)
            | Self::Zfs(node)
            | Self::ThinPools(node)
            | Self::NodeMemory(node)
            | Self::Updates(node)
            | Self::Certificates(node) => Some(node),
            Self::Snapshots(vmid) => world.guests.get(vmid).map(|guest| guest.node.as_str()),
            _ => None,
        }
    }

    /// Few of an instance, and wanted in time: they do not wait behind many others.
    pub const fn is_urgent(&self) -> bool {
        matches!(
            self,
            Self::Cluster | Self::Tasks | Self::Ceph | Self::Replication | Self::BackupJobs
        )
    }

    /// What it takes to be allowed to ask.
    pub const fn need(&self) -> Need {
        let (capability, privilege) = match self {
            Self::Cluster => ("cluster status", "Sys.Audit on /"),
            Self::Votes => ("votes of the cluster", "Sys.Audit on /"),
            Self::Tasks | Self::BackupTasks(_) => ("tasks", "Sys.Audit"),
            Self::Ceph => ("Ceph", "Sys.Audit, Datastore.Audit"),
            Self::Replication => ("replication", "VM.Audit"),
            Self::BackupJobs => ("backup jobs", "Sys.Audit on /"),
            Self::Rights => ("own permissions", ""),
            Self::StorageBackups { .. } => ("backups", "Datastore.AllocateSpace, VM.Backup"),
            Self::Disks(_) => ("disks", "Sys.Audit"),
            Self::Zfs(_) => ("ZFS pools", "Sys.Audit"),
            Self::ThinPools(_) => ("thin pools", "Sys.Audit"),
            Self::NodeMemory(_) => ("memory history", "Sys.Audit"),
            Self::Updates(_) => ("pending updates", "Sys.Modify"),
            Self::Certificates(_) => ("certificates", "Sys.Audit"),
            Self::Snapshots(_) => ("snapshots", "VM.Audit"),
        };
        Need {
            capability,
            privilege,
        }
    }

    /// Milliseconds between two askings, when there is something to see.
    pub fn every(&self, source: &PveSource, world: &World) -> i64 {
        match self {
            Self::Cluster | Self::Tasks | Self::Ceph => 30 * SECOND,
            Self::Replication | Self::NodeMemory(_) => MINUTE,
            Self::Votes | Self::BackupJobs => 5 * MINUTE,
            Self::Rights => 10 * MINUTE,
            Self::StorageBackups { .. } => i64::from(source.backup_interval_seconds()) * SECOND,
            Self::BackupTasks(_) => {
                (i64::from(source.backup_interval_seconds()) * SECOND).max(30 * MINUTE)
            }
            Self::Disks(_) | Self::Zfs(_) | Self::ThinPools(_) => {
                i64::from(source.extent.disk_interval_seconds.max(60)) * SECOND
            }
            Self::Updates(_) | Self::Certificates(_) => 6 * HOUR,
            // At most one every two and a half seconds; changes are asked about at once.
            Self::Snapshots(_) => {
                let guests = i64::try_from(world.guests.len()).unwrap_or(i64::MAX);
                guests
                    .saturating_mul(2_500)
                    .clamp(5 * MINUTE, 6 * HOUR)
                    .max(i64::from(source.backup_interval_seconds()) * SECOND)
            }
        }
    }

    /// Milliseconds to the next asking, when there was nothing to see or it is not offered.
    pub fn every_when_empty(&self, source: &PveSource, world: &World) -> i64 {
        let usual = self.every(source, world);
        match self {
            Self::Zfs(node) if world.has_kind(node, &["zfspool", "zfs", "local-zfs"]) => usual,
            Self::ThinPools(node) if world.has_kind(node, &["lvmthin"]) => usual,
            Self::Zfs(_) | Self::ThinPools(_) => usual.max(HOUR),
            Self::NodeMemory(_) => 6 * HOUR,
            Self::Cluster | Self::Votes | Self::Ceph => usual.max(5 * MINUTE),
            _ => usual,
        }
    }

    /// A number from 0 to 1 that differs between questions and stays the same for one: spreads
    /// what was asked together at the start.
    pub fn spread(&self) -> f64 {
        let text = format!("{self:?}");
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        ((hash >> 11) & 0xffff) as f64 / 65_536.0
    }
}

/// Everything there is to ask of an instance.
pub(crate) fn questions(source: &PveSource, world: &World) -> Vec<Question> {
    let mut all = vec![Question::Cluster, Question::Votes, Question::Tasks];
    all.push(Question::Replication);
    if source.extent.backups {
        all.extend([Question::BackupJobs, Question::Rights]);
    }
    if source.extent.ceph && world.has_ceph() {
        all.push(Question::Ceph);
    }
    for node in &world.nodes {
        let of_node = |question: fn(String) -> Question| question(node.name.clone());
        all.extend([of_node(Question::Updates), of_node(Question::Certificates)]);
        all.push(of_node(Question::NodeMemory));
        if source.extent.disks {
            all.push(of_node(Question::Disks));
            all.push(of_node(Question::Zfs));
            all.push(of_node(Question::ThinPools));
        }
        if source.extent.backups {
            all.push(of_node(Question::BackupTasks));
        }
    }
    if source.extent.backups {
        let kept = world.storages.iter().filter(|storage| storage.backups);
        all.extend(kept.map(|storage| Question::StorageBackups {
            storage: storage.name.clone(),
            node: storage.node.clone(),
        }));
        all.extend(world.guests.keys().map(|vmid| Question::Snapshots(*vmid)));
    }
    all
}
