//! Physical disks, ZFS pools and thin pools in the state.

use pulse_core::{Liveness, PhysicalDisk, ThinPool, ZfsDevice, ZfsPool, ZfsScan};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::{finite, is_zero};
use crate::time::rfc3339;

/// A physical disk. `vendor`, `standby`, `lastSeen` and `stale` are additions to v5.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhysicalDiskJson<'a> {
    /// `<instance>-<node>-<devpath with / replaced by ->`.
    pub id: &'a str,
    pub node: &'a str,
    pub instance: &'a str,
    pub dev_path: &'a str,
    pub model: &'a str,
    pub serial: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub vendor: &'a str,
    pub wwn: &'a str,
    /// `nvme`, `ssd`, `hdd`, `usb`; as the node calls it.
    pub r#type: &'a str,
    /// Bytes.
    pub size: u64,
    /// `PASSED`, `OK`, `FAILED`, `UNKNOWN`; as the node calls it.
    pub health: &'a str,
    /// Life that remains in percent; −1 is not known.
    pub wearout: i32,
    /// °C; 0 is not known.
    pub temperature: i32,
    /// 0 for disks that do not turn.
    pub rpm: u32,
    /// What it is used for.
    pub used: &'a str,
    /// Spun down: temperature and SMART were not read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
    pub last_checked: String,
    /// Unix ms of `lastChecked`.
    pub last_seen: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl<'a> PhysicalDiskJson<'a> {
    pub fn new(disk: &'a PhysicalDisk) -> Self {
        Self {
            id: &disk.id,
            node: &disk.node,
            instance: &disk.instance,
            dev_path: &disk.dev_path,
            model: &disk.model,
            serial: &disk.serial,
            vendor: &disk.vendor,
            wwn: &disk.wwn,
            r#type: &disk.kind,
            size: disk.size.get(),
            health: &disk.health,
            wearout: disk.life_remaining.map_or(-1, i32::from),
            temperature: disk.temperature.unwrap_or(0),
            rpm: disk.rpm,
            used: &disk.used_for,
            standby: disk.standby,
            last_checked: rfc3339(disk.seen),
            last_seen: disk.seen.millis(),
            stale: disk.liveness == Liveness::Stale,
        }
    }
}

/// A member of a pool that is not plainly fine.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZfsDeviceJson<'a> {
    pub name: &'a str,
    pub r#type: &'a str,
    pub state: &'a str,
    pub read_errors: u64,
    pub write_errors: u64,
    pub checksum_errors: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub message: &'a str,
}

impl<'a> ZfsDeviceJson<'a> {
    fn new(device: &'a ZfsDevice) -> Self {
        Self {
            name: &device.name,
            r#type: &device.kind,
            state: &device.state,
            read_errors: device.read_errors,
            write_errors: device.write_errors,
            checksum_errors: device.checksum_errors,
            message: &device.message,
        }
    }
}

/// A scrub or resilver.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZfsScanJson {
    /// Rebuilds after a failure; else it is a scrub.
    pub resilver: bool,
    /// Percent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// Unix ms when the last one ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<i64>,
    pub errors: u64,
}

impl ZfsScanJson {
    fn new(scan: &ZfsScan) -> Self {
        Self {
            resilver: scan.resilver,
            progress: scan.progress.map(finite),
            finished: scan.finished.map(pulse_core::Timestamp::millis),
            errors: scan.errors,
        }
    }
}

/// A ZFS pool as part of a storage: v5's keys, with sizes and the scan read as additions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolHealthJson<'a> {
    pub name: &'a str,
    /// `ONLINE`, `DEGRADED`, `FAULTED` …
    pub state: &'a str,
    /// What ZFS says is wrong.
    pub status: &'a str,
    /// The scan line as ZFS prints it.
    pub scan: &'a str,
    pub read_errors: u64,
    pub write_errors: u64,
    pub checksum_errors: u64,
    pub devices: Vec<ZfsDeviceJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scan: Option<ZfsScanJson>,
    #[serde(skip_serializing_if = "is_zero")]
    pub size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub allocated: u64,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragmentation: Option<f64>,
}

impl<'a> PoolHealthJson<'a> {
    pub fn new(pool: &'a ZfsPool) -> Self {
        Self {
            name: &pool.name,
            state: &pool.state,
            status: &pool.status,
            scan: &pool.scan_text,
            read_errors: pool.read_errors,
            write_errors: pool.write_errors,
            checksum_errors: pool.checksum_errors,
            devices: pool.devices.iter().map(ZfsDeviceJson::new).collect(),
            last_scan: pool.scan.as_ref().map(ZfsScanJson::new),
            size: pool.size.get(),
            allocated: pool.allocated.get(),
            fragmentation: pool.fragmentation.map(finite),
        }
    }
}

/// A ZFS pool of a node. The list `zfsPools` is an addition to v5's state.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZfsPoolJson<'a> {
    /// `<instance>-<node>-<pool>`.
    pub id: &'a str,
    pub instance: &'a str,
    pub node: &'a str,
    #[serde(flatten)]
    pub pool: PoolHealthJson<'a>,
    /// Unix ms.
    pub last_seen: i64,
}

impl<'a> ZfsPoolJson<'a> {
    pub fn new(pool: &'a ZfsPool) -> Self {
        Self {
            id: &pool.id,
            instance: &pool.instance,
            node: &pool.node,
            pool: PoolHealthJson::new(pool),
            last_seen: pool.seen.millis(),
        }
    }
}

/// An LVM thin pool: its metadata can fill up long before its data does.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThinPoolJson<'a> {
    pub volume_group: &'a str,
    pub name: &'a str,
    pub size: u64,
    pub used: u64,
    /// Percent.
    pub usage: f64,
    pub metadata_size: u64,
    pub metadata_used: u64,
    /// Percent.
    pub metadata_usage: f64,
}

impl<'a> ThinPoolJson<'a> {
    pub fn new(pool: &'a ThinPool) -> Self {
        Self {
            volume_group: &pool.volume_group,
            name: &pool.name,
            size: pool.size.get(),
            used: pool.used.get(),
            usage: pool.used.percent_of(pool.size).get(),
            metadata_size: pool.metadata_size.get(),
            metadata_used: pool.metadata_used.get(),
            metadata_usage: pool.metadata_used.percent_of(pool.metadata_size).get(),
        }
    }
}
