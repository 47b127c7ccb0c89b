//! The one door: a report about one source at one time.

use serde::{Deserialize, Serialize};

use crate::model::{Guest, Host, InstanceHealth, InstanceKind, Node, Storage};
use crate::units::Timestamp;

/// What one source said, or that it did not answer.
#[derive(Clone, Debug)]
pub struct SourceReport {
    /// When the answer was complete (polls) or received (pushes).
    pub at: Timestamp,
    /// From the simulated datacenter.
    pub demo: bool,
    pub body: ReportBody,
}

#[derive(Clone, Debug)]
pub enum ReportBody {
    Pve(Box<PveReport>),
    /// A poll of an instance failed as a whole.
    PollFailed {
        instance: String,
        kind: InstanceKind,
        failure: PollFailure,
    },
    Host(Box<Host>),
}

/// One poll of one PVE instance.
#[derive(Clone, Debug, Default)]
pub struct PveReport {
    pub instance: String,
    /// Seconds between polls; decides when things are stale.
    pub interval_seconds: u32,
    pub health: InstanceHealth,
    /// Nodes as PVE lists them; `online` is PVE's word of this poll.
    pub nodes: Vec<Node>,
    /// `None`: not asked or not answered this time; what was known stays.
    pub guests: Option<Vec<Guest>>,
    pub storages: Option<Vec<Storage>>,
    /// Nodes whose storage list was not answered: their entries stay.
    pub storages_missing_nodes: Vec<String>,
    /// What went wrong in parts of the poll, for the operator.
    pub notes: Vec<String>,
}

/// Why a poll failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollFailure {
    /// Thing, cause, way out; no secrets.
    pub message: String,
    pub auth: bool,
    /// Worth trying again soon.
    pub transient: bool,
}
