//! Pieces that several resources have.

use serde::{Deserialize, Serialize};

use crate::reading::{Reading, Unknown};
use crate::units::{Bytes, Timestamp};

/// Names a resource for the life of the process; used on the delta protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle(pub u32);

/// How fresh a resource is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Liveness {
    /// Reported within three poll intervals.
    #[default]
    Fresh,
    /// Not reported for a while; the values are the last known ones.
    Stale,
}

/// Where a memory figure comes from, best evidence first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemorySource {
    /// `MemAvailable` as the node or the guest's balloon driver reports it.
    MeminfoAvailable,
    AvailableField,
    AvailField,
    /// Free + buffers + cached.
    DerivedFreeBuffersCached,
    MeminfoDerived,
    DerivedTotalMinusUsed,
    /// Free memory as the balloon driver reports it.
    StatusFreemem,
    StatusMem,
    RrdMemavailable,
    RrdMemused,
    NodeStatusUsed,
    NodesEndpoint,
    ClusterResources,
    PreviousSnapshot,
    HostAgent,
    PoweredOff,
    #[default]
    Unknown,
}

impl MemorySource {
    /// The label that v5's diagnostics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MeminfoAvailable => "meminfo-available",
            Self::AvailableField => "available-field",
            Self::AvailField => "avail-field",
            Self::DerivedFreeBuffersCached => "derived-free-buffers-cached",
            Self::MeminfoDerived => "meminfo-derived",
            Self::DerivedTotalMinusUsed => "derived-total-minus-used",
            Self::StatusFreemem => "status-freemem",
            Self::StatusMem => "status-mem",
            Self::RrdMemavailable => "rrd-memavailable",
            Self::RrdMemused => "rrd-memused",
            Self::NodeStatusUsed => "node-status-used",
            Self::NodesEndpoint => "nodes-endpoint",
            Self::ClusterResources => "cluster-resources",
            Self::PreviousSnapshot => "previous-snapshot",
            Self::HostAgent => "host-agent",
            Self::PoweredOff => "powered-off",
            Self::Unknown => "unknown",
        }
    }
}

/// Main memory of a node, guest or host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub total: Bytes,
    pub used: Bytes,
    /// Current balloon size; 0 when the guest has none.
    pub balloon: Bytes,
    pub swap_used: Bytes,
    pub swap_total: Bytes,
    /// Counted as used by the source but given back on demand (the ZFS cache above its minimum):
    /// already taken off `used`. What the source said is `used + reclaimable`.
    pub reclaimable: Bytes,
    pub source: MemorySource,
    /// When this figure was read; older than the rest when it had to be kept.
    pub at: Timestamp,
}

impl Memory {
    pub fn free(&self) -> Bytes {
        self.total.saturating_sub(self.used)
    }
}

/// Total and used bytes of one thing, where the use may be unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    pub total: Bytes,
    pub used: Reading<Bytes>,
    /// What ordinary users can still take, where the source tells; less than total − used where
    /// blocks are reserved.
    pub available: Option<Bytes>,
}

impl Capacity {
    pub const fn known(total: Bytes, used: Bytes) -> Self {
        Self {
            total,
            used: Reading::Known(used),
            available: None,
        }
    }

    /// Use that is not known, of a size that is.
    pub const fn unknown(total: Bytes, reason: Unknown) -> Self {
        Self {
            total,
            used: Reading::Unknown(reason),
            available: None,
        }
    }
}

/// One mounted filesystem of a guest or host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filesystem {
    pub mountpoint: String,
    pub kind: String,
    pub device: String,
    pub total: Bytes,
    pub used: Bytes,
    /// Available to ordinary users; less than total − used where blocks are reserved for root.
    pub free: Bytes,
    /// 0–100, as the source computed it.
    pub usage: f64,
}
