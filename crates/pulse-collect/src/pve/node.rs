//! A node from its row in the resource list and its status.
//!
//! Memory follows the ranked sources of the monitoring chapter §2.3: what the node says is
//! available, then what can be derived, then what the list says.

use pulse_core::{
    Bytes, Capacity, CpuInfo, InstanceHealth, Liveness, Memory, MemorySource, Node, Ratio,
    Timestamp,
};
use pulse_proxmox::types::{MemoryUsage, NodeStatus};

use super::facts::MemoryHistory;
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
    if let Some(available) = usage.available.filter(|v| *v > 0) {
        return Some(match within(Some(available)) {
            Some(available) => (total, total - available, MemorySource::AvailableField),
            // More than there is: nothing that rests on it can be right.
            None => (total, used.min(total), MemorySource::NodeStatusUsed),
        });
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

/// Whether a status says so little that the node's history knows more.
pub(crate) fn needs_history(usage: &MemoryUsage) -> bool {
    let total = usage.total.unwrap_or(0);
    let nothing = |value: Option<u64>| value.unwrap_or(0) == 0;
    total > 0
        && [usage.available, usage.avail, usage.buffers, usage.cached]
            .into_iter()
            .all(nothing)
        && nothing(usage.free)
        && usage.used.is_none_or(|used| used == 0 || used >= total)
}

/// ZFS never shrinks its cache below this part of the memory by itself.
const ARC_MINIMUM_PART: u64 = 32;

/// Memory by the status, by the history where that knows more, and without what the ZFS cache
/// gives back on demand.
fn memory(usage: &MemoryUsage, history: Option<&MemoryHistory>, at: Timestamp) -> Option<Memory> {
    let (total, mut used, mut source) = memory_of_status(usage)?;
    let mut read = at;
    if needs_history(usage)
        && let Some(history) = history
    {
        if let Some(available) = history.available {
            used = total - available.min(total);
            source = MemorySource::RrdMemavailable;
            read = history.at;
        } else if let Some(known) = history.used {
            used = known.min(total);
            source = MemorySource::RrdMemused;
            read = history.at;
        }
    }
    let cache = history.and_then(|h| h.arc).unwrap_or(0);
    let reclaimable = cache.saturating_sub(total / ARC_MINIMUM_PART).min(used);
    Some(Memory {
        total: Bytes(total),
        used: Bytes(used - reclaimable),
        reclaimable: Bytes(reclaimable),
        source,
        at: read,
        ..Memory::default()
    })
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

pub(crate) struct Inputs<'a> {
    pub source: &'a PveSource,
    pub row: &'a NodeRow,
    /// None when the node is offline or did not answer.
    pub status: Option<&'a NodeStatus>,
    /// Where it was needed.
    pub history: Option<MemoryHistory>,
    pub health: InstanceHealth,
    pub at: Timestamp,
}

pub(crate) fn build(inputs: &Inputs<'_>) -> Node {
    let Inputs {
        source,
        row,
        status,
        history,
        health,
        at,
    } = *inputs;
    let endpoint = source.endpoints.iter().find(|e| e.node == row.name);
    let mut memory = status
        .and_then(|s| s.memory.as_ref())
        .and_then(|usage| memory(usage, history.as_ref(), at))
        .unwrap_or_else(|| Memory {
            total: Bytes(row.maxmem),
            used: Bytes(row.mem.min(row.maxmem)),
            source: MemorySource::NodesEndpoint,
            at,
            ..Memory::default()
        });
    let swap = status.and_then(|s| s.swap.as_ref());
    memory.swap_used = Bytes(swap.and_then(|s| s.used).unwrap_or(0));
    memory.swap_total = Bytes(swap.and_then(|s| s.total).unwrap_or(0));
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
        memory,
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

    /// Scenarios N2, N3, N4, N6, N7, N10.
    #[test]
    fn the_history_helps_where_the_status_says_nothing() {
        let gib = |n: u64| Some(n * GIB);
        let history = |available, used, arc| MemoryHistory {
            available,
            used,
            arc,
            at: Timestamp(7),
        };
        let check =
            |fields, history: Option<MemoryHistory>, used: u64, reclaimable: u64, source| {
                let found =
                    memory(&usage(fields), history.as_ref(), Timestamp(9)).expect("a total");
                assert_eq!(
                    (found.used.get(), found.reclaimable.get(), found.source),
                    (used * GIB, reclaimable * GIB, source)
                );
            };
        let [n2, n3, n4] = [
            [gib(64), gib(40), gib(24), None, None, None, None],
            [gib(64), gib(40), gib(20), None, None, None, None],
            [gib(64), gib(56), gib(8), None, None, gib(1), gib(16)],
        ];
        check(n2, None, 40, 0, MemorySource::DerivedFreeBuffersCached);
        check(n3, None, 40, 0, MemorySource::DerivedTotalMinusUsed);
        check(n4, None, 39, 0, MemorySource::DerivedFreeBuffersCached);
        let n6 = [gib(8), gib(5), None, gib(9), None, None, None];
        check(
            n6,
            Some(history(gib(1), None, None)),
            5,
            0,
            MemorySource::NodeStatusUsed,
        );
        let n7 = [gib(8), gib(8), Some(0), None, None, None, None];
        check(n7, None, 8, 0, MemorySource::NodeStatusUsed);
        check(
            n7,
            Some(history(gib(2), gib(5), None)),
            6,
            0,
            MemorySource::RrdMemavailable,
        );
        check(
            n7,
            Some(history(None, gib(9), None)),
            8,
            0,
            MemorySource::RrdMemused,
        );
        let n10 = [gib(64), gib(58), gib(6), None, None, None, None];
        check(
            n10,
            Some(history(None, None, gib(30))),
            30,
            28,
            MemorySource::DerivedFreeBuffersCached,
        );
        // A cache at its minimum gives nothing back.
        check(
            n10,
            Some(history(None, None, gib(2))),
            58,
            0,
            MemorySource::DerivedFreeBuffersCached,
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
