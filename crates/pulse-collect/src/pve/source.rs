//! What the collector has to know of a configured instance.

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

    /// The `instance` of a storage: the cluster where there is one.
    pub fn storage_instance(&self) -> &str {
        self.cluster.as_deref().unwrap_or(&self.name)
    }
}
