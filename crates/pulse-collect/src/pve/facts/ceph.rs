//! A Ceph cluster from its status, its pools and its OSDs.

use pulse_core::{
    Bytes, CephCheck, CephCluster, CephOsd, CephPool, CephService, Liveness, Timestamp,
};
use pulse_proxmox::types::{CephDf, CephOsdMap, CephOsdNode, CephOsdTree, CephPoolRow, CephStatus};

/// What is asked less often than the status, as it was last answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct CephDetails {
    pub pools: Vec<CephPool>,
    pub osds: Vec<CephOsd>,
    /// Total, used and available bytes as `df` gives them.
    pub space: Option<(u64, u64, u64)>,
}

pub(crate) fn cluster(
    instance: &str,
    status: &CephStatus,
    details: &CephDetails,
    at: Timestamp,
) -> CephCluster {
    let fsid = status.fsid.clone().unwrap_or_default();
    let osds = status.osdmap.as_ref().map(CephOsdMap::figures);
    let pgs = status.pgmap.as_ref();
    let number = |value: Option<u64>| value.unwrap_or(0);
    let (total, used, available) = details.space.filter(|space| space.0 > 0).unwrap_or((
        number(pgs.and_then(|m| m.bytes_total)),
        number(pgs.and_then(|m| m.bytes_used)),
        number(pgs.and_then(|m| m.bytes_avail)),
    ));
    let in_quorum = length(status.quorum_names.len());
    let monitors = status
        .monmap
        .as_ref()
        .map_or(0, |map| {
            map.num_mons.unwrap_or_else(|| length(map.mons.len()))
        })
        .max(in_quorum);
    let osd_counts = (
        osds.and_then(|m| m.num_osds).unwrap_or(0),
        osds.and_then(|m| m.num_up_osds).unwrap_or(0),
        osds.and_then(|m| m.num_in_osds).unwrap_or(0),
    );
    CephCluster {
        id: if fsid.is_empty() {
            instance.to_owned()
        } else {
            format!("{instance}-{fsid}")
        },
        instance: instance.to_owned(),
        name: "Ceph".to_owned(),
        fsid,
        health: status
            .health
            .as_ref()
            .and_then(|health| health.status.clone())
            .unwrap_or_default(),
        checks: checks(status),
        total: Bytes(total),
        used: Bytes(used),
        available: Bytes(available),
        monitors,
        monitors_in_quorum: in_quorum,
        managers: managers(status),
        osds: osd_counts.0,
        osds_up: osd_counts.1,
        osds_in: osd_counts.2,
        placement_groups: pgs
            .and_then(|m| m.num_pgs)
            .map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        pg_states: pgs.map_or_else(Vec::new, |map| {
            map.pgs_by_state
                .iter()
                .map(|state| (state.state_name.clone(), state.count.unwrap_or(0)))
                .collect()
        }),
        read_bytes_per_second: number(pgs.and_then(|m| m.read_bytes_sec)),
        write_bytes_per_second: number(pgs.and_then(|m| m.write_bytes_sec)),
        read_ops_per_second: number(pgs.and_then(|m| m.read_op_per_sec)),
        write_ops_per_second: number(pgs.and_then(|m| m.write_op_per_sec)),
        pools: details.pools.clone(),
        services: services(status, monitors, in_quorum, osd_counts),
        osd_list: details.osds.clone(),
        seen: at,
        liveness: Liveness::Fresh,
    }
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn checks(status: &CephStatus) -> Vec<CephCheck> {
    let Some(health) = &status.health else {
        return Vec::new();
    };
    // A map: sorted by code.
    health
        .checks
        .iter()
        .map(|(code, check)| {
            let detail: Vec<String> = check.detail.iter().map(|d| d.message.clone()).collect();
            let summary = check.summary.get("message").cloned();
            CephCheck {
                code: code.clone(),
                severity: check.severity.clone().unwrap_or_default(),
                summary: summary
                    .filter(|text| !text.is_empty())
                    .or_else(|| detail.first().cloned())
                    .unwrap_or_default(),
                detail,
                muted: check.muted,
            }
        })
        .collect()
}

fn managers(status: &CephStatus) -> u32 {
    status.mgrmap.as_ref().map_or(0, |map| {
        let active = map
            .active_name
            .as_deref()
            .is_some_and(|name| !name.is_empty())
            || map.available == Some(true);
        let standbys = map
            .num_standbys
            .unwrap_or_else(|| length(map.standbys.len()));
        u32::from(active) + standbys
    })
}

fn services(
    status: &CephStatus,
    monitors: u32,
    in_quorum: u32,
    (osds, up, _): (u32, u32, u32),
) -> Vec<CephService> {
    let service = |kind: &str, running: u32, total: u32, message: String| CephService {
        kind: kind.to_owned(),
        running,
        total,
        message,
    };
    let silent: Vec<&str> = status.monmap.as_ref().map_or_else(Vec::new, |map| {
        map.mons
            .iter()
            .map(|mon| mon.name.as_str())
            .filter(|name| !status.quorum_names.iter().any(|known| known == name))
            .collect()
    });
    let managers = managers(status);
    let mut found = vec![
        service("mon", in_quorum, monitors, offline(&silent)),
        service("mgr", managers, managers, String::new()),
        service("osd", up, osds, String::new()),
    ];
    if let Some(map) = &status.fsmap {
        let ranks = length(map.by_rank.len());
        let servers = ranks + map.standby.unwrap_or(0);
        if servers > 0 {
            found.push(service("mds", servers, servers, String::new()));
        }
    }
    let listed = status.servicemap.iter().flat_map(|map| &map.services);
    for (kind, services) in listed {
        if found
            .iter()
            .any(|known| known.kind == *kind && known.total > 0)
        {
            continue;
        }
        let mut down = Vec::new();
        for (name, daemon) in &services.daemons {
            let said = daemon.status.as_deref().or(daemon.state.as_deref());
            // The map lists daemons that reported lately; few say a state of their own.
            let runs = said.is_none_or(|word| {
                matches!(
                    word.to_lowercase().as_str(),
                    "" | "running" | "active" | "up"
                )
            });
            if !runs {
                down.push(match daemon.hostname.as_deref() {
                    Some(host) if !host.is_empty() => format!("{name}@{host}"),
                    _ => name.clone(),
                });
            }
        }
        let total = length(services.daemons.len());
        let down: Vec<&str> = down.iter().map(String::as_str).collect();
        found.retain(|known| known.kind != *kind);
        found.push(service(
            kind,
            total - length(down.len()),
            total,
            offline(&down),
        ));
    }
    found.retain(|service| service.total > 0);
    found.sort_by(|a, b| a.kind.cmp(&b.kind));
    found
}

fn offline(names: &[&str]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("Offline: {}", names.join(", "))
    }
}

