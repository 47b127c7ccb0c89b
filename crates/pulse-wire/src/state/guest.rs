//! A VM or container in the state.

use pulse_core::{BytesPerSecond, Guest, GuestKind, Liveness, Reading};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::{DiskJson, MemoryJson, is_zero};

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestInterfaceJson<'a> {
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
}

/// One shape for both lists; what v5 has for VMs only is absent in containers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestJson<'a> {
    /// `<instance>:<node>:<vmid>`.
    pub id: &'a str,
    pub vmid: u32,
    pub name: &'a str,
    pub node: &'a str,
    pub instance: &'a str,
    pub status: &'a str,
    /// `qemu`, `lxc` or `oci`.
    #[schema(value_type = String)]
    pub r#type: &'static str,
    /// Share of the allotted cores, 0–1.
    pub cpu: f64,
    pub cpus: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryJson>,
    pub mem: u64,
    pub maxmem: u64,
    /// `usage` −1 says unknown; `diskStatusReason` says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskJson<'static>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_status_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub os_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub os_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub agent_version: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_oci: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub os_template: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_interfaces: Vec<GuestInterfaceJson<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub ip_addresses: &'a [String],
    /// Bytes per second; 0 while unknown, see `ioStatusReason`.
    pub network_in: i64,
    pub network_out: i64,
    pub disk_read: i64,
    pub disk_write: i64,
    /// Why the four rates are not known; absent when they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_status_reason: Option<&'static str>,
    /// Seconds.
    pub uptime: u64,
    pub template: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<i64>,
    /// Comma-joined.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub lock: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub pool: &'a str,
    /// Unix ms.
    pub last_seen: i64,
    #[schema(value_type = String)]
    pub memory_source: &'static str,
    /// Unix ms when the guest agent's facts were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_seen: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

fn rate(reading: Reading<BytesPerSecond>) -> i64 {
    reading.known().map_or(0, BytesPerSecond::whole)
}

impl<'a> GuestJson<'a> {
    pub fn new(guest: &'a Guest) -> Self {
        let vm = guest.kind.is_vm();
        let running = guest.status.is_running();
        Self {
            id: &guest.id,
            vmid: guest.vmid,
            name: &guest.name,
            node: &guest.node,
            instance: &guest.instance,
            status: guest.status.as_str(),
            r#type: guest.kind.as_str(),
            cpu: guest.cpu.get(),
            cpus: guest.cpus,
            memory: MemoryJson::known(&guest.memory),
            mem: guest.memory.used.get(),
            maxmem: guest.memory.total.get(),
            disk: DiskJson::of_capacity(&guest.disk),
            disks: guest
                .filesystems
                .iter()
                .map(DiskJson::of_filesystem)
                .collect(),
            disk_status_reason: guest
                .disk_reason()
                .filter(|_| vm)
                .map(pulse_core::Unknown::as_str),
            os_name: &guest.os_name,
            os_version: if vm { &guest.os_version } else { "" },
            agent_version: if vm { &guest.agent_version } else { "" },
            is_oci: guest.kind == GuestKind::Oci,
            os_template: &guest.os_template,
            network_interfaces: guest
                .interfaces
                .iter()
                .map(|i| GuestInterfaceJson {
                    name: &i.name,
                    mac: &i.mac,
                    addresses: &i.addresses,
                    rx_bytes: i.rx_bytes,
                    tx_bytes: i.tx_bytes,
                })
                .collect(),
            ip_addresses: &guest.ip_addresses,
            network_in: rate(guest.rates.net_in),
            network_out: rate(guest.rates.net_out),
            disk_read: rate(guest.rates.disk_read),
            disk_write: rate(guest.rates.disk_write),
            io_status_reason: guest
                .rates
                .net_in
                .reason()
                .filter(|_| running)
                .map(pulse_core::Unknown::as_str),
            uptime: guest.uptime,
            template: guest.template,
            last_backup: guest.last_backup.map(pulse_core::Timestamp::millis),
            tags: guest.tags.join(","),
            lock: &guest.lock,
            pool: &guest.pool,
            last_seen: guest.seen.millis(),
            memory_source: guest.memory.source.as_str(),
            agent_seen: guest.agent_seen.map(pulse_core::Timestamp::millis),
            stale: guest.liveness == Liveness::Stale,
        }
    }
}
