//! A guest from its row in the resource list, its row in the node's VM list, and the cached
//! answers of its agent.

use pulse_core::rates::{Counters, RateTracker, Rates};
use pulse_core::text::split_tags;
use pulse_core::{
    Bytes, Capacity, Filesystem, Guest, GuestKind, GuestStatus, InterfaceAddresses, Liveness,
    Memory, MemorySource, Ratio, Reading, Timestamp, Unknown,
};
use pulse_proxmox::types::{GuestStatus as StatusRow, Resource, ResourceKind};

use super::details::{AgentFacts, ContainerFacts, GuestFacts};
use super::facts::{MemoryHistory, NEWEST_WITHIN_SECONDS};
use super::source::PveSource;

/// Which list counters came from: counters of two lists are never mixed.
const FROM_RESOURCES: u8 = 0;
const FROM_NODE_LIST: u8 = 1;

/// Memory of a running VM by the ranked sources of the monitoring chapter §2.5.
pub(crate) fn vm_memory(row: &Resource, status: Option<&StatusRow>, at: Timestamp) -> Memory {
    let mut total = row.maxmem.unwrap_or(0);
    let mut used = row.mem.unwrap_or(0);
    let mut source = MemorySource::ClusterResources;
    let mut balloon = 0;
    if let Some(status) = status {
        let mut available = 0;
        if let Some(info) = &status.meminfo {
            if let Some(given) = info.available.filter(|a| *a > 0) {
                available = given;
                source = MemorySource::MeminfoAvailable;
            } else {
                let sum = [info.free, info.buffers, info.cached]
                    .into_iter()
                    .flatten()
                    .fold(0u64, u64::saturating_add);
                if sum > 0 {
                    available = sum;
                    source = MemorySource::MeminfoDerived;
                }
            }
        }
        let max = status.maxmem.unwrap_or(0);
        balloon = status.balloon.unwrap_or(0);
        if balloon > 0 && balloon < max {
            total = balloon;
        } else if max > 0 {
            total = max;
        }
        let free = status.freemem.filter(|free| *free > 0 && *free <= total);
        // What the guest itself sees: its firmware and kernel keep a part of the configured size,
        // which is neither free nor used there.
        let seen = status.ballooninfo.as_ref().and_then(|info| {
            let total = info.total_mem.filter(|t| *t > 0)?;
            total.checked_sub(info.free_mem?)
        });
        if available > 0 {
            used = total - available.min(total);
        } else if let Some(seen) = seen {
            used = seen;
            source = MemorySource::StatusFreemem;
        } else if let Some(free) = free {
            used = total - free;
            source = MemorySource::StatusFreemem;
        } else if let Some(mem) = status.mem.filter(|mem| *mem > 0) {
            used = mem;
            source = MemorySource::StatusMem;
        }
    }
    Memory {
        total: Bytes(total),
        used: Bytes(used.min(total)),
        balloon: Bytes(balloon),
        swap_used: Bytes::ZERO,
        swap_total: Bytes::ZERO,
        reclaimable: Bytes::ZERO,
        source,
        at,
    }
}

/// Memory of a container: its history knows it without the page cache, the list with it.
fn container_memory(row: &Resource, history: Option<&MemoryHistory>, at: Timestamp) -> Memory {
    let total = row.maxmem.unwrap_or(0);
    let listed = Memory {
        total: Bytes(total),
        used: Bytes(row.mem.unwrap_or(0).min(total)),
        source: MemorySource::ClusterResources,
        at,
        ..Memory::default()
    };
    let Some(history) = history.filter(|h| at.since(h.at) <= NEWEST_WITHIN_SECONDS * 1000) else {
        return listed;
    };
    let (used, source) = match (history.available, history.used) {
        (Some(available), _) if available <= total => {
            (total - available, MemorySource::RrdMemavailable)
        }
        (_, Some(used)) => (used.min(total), MemorySource::RrdMemused),
        _ => return listed,
    };
    Memory {
        used: Bytes(used),
        source,
        at: history.at,
        ..listed
    }
}

/// Disk of a VM: its filesystems where the agent tells, else the allocation and the reason.
fn vm_disk(
    row: &Resource,
    running: bool,
    status: Option<&StatusRow>,
    agent: Option<&AgentFacts>,
) -> Capacity {
    let allocated = Bytes(row.maxdisk.unwrap_or(0));
    let unknown = |reason| Capacity::unknown(allocated, reason);
    if !running {
        return unknown(Unknown::VmStopped);
    }
    // Also while the node's VM list is missing: these were read not long ago.
    if let Some(Ok(list)) = agent.map(|agent| &agent.filesystems)
        && !list.is_empty()
    {
        return Capacity::known(
            list.iter().map(|fs| fs.total).sum(),
            list.iter().map(|fs| fs.used).sum(),
        );
    }
    let listed = row
        .disk
        .filter(|used| *used > 0 && *used <= allocated.get());
    let Some(_) = status else {
        return match listed {
            Some(used) => Capacity::known(allocated, Bytes(used)),
            None => unknown(Unknown::NoStatus),
        };
    };
    match agent.map(|agent| &agent.filesystems) {
        Some(Err(reason)) => unknown(*reason),
        // Not asked yet.
        _ => unknown(Unknown::NotReported),
    }
}

