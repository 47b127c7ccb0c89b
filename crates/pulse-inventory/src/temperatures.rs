//! Temperatures of a node's disks, and the lowest and highest of its processor.
//!
//! Sources in this order: the node's own sensors, then the host agent on the same machine. A disk
//! is recognised by WWN, serial or device name; NVMe disks that none of these finds by their place
//! among the NVMe sensors. What no source reports any more is not shown any more; a disk that
//! sleeps keeps its last temperature.

use std::sync::Arc;

use pulse_core::{
    DiskTemperature, Host, NodeTemperatures, PhysicalDisk, TemperatureRecord, Timestamp,
};

use crate::inventory::{Dirty, Inventory};
use crate::pve::PveInstance;

/// Readings older than this say nothing about now.
const FRESH_MS: i64 = 120_000;
const NODE_FRESH_MS: i64 = 600_000;

/// What a source says about a disk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Celsius(i32),
    Asleep,
}

fn bare(device: &str) -> String {
    device
        .strip_prefix("/dev/")
        .unwrap_or(device)
        .to_lowercase()
}

fn is_same(disk: &PhysicalDisk, device: &str, serial: &str, wwn: &str) -> [bool; 3] {
    let wwn_of = |text: &str| {
        let text = text.to_lowercase();
        text.strip_prefix("0x").map(str::to_owned).unwrap_or(text)
    };
    let named = |text: &str| !text.is_empty() && !text.eq_ignore_ascii_case("unknown");
    [
        named(wwn) && named(&disk.wwn) && wwn_of(wwn) == wwn_of(&disk.wwn),
        named(serial) && serial.eq_ignore_ascii_case(&disk.serial),
        !device.is_empty() && bare(device) == bare(&disk.dev_path),
    ]
}

/// The reading of a disk in a list: by WWN, else by serial, else by device.
fn find<T>(
    disk: &PhysicalDisk,
    list: &[T],
    names: impl Fn(&T) -> (&str, &str, &str),
    said: impl Fn(&T) -> Option<Said>,
) -> Option<Said> {
    (0..3).find_map(|rank| {
        list.iter()
            .filter(|entry| {
                let (device, serial, wwn) = names(entry);
                is_same(disk, device, serial, wwn)[rank]
            })
            .find_map(&said)
    })
}

fn celsius(value: f64) -> Option<Said> {
    (value > 0.0 && value < 200.0).then(|| Said::Celsius(value.round() as i32))
}

fn of_sensors(disk: &PhysicalDisk, sensors: &NodeTemperatures) -> Option<Said> {
    find(
        disk,
        &sensors.smart,
        |entry: &DiskTemperature| (&entry.device, &entry.serial, &entry.wwn),
        |entry| celsius(entry.celsius),
    )
}

fn of_agent(disk: &PhysicalDisk, host: &Host) -> Option<Said> {
    find(
        disk,
        &host.sensors.smart,
        |entry| (&entry.device, &entry.serial, &entry.wwn),
        |entry| {
            if entry.standby {
                Some(Said::Asleep)
            } else {
                celsius(f64::from(entry.temperature))
            }
        },
    )
}

