//! Answers about virtual machines and containers.

use std::collections::BTreeMap;

use serde::de::Deserializer;

use super::cluster::read_texts;
use super::quirks::AgentFlag;
use crate::decode::tolerant;

tolerant! {
    /// One row of `/nodes/{node}/qemu` or `/lxc`, and `status/current` of a guest. The lists give a
    /// part of it; statistics exist for running virtual machines only.
    pub struct GuestStatus {
        /// 0 only if `status/current` leaves it out.
        pub vmid: u32,
        pub name: Option<String>,
        /// Host name of a container on some versions.
        pub hostname: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// `running` or `stopped`.
        pub status: Option<String>,
        /// What QEMU says, such as `paused`.
        pub qmpstatus: Option<String>,
        pub template: bool,
        pub tags: Option<String>,
        pub lock: Option<String>,
        pub pid: Option<u64>,
        pub cpu: Option<f64>,
        pub cpus: Option<f64>,
        pub mem: Option<u64>,
        pub maxmem: Option<u64>,
        /// Memory of the host process (PVE 9).
        pub memhost: Option<u64>,
        pub swap: Option<u64>,
        pub maxswap: Option<u64>,
        pub disk: Option<u64>,
        pub maxdisk: Option<u64>,
        /// Counters since the guest's start, from the guest's side.
        pub netin: Option<u64>,
        pub netout: Option<u64>,
        pub diskread: Option<u64>,
        pub diskwrite: Option<u64>,
        pub uptime: Option<u64>,
        pub balloon: Option<u64>,
        pub balloon_min: Option<u64>,
        pub freemem: Option<u64>,
        pub shares: Option<u64>,
        pub ballooninfo: Option<Box<BalloonInfo>>,
        pub meminfo: Option<Box<GuestMemInfo>>,
        pub agent: Option<AgentFlag>,
        pub ha: Option<GuestHa>,
        /// Per host-side interface.
        pub nics: BTreeMap<String, InterfaceCounters>,
        /// Per disk.
        pub blockstat: BTreeMap<String, BlockStat>,
        #[serde(rename = "running-qemu")]
        pub running_qemu: Option<String>,
        #[serde(rename = "running-machine")]
        pub running_machine: Option<String>,
        /// Usage per mount point of a container, where a version gives it.
        pub diskinfo: BTreeMap<String, GuestDiskUsage>,
        /// Addresses of a container, where a version gives them.
        pub ip: Option<String>,
        pub ip6: Option<String>,
    }

    /// What the balloon driver reports.
    pub struct BalloonInfo {
        pub actual: Option<u64>,
        pub max_mem: Option<u64>,
        pub free_mem: Option<u64>,
        pub total_mem: Option<u64>,
        pub last_update: Option<i64>,
        pub major_page_faults: Option<u64>,
        pub minor_page_faults: Option<u64>,
        pub mem_swapped_in: Option<u64>,
        pub mem_swapped_out: Option<u64>,
    }

    pub struct GuestMemInfo {
        pub total: Option<u64>,
        pub used: Option<u64>,
        pub free: Option<u64>,
        pub available: Option<u64>,
        pub buffers: Option<u64>,
        pub cached: Option<u64>,
        pub shared: Option<u64>,
    }

    pub struct GuestHa {
        pub managed: bool,
        pub state: Option<String>,
        pub group: Option<String>,
    }

    pub struct InterfaceCounters {
        pub netin: Option<u64>,
        pub netout: Option<u64>,
    }

    /// Counters of one virtual disk.
    pub struct BlockStat {
        pub rd_bytes: Option<u64>,
        pub wr_bytes: Option<u64>,
        pub rd_operations: Option<u64>,
        pub wr_operations: Option<u64>,
        pub rd_total_time_ns: Option<u64>,
        pub wr_total_time_ns: Option<u64>,
        pub flush_operations: Option<u64>,
        pub flush_total_time_ns: Option<u64>,
        pub failed_rd_operations: Option<u64>,
        pub failed_wr_operations: Option<u64>,
        pub failed_flush_operations: Option<u64>,
        /// Highest byte written since start: a lower bound of what is used.
        pub wr_highest_offset: Option<u64>,
    }

    pub struct GuestDiskUsage {
        pub total: Option<u64>,
        pub used: Option<u64>,
    }

    /// One row of `snapshot`. The last row, `current`, is not a snapshot.
    pub struct Snapshot {
        pub name: String,
        pub description: Option<String>,
        pub snaptime: Option<i64>,
        pub parent: Option<String>,
        pub vmstate: bool,
        /// On the `current` row: whether the guest runs.
        pub running: Option<bool>,
        pub digest: Option<String>,
    }

    /// One row of `agent/network-get-interfaces`.
    pub struct AgentInterface {
        pub name: String,
        #[serde(rename = "hardware-address")]
        pub mac: Option<String>,
        #[serde(rename = "ip-addresses")]
        pub addresses: Vec<AgentAddress>,
        /// `rx-bytes`, `tx-bytes`, `rx-errs` …
        pub statistics: BTreeMap<String, u64>,
    }

    pub struct AgentAddress {
        #[serde(rename = "ip-address")]
        pub address: String,
        #[serde(rename = "ip-address-type")]
        pub family: Option<String>,
        pub prefix: Option<u32>,
    }

    /// One row of `agent/get-fsinfo`.
    pub struct AgentFilesystem {
        pub name: Option<String>,
        /// `C:\` on Windows.
        pub mountpoint: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        #[serde(rename = "total-bytes")]
        pub total: Option<u64>,
        /// Total including reserved blocks (newer agents).
        #[serde(rename = "total-bytes-privileged")]
        pub total_privileged: Option<u64>,
        #[serde(rename = "used-bytes")]
        pub used: Option<u64>,
        pub disk: Vec<AgentFilesystemDisk>,
    }

    /// The virtual disk that a file system lies on.
    pub struct AgentFilesystemDisk {
        pub dev: Option<String>,
        pub serial: Option<String>,
        #[serde(rename = "bus-type")]
        pub bus_type: Option<String>,
        pub bus: Option<i64>,
        pub target: Option<i64>,
        pub unit: Option<i64>,
    }

    /// `agent/get-osinfo`. Windows says `id` `mswindows`.
    pub struct AgentOs {
        pub id: Option<String>,
        pub name: Option<String>,
        #[serde(rename = "pretty-name")]
        pub pretty_name: Option<String>,
        pub version: Option<String>,
        #[serde(rename = "version-id")]
        pub version_id: Option<String>,
        #[serde(rename = "kernel-release")]
        pub kernel_release: Option<String>,
        #[serde(rename = "kernel-version")]
        pub kernel_version: Option<String>,
        pub machine: Option<String>,
    }

    /// `agent/info`.
    pub struct AgentInfo {
        pub version: Option<String>,
    }

    /// One row of a container's `interfaces`.
    pub struct LxcInterface {
        pub name: String,
        pub hwaddr: Option<String>,
        /// IPv4 address with prefix length.
        pub inet: Option<String>,
        /// IPv6 address with prefix length.
        pub inet6: Option<String>,
        /// All addresses (newer versions).
        #[serde(rename = "ip-addresses")]
        pub addresses: Vec<LxcAddress>,
    }

    pub struct LxcAddress {
        #[serde(rename = "ip-address")]
        pub address: String,
        #[serde(rename = "ip-address-type")]
        pub family: Option<String>,
        pub prefix: Option<u32>,
    }
}

/// Configuration of a guest: every key as text, whatever type it was served as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestConfig(pub BTreeMap<String, String>);

impl<'de> serde::Deserialize<'de> for GuestConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_texts(deserializer).map(Self)
    }
}

impl GuestConfig {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Entries named `prefix` and a number, such as `net0`, in order of the number.
    pub fn numbered<'a>(&'a self, prefix: &str) -> Vec<(u32, &'a str)> {
        let mut found: Vec<(u32, &str)> = self
            .0
            .iter()
            .filter_map(|(key, value)| {
                Some((key.strip_prefix(prefix)?.parse().ok()?, value.as_str()))
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// A property string such as `virtio=MAC,bridge=vmbr0` as pairs; a part without `=` has an empty key.
    pub fn properties(value: &str) -> impl Iterator<Item = (&str, &str)> {
        value
            .split(',')
            .map(|part| part.split_once('=').unwrap_or(("", part)))
    }
}
