//! An answer before it is written to a socket.

use bytes::Bytes;

/// Status, reason phrase and body. Proxmox VE puts its error texts into the reason phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    pub body: Bytes,
    /// The guest agent was waited for in vain: a real server takes its time before it says so.
    pub after_agent_wait: bool,
}

impl Reply {
    pub(crate) fn ok(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            reason: "OK".into(),
            body: body.into(),
            after_agent_wait: false,
        }
    }

    /// An error with the usual body `{"data":null}`.
    pub(crate) fn error(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            body: Bytes::from_static(b"{\"data\":null}"),
            after_agent_wait: false,
        }
    }

    /// An error without body: 401, 595 and 596.
    pub(crate) fn bare(status: u16, reason: impl Into<String>) -> Self {
        Self {
            body: Bytes::new(),
            ..Self::error(status, reason)
        }
    }

    /// The only structured error: a parameter that is wrong.
    pub(crate) fn parameter(name: &str, text: &str) -> Self {
        let body = serde_json::json!({"data": null, "errors": {name: text}});
        Self {
            body: body.to_string().into(),
            ..Self::error(400, "Parameter verification failed.")
        }
    }

    pub(crate) fn not_implemented(method: &str, path: &str) -> Self {
        Self::error(501, format!("Method '{method} {path}' not implemented"))
    }

    pub(crate) fn forbidden(path: &str, privilege: &str) -> Self {
        Self::error(
            403,
            format!("Permission check failed ({path}, {privilege})"),
        )
    }

    /// The body as JSON, null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
