//! A node from its row in the resource list and its status.
//!
//! Memory follows the ranked sources of the monitoring chapter §2.3: what the node says is
//! available, then what can be derived, then what the list says.

use pulse_core::{
    Bytes, Capacity, CpuInfo, InstanceHealth, Liveness, Memory, MemorySource, Node, Ratio,
    Timestamp,
};
use pulse_proxmox::types::{MemoryUsage, NodeStatus};

use super::source::PveSource;

/// A node as a list gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeRow {
    pub name: String,
    pub status: String,
    pub cpu: f64,
    pub maxcpu: u32,
    pub mem: u64,
    pub maxmem: u64,
    pub disk: u64,
    pub maxdisk: u64,
    pub uptime: u64,
}

impl NodeRow {
    pub fn is_online(&self) -> bool {
        self.status == "online"
    }
}

const MIB: u64 = 1 << 20;

/// Used memory and where the figure comes from; none when the status has no total.
pub(crate) fn memory_of_status(usage: &MemoryUsage) -> Option<(u64, u64, MemorySource)> {
    let total = usage.total.filter(|total| *total > 0)?;
    let used = usage.used.unwrap_or(0);
    let (free, buffers, cached) = (
        usage.free.unwrap_or(0),
        usage.buffers.unwrap_or(0),
        usage.cached.unwrap_or(0),
    );
    let within = |value: Option<u64>| value.filter(|v| *v > 0 && *v <= total);
    if let Some(available) = within(usage.available) {
        return Some((total, total - available, MemorySource::AvailableField));
    }
    if let Some(avail) = within(usage.avail) {
        return Some((total, total - avail, MemorySource::AvailField));
    }
    let by_use = if used > 0 && used <= total {
        total - used
    } else {
        0
    };
    let by_parts = free.saturating_add(buffers).saturating_add(cached);
    let best = by_use.max(by_parts).min(total);
    if best == 0 {
        return Some((total, used.min(total), MemorySource::NodeStatusUsed));
    }
    let no_cache_figures = buffers == 0 && cached == 0;
    let used_knows_more = by_use == best && (free == 0 || by_use.saturating_sub(free) >= 16 * MIB);
    if no_cache_figures && used_knows_more {
        return Some((total, used, MemorySource::DerivedTotalMinusUsed));
    }
    Some((total, total - best, MemorySource::DerivedFreeBuffersCached))
}

fn host_part(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next().unwrap_or(v6);
    }
    host.split(':').next().unwrap_or(host)
}

fn display_name(source: &PveSource, node: &str) -> String {
    if source.cluster.is_some() {
        let Some(endpoint) = source.endpoints.iter().find(|e| e.node == node) else {
            return node.to_owned();
        };
        let host = host_part(&endpoint.url);
        if !host.is_empty() && host.parse::<std::net::IpAddr>().is_err() {
            return host.to_owned();
        }
        return endpoint.node.clone();
    }
    if source.name.is_empty() {
        node.to_owned()
    } else {
        source.name.clone()
    }
}

