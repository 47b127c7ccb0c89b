//! A machine that runs the host agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::guest::{GuestRates, InterfaceAddresses};
use super::shared::{Filesystem, Liveness, Memory};
use crate::units::{Percent, Timestamp};

/// Cumulative counters of one block device since boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiskIo {
    pub device: String,
    pub read_bytes: u64,
    pub write_bytes: u64,
    pub read_ops: u64,
    pub write_ops: u64,
    pub read_time_ms: u64,
    pub write_time_ms: u64,
    pub io_time_ms: u64,
}

/// One network interface of a host: addresses, cumulative counters and speed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostInterface {
    pub addresses: InterfaceAddresses,
    pub speed_mbps: u32,
}

/// One disk's SMART summary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Smart {
    pub device: String,
    pub model: String,
    pub serial: String,
    pub wwn: String,
    pub kind: String,
    /// °C; 0 is unknown.
    pub temperature: i32,
    /// `PASSED`, `FAILED` or `UNKNOWN`.
    pub health: String,
    pub standby: bool,
}

/// Temperatures in °C, fans in turns a minute, power in watts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sensors {
    pub temperature_celsius: BTreeMap<String, f64>,
    pub fan_rpm: BTreeMap<String, f64>,
    pub power_watts: BTreeMap<String, f64>,
    pub additional: BTreeMap<String, f64>,
    pub smart: Vec<Smart>,
}

impl Sensors {
    pub fn is_empty(&self) -> bool {
        self.temperature_celsius.is_empty()
            && self.fan_rpm.is_empty()
            && self.power_watts.is_empty()
            && self.additional.is_empty()
            && self.smart.is_empty()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RaidDevice {
    pub device: String,
    pub state: String,
    pub slot: i32,
}

/// One software RAID array.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Raid {
    pub device: String,
    pub name: String,
    pub level: String,
    pub state: String,
    pub total_devices: u32,
    pub active_devices: u32,
    pub working_devices: u32,
    pub failed_devices: u32,
    pub spare_devices: u32,
    pub uuid: String,
    pub devices: Vec<RaidDevice>,
    pub rebuild_percent: f64,
    pub rebuild_speed: String,
}

/// The parts of a host that seldom change, shared between snapshots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostDetails {
    pub platform: String,
    pub os_name: String,
    pub os_version: String,
    pub kernel_version: String,
    pub architecture: String,
    pub cpu_model: String,
    pub machine_id: String,
    pub report_ip: String,
    pub agent_version: String,
    pub tags: Vec<String>,
    pub legacy: bool,
    pub commands_enabled: bool,
    pub token_id: String,
    pub token_name: String,
    pub token_hint: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    pub id: String,
    pub hostname: String,
    pub display_name: String,
    pub details: HostDetails,
    pub cpu_count: u32,
    pub cpu: Percent,
    pub load: Option<[f64; 3]>,
    pub memory: Memory,
    pub filesystems: Vec<Filesystem>,
    pub disk_io: Vec<DiskIo>,
    pub interfaces: Vec<HostInterface>,
    pub sensors: Sensors,
    pub raid: Vec<Raid>,
    /// Sums over all interfaces and disks.
    #[serde(skip)]
    pub rates: GuestRates,
    /// Seconds.
    pub uptime: u64,
    pub interval_seconds: u32,
    pub online: bool,
    pub linked_node: Option<String>,
    pub linked_guest: Option<String>,
    pub token_last_used: Option<Timestamp>,
    /// When the server received the last report.
    pub seen: Timestamp,
    pub liveness: Liveness,
    /// Demo data: removed when demo mode ends.
    pub demo: bool,
}
