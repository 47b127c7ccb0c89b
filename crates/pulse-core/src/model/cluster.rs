//! A Proxmox VE cluster: quorum and high availability.

use serde::{Deserialize, Serialize};

use super::shared::Liveness;
use crate::units::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterMember {
    pub node: String,
    /// Corosync's number.
    pub node_id: u32,
    pub ip: String,
    pub online: bool,
    pub votes: Option<u32>,
}

/// The external vote of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QDevice {
    pub model: String,
    pub host: String,
    /// As corosync says it, such as `Connected`.
    pub state: String,
    /// Whether it works as far as `state` tells.
    pub connected: bool,
    pub algorithm: String,
}

/// The local resource manager of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HaNode {
    pub node: String,
    /// `active`, `idle`, `maintenance`, `wait_for_agent_lock`, `lost_agent_lock`, `unknown` …
    pub state: String,
    pub last_contact: Option<Timestamp>,
}

/// One managed guest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HaService {
    /// `vm:100` or `ct:105`.
    pub sid: String,
    pub vmid: u32,
    pub node: String,
    /// `started`, `stopped`, `error`, `fence`, `recovery`, `freeze`, `queued`, `migrate` …
    pub state: String,
    pub requested: String,
    pub group: String,
    pub max_restart: Option<u32>,
    pub max_relocate: Option<u32>,
    pub comment: String,
}

impl HaService {
    /// Whether it needs somebody's attention.
    pub fn is_troubled(&self) -> bool {
        matches!(self.state.as_str(), "error" | "fence" | "recovery")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HaState {
    /// The node whose cluster resource manager decides; empty when there is none.
    pub master: String,
    pub master_state: String,
    pub quorum_ok: Option<bool>,
    pub nodes: Vec<HaNode>,
    pub services: Vec<HaService>,
}

/// What a cluster says about itself. Standalone nodes have none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterState {
    /// The instance's name: an instance watches at most one cluster.
    pub instance: String,
    pub name: String,
    pub quorate: Option<bool>,
    pub members: Vec<ClusterMember>,
    /// Votes that are expected, and that are needed for a quorum; 0 is not known.
    pub expected_votes: u32,
    pub total_votes: u32,
    pub quorum: u32,
    pub qdevice: Option<QDevice>,
    pub ha: Option<HaState>,
    pub seen: Timestamp,
    pub liveness: Liveness,
}
