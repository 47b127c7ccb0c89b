//! Answers about Ceph. Versions nest the same figures differently; both places are read.

use std::collections::BTreeMap;

use crate::decode::tolerant;

tolerant! {
    /// `/cluster/ceph/status`.
    pub struct CephStatus {
        pub fsid: Option<String>,
        pub health: Option<CephHealth>,
        pub quorum_names: Vec<String>,
        pub monmap: Option<CephMonMap>,
        pub mgrmap: Option<CephMgrMap>,
        pub osdmap: Option<CephOsdMap>,
        pub pgmap: Option<CephPgMap>,
        pub fsmap: Option<CephFsMap>,
        pub servicemap: Option<CephServiceMap>,
    }

    pub struct CephHealth {
        /// `HEALTH_OK`, `HEALTH_WARN` or `HEALTH_ERR`.
        pub status: Option<String>,
        /// By code, such as `OSD_DOWN`.
        pub checks: BTreeMap<String, CephCheck>,
    }

    pub struct CephCheck {
        pub severity: Option<String>,
        pub muted: bool,
        /// `message` and `count`.
        pub summary: BTreeMap<String, String>,
        pub detail: Vec<CephDetail>,
    }

    pub struct CephDetail {
        pub message: String,
    }

    pub struct CephMonMap {
        pub num_mons: Option<u32>,
        pub mons: Vec<CephNamed>,
    }

    pub struct CephMgrMap {
        pub available: Option<bool>,
        pub active_name: Option<String>,
        pub standbys: Vec<CephNamed>,
        /// Instead of `standbys` in short answers.
        pub num_standbys: Option<u32>,
    }

    pub struct CephNamed {
        pub name: String,
    }

    pub struct CephOsdMap {
        pub num_osds: Option<u32>,
        pub num_up_osds: Option<u32>,
        pub num_in_osds: Option<u32>,
        pub num_remapped_pgs: Option<u64>,
        /// Older versions nest the figures once more.
        pub osdmap: Option<Box<CephOsdMap>>,
    }

    pub struct CephPgMap {
        pub num_pgs: Option<u64>,
        pub num_pools: Option<u64>,
        pub pgs_by_state: Vec<CephPgState>,
        pub data_bytes: Option<u64>,
        pub bytes_used: Option<u64>,
        pub bytes_avail: Option<u64>,
        pub bytes_total: Option<u64>,
        pub read_bytes_sec: Option<u64>,
        pub write_bytes_sec: Option<u64>,
        pub read_op_per_sec: Option<u64>,
        pub write_op_per_sec: Option<u64>,
    }

    pub struct CephPgState {
        /// Such as `active+clean`.
        pub state_name: String,
        pub count: Option<u32>,
    }

    pub struct CephFsMap {
        /// Metadata servers that hold a rank.
        pub by_rank: Vec<CephNamed>,
        #[serde(rename = "up:standby")]
        pub standby: Option<u32>,
    }

    pub struct CephServiceMap {
        pub epoch: Option<u64>,
        pub services: BTreeMap<String, CephServices>,
    }

    pub struct CephServices {
        /// By name; the member `summary` is a text and no daemon.
        pub daemons: BTreeMap<String, CephDaemon>,
    }

    pub struct CephDaemon {
        pub start_epoch: Option<u64>,
        pub hostname: Option<String>,
        pub status: Option<String>,
        pub state: Option<String>,
    }

    /// One row of `/nodes/{node}/ceph/pool`.
    pub struct CephPoolRow {
        pub pool: Option<i64>,
        pub pool_name: String,
        /// Raw bytes, all copies.
        pub bytes_used: Option<u64>,
        /// 0–1.
        pub percent_used: Option<f64>,
        pub size: Option<u32>,
        pub min_size: Option<u32>,
        pub pg_num: Option<u32>,
        pub max_avail: Option<u64>,
        pub objects: Option<u64>,
    }

    /// `/nodes/{node}/ceph/osd`: the tree of hosts and OSDs.
    pub struct CephOsdTree {
        pub root: Option<CephOsdNode>,
    }

    /// A root, host or OSD.
    pub struct CephOsdNode {
        pub id: Option<i64>,
        pub name: String,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// `up` or `down`.
        pub status: Option<String>,
        #[serde(rename = "in")]
        pub inside: Option<bool>,
        pub host: Option<String>,
        pub device_class: Option<String>,
        /// 0–100.
        pub percent_used: Option<f64>,
        pub children: Vec<CephOsdNode>,
    }

    /// `/cluster/ceph/df` where a server has it: `stats` and `pools`, plain or inside one more `data`.
    pub struct CephDf {
        pub stats: Option<CephDfStats>,
        pub pools: Vec<CephDfPool>,
        pub data: Option<Box<CephDf>>,
    }

    pub struct CephDfStats {
        pub total_bytes: Option<u64>,
        pub total_used_bytes: Option<u64>,
        pub total_avail_bytes: Option<u64>,
    }

    pub struct CephDfPool {
        pub id: Option<i64>,
        pub name: String,
        pub stats: Option<CephDfPoolStats>,
    }

    pub struct CephDfPoolStats {
        pub bytes_used: Option<u64>,
        pub stored: Option<u64>,
        pub max_avail: Option<u64>,
        pub objects: Option<u64>,
        /// 0–1.
        pub percent_used: Option<f64>,
    }
}