/// PVE tells the use of a container's root filesystem only, and that as the use of its disk.
fn root_filesystem(container: &ContainerFacts, disk: &Capacity) -> Vec<Filesystem> {
    match disk.used {
        Reading::Known(used) if disk.total > Bytes::ZERO => vec![Filesystem {
            mountpoint: "/".to_owned(),
            kind: "rootfs".to_owned(),
            device: container.config.rootfs.clone(),
            total: disk.total,
            used,
            free: disk.total.saturating_sub(used),
            usage: used.percent_of(disk.total).get(),
        }],
        _ => Vec::new(),
    }
}

fn counters(row: &Resource, status: Option<&StatusRow>) -> (Counters, u8) {
    let of = |net_in: Option<u64>,
              net_out: Option<u64>,
              disk_read: Option<u64>,
              disk_write: Option<u64>| Counters {
        net_in: net_in.unwrap_or(0),
        net_out: net_out.unwrap_or(0),
        disk_read: disk_read.unwrap_or(0),
        disk_write: disk_write.unwrap_or(0),
    };
    match status {
        Some(s) if s.netin.is_some() => (
            of(s.netin, s.netout, s.diskread, s.diskwrite),
            FROM_NODE_LIST,
        ),
        _ => (
            of(row.netin, row.netout, row.diskread, row.diskwrite),
            FROM_RESOURCES,
        ),
    }
}

pub(crate) struct Inputs<'a> {
    pub source: &'a PveSource,
    pub row: &'a Resource,
    /// Row of the node's VM list; only for VMs.
    pub status: Option<&'a StatusRow>,
    /// When that list was read.
    pub status_at: Timestamp,
    pub facts: Option<&'a GuestFacts>,
    pub at: Timestamp,
}

/// None for what is not a guest.
pub(crate) fn build(inputs: &Inputs<'_>, rates: &mut RateTracker<(u32, String)>) -> Option<Guest> {
    let Inputs {
        source,
        row,
        status,
        status_at,
        facts,
        at,
    } = *inputs;
    let node = row.node.clone()?;
    let agent = facts.and_then(GuestFacts::agent);
    let container = facts.and_then(GuestFacts::container);
    let kind = match row.kind {
        ResourceKind::Qemu => GuestKind::Qemu,
        ResourceKind::Lxc if container.is_some_and(|c| c.config.oci) => GuestKind::Oci,
        ResourceKind::Lxc => GuestKind::Lxc,
        _ => return None,
    };
    let mut state = GuestStatus::parse(row.status.as_deref().unwrap_or_default());
    if state.is_running() && status.and_then(|s| s.qmpstatus.as_deref()) == Some("paused") {
        state = GuestStatus::Paused;
    }
    let alive = matches!(state, GuestStatus::Running | GuestStatus::Paused);
    let running = state.is_running();
    let uptime = if alive {
        status.and_then(|s| s.uptime).or(row.uptime).unwrap_or(0)
    } else {
        0
    };
    let mut memory = if kind.is_vm() {
        vm_memory(row, status, at)
    } else {
        container_memory(row, container.and_then(|c| c.memory.as_ref()), at)
    };
    if !alive {
        memory.used = Bytes::ZERO;
        memory.source = MemorySource::PoweredOff;
    }
    let disk = if kind.is_vm() {
        vm_disk(row, alive, status, agent)
    } else {
        let total = row.maxdisk.unwrap_or(0);
        let used = row.disk.unwrap_or(0).min(total);
        // PVE reports no use for a container that does not run.
        if alive || used > 0 {
            Capacity::known(Bytes(total), Bytes(used))
        } else {
            Capacity::unknown(Bytes(total), Unknown::VmStopped)
        }
    };
    let key = (row.vmid, node.clone());
    let rates = if running {
        let (counters, origin) = counters(row, status);
        let counted_at = if origin == FROM_NODE_LIST {
            status_at
        } else {
            at
        };
        rates.update(&key, counted_at, uptime, counters, origin)
    } else {
        rates.forget(&key);
        Rates::zero()
    };
    let addresses = agent
        .map(|a| &a.addresses)
        .or_else(|| container.map(ContainerFacts::addresses));
    let filesystems = match container {
        Some(container) => root_filesystem(container, &disk),
        None => agent
            .and_then(|a| a.filesystems.as_ref().ok())
            .filter(|_| alive)
            .cloned()
            .unwrap_or_default(),
    };
    Some(Guest {
        id: format!("{}:{node}:{}", source.name, row.vmid),
        instance: source.name.clone(),
        vmid: row.vmid,
        kind,
        name: row.name.clone().unwrap_or_default(),
        cpu: Ratio::new(if running { row.cpu.unwrap_or(0.0) } else { 0.0 }),
        cpus: row.maxcpu.map_or(0, |cpus| cpus.ceil() as u32),
        memory,
        disk,
        filesystems,
        rates,
        uptime,
        template: row.template,
        tags: row.tags.as_deref().map(split_tags).unwrap_or_default(),
        lock: row.lock.clone().unwrap_or_default(),
        pool: row.pool.clone().unwrap_or_default(),
        os_name: agent
            .map(|a| a.os_name.clone())
            .or_else(|| container.map(|c| c.config.os_name.clone()))
            .unwrap_or_default(),
        os_version: agent.map(|a| a.os_version.clone()).unwrap_or_default(),
        agent_version: agent.map(|a| a.version.clone()).unwrap_or_default(),
        os_template: container
            .map(|c| c.config.template.clone())
            .unwrap_or_default(),
        ip_addresses: addresses.map(|(_, all)| all.clone()).unwrap_or_default(),
        interfaces: addresses
            .map(|(interfaces, _)| interfaces.clone())
            .unwrap_or_default(),
        agent_seen: agent.and_then(|a| a.seen),
        last_backup: None,
        seen: at,
        liveness: Liveness::Fresh,
        status: state,
        node,
    })
}

