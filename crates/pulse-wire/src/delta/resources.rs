//! What the delta protocol knows about each kind of resource: which values move, and what else
//! makes it another object.

use std::sync::Arc;

use pulse_core::rates::Rates;
use pulse_core::{
    BytesPerSecond, CephCluster, ClusterState, Guest, Host, Node, NodeUpkeep, PbsInstance,
    PhysicalDisk, PmgInstance, Reading, ReplicationJob, Snapshot, Storage, Timestamp, ZfsPool,
};
use serde::Serialize;
use serde_json::Value;

use super::columns::{Cell, Column, Row};
use crate::state::{
    CephClusterJson, ClusterJson, GuestJson, HostJson, NodeJson, PbsJson, PhysicalDiskJson,
    PmgJson, ReplicationJobJson, SensorsJson, StorageJson, TemperatureJson, ZfsPoolJson,
};

/// A resource of a collection with handles.
pub(super) trait Resource: PartialEq {
    fn id(&self) -> &str;
    /// Start time in Unix s, and whether the resource has one.
    fn boot(&self) -> Option<i64>;
    /// The moving values that differ.
    fn row(&self, before: &Self, next: &Snapshot, last: &Snapshot) -> Row;
    /// Whether anything else differs: then the whole object is sent.
    fn differs_in_kind(&self, before: &Self, next: &Snapshot, last: &Snapshot) -> bool;
    fn json(&self, snapshot: &Snapshot) -> Value;
}

pub(super) fn to_value(value: &impl Serialize) -> Value {
    // Our own structs of strings and finite numbers always convert.
    serde_json::to_value(value).unwrap_or_default()
}

fn boot_of(seen: Timestamp, uptime: u64) -> Option<i64> {
    (uptime > 0).then(|| seen.secs() - uptime as i64)
}

fn rate(reading: Reading<BytesPerSecond>) -> Cell {
    Cell::rate(reading.known().map_or(0, BytesPerSecond::whole))
}

fn rate_cells(row: &mut Row, before: &Rates, after: &Rates) {
    row.changed(Column::NetworkIn, rate(before.net_in), rate(after.net_in));
    row.changed(
        Column::NetworkOut,
        rate(before.net_out),
        rate(after.net_out),
    );
    row.changed(
        Column::DiskRead,
        rate(before.disk_read),
        rate(after.disk_read),
    );
    row.changed(
        Column::DiskWrite,
        rate(before.disk_write),
        rate(after.disk_write),
    );
}

fn used(reading: Reading<pulse_core::Bytes>) -> Cell {
    reading.known().map_or(Cell::None, |b| Cell::mib(b.get()))
}

impl Resource for Node {
    fn id(&self) -> &str {
        &self.id
    }

    fn boot(&self) -> Option<i64> {
        boot_of(self.seen, self.uptime)
    }

    fn row(&self, before: &Self, next: &Snapshot, last: &Snapshot) -> Row {
        let mut row = Row::default();
        row.changed(
            Column::LastSeen,
            Cell::Int(before.seen.millis()),
            Cell::Int(self.seen.millis()),
        );
        row.changed(
            Column::Cpu,
            Cell::ratio(before.cpu.get()),
            Cell::ratio(self.cpu.get()),
        );
        row.changed(
            Column::Mem,
            Cell::mib(before.memory.used.get()),
            Cell::mib(self.memory.used.get()),
        );
        row.changed(Column::Disk, used(before.disk.used), used(self.disk.used));
        if let (Some(old), Some(new)) = (before.load, self.load) {
            row.changed(Column::Load, Cell::Load(old), Cell::Load(new));
        }
        let (was, is) = (temperature(before, last), temperature(self, next));
        if was.as_ref().map(degrees) != is.as_ref().map(degrees) {
            row.replaced(Column::Temperature, to_value(&is));
        }
        row
    }

