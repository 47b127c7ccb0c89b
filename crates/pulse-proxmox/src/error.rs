//! What a call can end with besides its answer.
//!
//! Decisions (retry, fail over, show "log in again") are made on types and status codes, never by
//! searching texts for numbers. No variant carries a secret.

use std::collections::BTreeMap;
use std::fmt;

use crate::decode::DecodeError;
use crate::outbound::{Answer, TlsFailure, TransportError};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Status with which pveproxy says that it cannot connect to another node or to its own daemon.
pub const CONNECT_FAILED: u16 = 595;
/// Status with which pveproxy says that the other node or daemon did not answer in time.
pub const PROXY_TIMEOUT: u16 = 596;

/// A failed call: where, what, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// `host:port` of the server that was asked.
    pub endpoint: String,
    /// Path below `/api2/json`, without the query.
    pub path: String,
    pub kind: Box<ErrorKind>,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(
        "the server redirects to {0}; enter the address it redirects to, redirects are not followed"
    )]
    Redirect(String),
    /// Every endpoint of a cluster is down; each with its last error.
    #[error("no endpoint of the cluster answers: {}; check the addresses in Settings → Nodes", list(.0))]
    NoEndpoint(Vec<(String, String)>),
}

/// A login that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    #[error("login refused ({0}); check user, realm and password in Settings → Nodes")]
    Refused(String),
    #[error(
        "two-factor account cannot be used; create an API token for it, or use an account without second factor"
    )]
    TwoFactor,
    #[error("the login answer carries no ticket; check that the address is a Proxmox API")]
    NoTicket,
}

/// An HTTP answer of 400 and above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusError {
    pub status: u16,
    /// Text after the code in the status line, when it is not the standard one.
    pub reason: Option<String>,
    /// `message` of the body (newer versions).
    pub message: Option<String>,
    /// `errors` of the body: parameter → complaint.
    pub errors: BTreeMap<String, String>,
    /// Start of a body that is not the API's JSON, such as a proxy's HTML page.
    pub excerpt: Option<String>,
    /// The path was about one node, so 595 and 596 speak of that node.
    pub node: Option<String>,
}

impl StatusError {
    /// The server's own words: reason phrase, else `message`, else the start of the body.
    pub fn text(&self) -> Option<&str> {
        self.reason
            .as_deref()
            .or(self.message.as_deref())
            .or(self.excerpt.as_deref())
    }

    pub(crate) fn read(answer: &Answer, node: Option<&str>) -> Self {
        #[derive(serde::Deserialize)]
        struct Body {
            message: Option<serde_json::Value>,
            errors: Option<BTreeMap<String, serde_json::Value>>,
        }
        let plain = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
        let excerpt = body
            .is_none()
            .then(|| excerpt(&answer.body))
            .filter(|text| !text.is_empty());
        let (message, errors) = body.map_or((None, None), |body| (body.message, body.errors));
        Self {
            status: answer.status,
            reason: answer.reason.clone(),
            message: message.map(plain).filter(|text| !text.is_empty()),
            errors: errors
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, plain(value)))
                .collect(),
            excerpt,
            node: node.map(ToOwned::to_owned),
        }
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match self.status {
            401 => "check the API token or password in Settings → Nodes",
            403 => {
                "grant the privilege; a token with privilege separation needs it on the token and on its user"
            }
            CONNECT_FAILED | PROXY_TIMEOUT if self.node.is_some() => {
                "the node is off, or its API services do not answer"
            }
            CONNECT_FAILED | PROXY_TIMEOUT => {
                "pvedaemon of this server does not answer; check its service"
            }
            501 => "this version of the server does not offer the call",
            _ => return None,
        })
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {}", self.status)?;
        if let Some(text) = self.text() {
            write!(f, " {text}")?;
        }
        for (parameter, complaint) in &self.errors {
            write!(f, "; {parameter}: {complaint}")?;
        }
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StatusError {}

