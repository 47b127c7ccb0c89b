//! A value that is known, or the reason why it is not.

use serde::{Deserialize, Serialize};

/// What was read. An unknown value is never 0: it says why it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reading<T> {
    Known(T),
    Unknown(Unknown),
}

impl<T: Copy> Reading<T> {
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Unknown(_) => None,
        }
    }

    pub fn reason(&self) -> Option<Unknown> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(reason) => Some(*reason),
        }
    }
}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self::Unknown(Unknown::NotReported)
    }
}

/// Why a value is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// The source answered without it.
    NotReported,
    /// A counter was seen once; a rate needs two.
    FirstSample,
    /// The guest does not run.
    VmStopped,
    /// The guest agent is off in the VM's options.
    AgentDisabled,
    /// The agent is enabled but does not answer inside the guest.
    AgentNotRunning,
    AgentTimeout,
    /// The monitoring user lacks `VM.Monitor` (PVE ≤ 8) or `VM.GuestAgent.Audit` (PVE 9).
    PermissionDenied,
    AgentError,
    NoFilesystems,
    SpecialFilesystemsOnly,
    /// The guest's status could not be read.
    NoStatus,
    /// The node or instance that would know is offline.
    SourceOffline,
}

impl Unknown {
    /// The word that v5 clients know (`diskStatusReason`), and that we use for the rest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReported => "not-reported",
            Self::FirstSample => "first-sample",
            Self::VmStopped => "vm-stopped",
            Self::AgentDisabled => "agent-disabled",
            Self::AgentNotRunning => "agent-not-running",
            Self::AgentTimeout => "agent-timeout",
            Self::PermissionDenied => "permission-denied",
            Self::AgentError => "agent-error",
            Self::NoFilesystems => "no-filesystems",
            Self::SpecialFilesystemsOnly => "special-filesystems-only",
            Self::NoStatus => "no-status",
            Self::SourceOffline => "source-offline",
        }
    }
}
