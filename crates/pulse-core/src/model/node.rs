//! A Proxmox VE node.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::shared::{Capacity, Liveness, Memory};
use super::{InstanceHealth, NodeUpkeep};
use crate::units::{Ratio, Timestamp};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuInfo {
    pub model: String,
    /// Threads.
    pub cores: u32,
    pub sockets: u32,
    /// As PVE prints it, for example `2893.20`.
    pub mhz: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// `<cluster>-<node>` for members of a named cluster, else `<instance>-<node>`.
    pub id: String,
    pub name: String,
    pub display_name: String,
    pub instance: String,
    pub cluster: Option<String>,
    /// URL under which it is polled.
    pub host: String,
    pub guest_url: String,
    pub online: bool,
    /// What PVE says when it is neither `online` nor `offline`.
    pub raw_status: String,
    pub health: InstanceHealth,
    /// Share of all cores.
    pub cpu: Ratio,
    pub memory: Memory,
    pub disk: Capacity,
    /// Seconds.
    pub uptime: u64,
    pub load: Option<[f64; 3]>,
    pub kernel_version: String,
    pub pve_version: String,
    pub cpu_info: CpuInfo,
    /// Temperatures, updates, certificates. Set by the inventory.
    pub upkeep: Arc<NodeUpkeep>,
    /// Host agent on the same machine.
    pub linked_host: Option<String>,
    /// When PVE last reported it online.
    pub seen: Timestamp,
    pub liveness: Liveness,
}
