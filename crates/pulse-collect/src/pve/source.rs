//! What the collector has to know of a configured instance.

use std::fmt;
use std::sync::Arc;

use pulse_proxmox::ClusterClient;

/// A member of a cluster as the operator (or the cluster) named it.
#[derive(Clone, Debug, Default)]
pub struct EndpointName {
    /// Node name in the cluster.
    pub node: String,
    /// URL under which it is reached.
    pub url: String,
    pub guest_url: String,
}

type Skip = dyn Fn(&str) -> bool + Send + Sync;

/// Tells whether a backup storage is watched elsewhere: given its backend, `server:datastore` of a
/// Proxmox Backup Server.
#[derive(Clone, Default)]
pub struct SkipBackend(Option<Arc<Skip>>);

impl SkipBackend {
    pub fn new(skip: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(skip)))
    }

    pub fn skips(&self, backend: &str) -> bool {
        self.0.as_ref().is_some_and(|skip| skip(backend))
    }
}

impl fmt::Debug for SkipBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "some" } else { "none" })
    }
}

/// What is asked beside the lists of a cycle. The default is everything.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Backup files, vzdump tasks, snapshots, backup jobs.
    pub backups: bool,
    /// Physical disks, ZFS and thin pools.
    pub disks: bool,
    pub disk_interval_seconds: u32,
    /// None: ten poll intervals.
    pub backup_interval_seconds: Option<u32>,
    pub ceph: bool,
    /// Its backups are not listed again.
    pub skip_backend: SkipBackend,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            backups: true,
            disks: true,
            disk_interval_seconds: 300,
            backup_interval_seconds: None,
            ceph: true,
            skip_backend: SkipBackend::default(),
        }
    }
}

/// A PVE server or cluster to watch.
#[derive(Clone, Debug)]
pub struct PveSource {
    /// Unique among the instances; part of every id.
    pub name: String,
    pub client: ClusterClient,
    /// URL that was configured.
    pub host: String,
    pub guest_url: String,
    /// Set for clusters; then node ids start with it.
    pub cluster: Option<String>,
    pub endpoints: Vec<EndpointName>,
    pub vms: bool,
    pub containers: bool,
    pub storage: bool,
    pub extent: Extent,
    /// Seconds between polls.
    pub interval_seconds: u32,
    /// From the simulated datacenter.
    pub demo: bool,
}

impl PveSource {
    /// `<cluster>-<node>` for members of a named cluster, else `<instance>-<node>`.
    pub fn node_id(&self, node: &str) -> String {
        format!("{}-{node}", self.cluster.as_deref().unwrap_or(&self.name))
    }

    /// Seconds between two looks at the backups.
    pub fn backup_interval_seconds(&self) -> u32 {
        let cycles = self.interval_seconds.max(1).saturating_mul(10);
        self.extent
            .backup_interval_seconds
            .unwrap_or(cycles)
            .max(30)
    }

    /// The `instance` of a storage: the cluster where there is one.
    pub fn storage_instance(&self) -> &str {
        self.cluster.as_deref().unwrap_or(&self.name)
    }
}