/// `status` is none when the node is offline or did not answer.
pub(crate) fn build(
    source: &PveSource,
    row: &NodeRow,
    status: Option<&NodeStatus>,
    health: InstanceHealth,
    at: Timestamp,
) -> Node {
    let endpoint = source.endpoints.iter().find(|e| e.node == row.name);
    let from_status = status
        .and_then(|s| s.memory.as_ref())
        .and_then(memory_of_status);
    let (total, used, memory_source) = from_status.unwrap_or((
        row.maxmem,
        row.mem.min(row.maxmem),
        MemorySource::NodesEndpoint,
    ));
    let swap = status.and_then(|s| s.swap.as_ref());
    let rootfs = status
        .and_then(|s| s.rootfs.as_ref())
        .and_then(|fs| Some((fs.total.filter(|t| *t > 0)?, fs.used.unwrap_or(0), fs.avail)));
    let disk = match rootfs {
        Some((total, used, avail)) => Capacity {
            available: avail.map(Bytes),
            ..Capacity::known(Bytes(total), Bytes(used.min(total)))
        },
        None if row.maxdisk > 0 => {
            Capacity::known(Bytes(row.maxdisk), Bytes(row.disk.min(row.maxdisk)))
        }
        None => Capacity::default(),
    };
    let info = status.and_then(|s| s.cpuinfo.as_ref());
    let load = status
        .map(|s| s.loadavg.as_slice())
        .and_then(|l| <[f64; 3]>::try_from(l).ok());
    Node {
        id: source.node_id(&row.name),
        name: row.name.clone(),
        display_name: display_name(source, &row.name),
        instance: source.name.clone(),
        cluster: source.cluster.clone(),
        host: endpoint
            .map(|e| e.url.clone())
            .filter(|url| !url.is_empty())
            .unwrap_or_else(|| source.host.clone()),
        guest_url: endpoint
            .map(|e| e.guest_url.clone())
            .filter(|url| !url.is_empty())
            .unwrap_or_else(|| source.guest_url.clone()),
        online: row.is_online(),
        raw_status: row.status.clone(),
        health,
        cpu: Ratio::new(row.cpu),
        memory: Memory {
            total: Bytes(total),
            used: Bytes(used),
            balloon: Bytes::ZERO,
            swap_used: Bytes(swap.and_then(|s| s.used).unwrap_or(0)),
            swap_total: Bytes(swap.and_then(|s| s.total).unwrap_or(0)),
            reclaimable: Bytes::ZERO,
            source: memory_source,
            at,
        },
        disk,
        uptime: row.uptime,
        load,
        kernel_version: status.and_then(|s| s.kversion.clone()).unwrap_or_default(),
        pve_version: status
            .and_then(|s| s.pveversion.clone())
            .unwrap_or_default(),
        cpu_info: CpuInfo {
            model: info.and_then(|i| i.model.clone()).unwrap_or_default(),
            cores: if row.maxcpu > 0 {
                row.maxcpu
            } else {
                info.and_then(|i| i.cpus.or(i.cores)).unwrap_or(0)
            },
            sockets: info.and_then(|i| i.sockets).unwrap_or(0),
            mhz: info.and_then(|i| i.mhz.clone()).unwrap_or_default(),
        },
        upkeep: std::sync::Arc::default(),
        linked_host: None,
        seen: at,
        liveness: Liveness::Fresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn usage(fields: [Option<u64>; 7]) -> MemoryUsage {
        let [total, used, free, available, avail, buffers, cached] = fields;
        MemoryUsage {
            total,
            used,
            free,
            available,
            avail,
            buffers,
            cached,
            ..MemoryUsage::default()
        }
    }

    #[track_caller]
    fn check(fields: [Option<u64>; 7], used: u64, source: MemorySource) {
        let found = memory_of_status(&usage(fields)).expect("a total");
        assert_eq!((found.1, found.2), (used, source));
    }

    #[test]
    fn memory_takes_the_best_evidence() {
        let g = |n: u64| Some(n * GIB);
        // total, used, free, available, avail, buffers, cached
        check(
            [g(64), g(60), g(2), g(30), g(40), None, None],
            34 * GIB,
            MemorySource::AvailableField,
        );
        check(
            [g(64), g(60), g(2), None, g(40), None, None],
            24 * GIB,
            MemorySource::AvailField,
        );
        check(
            [g(64), g(60), g(2), None, None, g(1), g(20)],
            41 * GIB,
            MemorySource::DerivedFreeBuffersCached,
        );
        // total − used knows of 4 GiB that "free" does not: the cache.
        check(
            [g(64), g(58), g(2), None, None, None, None],
            58 * GIB,
            MemorySource::DerivedTotalMinusUsed,
        );
        check(
            [g(64), g(62), g(2), None, None, None, None],
            62 * GIB,
            MemorySource::DerivedFreeBuffersCached,
        );
        check(
            [g(64), g(64), None, None, None, None, None],
            64 * GIB,
            MemorySource::NodeStatusUsed,
        );
    }

    #[test]
    fn absurd_figures_stay_within_the_total() {
        let found = memory_of_status(&usage([
            Some(10),
            Some(50),
            Some(u64::MAX),
            Some(99),
            None,
            Some(u64::MAX),
            Some(1),
        ]))
        .unwrap();
        assert!(found.1 <= found.0);
        assert!(memory_of_status(&MemoryUsage::default()).is_none());
    }
}
