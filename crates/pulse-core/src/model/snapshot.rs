//! Everything that is known at one version.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    BackupGroup, BackupJob, CephCluster, ClusterState, Guest, GuestSnapshot, Host, InstanceState,
    Node, PbsInstance, PhysicalDisk, PmgInstance, ReplicationJob, Storage, StorageBackup, Task,
    ZfsPool,
};
use crate::units::Timestamp;

/// A collection of a snapshot. An unchanged collection is the same value in the next snapshot, and
/// an unchanged element of a changed one is, too.
pub type Shared<T> = Arc<Vec<Arc<T>>>;

/// Immutable; readers hold an `Arc` of it. Collections are in the order in which clients see
/// them, and an unchanged resource keeps its `Arc` from version to version, so that "what
/// changed" is a pointer comparison.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub version: u64,
    /// Last change of anything.
    pub at: Timestamp,
    pub instances: Vec<Arc<InstanceState>>,
    /// By name, then instance.
    pub nodes: Shared<Node>,
    /// VMs by vmid, then instance, then node.
    pub vms: Shared<Guest>,
    pub containers: Shared<Guest>,
    /// By instance, then name, then node.
    pub storages: Shared<Storage>,
    /// By instance, then node, then device path.
    pub disks: Shared<PhysicalDisk>,
    /// By instance, then node, then name.
    pub zfs_pools: Shared<ZfsPool>,
    /// By instance, then id.
    pub ceph: Shared<CephCluster>,
    /// By instance.
    pub clusters: Shared<ClusterState>,
    /// By instance, then guest, then job number.
    pub replication: Shared<ReplicationJob>,
    /// By instance, then id.
    pub backup_jobs: Shared<BackupJob>,
    /// Guests that no backup job covers, as Proxmox says it: instance, vmid.
    pub unprotected: Arc<Vec<(String, u32)>>,
    /// Of all Proxmox servers, newest first.
    pub tasks: Shared<Task>,
    /// Newest first.
    pub storage_backups: Shared<StorageBackup>,
    /// Newest first.
    pub guest_snapshots: Shared<GuestSnapshot>,
    /// By name.
    pub pbs: Shared<PbsInstance>,
    /// By instance, datastore, namespace, kind, backup id.
    pub backup_groups: Shared<BackupGroup>,
    /// By name.
    pub pmg: Shared<PmgInstance>,
    /// By host name.
    pub hosts: Shared<Host>,
    /// v5's map: instance name, `pbs-<name>`, `host-<id>` … → works.
    pub connection_health: Arc<BTreeMap<String, bool>>,
}

impl Snapshot {
    pub fn guests(&self) -> impl Iterator<Item = &Arc<Guest>> {
        self.vms.iter().chain(self.containers.iter())
    }

    /// Whether the backups of a storage of type `pbs` are listed by their server itself: `backend`
    /// is the storage's `server:datastore[/namespace]`. Only a namespace with backups counts, so
    /// that a server that may not be read, or whose backups are not asked for, hides nothing.
    pub fn watches_backend(&self, backend: &str) -> bool {
        let Some((server, place)) = backend.rsplit_once(':') else {
            return false;
        };
        let (datastore, namespace) = place.split_once('/').unwrap_or((place, ""));
        let server = server.trim_start_matches('[').trim_end_matches(']');
        self.pbs.iter().any(|pbs| {
            host_of(&pbs.host).eq_ignore_ascii_case(server)
                && self.backup_groups.iter().any(|group| {
                    *group.instance == *pbs.name
                        && *group.datastore == *datastore
                        && *group.namespace == *namespace
                })
        })
    }
}

/// The host in a URL, without scheme, port and path.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next().unwrap_or(v6);
    }
    host.split(':').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribution, BackupKind};

    #[test]
    fn a_datastore_is_watched_under_its_servers_address() {
        let pbs = |name: &str, host: &str| {
            Arc::new(PbsInstance {
                name: name.into(),
                host: host.into(),
                ..PbsInstance::default()
            })
        };
        let group = |instance: &str, datastore: &str, namespace: &str| {
            Arc::new(BackupGroup {
                instance: instance.into(),
                datastore: datastore.into(),
                namespace: namespace.into(),
                kind: BackupKind::Vm,
                backup_id: "100".into(),
                owner: "".into(),
                attribution: Attribution::None,
                snapshots: Vec::new(),
            })
        };
        let snapshot = Snapshot {
            pbs: Arc::new(vec![
                pbs("a", "https://10.9.8.20:8007"),
                pbs("b", "https://PBS.lan:8007/"),
                pbs("c", "https://[fd00::7]:8007"),
                pbs("d", "https://10.9.8.30:8007"),
            ]),
            backup_groups: Arc::new(vec![
                group("a", "main", ""),
                group("a", "main", "prod/db"),
                group("b", "cold", ""),
                group("c", "main", ""),
            ]),
            ..Snapshot::default()
        };
        for watched in [
            "10.9.8.20:main",
            "10.9.8.20:main/prod/db",
            "pbs.lan:cold",
            "fd00::7:main",
            "[fd00::7]:main",
        ] {
            assert!(snapshot.watches_backend(watched), "{watched}");
        }
        for other in [
            "10.9.8.20:cold",
            "10.9.8.20:main/prod",
            "10.9.8.30:main",
            "pbs:cold",
            "",
            ":",
            "main",
        ] {
            assert!(!snapshot.watches_backend(other), "{other}");
        }
    }
}
