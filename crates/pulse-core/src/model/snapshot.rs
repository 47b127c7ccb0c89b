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

    /// Whether the datastore that a storage of type `pbs` lives on is watched itself: `backend` is
    /// the storage's `server:datastore`. Only a server that told its datastores counts.
    pub fn watches_backend(&self, backend: &str) -> bool {
        let Some((server, datastore)) = backend.rsplit_once(':') else {
            return false;
        };
        let server = server.trim_start_matches('[').trim_end_matches(']');
        self.pbs.iter().any(|pbs| {
            host_of(&pbs.host).eq_ignore_ascii_case(server)
                && pbs.datastores.iter().any(|own| own.name == datastore)
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
    use crate::model::Datastore;

    #[test]
    fn a_datastore_is_watched_under_its_servers_address() {
        let pbs = |host: &str, datastores: &[&str]| {
            Arc::new(PbsInstance {
                host: host.into(),
                datastores: datastores
                    .iter()
                    .map(|name| Datastore {
                        name: (*name).into(),
                        ..Datastore::default()
                    })
                    .collect(),
                ..PbsInstance::default()
            })
        };
        let snapshot = Snapshot {
            pbs: Arc::new(vec![
                pbs("https://10.9.8.20:8007", &["main"]),
                pbs("https://PBS.lan:8007/", &["cold"]),
                pbs("https://[fd00::7]:8007", &["main"]),
                pbs("https://10.9.8.30:8007", &[]),
            ]),
            ..Snapshot::default()
        };
        for watched in [
            "10.9.8.20:main",
            "pbs.lan:cold",
            "fd00::7:main",
            "[fd00::7]:main",
        ] {
            assert!(snapshot.watches_backend(watched), "{watched}");
        }
        for other in [
            "10.9.8.20:cold",
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