/// Pools as a node of the cluster lists them. What is still free is computed from the share in
/// use where the version does not say it.
pub(crate) fn pools(rows: &[CephPoolRow]) -> Vec<CephPool> {
    let mut pools: Vec<CephPool> = rows
        .iter()
        .map(|row| {
            let copies = u64::from(row.size.filter(|size| *size > 0).unwrap_or(1));
            let stored = row.bytes_used.unwrap_or(0) / copies;
            let share = row.percent_used.unwrap_or(0.0).clamp(0.0, 1.0);
            let free = row.max_avail.unwrap_or_else(|| {
                if share > 0.0 {
                    (stored as f64 * (1.0 - share) / share) as u64
                } else {
                    0
                }
            });
            CephPool {
                id: row.pool.unwrap_or(0),
                name: row.pool_name.clone(),
                stored: Bytes(stored),
                available: Bytes(free),
                objects: row.objects.unwrap_or(0),
                percent_used: share * 100.0,
            }
        })
        .collect();
    pools.sort_by(|a, b| (a.id, &a.name).cmp(&(b.id, &b.name)));
    pools
}

/// Pools and space as `df` gives them, on either level.
pub(crate) fn df(df: &CephDf) -> (Vec<CephPool>, Option<(u64, u64, u64)>) {
    let df = df.figures();
    let pools = df
        .pools
        .iter()
        .map(|pool| {
            let stats = pool.stats.as_ref();
            CephPool {
                id: pool.id.unwrap_or(0),
                name: pool.name.clone(),
                stored: Bytes(stats.and_then(|s| s.stored.or(s.bytes_used)).unwrap_or(0)),
                available: Bytes(stats.and_then(|s| s.max_avail).unwrap_or(0)),
                objects: stats.and_then(|s| s.objects).unwrap_or(0),
                percent_used: stats
                    .and_then(|s| s.percent_used)
                    .unwrap_or(0.0)
                    .clamp(0.0, 1.0)
                    * 100.0,
            }
        })
        .collect();
    let space = df.stats.as_ref().and_then(|s| {
        Some((
            s.total_bytes?,
            s.total_used_bytes.unwrap_or(0),
            s.total_avail_bytes.unwrap_or(0),
        ))
    });
    (pools, space)
}

pub(crate) fn osds(tree: &CephOsdTree) -> Vec<CephOsd> {
    let mut found = Vec::new();
    if let Some(root) = &tree.root {
        collect(root, "", &mut found);
    }
    found.sort_by_key(|osd| osd.id);
    found.dedup_by_key(|osd| osd.id);
    found
}

