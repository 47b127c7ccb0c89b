//! Physical disks, ZFS pools and thin pools of a node.

use serde::{Deserialize, Serialize};

use super::shared::Liveness;
use crate::units::{Bytes, Timestamp};

/// One physical disk as a node reports it, with the temperature that an agent or the node's
/// sensors give.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhysicalDisk {
    /// `<instance>-<node>-<devpath with / replaced by ->`.
    pub id: String,
    pub instance: String,
    pub node: String,
    pub dev_path: String,
    pub model: String,
    pub serial: String,
    pub vendor: String,
    pub wwn: String,
    /// `ssd`, `hdd`, `nvme`, `usb`; as the node calls it.
    pub kind: String,
    pub size: Bytes,
    /// `PASSED`, `OK`, `FAILED`, `UNKNOWN`; as the node calls it.
    pub health: String,
    /// Life that remains in percent: 100 is new. `None` is not known.
    pub life_remaining: Option<u8>,
    /// Turns per minute; 0 for disks that do not turn or do not say.
    pub rpm: u32,
    /// What the disk is used for, as the node calls it: `LVM`, `ZFS`, `partitions` …
    pub used_for: String,
    /// °C; `None` when no source reports it.
    pub temperature: Option<i32>,
    /// Spun down: temperature and SMART were not read.
    pub standby: bool,
    /// When the node last reported it.
    pub seen: Timestamp,
    pub liveness: Liveness,
}

/// A scrub or resilver of a pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZfsScan {
    /// A resilver rebuilds after a failure; else it is a scrub.
    pub resilver: bool,
    /// 0–100 while it runs.
    pub progress: Option<f64>,
    pub finished: Option<Timestamp>,
    pub errors: u64,
}

/// A member of a pool that is not plainly fine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZfsDevice {
    pub name: String,
    /// `disk`, `mirror`, `raidz1`, `log`, `cache`, `spare`, `spare-group`, `vdev` …
    pub kind: String,
    pub state: String,
    pub read_errors: u64,
    pub write_errors: u64,
    pub checksum_errors: u64,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZfsPool {
    /// `<instance>-<node>-<pool>`.
    pub id: String,
    pub instance: String,
    pub node: String,
    pub name: String,
    /// `ONLINE`, `DEGRADED`, `FAULTED` …
    pub state: String,
    /// What ZFS says is wrong.
    pub status: String,
    /// The scan line as ZFS prints it.
    pub scan_text: String,
    pub scan: Option<ZfsScan>,
    pub size: Bytes,
    pub allocated: Bytes,
    /// Percent.
    pub fragmentation: Option<f64>,
    /// Sums over `devices`.
    pub read_errors: u64,
    pub write_errors: u64,
    pub checksum_errors: u64,
    pub devices: Vec<ZfsDevice>,
    pub seen: Timestamp,
}

/// An LVM thin pool: its metadata can fill up long before its data does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThinPool {
    pub volume_group: String,
    pub name: String,
    pub size: Bytes,
    pub used: Bytes,
    pub metadata_size: Bytes,
    pub metadata_used: Bytes,
    pub seen: Timestamp,
}
