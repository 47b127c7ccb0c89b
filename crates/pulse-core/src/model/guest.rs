//! A virtual machine or container.

use serde::{Deserialize, Serialize};

use super::shared::{Capacity, Filesystem, Liveness, Memory};
use crate::rates::Rates;
use crate::reading::{Reading, Unknown};
use crate::units::{BytesPerSecond, Ratio, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    Qemu,
    Lxc,
    /// An application container from an OCI image (PVE 9.1 and later).
    Oci,
}

impl GuestKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
            Self::Oci => "oci",
        }
    }

    pub const fn is_vm(self) -> bool {
        matches!(self, Self::Qemu)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GuestStatus {
    Running,
    Stopped,
    Paused,
    /// Its node does not report it any more.
    Unknown,
    /// Any other word of PVE's.
    Other(String),
}

impl GuestStatus {
    pub fn parse(word: &str) -> Self {
        match word {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "paused" => Self::Paused,
            "" | "unknown" => Self::Unknown,
            other => Self::Other(other.to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }
}

/// Addresses of one network interface inside a guest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InterfaceAddresses {
    pub name: String,
    pub mac: String,
    pub addresses: Vec<String>,
    /// Cumulative bytes as the guest counts them.
    pub rx_bytes: u64,
    pub tx_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guest {
    /// `<instance>:<node>:<vmid>`; changes when the guest migrates.
    pub id: String,
    pub instance: String,
    pub node: String,
    pub vmid: u32,
    pub kind: GuestKind,
    pub name: String,
    pub status: GuestStatus,
    /// Share of the allotted cores.
    pub cpu: Ratio,
    pub cpus: u32,
    pub memory: Memory,
    /// Whole guest: sum of its filesystems where an agent tells, else the allocation.
    pub disk: Capacity,
    pub filesystems: Vec<Filesystem>,
    #[serde(skip)]
    pub rates: GuestRates,
    /// Seconds.
    pub uptime: u64,
    pub template: bool,
    pub tags: Vec<String>,
    pub lock: String,
    pub pool: String,
    pub os_name: String,
    pub os_version: String,
    pub agent_version: String,
    pub os_template: String,
    pub ip_addresses: Vec<String>,
    pub interfaces: Vec<InterfaceAddresses>,
    /// When the guest agent's facts were read.
    pub agent_seen: Option<Timestamp>,
    pub last_backup: Option<Timestamp>,
    /// When PVE last reported it.
    pub seen: Timestamp,
    pub liveness: Liveness,
}

/// [`Rates`] with the default that serde's skip needs.
pub type GuestRates = Rates;

impl Guest {
    /// Key that survives migration inside an instance.
    pub fn key(&self) -> (&str, u32) {
        (&self.instance, self.vmid)
    }

    /// Why the disk use is unknown, in v5's words.
    pub fn disk_reason(&self) -> Option<Unknown> {
        self.disk.used.reason()
    }

    pub fn net_in(&self) -> Reading<BytesPerSecond> {
        self.rates.net_in
    }
}
