//! How big the simulated datacenter is.

use std::str::FromStr;
use std::time::Duration;

/// The five sizes that targets are measured at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fleet {
    /// One standalone node, 15 guests.
    S,
    /// One cluster of 4 nodes, 150 guests.
    M,
    /// One cluster of 20 nodes, 800 guests.
    L,
    /// 10 clusters of 10 nodes, 5,000 guests.
    Xl,
    /// 40 clusters of 10 nodes, 20,000 guests.
    Xxl,
}

impl FromStr for Fleet {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.to_ascii_uppercase().as_str() {
            "S" => Ok(Self::S),
            "M" => Ok(Self::M),
            "L" => Ok(Self::L),
            "XL" => Ok(Self::Xl),
            "XXL" => Ok(Self::Xxl),
            _ => Err(format!("unknown fleet {s}: use S, M, L, XL or XXL")),
        }
    }
}

/// What to build.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetSpec {
    /// Clusters; a cluster of one node is a standalone node without `type: cluster` entry.
    pub clusters: usize,
    pub nodes_per_cluster: usize,
    pub guests_per_cluster: usize,
    /// Share of guests that are stopped, 0–1.
    pub stopped: f64,
    /// How long every 401 is held back; Proxmox VE takes three seconds.
    pub auth_delay: Duration,
    /// How long a silent guest agent takes to be reported; Proxmox VE takes three seconds.
    pub agent_delay: Duration,
}

impl FleetSpec {
    /// Any shape; the other settings as in a named fleet, without delays.
    pub fn new(clusters: usize, nodes_per_cluster: usize, guests_per_cluster: usize) -> Self {
        Self {
            clusters: clusters.clamp(1, 250),
            nodes_per_cluster: nodes_per_cluster.clamp(1, 250),
            guests_per_cluster,
            stopped: 0.1,
            auth_delay: Duration::ZERO,
            agent_delay: Duration::ZERO,
        }
    }

    /// The waits of a real server before a 401 and before a silent agent is given up.
    pub fn with_real_delays(mut self) -> Self {
        self.auth_delay = Duration::from_secs(3);
        self.agent_delay = Duration::from_secs(3);
        self
    }
}

impl From<Fleet> for FleetSpec {
    fn from(fleet: Fleet) -> Self {
        match fleet {
            Fleet::S => Self::new(1, 1, 15),
            Fleet::M => Self::new(1, 4, 150),
            Fleet::L => Self::new(1, 20, 800),
            Fleet::Xl => Self::new(10, 10, 500),
            Fleet::Xxl => Self::new(40, 10, 500),
        }
    }
}