impl Error {
    pub(crate) fn new(endpoint: &str, path: &str, kind: impl Into<ErrorKind>) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            path: path.to_owned(),
            kind: Box::new(kind.into()),
        }
    }

    /// HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.status_error().map(|status| status.status)
    }

    pub fn status_error(&self) -> Option<&StatusError> {
        match &*self.kind {
            ErrorKind::Status(status) => Some(status),
            _ => None,
        }
    }

    pub fn transport(&self) -> Option<&TransportError> {
        match &*self.kind {
            ErrorKind::Transport(transport) => Some(transport),
            _ => None,
        }
    }

    /// The TLS failure, if that is what happened.
    pub fn tls(&self) -> Option<&TlsFailure> {
        match self.transport() {
            Some(TransportError::Tls(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The credentials are not accepted. Never true for 403, 595 or a certificate problem.
    pub fn is_auth(&self) -> bool {
        self.status() == Some(401) || matches!(&*self.kind, ErrorKind::Login(_))
    }

    /// The credentials are accepted but lack a privilege.
    pub fn is_permission(&self) -> bool {
        self.status() == Some(403)
    }

    /// Time ran out: ours, or that of a proxying node (596).
    pub fn is_timeout(&self) -> bool {
        self.transport().is_some_and(TransportError::is_timeout)
            || matches!(self.status(), Some(408 | 504 | PROXY_TIMEOUT))
    }

    /// The thing asked for does not exist. PVE never says 404; it names the missing thing in a 500.
    pub fn is_not_found(&self) -> bool {
        let Some(status) = self.status_error() else {
            return false;
        };
        let says = |text: &str| status.text().is_some_and(|reason| reason.contains(text));
        match status.status {
            404 => true,
            400 => status.errors.values().any(|complaint| {
                complaint.contains("does not exist") || complaint.contains("no such")
            }),
            500 => says("does not exist") || says("No such file or directory") || says("no such"),
            _ => false,
        }
    }

    /// The server does not offer this call (501), or lacks the software for it.
    pub fn is_not_implemented(&self) -> bool {
        self.status() == Some(501)
    }

    /// A guest agent that is not installed, not running or does not answer: expected, not a fault.
    pub fn is_guest_agent(&self) -> bool {
        self.status_error().is_some_and(|status| {
            status.status == 500
                && status.text().is_some_and(|text| {
                    text.contains("guest agent")
                        || text.contains("guest-agent")
                        || text.contains("QMP command")
                        || text.contains("qga")
                })
        })
    }

    /// The node that the path is about is off or hangs; the endpoint that said so works.
    pub fn is_node_unreachable(&self) -> bool {
        self.status_error()
            .is_some_and(|status| is_proxy_status(status.status) && status.node.is_some())
    }

    /// The asked endpoint itself cannot serve: no connection, broken TLS, or its own daemon is down.
    pub fn is_connection(&self) -> bool {
        match &*self.kind {
            ErrorKind::Transport(transport) => !matches!(
                transport,
                TransportError::TooLarge { .. } | TransportError::Request(_)
            ),
            ErrorKind::Status(status) => {
                is_proxy_status(status.status) && status.node.is_none()
                    || status.is_cluster_filesystem()
            }
            ErrorKind::NoEndpoint(_) => true,
            _ => false,
        }
    }

    /// The server asks for patience.
    pub fn is_overloaded(&self) -> bool {
        matches!(self.status(), Some(408 | 425 | 429 | 502 | 503 | 504))
    }

    /// The same call may succeed later without anybody changing something.
    pub fn is_retryable(&self) -> bool {
        match &*self.kind {
            ErrorKind::Transport(transport) => !matches!(
                transport,
                TransportError::Tls(_)
                    | TransportError::TooLarge { .. }
                    | TransportError::Forbidden(_)
                    | TransportError::Request(_)
                    | TransportError::NotHttp(_)
            ),
            ErrorKind::Status(status) => {
                matches!(status.status, 408 | 425 | 429)
                    || status.status >= 500 && status.status != 501 && !self.is_not_found()
            }
            ErrorKind::NoEndpoint(_) => true,
            ErrorKind::Decode(_) | ErrorKind::Login(_) | ErrorKind::Redirect(_) => false,
        }
    }
}

impl Error {
    /// May go without a change of our settings: what is worth retrying, and what a server shows
    /// while it is re-installed, restarted behind a proxy, or has its certificate renewed.
    pub fn heals_itself(&self) -> bool {
        let passing = matches!(
            &*self.kind,
            ErrorKind::Decode(_) | ErrorKind::Transport(TransportError::Tls(_))
        );
        passing || self.is_permission() || self.is_retryable()
    }
}

impl StatusError {
    /// pmxcfs of the answering server is down: all its configuration is out of reach.
    fn is_cluster_filesystem(&self) -> bool {
        self.status == 500
            && self
                .text()
                .is_some_and(|text| text.contains("ipcc_send_rec"))
    }
}

fn is_proxy_status(status: u16) -> bool {
    matches!(status, CONNECT_FAILED | PROXY_TIMEOUT)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            ErrorKind::Status(_) | ErrorKind::Decode(_) => {
                write!(f, "{}: {}: {}", self.endpoint, self.path, self.kind)
            }
            _ => write!(f, "{}: {}", self.endpoint, self.kind),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// The first line or so of foreign bytes, safe to print.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(1024)];
    let text = String::from_utf8_lossy(start);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(160).collect()
}

fn list(endpoints: &[(String, String)]) -> String {
    endpoints
        .iter()
        .map(|(name, error)| format!("{name} ({error})"))
        .collect::<Vec<_>>()
        .join(", ")
}
