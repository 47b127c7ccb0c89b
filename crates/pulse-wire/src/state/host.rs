//! A host agent's machine in the state.

use std::collections::BTreeMap;

use pulse_core::{
    BytesPerSecond, DiskIo, Host, HostInterface, Liveness, Raid, Reading, Sensors, Smart,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::{DiskJson, MemoryJson, finite, is_zero};

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostInterfaceJson<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub mac: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub addresses: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    pub rx_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub tx_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub speed_mbps: u32,
}

impl<'a> HostInterfaceJson<'a> {
    fn new(interface: &'a HostInterface) -> Self {
        let a = &interface.addresses;
        Self {
            name: &a.name,
            mac: &a.mac,
            addresses: &a.addresses,
            rx_bytes: a.rx_bytes,
            tx_bytes: a.tx_bytes,
            speed_mbps: interface.speed_mbps,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskIoJson<'a> {
    pub device: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub read_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub write_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub read_ops: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub write_ops: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub read_time_ms: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub write_time_ms: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub io_time_ms: u64,
}

impl<'a> DiskIoJson<'a> {
    fn new(io: &'a DiskIo) -> Self {
        Self {
            device: &io.device,
            read_bytes: io.read_bytes,
            write_bytes: io.write_bytes,
            read_ops: io.read_ops,
            write_ops: io.write_ops,
            read_time_ms: io.read_time_ms,
            write_time_ms: io.write_time_ms,
            io_time_ms: io.io_time_ms,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmartJson<'a> {
    pub device: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub serial: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub wwn: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub r#type: &'a str,
    pub temperature: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub health: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
}

impl<'a> SmartJson<'a> {
    fn new(smart: &'a Smart) -> Self {
        Self {
            device: &smart.device,
            model: &smart.model,
            serial: &smart.serial,
            wwn: &smart.wwn,
            r#type: &smart.kind,
            temperature: smart.temperature,
            health: &smart.health,
            standby: smart.standby,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SensorsJson<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub temperature_celsius: &'a BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fan_rpm: &'a BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub power_watts: &'a BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub additional: &'a BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub smart: Vec<SmartJson<'a>>,
}

impl<'a> SensorsJson<'a> {
    /// None when there is nothing.
    pub fn known(sensors: &'a Sensors) -> Option<Self> {
        (!sensors.is_empty()).then(|| Self {
            temperature_celsius: &sensors.temperature_celsius,
            fan_rpm: &sensors.fan_rpm,
            power_watts: &sensors.power_watts,
            additional: &sensors.additional,
            smart: sensors.smart.iter().map(SmartJson::new).collect(),
        })
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RaidDeviceJson<'a> {
    pub device: &'a str,
    pub state: &'a str,
    pub slot: i32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RaidJson<'a> {
    pub device: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: &'a str,
    pub level: &'a str,
    pub state: &'a str,
    pub total_devices: u32,
    pub active_devices: u32,
    pub working_devices: u32,
    pub failed_devices: u32,
    pub spare_devices: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub uuid: &'a str,
    pub devices: Vec<RaidDeviceJson<'a>>,
    pub rebuild_percent: f64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rebuild_speed: &'a str,
}

impl<'a> RaidJson<'a> {
    fn new(raid: &'a Raid) -> Self {
        Self {
            device: &raid.device,
            name: &raid.name,
            level: &raid.level,
            state: &raid.state,
            total_devices: raid.total_devices,
            active_devices: raid.active_devices,
            working_devices: raid.working_devices,
            failed_devices: raid.failed_devices,
            spare_devices: raid.spare_devices,
            uuid: &raid.uuid,
            devices: raid
                .devices
                .iter()
                .map(|d| RaidDeviceJson {
                    device: &d.device,
                    state: &d.state,
                    slot: d.slot,
                })
                .collect(),
            rebuild_percent: finite(raid.rebuild_percent),
            rebuild_speed: &raid.rebuild_speed,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostJson<'a> {
    pub id: &'a str,
    pub hostname: &'a str,
    pub display_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub platform: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub os_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub os_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kernel_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub architecture: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cpu_model: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub cpu_count: u32,
    /// Percent, 0–100.
    #[serde(skip_serializing_if = "is_zero")]
    pub cpu_usage: f64,
    #[serde(skip_serializing_if = "<[f64]>::is_empty")]
    #[schema(value_type = Vec<f64>)]
    pub load_average: &'a [f64],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskJson<'a>>,
    #[serde(rename = "diskIO", skip_serializing_if = "Vec::is_empty")]
    pub disk_io: Vec<DiskIoJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_interfaces: Vec<HostInterfaceJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensors: Option<SensorsJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub raid: Vec<RaidJson<'a>>,
    /// `online` or `offline`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub uptime_seconds: u64,
    pub last_seen: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub interval_seconds: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub agent_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub token_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub token_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub token_hint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_last_used_at: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub tags: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub commands_enabled: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_legacy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked_node_id: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub report_ip: &'a str,
    /// Bytes per second over all interfaces and disks; additions to v5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_out: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_read: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_write: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

fn whole(reading: Reading<BytesPerSecond>) -> Option<i64> {
    reading.known().map(BytesPerSecond::whole)
}

impl<'a> HostJson<'a> {
    pub fn new(host: &'a Host) -> Self {
        let d = &host.details;
        Self {
            id: &host.id,
            hostname: &host.hostname,
            display_name: if host.display_name.is_empty() {
                &host.hostname
            } else {
                &host.display_name
            },
            platform: &d.platform,
            os_name: &d.os_name,
            os_version: &d.os_version,
            kernel_version: &d.kernel_version,
            architecture: &d.architecture,
            cpu_model: &d.cpu_model,
            cpu_count: host.cpu_count,
            cpu_usage: finite(host.cpu.get()),
            load_average: host.load.as_ref().map_or(&[], |load| load.as_slice()),
            memory: MemoryJson::known(&host.memory),
            disks: host
                .filesystems
                .iter()
                .map(DiskJson::of_filesystem)
                .collect(),
            disk_io: host.disk_io.iter().map(DiskIoJson::new).collect(),
            network_interfaces: host.interfaces.iter().map(HostInterfaceJson::new).collect(),
            sensors: SensorsJson::known(&host.sensors),
            raid: host.raid.iter().map(RaidJson::new).collect(),
            status: if host.online { "online" } else { "offline" },
            uptime_seconds: host.uptime,
            last_seen: host.seen.millis(),
            interval_seconds: host.interval_seconds,
            agent_version: &d.agent_version,
            token_id: &d.token_id,
            token_name: &d.token_name,
            token_hint: &d.token_hint,
            token_last_used_at: host.token_last_used.map(pulse_core::Timestamp::millis),
            tags: &d.tags,
            commands_enabled: d.commands_enabled,
            is_legacy: d.legacy,
            linked_node_id: host.linked_node.as_deref(),
            report_ip: &d.report_ip,
            network_in: whole(host.rates.net_in),
            network_out: whole(host.rates.net_out),
            disk_read: whole(host.rates.disk_read),
            disk_write: whole(host.rates.disk_write),
            stale: host.liveness == Liveness::Stale,
        }
    }
}