    fn differs_in_kind(&self, before: &Self, next: &Snapshot, last: &Snapshot) -> bool {
        let quiet = |node: &Self| {
            let mut node = node.clone();
            node.seen = Timestamp::default();
            node.cpu = pulse_core::Ratio::default();
            node.memory.used = pulse_core::Bytes::ZERO;
            node.memory.at = Timestamp::default();
            node.memory.swap_used = pulse_core::Bytes(node.memory.swap_used.get() >> 26);
            node.disk.available = None;
            if node.disk.used.known().is_some() {
                node.disk.used = Reading::Known(pulse_core::Bytes::ZERO);
            }
            node.uptime = u64::from(node.uptime > 0);
            node.load = node.load.map(|_| [0.0; 3]);
            let mut upkeep = NodeUpkeep::clone(&node.upkeep);
            upkeep.temperatures = None;
            upkeep.record = None;
            if let Some(updates) = &mut upkeep.updates {
                updates.read = Timestamp::default();
            }
            node.upkeep = Arc::new(upkeep);
            node
        };
        quiet(self) != quiet(before)
            || temperature(self, next).is_some() != temperature(before, last).is_some()
    }

    fn json(&self, snapshot: &Snapshot) -> Value {
        to_value(&NodeJson::new(self, snapshot))
    }
}

/// The temperatures that a node shows.
fn temperature<'a>(node: &'a Node, snapshot: &'a Snapshot) -> Option<TemperatureJson<'a>> {
    TemperatureJson::of_node(node, host_of(node, snapshot))
}

/// Whole degrees, so that a sensor's noise is not sent.
fn degrees(of: &TemperatureJson<'_>) -> Vec<Option<i64>> {
    let gpus = of
        .gpu
        .iter()
        .flat_map(|gpu| [gpu.edge, gpu.junction, gpu.mem]);
    [of.cpu_package, of.cpu_max, of.cpu_min, of.cpu_max_record]
        .into_iter()
        .chain(of.cores.iter().map(|core| Some(core.temp)))
        .chain(gpus)
        .chain(of.nvme.iter().map(|disk| Some(disk.temp)))
        .chain(
            of.smart
                .iter()
                .map(|disk| Some(f64::from(disk.temperature))),
        )
        .map(|celsius| celsius.map(|celsius| celsius.round() as i64))
        .collect()
}

/// The host agent on a node's machine: the node shows its temperatures.
fn host_of<'a>(node: &Node, snapshot: &'a Snapshot) -> Option<&'a Host> {
    let id = node.linked_host.as_deref()?;
    snapshot
        .hosts
        .iter()
        .find(|host| host.id == id)
        .map(|host| &**host)
}

/// Whole degrees, so that a sensor's noise is not sent.
fn whole_degrees(host: &Host) -> Vec<i64> {
    host.sensors
        .temperature_celsius
        .values()
        .chain(host.sensors.additional.values())
        .map(|t| t.round() as i64)
        .chain(
            host.sensors
                .fan_rpm
                .values()
                .map(|rpm| (rpm / 100.0).round() as i64),
        )
        .chain(
            host.sensors
                .smart
                .iter()
                .map(|disk| i64::from(disk.temperature)),
        )
        .collect()
}

impl Resource for Guest {
    fn id(&self) -> &str {
        &self.id
    }

    fn boot(&self) -> Option<i64> {
        boot_of(self.seen, self.uptime)
    }

