//! A monitored Proxmox server as it is stored.

use pulse_core::Secret;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    Pve,
    Pbs,
    Pmg,
}

impl NodeKind {
    pub const ALL: [Self; 3] = [Self::Pve, Self::Pbs, Self::Pmg];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pve => "pve",
            Self::Pbs => "pbs",
            Self::Pmg => "pmg",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub fn default_port(self) -> u16 {
        match self {
            Self::Pve | Self::Pmg => 8006,
            Self::Pbs => 8007,
        }
    }
}

impl std::fmt::Display for NodeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is collected from a server. Only the flags of its kind count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Monitored {
    pub vms: bool,
    pub containers: bool,
    pub storage: bool,
    pub backups: bool,
    /// `None`: on.
    pub physical_disks: Option<bool>,
    pub datastores: bool,
    pub sync_jobs: bool,
    pub verify_jobs: bool,
    pub prune_jobs: bool,
    pub garbage_jobs: bool,
    pub mail_stats: bool,
    pub queues: bool,
    pub quarantine: bool,
    pub domain_stats: bool,
}

impl Monitored {
    pub fn defaults(kind: NodeKind) -> Self {
        match kind {
            NodeKind::Pve => Self {
                vms: true,
                containers: true,
                storage: true,
                backups: true,
                ..Self::default()
            },
            NodeKind::Pbs => Self {
                datastores: true,
                backups: true,
                sync_jobs: true,
                verify_jobs: true,
                prune_jobs: true,
                garbage_jobs: true,
                ..Self::default()
            },
            NodeKind::Pmg => Self {
                mail_stats: true,
                ..Self::default()
            },
        }
    }
}

/// One member of a PVE cluster, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterEndpoint {
    pub node_id: String,
    pub node_name: String,
    pub host: String,
    pub guest_url: String,
    pub ip: String,
    /// Address to use instead of the one the cluster reports.
    pub ip_override: String,
    pub fingerprint: String,
    pub online: bool,
    pub last_seen: Option<jiff::Timestamp>,
    pub pulse_reachable: Option<bool>,
    pub last_pulse_check: Option<jiff::Timestamp>,
    pub pulse_error: String,
}

/// Secrets are not part of the serialised record; the repository encrypts them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Stable across deletions of others, unlike `pve-0`.
    pub uid: String,
    pub kind: NodeKind,
    pub name: String,
    /// `scheme://host:port`.
    pub host: String,
    /// Link for people.
    #[serde(default)]
    pub guest_url: String,
    #[serde(default)]
    pub user: String,
    #[serde(skip)]
    pub password: Secret,
    /// Full id, `user@realm!name`.
    #[serde(default)]
    pub token_name: String,
    #[serde(skip)]
    pub token_value: Secret,
    #[serde(default)]
    pub fingerprint: String,
    #[serde(default)]
    pub verify_ssl: bool,
    #[serde(default)]
    pub monitor: Monitored,
    /// 0: the default.
    #[serde(default)]
    pub disk_polling_minutes: u32,
    /// `None`: the global setting.
    #[serde(default)]
    pub temperature_enabled: Option<bool>,
    /// 0: the global setting.
    #[serde(default)]
    pub ssh_port: u16,
    #[serde(default)]
    pub temperature_proxy_url: String,
    #[serde(skip)]
    pub temperature_proxy_token: Secret,
    #[serde(skip)]
    pub temperature_control_token: Secret,
    #[serde(default)]
    pub is_cluster: bool,
    #[serde(default)]
    pub cluster_name: String,
    #[serde(default)]
    pub cluster_endpoints: Vec<ClusterEndpoint>,
    /// `agent`, `script` or empty: who registered it.
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub disable_ceph: bool,
}

impl NodeRecord {
    /// A record with a new uid and the defaults of its kind.
    pub fn new(kind: NodeKind, name: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            uid: uuid::Uuid::new_v4().to_string(),
            kind,
            name: name.into(),
            host: host.into(),
            guest_url: String::new(),
            user: String::new(),
            password: Secret::default(),
            token_name: String::new(),
            token_value: Secret::default(),
            fingerprint: String::new(),
            verify_ssl: false,
            monitor: Monitored::defaults(kind),
            disk_polling_minutes: 0,
            temperature_enabled: None,
            ssh_port: 0,
            temperature_proxy_url: String::new(),
            temperature_proxy_token: Secret::default(),
            temperature_control_token: Secret::default(),
            is_cluster: false,
            cluster_name: String::new(),
            cluster_endpoints: Vec::new(),
            source: String::new(),
            disable_ceph: false,
        }
    }

    pub fn has_password(&self) -> bool {
        !self.password.is_empty()
    }

    pub fn has_token(&self) -> bool {
        !self.token_value.is_empty()
    }
}
