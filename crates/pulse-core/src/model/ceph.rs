//! A Ceph cluster.

use serde::{Deserialize, Serialize};

use super::shared::Liveness;
use crate::units::{Bytes, Timestamp};

/// One reason why a Ceph cluster is not healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CephCheck {
    /// Such as `OSD_DOWN`.
    pub code: String,
    /// `HEALTH_WARN` or `HEALTH_ERR`.
    pub severity: String,
    pub summary: String,
    pub detail: Vec<String>,
    pub muted: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CephPool {
    pub id: i64,
    pub name: String,
    pub stored: Bytes,
    pub available: Bytes,
    pub objects: u64,
    /// 0–100.
    pub percent_used: f64,
}

/// The daemons of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CephService {
    /// `mon`, `mgr`, `osd`, `mds` …
    pub kind: String,
    pub running: u32,
    pub total: u32,
    pub message: String,
}

/// One OSD that is not up and in, or all where the detail was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CephOsd {
    pub id: u32,
    pub host: String,
    pub up: bool,
    pub inside: bool,
    pub class: String,
    pub percent_used: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CephCluster {
    /// `<instance>-<fsid>`, or `<instance>` while the fsid is not known.
    pub id: String,
    pub instance: String,
    pub name: String,
    pub fsid: String,
    /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`.
    pub health: String,
    /// Sorted by code.
    pub checks: Vec<CephCheck>,
    pub total: Bytes,
    pub used: Bytes,
    pub available: Bytes,
    pub monitors: u32,
    pub monitors_in_quorum: u32,
    pub managers: u32,
    pub osds: u32,
    pub osds_up: u32,
    pub osds_in: u32,
    pub placement_groups: u32,
    /// Placement groups by state, such as `active+clean`.
    pub pg_states: Vec<(String, u32)>,
    pub read_bytes_per_second: u64,
    pub write_bytes_per_second: u64,
    pub read_ops_per_second: u64,
    pub write_ops_per_second: u64,
    pub pools: Vec<CephPool>,
    pub services: Vec<CephService>,
    pub osd_list: Vec<CephOsd>,
    pub seen: Timestamp,
    pub liveness: Liveness,
}
