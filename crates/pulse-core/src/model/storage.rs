//! A Proxmox storage, as seen from one node or shared by several.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk::{ThinPool, ZfsPool};
use super::shared::Liveness;
use crate::units::{Bytes, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageStatus {
    Available,
    Inactive,
    Disabled,
}

impl StorageStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Inactive => "inactive",
            Self::Disabled => "disabled",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    pub id: String,
    pub name: String,
    /// Node name; `cluster` for shared storage.
    pub node: String,
    /// Cluster name when clustered, else the instance.
    pub instance: String,
    /// The configured connection that it came from.
    pub source: String,
    /// Nodes that see a shared storage, sorted; empty for local ones.
    pub nodes: Vec<String>,
    pub kind: String,
    pub status: StorageStatus,
    pub total: Bytes,
    pub used: Bytes,
    pub free: Bytes,
    /// Comma list, sorted.
    pub content: String,
    pub shared: bool,
    pub enabled: bool,
    pub active: bool,
    /// The ZFS pool that it lives on. Set by the inventory.
    pub zfs_pool: Option<Arc<ZfsPool>>,
    /// The LVM thin pool that it is. Set by the inventory.
    pub thin_pool: Option<Arc<ThinPool>>,
    /// What its definition says it lives on: ZFS dataset, `vg/thinpool`, Ceph pool, or
    /// `server:datastore` or `server:datastore/namespace` of a backup server; empty when not known.
    pub backend: String,
    pub seen: Timestamp,
    pub liveness: Liveness,
}
