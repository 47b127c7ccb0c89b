//! A configured connection: one Proxmox server or cluster.

use serde::{Deserialize, Serialize};

use super::PermissionGap;
use crate::units::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceKind {
    Pve,
    Pbs,
    Pmg,
}

impl InstanceKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pve => "pve",
            Self::Pbs => "pbs",
            Self::Pmg => "pmg",
        }
    }
}

/// Whether the connection works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceHealth {
    /// Nothing was asked yet.
    #[default]
    Pending,
    Healthy,
    /// Some endpoints of the cluster do not answer.
    Degraded,
    Error,
}

impl InstanceHealth {
    /// The word of v5's `connectionHealth`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending | Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Error => "error",
        }
    }
}

/// What is known about a connection itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceState {
    pub kind: InstanceKind,
    pub name: String,
    pub health: InstanceHealth,
    /// Last poll that worked.
    pub last_success: Option<Timestamp>,
    /// Why the last poll failed, in words for the operator; none while it works.
    pub error: Option<String>,
    pub failures: u32,
    /// What its credentials may not read.
    pub gaps: Vec<PermissionGap>,
    /// Demo data: from the simulated datacenter, removed when demo mode ends.
    pub demo: bool,
}