fn collect(node: &CephOsdNode, host: &str, found: &mut Vec<CephOsd>) {
    let kind = node.kind.as_deref().unwrap_or_default();
    if kind == "osd"
        && let Some(id) = node.id.and_then(|id| u32::try_from(id).ok())
    {
        found.push(CephOsd {
            id,
            host: node.host.clone().unwrap_or_else(|| host.to_owned()),
            up: node.status.as_deref() == Some("up"),
            inside: node.inside.unwrap_or(false),
            class: node.device_class.clone().unwrap_or_default(),
            percent_used: node.percent_used.unwrap_or(0.0),
        });
    }
    let host = if kind == "host" { &node.name } else { host };
    for child in &node.children {
        collect(child, host, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulse_proxmox::decode;

    const STATUS: &[u8] = br#"{"data":{"fsid":"c0de","quorum_names":["alpha","beta"],
        "health":{"status":"HEALTH_WARN","checks":{
            "POOL_FULL":{"severity":"HEALTH_WARN","summary":{},"detail":[{"message":"pool x is full"}]},
            "OSD_DOWN":{"severity":"HEALTH_WARN","summary":{"message":"1 osds down","count":1},"detail":[]}}},
        "monmap":{"num_mons":3,"mons":[{"name":"alpha"},{"name":"beta"},{"name":"gamma"}]},
        "mgrmap":{"available":true,"active_name":"alpha","standbys":[{"name":"beta"}]},
        "osdmap":{"num_osds":9,"num_up_osds":8,"num_in_osds":9},
        "pgmap":{"num_pgs":129,"bytes_used":3000,"bytes_avail":6000,"bytes_total":9000},
        "servicemap":{"services":{"mds":{"daemons":{"summary":"","a":{"start_epoch":1},"b":{"status":"stopped","hostname":"beta"}}}}}}}"#;

    /// Scenarios T14, T15.
    #[test]
    fn a_cluster_is_read() {
        let (status, _) = decode::object(STATUS).unwrap();
        let ceph = cluster("cl1", &status, &CephDetails::default(), Timestamp(7));
        assert_eq!(ceph.id, "cl1-c0de");
        assert_eq!(
            (ceph.monitors, ceph.monitors_in_quorum, ceph.managers),
            (3, 2, 2)
        );
        assert_eq!((ceph.osds, ceph.osds_up, ceph.osds_in), (9, 8, 9));
        assert_eq!((ceph.total.get(), ceph.used.get()), (9_000, 3_000));
        let told: Vec<_> = ceph
            .checks
            .iter()
            .map(|c| (c.code.as_str(), c.summary.as_str()))
            .collect();
        assert_eq!(
            told,
            [("OSD_DOWN", "1 osds down"), ("POOL_FULL", "pool x is full")]
        );
        let services: Vec<_> = ceph
            .services
            .iter()
            .map(|s| (s.kind.as_str(), s.running, s.total, s.message.as_str()))
            .collect();
        assert_eq!(
            services,
            [
                ("mds", 1, 2, "Offline: b@beta"),
                ("mgr", 2, 2, ""),
                ("mon", 2, 3, "Offline: gamma"),
                ("osd", 8, 9, "")
            ]
        );
    }

    #[test]
    fn osds_are_found_in_the_tree() {
        let (tree, _) = decode::object(
            br#"{"data":{"root":{"id":-1,"name":"default","type":"root","children":[
                {"id":-3,"name":"beta","type":"host","children":[
                    {"id":4,"name":"osd.4","type":"osd","status":"down","in":1,"device_class":"nvme","percent_used":61.5}]},
                {"id":-2,"name":"alpha","type":"host","children":[{"id":0,"type":"osd","status":"up","in":1}]}]}}}"#,
        )
        .unwrap();
        let osds = osds(&tree);
        assert_eq!(
            osds.iter()
                .map(|o| (o.id, o.host.as_str(), o.up))
                .collect::<Vec<_>>(),
            [(0, "alpha", true), (4, "beta", false)]
        );
    }

    #[test]
    fn free_space_of_a_pool_follows_from_its_share() {
        let row = CephPoolRow {
            pool: Some(1),
            pool_name: "vms".into(),
            bytes_used: Some(3_000),
            percent_used: Some(0.25),
            size: Some(3),
            ..CephPoolRow::default()
        };
        let pool = &pools(&[row])[0];
        assert_eq!((pool.stored.get(), pool.available.get()), (1_000, 3_000));
        assert!((pool.percent_used - 25.0).abs() < 1e-9);
    }
}
