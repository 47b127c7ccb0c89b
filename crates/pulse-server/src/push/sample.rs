//! What a metric server push says about a node or a guest, gathered from lines.

use std::collections::HashMap;

use pulse_core::rates::Counters;
use pulse_core::{PushedGuest, PushedNode, Timestamp};

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    Node(String),
    /// The node is not told by every format.
    Guest {
        vm: bool,
        vmid: u32,
        node: Option<String>,
    },
}

/// Fields of one object at one time; `None` was not told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    pub cpu: Option<f64>,
    /// Of a guest `mem`, of a node `memused`.
    pub mem: Option<u64>,
    pub uptime: Option<u64>,
    pub net_in: Option<u64>,
    pub net_out: Option<u64>,
    pub disk_read: Option<u64>,
    pub disk_write: Option<u64>,
    pub load: [Option<f64>; 3],
}

/// A number that Proxmox printed, as a count; fractions are cut, negative ones are not counts.
fn count(value: f64) -> Option<u64> {
    (value.is_finite() && value >= 0.0).then_some(value as u64)
}

impl Fields {
    /// Takes a field by Proxmox's name. `group` is the measurement or path step before it.
    pub fn set(&mut self, object: &Object, group: &str, name: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let top = matches!(group, "" | "system");
        match object {
            Object::Guest { .. } if top => match name {
                "cpu" => self.cpu = Some(value),
                "mem" => self.mem = count(value),
                "uptime" => self.uptime = count(value),
                "netin" => self.net_in = count(value),
                "netout" => self.net_out = count(value),
                "diskread" => self.disk_read = count(value),
                "diskwrite" => self.disk_write = count(value),
                _ => {}
            },
            Object::Node(_) => match (group, name) {
                ("cpustat", "cpu") => self.cpu = Some(value),
                ("cpustat", "avg1") => self.load[0] = Some(value),
                ("cpustat", "avg5") => self.load[1] = Some(value),
                ("cpustat", "avg15") => self.load[2] = Some(value),
                ("memory", "memused") => self.mem = count(value),
                (_, "uptime") if top => self.uptime = count(value),
                _ => {}
            },
            Object::Guest { .. } => {}
        }
    }

    pub fn counters(&self) -> Option<Counters> {
        Some(Counters {
            net_in: self.net_in?,
            net_out: self.net_out?,
            disk_read: self.disk_read?,
            disk_write: self.disk_write?,
        })
    }

    pub fn guest(&self, vmid: u32, rates: Option<pulse_core::rates::Rates>) -> PushedGuest {
        PushedGuest {
            vmid,
            cpu: self.cpu,
            memory_used: self.mem,
            uptime: self.uptime,
            rates,
        }
    }

    pub fn node(&self, name: &str) -> PushedNode {
        let [Some(one), Some(five), Some(fifteen)] = self.load else {
            return self.node_with(name, None);
        };
        self.node_with(name, Some([one, five, fifteen]))
    }

    fn node_with(&self, name: &str, load: Option<[f64; 3]>) -> PushedNode {
        PushedNode {
            name: name.to_owned(),
            cpu: self.cpu,
            memory_used: self.mem,
            uptime: self.uptime,
            load,
        }
    }
}

/// Objects that a batch may speak of; more are ignored.
const MOST_OBJECTS: usize = 20_000;

/// The lines of a body, a datagram or a moment, put together.
#[derive(Debug, Default)]
pub struct Batch {
    pub objects: HashMap<Object, (Timestamp, Fields)>,
    pub lines: u64,
    /// Lines that are not of the format.
    pub broken: u64,
    /// Lines about something that is not taken: storages, disks, network cards.
    pub other: u64,
}

impl Batch {
    /// The fields of an object at a time; lines of another time replace what was there when newer.
    pub fn entry(&mut self, object: &Object, at: Timestamp) -> Option<&mut Fields> {
        if !self.objects.contains_key(object) {
            if self.objects.len() >= MOST_OBJECTS {
                self.other += 1;
                return None;
            }
            self.objects.insert(object.clone(), (at, Fields::default()));
        }
        let (known, fields) = self.objects.get_mut(object)?;
        if at > *known {
            *known = at;
            // Counters of two times are never mixed.
            *fields = Fields::default();
        }
        (at == *known).then_some(fields)
    }
}
