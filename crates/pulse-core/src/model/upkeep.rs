//! Upkeep of a node: temperatures, package updates, certificates; and what a poll may not read.

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoreTemperature {
    pub core: u32,
    pub celsius: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuTemperature {
    pub device: String,
    pub edge: Option<f64>,
    pub junction: Option<f64>,
    pub memory: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiskTemperature {
    pub device: String,
    pub serial: String,
    pub wwn: String,
    pub celsius: f64,
}

/// Temperatures of a node that its own sensors report (not those of a linked host agent).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeTemperatures {
    pub package: Option<f64>,
    pub hottest: Option<f64>,
    pub cores: Vec<CoreTemperature>,
    pub gpus: Vec<GpuTemperature>,
    pub nvme: Vec<DiskTemperature>,
    pub smart: Vec<DiskTemperature>,
    pub has_cpu: bool,
    pub read: Timestamp,
}

/// Lowest and highest CPU temperature since they are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemperatureRecord {
    pub lowest: f64,
    pub lowest_at: Timestamp,
    pub highest: f64,
    pub highest_at: Timestamp,
}

/// Pending package updates of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeUpdates {
    pub pending: u32,
    /// Those that are marked as security updates.
    pub security: u32,
    /// Whether the server marks them at all; else `security` says nothing.
    pub security_known: bool,
    /// Names of the packages that matter most, security first; at most 20.
    pub packages: Vec<String>,
    /// A newer kernel than the running one is installed.
    pub reboot_needed: Option<bool>,
    pub running_kernel: String,
    pub installed_kernel: String,
    pub read: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// File name, such as `pveproxy-ssl.pem`.
    pub file: String,
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    pub fingerprint: String,
}

/// What is asked of a node more seldom than its load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeUpkeep {
    pub temperatures: Option<NodeTemperatures>,
    pub record: Option<TemperatureRecord>,
    pub updates: Option<NodeUpdates>,
    pub certificates: Vec<Certificate>,
}

/// Something that the credentials of an instance may not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionGap {
    /// Empty: not of one node.
    pub node: String,
    /// What is missing, in words: `pending updates`, `guest agent` …
    pub capability: String,
    /// The privilege to grant, such as `Sys.Modify`.
    pub privilege: String,
    /// HTTP status of the refusal.
    pub status: u16,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}
