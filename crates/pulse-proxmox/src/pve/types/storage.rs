//! Answers about storages.

use crate::decode::tolerant;

tolerant! {
    /// One row of `/storage`: how a storage is defined for the cluster.
    pub struct StorageDefinition {
        pub storage: String,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub content: Option<String>,
        pub shared: bool,
        pub disable: bool,
        pub enabled: Option<bool>,
        pub active: Option<bool>,
        /// Nodes it is limited to, separated by commas; none means all.
        pub nodes: Option<String>,
        pub path: Option<String>,
        /// ZFS pool or Ceph pool.
        pub pool: Option<String>,
        pub server: Option<String>,
        pub export: Option<String>,
        /// Datastore of a Proxmox Backup Server.
        pub datastore: Option<String>,
        pub namespace: Option<String>,
        pub vgname: Option<String>,
        pub thinpool: Option<String>,
    }

    /// One row of `/nodes/{node}/storage`. An unreachable storage is not active and its figures are 0.
    pub struct NodeStorage {
        pub storage: String,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub content: Option<String>,
        pub active: Option<bool>,
        pub enabled: Option<bool>,
        pub shared: bool,
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub avail: Option<u64>,
        pub used_fraction: Option<f64>,
    }

    /// One volume of a storage.
    pub struct StorageContent {
        pub volid: String,
        pub content: Option<String>,
        pub subtype: Option<String>,
        pub format: Option<String>,
        pub ctime: Option<i64>,
        pub size: Option<u64>,
        pub used: Option<u64>,
        pub vmid: Option<u32>,
        pub notes: Option<String>,
        pub protected: bool,
        /// Fingerprint of the key of an encrypted backup, or a mark.
        pub encrypted: Option<String>,
        pub encryption: Option<String>,
        pub verification: Option<Verification>,
        pub verified: Option<bool>,
        pub parent: Option<String>,
    }

    pub struct Verification {
        pub state: Option<String>,
        pub upid: Option<String>,
    }

    /// One row of `/nodes/{node}/disks/lvmthin`, in bytes.
    pub struct LvmThin {
        pub lv: String,
        pub vg: Option<String>,
        pub lv_size: Option<u64>,
        pub used: Option<u64>,
        pub metadata_size: Option<u64>,
        pub metadata_used: Option<u64>,
    }
}
