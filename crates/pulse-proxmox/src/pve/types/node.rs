//! Answers about one node.

use std::collections::BTreeMap;

use serde::de::Deserializer;

use super::cluster::read_numbers;
use super::quirks::{Rpm, Wearout};
use crate::decode::tolerant;

tolerant! {
    /// `/nodes/{node}/status`.
    pub struct NodeStatus {
        pub cpu: Option<f64>,
        /// Fraction of time spent waiting for I/O.
        pub wait: Option<f64>,
        pub iodelay: Option<f64>,
        pub idle: Option<f64>,
        pub uptime: Option<u64>,
        pub kversion: Option<String>,
        /// Such as `pve-manager/8.3.0/c1689ccb1065a83b`.
        pub pveversion: Option<String>,
        /// 1, 5 and 15 minutes.
        pub loadavg: Vec<f64>,
        pub memory: Option<MemoryUsage>,
        pub swap: Option<MemoryUsage>,
        pub rootfs: Option<FilesystemUsage>,
        pub cpuinfo: Option<CpuInfo>,
        pub ksm: Option<Ksm>,
        #[serde(rename = "current-kernel")]
        pub current_kernel: Option<KernelInfo>,
    }

    /// Memory or swap, in bytes.
    pub struct MemoryUsage {
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub free: Option<u64>,
        /// What programs can still get (PVE 9).
        pub available: Option<u64>,
        pub avail: Option<u64>,
        pub buffers: Option<u64>,
        pub cached: Option<u64>,
        pub shared: Option<u64>,
    }

    /// A file system, in bytes. `used + avail` is less than `total` where blocks are reserved.
    pub struct FilesystemUsage {
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub avail: Option<u64>,
        pub free: Option<u64>,
    }

    /// The processors.
    pub struct CpuInfo {
        pub model: Option<String>,
        /// Physical cores over all sockets.
        pub cores: Option<u32>,
        /// Threads.
        pub cpus: Option<u32>,
        pub sockets: Option<u32>,
        /// Megahertz, as text with decimals.
        pub mhz: Option<String>,
    }

    pub struct Ksm {
        /// Bytes saved by merging equal pages.
        pub shared: Option<u64>,
    }

    pub struct KernelInfo {
        pub machine: Option<String>,
        pub release: Option<String>,
        pub sysname: Option<String>,
        pub version: Option<String>,
    }

    /// One row of `/nodes/{node}/disks/list`.
    pub struct Disk {
        pub devpath: String,
        pub model: Option<String>,
        pub serial: Option<String>,
        pub vendor: Option<String>,
        pub wwn: Option<String>,
        /// `nvme`, `ssd`, `hdd`, `usb` …
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// `PASSED`, `FAILED!`, `OK`, `UNKNOWN`.
        pub health: Option<String>,
        pub wearout: Option<Wearout>,
        pub size: Option<u64>,
        pub rpm: Option<Rpm>,
        /// What it is used for, such as `ZFS`, `LVM`, `partitions`.
        pub used: Option<String>,
        pub gpt: Option<bool>,
        /// The disk of a partition.
        pub parent: Option<String>,
        pub by_id_link: Option<String>,
        /// −1: no Ceph OSD.
        pub osdid: Option<i64>,
    }

    /// One row of `/nodes/{node}/disks/zfs`.
    pub struct ZfsPool {
        pub name: String,
        /// `ONLINE`, `DEGRADED` …
        pub health: Option<String>,
        pub size: Option<u64>,
        pub alloc: Option<u64>,
        pub free: Option<u64>,
        /// Percent.
        pub frag: Option<f64>,
        pub dedup: Option<f64>,
    }

    /// `/nodes/{node}/disks/zfs/{pool}`.
    pub struct ZfsPoolDetail {
        pub name: String,
        pub state: Option<String>,
        pub status: Option<String>,
        pub action: Option<String>,
        pub scan: Option<String>,
        pub errors: Option<String>,
        pub leaf: bool,
        pub children: Vec<ZfsVdev>,
    }

    /// A device or a group of devices of a pool.
    pub struct ZfsVdev {
        pub name: String,
        pub state: Option<String>,
        pub read: Option<u64>,
        pub write: Option<u64>,
        pub cksum: Option<u64>,
        pub msg: Option<String>,
        pub leaf: bool,
        pub children: Vec<ZfsVdev>,
    }

    /// One row of `/nodes/{node}/network`.
    pub struct NetworkInterface {
        pub iface: String,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub address: Option<String>,
        pub address6: Option<String>,
        pub netmask: Option<String>,
        pub cidr: Option<String>,
        pub cidr6: Option<String>,
        pub gateway: Option<String>,
        pub active: bool,
    }

    /// One row of `/nodes/{node}/apt/update`.
    pub struct AptUpdate {
        #[serde(rename = "Package")]
        pub package: String,
        #[serde(rename = "Title")]
        pub title: Option<String>,
        #[serde(rename = "Version")]
        pub version: Option<String>,
        #[serde(rename = "OldVersion")]
        pub old_version: Option<String>,
        #[serde(rename = "Origin")]
        pub origin: Option<String>,
        #[serde(rename = "Priority")]
        pub priority: Option<String>,
        #[serde(rename = "Section")]
        pub section: Option<String>,
    }

    /// One row of `/nodes/{node}/apt/versions`: a package that matters to Proxmox, as installed.
    pub struct AptVersion {
        #[serde(rename = "Package")]
        pub package: String,
        /// Installed version.
        #[serde(rename = "OldVersion")]
        pub installed: Option<String>,
        /// Newest version that is known.
        #[serde(rename = "Version")]
        pub version: Option<String>,
        /// `Installed`, `NotInstalled` …
        #[serde(rename = "CurrentState")]
        pub state: Option<String>,
        /// On the row of `proxmox-ve`: release of the kernel that runs.
        #[serde(rename = "RunningKernel")]
        pub running_kernel: Option<String>,
    }

    /// One row of `/nodes/{node}/certificates/info`.
    pub struct Certificate {
        /// Such as `pve-ssl.pem`, `pveproxy-ssl.pem` (a custom one) or `pve-root-ca.pem`.
        pub filename: String,
        pub subject: Option<String>,
        pub issuer: Option<String>,
        pub san: Vec<String>,
        pub notbefore: Option<i64>,
        pub notafter: Option<i64>,
        pub fingerprint: Option<String>,
    }
}

/// One row of `rrddata`: a time and whatever series the version has. Gaps are absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RrdPoint {
    /// Epoch seconds.
    pub time: i64,
    pub values: BTreeMap<String, f64>,
}

impl RrdPoint {
    pub fn get(&self, series: &str) -> Option<f64> {
        self.values.get(series).copied()
    }
}

impl<'de> serde::Deserialize<'de> for RrdPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values: BTreeMap<String, f64> = read_numbers(deserializer)?
            .into_iter()
            .map(|(series, number)| (series, number.0))
            .collect();
        let time = values.remove("time").map_or(0, |time| time as i64);
        Ok(Self { time, values })
    }
}