impl ContainerFacts {
    /// Those that it has while it runs, else those that it is configured to have.
    fn addresses(&self) -> &(Vec<InterfaceAddresses>, Vec<String>) {
        if self.live.0.is_empty() {
            &self.config.addresses
        } else {
            &self.live
        }
    }
}

impl GuestFacts {
    pub(crate) fn agent(&self) -> Option<&AgentFacts> {
        match self {
            Self::Vm(facts) => Some(facts),
            Self::Container(_) => None,
        }
    }

    pub(crate) fn container(&self) -> Option<&ContainerFacts> {
        match self {
            Self::Container(facts) => Some(facts),
            Self::Vm(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulse_proxmox::types::GuestMemInfo;

    const GIB: u64 = 1 << 30;

    fn row() -> Resource {
        Resource {
            maxmem: Some(8 * GIB),
            mem: Some(7 * GIB),
            ..Resource::default()
        }
    }

    #[track_caller]
    fn check(status: Option<&StatusRow>, used: u64, total: u64, source: MemorySource) {
        let memory = vm_memory(&row(), status, Timestamp(0));
        assert_eq!(
            (memory.used.get(), memory.total.get(), memory.source),
            (used, total, source)
        );
    }

    #[test]
    fn vm_memory_takes_the_best_evidence() {
        check(None, 7 * GIB, 8 * GIB, MemorySource::ClusterResources);
        let status = StatusRow {
            maxmem: Some(8 * GIB),
            mem: Some(6 * GIB),
            ..StatusRow::default()
        };
        check(Some(&status), 6 * GIB, 8 * GIB, MemorySource::StatusMem);
        let status = StatusRow {
            freemem: Some(3 * GIB),
            ..status
        };
        check(Some(&status), 5 * GIB, 8 * GIB, MemorySource::StatusFreemem);
        // Ballooned down: the balloon is the total.
        let ballooned = StatusRow {
            balloon: Some(4 * GIB),
            ..status.clone()
        };
        check(Some(&ballooned), GIB, 4 * GIB, MemorySource::StatusFreemem);
        let status = StatusRow {
            meminfo: Some(Box::new(GuestMemInfo {
                available: Some(6 * GIB),
                ..GuestMemInfo::default()
            })),
            ..status
        };
        check(
            Some(&status),
            2 * GIB,
            8 * GIB,
            MemorySource::MeminfoAvailable,
        );
    }

    /// Scenarios L1, L3, L4.
    #[test]
    fn a_containers_memory_is_without_its_cache_where_the_history_knows() {
        let mib = |n: u64| n << 20;
        let row = Resource {
            maxmem: Some(GIB),
            mem: Some(mib(900)),
            ..Resource::default()
        };
        let now = Timestamp::from_secs(1_000);
        let history = |available, used, age: i64| MemoryHistory {
            available,
            used,
            arc: None,
            at: now.plus_millis(-age * 1000),
        };
        let check = |history: Option<MemoryHistory>, used: u64, source| {
            let memory = container_memory(&row, history.as_ref(), now);
            assert_eq!((memory.used.get(), memory.source), (used, source));
            assert!(memory.used <= memory.total);
        };
        check(None, mib(900), MemorySource::ClusterResources);
        check(
            Some(history(Some(mib(700)), None, 70)),
            GIB - mib(700),
            MemorySource::RrdMemavailable,
        );
        check(
            Some(history(None, Some(2 * GIB), 70)),
            GIB,
            MemorySource::RrdMemused,
        );
        // It does not fit the size, or says nothing about now.
        check(
            Some(history(Some(2 * GIB), None, 70)),
            mib(900),
            MemorySource::ClusterResources,
        );
        check(
            Some(history(Some(mib(700)), None, 181)),
            mib(900),
            MemorySource::ClusterResources,
        );
    }

    #[test]
    fn used_memory_never_exceeds_the_total() {
        let status = StatusRow {
            maxmem: Some(GIB),
            mem: Some(u64::MAX),
            ..StatusRow::default()
        };
        check(Some(&status), GIB, GIB, MemorySource::StatusMem);
    }
}