impl CephOsdMap {
    /// The map that holds the figures.
    pub fn figures(&self) -> &Self {
        match &self.osdmap {
            Some(inner) if self.num_osds.is_none() => inner.figures(),
            _ => self,
        }
    }
}

impl CephDf {
    /// The level that holds the figures.
    pub fn figures(&self) -> &Self {
        match &self.data {
            Some(inner) if self.stats.is_none() && self.pools.is_empty() => inner.figures(),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    #[test]
    fn a_status_is_read_with_the_summary_among_the_daemons() {
        let (status, odd) = decode::object::<CephStatus>(
            br#"{"data":{"fsid":"f","quorum_names":["a","b"],
                "health":{"status":"HEALTH_WARN","checks":{"OSD_DOWN":{"severity":"HEALTH_WARN",
                    "summary":{"message":"1 osds down","count":1},
                    "detail":[{"message":"osd.4 is down"}],"muted":false}}},
                "monmap":{"num_mons":3,"mons":[{"name":"a","rank":0}]},
                "osdmap":{"osdmap":{"num_osds":9,"num_up_osds":8,"num_in_osds":9}},
                "pgmap":{"num_pgs":129,"pgs_by_state":[{"state_name":"active+clean","count":129}]},
                "servicemap":{"epoch":5,"services":{"mds":{"daemons":{"summary":"text",
                    "a":{"start_epoch":1,"metadata":{}}}}}}}}"#,
        )
        .unwrap();
        let osds = status.osdmap.as_ref().unwrap().figures();
        assert_eq!((osds.num_osds, osds.num_up_osds), (Some(9), Some(8)));
        let check = &status.health.as_ref().unwrap().checks["OSD_DOWN"];
        assert_eq!(check.summary["message"], "1 osds down");
        assert_eq!(check.detail[0].message, "osd.4 is down");
        let services = &status.servicemap.as_ref().unwrap().services;
        let daemons: Vec<&String> = services["mds"].daemons.keys().collect();
        assert_eq!(daemons, ["a"]);
        // The summary is the only value that could not be used.
        assert_eq!(odd, 1);
    }

    #[test]
    fn df_is_read_on_both_levels() {
        for body in [
            r#"{"data":{"stats":{"total_bytes":9},"pools":[{"id":1,"name":"p","stats":{"max_avail":4}}]}}"#,
            r#"{"data":{"data":{"stats":{"total_bytes":9},"pools":[{"id":1,"name":"p","stats":{"max_avail":4}}]}}}"#,
        ] {
            let (df, odd) = decode::object::<CephDf>(body.as_bytes()).unwrap();
            let figures = df.figures();
            assert_eq!(figures.stats.as_ref().unwrap().total_bytes, Some(9));
            assert_eq!(figures.pools[0].stats.as_ref().unwrap().max_avail, Some(4));
            assert_eq!(odd, 0);
        }
    }
}