/// NVMe sensors by name: they are in the order of the disks.
fn nvme_sensors(sensors: Option<&NodeTemperatures>, host: Option<&Host>) -> Vec<f64> {
    let own = sensors.map(|s| {
        let mut list: Vec<(&str, f64)> = s
            .nvme
            .iter()
            .map(|t| (t.device.as_str(), t.celsius))
            .collect();
        list.sort_by(|a, b| a.0.cmp(b.0));
        list
    });
    let of_host = || {
        host.into_iter()
            .flat_map(|host| &host.sensors.temperature_celsius)
            .filter(|(key, _)| {
                key.strip_prefix("nvme")
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
            .map(|(key, value)| (key.as_str(), *value))
            .collect()
    };
    own.filter(|list| !list.is_empty())
        .unwrap_or_else(of_host)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

/// Shows on the disks of a node what the sources say now.
pub(crate) fn on_disks(
    disks: &mut [Arc<PhysicalDisk>],
    sensors: Option<&NodeTemperatures>,
    host: Option<&Host>,
) -> bool {
    let by_place = nvme_sensors(sensors, host);
    let mut nvme: Vec<String> = disks
        .iter()
        .filter(|disk| disk.kind == "nvme")
        .map(|disk| disk.dev_path.clone())
        .collect();
    nvme.sort();
    let mut changed = false;
    for disk in disks {
        let said = sensors
            .and_then(|sensors| of_sensors(disk, sensors))
            .or_else(|| host.and_then(|host| of_agent(disk, host)))
            .or_else(|| {
                let place = nvme.iter().position(|path| *path == disk.dev_path)?;
                by_place.get(place).copied().and_then(celsius)
            });
        let (temperature, standby) = match said {
            Some(Said::Celsius(value)) => (Some(value), false),
            Some(Said::Asleep) => (disk.temperature, true),
            None => (None, false),
        };
        if (disk.temperature, disk.standby) != (temperature, standby) {
            let disk = Arc::make_mut(disk);
            disk.temperature = temperature;
            disk.standby = standby;
            changed = true;
        }
    }
    changed
}

/// The processor's temperature: its package, else its hottest core.
fn processor(sensors: Option<&NodeTemperatures>, host: Option<&Host>) -> Option<f64> {
    let readings = host.map(|host| &host.sensors.temperature_celsius);
    let package = readings.and_then(|all| all.get("cpu_package").copied());
    let hottest = || {
        readings?
            .iter()
            .filter(|(key, _)| key.starts_with("cpu_core_"))
            .map(|(_, value)| *value)
            .max_by(f64::total_cmp)
    };
    package
        .or_else(hottest)
        .or_else(|| sensors.and_then(|s| s.package.or(s.hottest)))
        .filter(|value| *value > 0.0 && *value < 200.0)
}

fn recorded(known: Option<TemperatureRecord>, celsius: f64, at: Timestamp) -> TemperatureRecord {
    let mut record = known.unwrap_or(TemperatureRecord {
        lowest: celsius,
        lowest_at: at,
        highest: celsius,
        highest_at: at,
    });
    if celsius < record.lowest {
        (record.lowest, record.lowest_at) = (celsius, at);
    }
    if celsius > record.highest {
        (record.highest, record.highest_at) = (celsius, at);
    }
    record
}

fn of_node(
    instance: &mut PveInstance,
    node: &str,
    host: Option<&Host>,
    now: Timestamp,
    dirty: &mut Dirty,
) {
    let host = host.filter(|host| {
        let window = FRESH_MS.max(i64::from(host.interval_seconds) * 2_000);
        host.online && now.since(host.seen) <= window
    });
    let facts = &mut instance.facts;
    let upkeep = facts.upkeep.get(node).cloned();
    let sensors = upkeep
        .as_deref()
        .and_then(|upkeep| upkeep.temperatures.as_ref())
        .filter(|sensors| now.since(sensors.read) <= NODE_FRESH_MS);
    if let Some(disks) = facts.disks.get_mut(node)
        && on_disks(disks, sensors, host)
    {
        (dirty.disks, dirty.any) = (true, true);
    }
    let known = upkeep.as_deref().and_then(|upkeep| upkeep.record);
    let at = host.map_or(now, |host| host.seen);
    if let Some(celsius) = processor(sensors, host) {
        let record = recorded(known, celsius, at);
        if known != Some(record) {
            let upkeep = facts.upkeep.entry(node.to_owned()).or_default();
            Arc::make_mut(upkeep).record = Some(record);
            instance.show_upkeep(dirty);
        }
    }
}

/// After a host reported: its node's disks.
pub(crate) fn after_host(inventory: &mut Inventory, host: &Host, now: Timestamp) {
    let Some(id) = &host.linked_node else {
        return;
    };
    let mut dirty = std::mem::take(inventory.dirty_mut());
    for instance in inventory.pve.values_mut() {
        let found = instance
            .nodes
            .values()
            .find(|tracked| tracked.node.id == *id);
        if let Some(name) = found.map(|tracked| tracked.node.name.clone()) {
            of_node(instance, &name, Some(host), now, &mut dirty);
        }
    }
    *inventory.dirty_mut() = dirty;
}

/// After facts came, or hosts came and went: all nodes of one instance, or of all.
pub(crate) fn refresh(inventory: &mut Inventory, only: Option<&str>, now: Timestamp) {
    let mut dirty = std::mem::take(inventory.dirty_mut());
    let hosts = &inventory.hosts;
    for (name, instance) in &mut inventory.pve {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let nodes: Vec<(String, Option<String>)> = instance
            .nodes
            .values()
            .map(|tracked| (tracked.node.name.clone(), tracked.node.linked_host.clone()))
            .collect();
        for (node, host) in nodes {
            let host = host.and_then(|id| hosts.get(&id));
            of_node(instance, &node, host.map(Arc::as_ref), now, &mut dirty);
        }
    }
    *inventory.dirty_mut() = dirty;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(path: &str, kind: &str, wwn: &str, serial: &str) -> Arc<PhysicalDisk> {
        Arc::new(PhysicalDisk {
            dev_path: path.into(),
            kind: kind.into(),
            wwn: wwn.into(),
            serial: serial.into(),
            ..PhysicalDisk::default()
        })
    }

    fn reading(device: &str, wwn: &str, serial: &str, celsius: f64) -> DiskTemperature {
        DiskTemperature {
            device: device.into(),
            serial: serial.into(),
            wwn: wwn.into(),
            celsius,
        }
    }

    fn shown(disks: &[Arc<PhysicalDisk>]) -> Vec<Option<i32>> {
        disks.iter().map(|disk| disk.temperature).collect()
    }

    #[test]
    fn a_disk_is_recognised_by_what_is_surest() {
        let mut disks = [
            disk("/dev/sda", "hdd", "0x5000AB", "unknown"),
            disk("/dev/sdb", "hdd", "unknown", "ZW1"),
            disk("/dev/sdc", "hdd", "unknown", "unknown"),
        ];
        let sensors = NodeTemperatures {
            smart: vec![
                // The kernel named them otherwise when this was read.
                reading("sdb", "5000ab", "", 31.0),
                reading("sda", "", "zw1", 32.4),
                reading("/dev/sdc", "unknown", "unknown", 33.0),
            ],
            ..NodeTemperatures::default()
        };
        assert!(on_disks(&mut disks, Some(&sensors), None));
        assert_eq!(shown(&disks), [Some(31), Some(32), Some(33)]);
        assert!(!on_disks(&mut disks, Some(&sensors), None));
        // Nobody reports them any more.
        assert!(on_disks(&mut disks, None, None));
        assert_eq!(shown(&disks), [None, None, None]);
    }

    /// Scenario T23.
    #[test]
    fn nvme_disks_follow_the_order_of_their_sensors() {
        let mut disks = [
            disk("/dev/nvme1n1", "nvme", "", "B"),
            disk("/dev/nvme0n1", "nvme", "", "A"),
        ];
        let sensors = NodeTemperatures {
            nvme: vec![
                reading("nvme-pci-0200", "", "", 41.6),
                reading("nvme-pci-0100", "", "", 38.2),
            ],
            ..NodeTemperatures::default()
        };
        on_disks(&mut disks, Some(&sensors), None);
        assert_eq!(shown(&disks), [Some(42), Some(38)]);
    }

    /// Scenario X24.
    #[test]
    fn the_lowest_and_highest_are_kept() {
        let at = Timestamp::from_secs;
        let first = recorded(None, 61.0, at(1));
        assert_eq!((first.lowest, first.highest), (61.0, 61.0));
        let next = recorded(Some(first), 55.0, at(2));
        assert_eq!((next.lowest, next.lowest_at), (55.0, at(2)));
        assert_eq!((next.highest, next.highest_at), (61.0, at(1)));
    }
}
