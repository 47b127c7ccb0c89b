//! Turns a pair of snapshots into a frame.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use pulse_core::rates::Rates;
use pulse_core::{BytesPerSecond, Guest, Host, Node, Reading, Snapshot, Storage, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::columns::{Cell, Column, Patch, Row};
use crate::parts::PartsCache;
use crate::state::{
    GuestJson, HostJson, InstanceJson, NodeJson, SensorsJson, StorageJson, TemperatureJson,
};

/// Handles of one collection. A handle is never used for two ids.
#[derive(Debug, Default)]
struct Handles {
    of_id: HashMap<String, u32>,
    /// Start of the resource as the clients know it, Unix s.
    boot: HashMap<u32, i64>,
}

/// Knows the version that the clients have and encodes the way to the next one.
pub struct DeltaEncoder {
    at: Arc<Snapshot>,
    nodes: Handles,
    vms: Handles,
    containers: Handles,
    storage: Handles,
    hosts: Handles,
    next_handle: u32,
}

/// A resource of a collection with handles.
trait Resource: PartialEq {
    fn id(&self) -> &str;
    /// Start time in Unix s, and whether the resource has one.
    fn boot(&self) -> Option<i64>;
    /// The moving values that differ.
    fn row(&self, before: &Self, next: &Snapshot, last: &Snapshot) -> Row;
    /// Whether anything else differs: then the whole object is sent.
    fn differs_in_kind(&self, before: &Self) -> bool;
    fn json(&self, snapshot: &Snapshot) -> Value;
}

fn to_value(value: &impl Serialize) -> Value {
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
        let now = host_of(self, next);
        if now.map(whole_degrees) != host_of(before, last).map(whole_degrees)
            && let Some(temperature) = now.and_then(TemperatureJson::from_host)
        {
            row.replaced(Column::Temperature, to_value(&temperature));
        }
        row
    }

    fn differs_in_kind(&self, before: &Self) -> bool {
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
            node
        };
        quiet(self) != quiet(before)
    }

    fn json(&self, snapshot: &Snapshot) -> Value {
        to_value(&NodeJson::new(self, snapshot))
    }
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

    fn differs_in_kind(&self, before: &Self) -> bool {
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

    fn differs_in_kind(&self, before: &Self) -> bool {
        let quiet = |storage: &Self| {
            let mut storage = storage.clone();
            storage.seen = Timestamp::default();
            storage.used = pulse_core::Bytes::ZERO;
            storage.free = pulse_core::Bytes::ZERO;
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

    fn differs_in_kind(&self, before: &Self) -> bool {
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

/// A start that moved by less is the rounding of two clocks.
const BOOT_TOLERANCE_S: i64 = 2;

fn diff<R: Resource>(
    handles: &mut Handles,
    next_handle: &mut u32,
    (old, last): (&Arc<Vec<Arc<R>>>, &Snapshot),
    (new, next): (&Arc<Vec<Arc<R>>>, &Snapshot),
    always: bool,
) -> Option<Value> {
    if Arc::ptr_eq(old, new) && !always {
        return None;
    }
    let before: HashMap<&str, &Arc<R>> = old.iter().map(|r| (r.id(), r)).collect();
    let mut put = Vec::new();
    let mut patch = Patch::default();
    for resource in new.iter() {
        let Some(previous) = before.get(resource.id()) else {
            let handle = *next_handle;
            *next_handle += 1;
            handles.of_id.insert(resource.id().to_owned(), handle);
            if let Some(boot) = resource.boot() {
                handles.boot.insert(handle, boot);
            }
            put.push(json!([handle, resource.json(next)]));
            continue;
        };
        if Arc::ptr_eq(previous, resource) && !always {
            continue;
        }
        let Some(&handle) = handles.of_id.get(resource.id()) else {
            continue;
        };
        if resource.differs_in_kind(previous) {
            match resource.boot() {
                Some(boot) => handles.boot.insert(handle, boot),
                None => handles.boot.remove(&handle),
            };
            put.push(json!([handle, resource.json(next)]));
            continue;
        }
        let mut row = resource.row(previous, next, last);
        if let Some(boot) = resource.boot() {
            let known = handles.boot.entry(handle).or_insert(i64::MIN);
            if (boot.saturating_sub(*known)).abs() > BOOT_TOLERANCE_S {
                *known = boot;
                row.changed(Column::Boot, Cell::None, Cell::Int(boot));
            }
        }
        patch.push(handle, row);
    }
    let mut removed = Vec::new();
    if old.len() + put.len() > new.len() || before.len() != new.len() {
        let now: std::collections::HashSet<&str> = new.iter().map(|r| r.id()).collect();
        for id in before.keys().filter(|id| !now.contains(*id)) {
            if let Some(handle) = handles.of_id.remove(*id) {
                handles.boot.remove(&handle);
                removed.push(handle);
            }
        }
        removed.sort_unstable();
    }
    let mut change = Map::new();
    if !removed.is_empty() {
        change.insert("del".into(), json!(removed));
    }
    if !put.is_empty() {
        change.insert("put".into(), Value::Array(put));
    }
    if !patch.is_empty() {
        change.insert("patch".into(), patch.to_json());
    }
    (!change.is_empty()).then_some(Value::Object(change))
}

impl DeltaEncoder {
    /// Starts at `snapshot`.
    pub fn new(snapshot: &Arc<Snapshot>) -> Self {
        let mut encoder = Self {
            at: Arc::new(Snapshot::default()),
            nodes: Handles::default(),
            vms: Handles::default(),
            containers: Handles::default(),
            storage: Handles::default(),
            hosts: Handles::default(),
            next_handle: 1,
        };
        encoder.advance(snapshot, Timestamp::default());
        encoder
    }

    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.at
    }

    /// The frame that brings clients from the current version to `next`, as JSON: a header only
    /// when nothing that they see changed. `now` is the server's clock.
    pub fn advance(&mut self, next: &Arc<Snapshot>, now: Timestamp) -> Option<Vec<u8>> {
        let last = Arc::clone(&self.at);
        let handle = &mut self.next_handle;
        let hosts_moved = !Arc::ptr_eq(&last.hosts, &next.hosts);
        let changes = [
            (
                "nodes",
                diff(
                    &mut self.nodes,
                    handle,
                    (&last.nodes, &last),
                    (&next.nodes, next),
                    hosts_moved,
                ),
            ),
            (
                "vms",
                diff(
                    &mut self.vms,
                    handle,
                    (&last.vms, &last),
                    (&next.vms, next),
                    false,
                ),
            ),
            (
                "containers",
                diff(
                    &mut self.containers,
                    handle,
                    (&last.containers, &last),
                    (&next.containers, next),
                    false,
                ),
            ),
            (
                "storage",
                diff(
                    &mut self.storage,
                    handle,
                    (&last.storages, &last),
                    (&next.storages, next),
                    false,
                ),
            ),
            (
                "hosts",
                diff(
                    &mut self.hosts,
                    handle,
                    (&last.hosts, &last),
                    (&next.hosts, next),
                    false,
                ),
            ),
        ];
        let mut set = Map::new();
        if last.connection_health != next.connection_health {
            set.insert(
                "connectionHealth".into(),
                to_value(&*next.connection_health),
            );
        }
        let quiet = |snapshot: &Snapshot| -> Vec<(String, &'static str, Option<String>)> {
            snapshot
                .instances
                .iter()
                .map(|i| (i.name.clone(), i.health.as_str(), i.error.clone()))
                .collect()
        };
        if last.version == 0
            || quiet(&last) != quiet(next)
            || last.instances.iter().any(|i| i.last_success.is_none())
        {
            let list: Vec<_> = next
                .instances
                .iter()
                .map(|i| InstanceJson::new(i))
                .collect();
            set.insert("instances".into(), to_value(&list));
        }
        self.at = Arc::clone(next);
        let mut frame = Map::new();
        frame.insert("type".into(), json!("delta"));
        frame.insert("from".into(), json!(last.version));
        frame.insert("version".into(), json!(next.version));
        frame.insert("at".into(), json!(now.millis()));
        for (name, change) in changes {
            if let Some(change) = change {
                frame.insert(name.into(), change);
            }
        }
        if !set.is_empty() {
            frame.insert("set".into(), Value::Object(set));
        }
        serde_json::to_vec(&Value::Object(frame)).ok()
    }

    /// The snapshot frame of the current version, as JSON.
    pub fn snapshot_frame(
        &self,
        parts: &mut PartsCache,
        now: Timestamp,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let state: Bytes = parts.compact_state(&self.at)?;
        let mut out = Vec::with_capacity(state.len() + 256);
        out.extend_from_slice(
            format!(
                "{{\"type\":\"snapshot\",\"version\":{},\"at\":{},\"handles\":",
                self.at.version,
                now.millis()
            )
            .as_bytes(),
        );
        let handles = json!({
            "nodes": self.nodes.list(&self.at.nodes),
            "vms": self.vms.list(&self.at.vms),
            "containers": self.containers.list(&self.at.containers),
            "storage": self.storage.list(&self.at.storages),
            "hosts": self.hosts.list(&self.at.hosts),
        });
        serde_json::to_writer(&mut out, &handles)?;
        out.extend_from_slice(b",\"state\":");
        out.extend_from_slice(&state);
        out.push(b'}');
        Ok(out)
    }
}

impl Handles {
    fn list<R: Resource>(&self, resources: &[Arc<R>]) -> Vec<u32> {
        resources
            .iter()
            .map(|r| self.of_id.get(r.id()).copied().unwrap_or(0))
            .collect()
    }
}
