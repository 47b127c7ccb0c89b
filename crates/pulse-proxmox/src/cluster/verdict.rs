//! What a failed call says about the endpoint that was asked. Pure.

use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::outbound::TransportError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The endpoint works; the failure is the answer.
    Answer,
    /// The call failed for a reason that may lie in what it asks for; the endpoint is to be probed.
    Suspect,
    /// The endpoint works but wants a pause.
    Overloaded,
    /// The endpoint cannot serve.
    Down,
}

/// `own_node` is the node behind the endpoint.
pub(super) fn judge(error: &Error, call: &Call, own_node: Option<&str>) -> Verdict {
    if error.is_overloaded() {
        return Verdict::Overloaded;
    }
    match &*error.kind {
        ErrorKind::Transport(TransportError::TooLarge { .. } | TransportError::Request(_)) => {
            Verdict::Answer
        }
        // Storages, disks and nodes may hang behind an endpoint that is fine.
        ErrorKind::Transport(TransportError::Timeout(_)) if is_slow_subject(call) => {
            Verdict::Suspect
        }
        // The endpoint's own node is asked, and its daemon does not answer its proxy.
        ErrorKind::Status(_)
            if error.is_node_unreachable()
                && call.node.is_some()
                && call.node.as_deref() == own_node =>
        {
            Verdict::Suspect
        }
        _ if error.is_connection() => Verdict::Down,
        // A wrong page at the other end is no Proxmox API.
        ErrorKind::Redirect(_) => Verdict::Down,
        _ => Verdict::Answer,
    }
}

fn is_slow_subject(call: &Call) -> bool {
    call.node.is_some() || call.template.starts_with("/storage")
}

/// A write that may already have been done is not sent to a second endpoint.
pub(super) fn may_be_sent_elsewhere(error: &Error, call: &Call) -> bool {
    call.is_repeatable()
        || error
            .transport()
            .is_some_and(TransportError::is_before_sending)
}
