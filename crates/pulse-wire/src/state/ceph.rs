//! A Ceph cluster in the state.

use std::collections::BTreeMap;

use pulse_core::{CephCheck, CephCluster, CephOsd, CephPool, CephService, Liveness};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::finite;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CephPoolJson<'a> {
    pub id: i64,
    pub name: &'a str,
    pub stored_bytes: u64,
    pub available_bytes: u64,
    pub objects: u64,
    /// 0–100.
    pub percent_used: f64,
}

impl<'a> CephPoolJson<'a> {
    fn new(pool: &'a CephPool) -> Self {
        Self {
            id: pool.id,
            name: &pool.name,
            stored_bytes: pool.stored.get(),
            available_bytes: pool.available.get(),
            objects: pool.objects,
            percent_used: finite(pool.percent_used),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CephServiceJson<'a> {
    /// `mon`, `mgr`, `osd`, `mds` …
    pub r#type: &'a str,
    pub running: u32,
    pub total: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub message: &'a str,
}

impl<'a> CephServiceJson<'a> {
    fn new(service: &'a CephService) -> Self {
        Self {
            r#type: &service.kind,
            running: service.running,
            total: service.total,
            message: &service.message,
        }
    }
}

/// One reason why the cluster is not healthy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CephCheckJson<'a> {
    /// Such as `OSD_DOWN`.
    pub code: &'a str,
    /// `HEALTH_WARN` or `HEALTH_ERR`.
    pub severity: &'a str,
    pub summary: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub detail: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
}

impl<'a> CephCheckJson<'a> {
    fn new(check: &'a CephCheck) -> Self {
        Self {
            code: &check.code,
            severity: &check.severity,
            summary: &check.summary,
            detail: &check.detail,
            muted: check.muted,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CephOsdJson<'a> {
    pub id: u32,
    pub host: &'a str,
    pub up: bool,
    pub r#in: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub class: &'a str,
    /// 0–100.
    pub percent_used: f64,
}

impl<'a> CephOsdJson<'a> {
    fn new(osd: &'a CephOsd) -> Self {
        Self {
            id: osd.id,
            host: &osd.host,
            up: osd.up,
            r#in: osd.inside,
            class: &osd.class,
            percent_used: finite(osd.percent_used),
        }
    }
}

/// A Ceph cluster. Additions to v5: `checks`, `osds`, `pgStates`, the four rates,
/// `numMonsInQuorum`, `lastSeen`, `stale`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CephClusterJson<'a> {
    pub id: &'a str,
    pub instance: &'a str,
    pub name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub fsid: &'a str,
    /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`.
    pub health: &'a str,
    /// The summaries of `checks` that are not muted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub health_message: String,
    pub total_bytes: u64,
    pub used_bytes: u64,
    pub available_bytes: u64,
    /// 0–100.
    pub usage_percent: f64,
    pub num_mons: u32,
    pub num_mons_in_quorum: u32,
    pub num_mgrs: u32,
    pub num_osds: u32,
    pub num_osds_up: u32,
    pub num_osds_in: u32,
    #[serde(rename = "numPGs")]
    pub num_pgs: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<CephPoolJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<CephServiceJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CephCheckJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub osds: Vec<CephOsdJson<'a>>,
    /// Placement groups by state.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pg_states: BTreeMap<&'a str, u32>,
    pub read_bytes_per_sec: u64,
    pub write_bytes_per_sec: u64,
    pub read_ops_per_sec: u64,
    pub write_ops_per_sec: u64,
    /// Unix ms.
    pub last_updated: i64,
    pub last_seen: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl<'a> CephClusterJson<'a> {
    pub fn new(ceph: &'a CephCluster) -> Self {
        let loud = ceph.checks.iter().filter(|check| !check.muted);
        let summaries: Vec<&str> = loud.map(|check| check.summary.as_str()).collect();
        Self {
            id: &ceph.id,
            instance: &ceph.instance,
            name: &ceph.name,
            fsid: &ceph.fsid,
            health: &ceph.health,
            health_message: summaries.join("; "),
            total_bytes: ceph.total.get(),
            used_bytes: ceph.used.get(),
            available_bytes: ceph.available.get(),
            usage_percent: ceph.used.percent_of(ceph.total).get(),
            num_mons: ceph.monitors,
            num_mons_in_quorum: ceph.monitors_in_quorum,
            num_mgrs: ceph.managers,
            num_osds: ceph.osds,
            num_osds_up: ceph.osds_up,
            num_osds_in: ceph.osds_in,
            num_pgs: ceph.placement_groups,
            pools: ceph.pools.iter().map(CephPoolJson::new).collect(),
            services: ceph.services.iter().map(CephServiceJson::new).collect(),
            checks: ceph.checks.iter().map(CephCheckJson::new).collect(),
            osds: ceph.osd_list.iter().map(CephOsdJson::new).collect(),
            pg_states: ceph
                .pg_states
                .iter()
                .map(|(state, count)| (state.as_str(), *count))
                .collect(),
            read_bytes_per_sec: ceph.read_bytes_per_second,
            write_bytes_per_sec: ceph.write_bytes_per_second,
            read_ops_per_sec: ceph.read_ops_per_second,
            write_ops_per_sec: ceph.write_ops_per_second,
            last_updated: ceph.seen.millis(),
            last_seen: ceph.seen.millis(),
            stale: ceph.liveness == Liveness::Stale,
        }
    }
}