    fn row(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> Row {
        let mut row = Row::default();
        row.changed(
            Column::LastSeen,
            Cell::Int(before.seen.millis()),
            Cell::Int(self.seen.millis()),
        );
        row.changed(
            Column::Cpu,
            Cell::ratio(before.cpu.get()),
            Cell::ratio(self.cpu.get()),
        );
        row.changed(
            Column::Mem,
            Cell::mib(before.memory.used.get()),
            Cell::mib(self.memory.used.get()),
        );
        row.changed(Column::Disk, used(before.disk.used), used(self.disk.used));
        rate_cells(&mut row, &before.rates, &self.rates);
        row
    }

    fn differs_in_kind(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> bool {
        // Everything but the columns above. Lists first by identity of content.
        self.id != before.id
            || self.name != before.name
            || self.status != before.status
            || self.kind != before.kind
            || self.node != before.node
            || self.instance != before.instance
            || self.cpus != before.cpus
            || self.memory.total != before.memory.total
            || self.memory.balloon != before.memory.balloon
            || self.memory.swap_total != before.memory.swap_total
            || self.memory.source != before.memory.source
            || self.disk.total != before.disk.total
            || self.disk.used.reason() != before.disk.used.reason()
            || self.rates.net_in.reason() != before.rates.net_in.reason()
            || (self.uptime == 0) != (before.uptime == 0)
            || self.template != before.template
            || self.tags != before.tags
            || self.lock != before.lock
            || self.pool != before.pool
            || self.os_name != before.os_name
            || self.os_version != before.os_version
            || self.agent_version != before.agent_version
            || self.os_template != before.os_template
            || self.last_backup != before.last_backup
            || self.liveness != before.liveness
            || self.agent_seen != before.agent_seen
            || self.ip_addresses != before.ip_addresses
            || self.interfaces != before.interfaces
            || !same_filesystems(self, before)
    }

    fn json(&self, _: &Snapshot) -> Value {
        to_value(&GuestJson::new(self))
    }
}

/// The one filesystem of a container is its disk, whose use has a column: clients take it from
/// there.
fn same_filesystems(guest: &Guest, before: &Guest) -> bool {
    if let ([own], [old]) = (guest.filesystems.as_slice(), before.filesystems.as_slice())
        && own.kind == "rootfs"
    {
        return old.kind == own.kind && old.device == own.device && old.total == own.total;
    }
    guest.filesystems == before.filesystems
}

impl Resource for Storage {
    fn id(&self) -> &str {
        &self.id
    }

    fn boot(&self) -> Option<i64> {
        None
    }

    fn row(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> Row {
        let mut row = Row::default();
        row.changed(
            Column::LastSeen,
            Cell::Int(before.seen.millis()),
            Cell::Int(self.seen.millis()),
        );
        row.changed(
            Column::Used,
            Cell::mib(before.used.get()),
            Cell::mib(self.used.get()),
        );
        row
    }

    fn differs_in_kind(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> bool {
        let quiet = |storage: &Self| {
            let mut storage = storage.clone();
            storage.seen = Timestamp::default();
            storage.used = pulse_core::Bytes::ZERO;
            storage.free = pulse_core::Bytes::ZERO;
            if let Some(pool) = &mut storage.zfs_pool {
                Arc::make_mut(pool).seen = Timestamp::default();
            }
            if let Some(pool) = &mut storage.thin_pool {
                Arc::make_mut(pool).seen = Timestamp::default();
            }
            storage
        };
        quiet(self) != quiet(before)
    }

    fn json(&self, _: &Snapshot) -> Value {
        to_value(&StorageJson::new(self))
    }
}

impl Resource for Host {
    fn id(&self) -> &str {
        &self.id
    }

    fn boot(&self) -> Option<i64> {
        boot_of(self.seen, self.uptime)
    }

    fn row(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> Row {
        let mut row = Row::default();
        row.changed(
            Column::LastSeen,
            Cell::Int(before.seen.millis()),
            Cell::Int(self.seen.millis()),
        );
        row.changed(
            Column::Cpu,
            Cell::percent(before.cpu.get()),
            Cell::percent(self.cpu.get()),
        );
        row.changed(
            Column::Mem,
            Cell::mib(before.memory.used.get()),
            Cell::mib(self.memory.used.get()),
        );
        rate_cells(&mut row, &before.rates, &self.rates);
        if let (Some(old), Some(new)) = (before.load, self.load) {
            row.changed(Column::Load, Cell::Load(old), Cell::Load(new));
        }
        if whole_degrees(self) != whole_degrees(before)
            && let Some(sensors) = SensorsJson::known(&self.sensors)
        {
            row.replaced(Column::Sensors, to_value(&sensors));
        }
        row
    }

    fn differs_in_kind(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> bool {
        // Cumulative counters (disk I/O, interfaces) follow with the next whole object: nobody
        // looks at them live, and they move with every report.
        let quiet = |host: &Self| {
            let mut host = host.clone();
            host.seen = Timestamp::default();
            host.cpu = pulse_core::Percent::default();
            host.load = host.load.map(|_| [0.0; 3]);
            host.memory.used = pulse_core::Bytes::ZERO;
            host.memory.at = Timestamp::default();
            host.memory.swap_used = pulse_core::Bytes(host.memory.swap_used.get() >> 26);
            host.disk_io.clear();
            host.rates = Rates::default();
            host.uptime = u64::from(host.uptime > 0);
            host.token_last_used = None;
            for interface in &mut host.interfaces {
                interface.addresses.rx_bytes = 0;
                interface.addresses.tx_bytes = 0;
            }
            for fs in &mut host.filesystems {
                // Tenths of a percent are what a bar can show.
                fs.used = pulse_core::Bytes((fs.usage * 10.0).round() as u64);
                fs.free = pulse_core::Bytes::ZERO;
                fs.usage = 0.0;
            }
            host.sensors.temperature_celsius.clear();
            host.sensors.additional.clear();
            host.sensors.power_watts.clear();
            host.sensors.fan_rpm.clear();
            for disk in &mut host.sensors.smart {
                disk.temperature = 0;
            }
            host
        };
        quiet(self) != quiet(before)
    }

    fn json(&self, _: &Snapshot) -> Value {
        to_value(&HostJson::new(self))
    }
}

/// Resources that seldom change: any change but that of the time of the last answer sends the
/// whole object.
macro_rules! slow_resource {
    ($kind:ty, $json:ident, $id:ident, $seen:ident, |$quiet:ident| $silence:expr) => {
        impl Resource for $kind {
            fn id(&self) -> &str {
                &self.$id
            }

            fn boot(&self) -> Option<i64> {
                None
            }

            fn row(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> Row {
                let mut row = Row::default();
                row.changed(
                    Column::LastSeen,
                    Cell::Int(before.$seen.millis()),
                    Cell::Int(self.$seen.millis()),
                );
                row
            }

            fn differs_in_kind(&self, before: &Self, _: &Snapshot, _: &Snapshot) -> bool {
                let quiet = |resource: &Self| {
                    let mut $quiet = resource.clone();
                    $quiet.$seen = Timestamp::default();
                    let () = $silence;
                    $quiet
                };
                quiet(self) != quiet(before)
            }

            fn json(&self, _: &Snapshot) -> Value {
                to_value(&$json::new(self))
            }
        }
    };
}

slow_resource!(PhysicalDisk, PhysicalDiskJson, id, seen, |disk| ());
slow_resource!(ZfsPool, ZfsPoolJson, id, seen, |pool| ());
slow_resource!(CephCluster, CephClusterJson, id, seen, |ceph| ());
slow_resource!(ClusterState, ClusterJson, instance, seen, |cluster| {
    for node in cluster.ha.iter_mut().flat_map(|ha| &mut ha.nodes) {
        // Told every few seconds.
        node.last_contact = None;
    }
});
slow_resource!(ReplicationJob, ReplicationJobJson, id, polled, |job| ());
slow_resource!(PbsInstance, PbsJson, id, seen, |server| {
    for store in &mut server.datastores {
        store.seen = Timestamp::default();
    }
});
slow_resource!(PmgInstance, PmgJson, id, seen, |server| {
    server.backups.clear();
    for queue in server.nodes.iter_mut().filter_map(|n| n.queue.as_mut()) {
        queue.read = Timestamp::default();
    }
    if let Some(statistics) = &mut server.statistics {
        statistics.read = Timestamp::default();
    }
});
