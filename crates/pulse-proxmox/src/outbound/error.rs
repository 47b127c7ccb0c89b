//! What can go wrong between us and a server before it has given an HTTP answer.

use std::time::Duration;

use super::Fingerprint;

/// A request that got no usable HTTP answer. Each message says the cause and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    #[error("the host name cannot be resolved ({0}); check the name and the DNS of this machine")]
    Dns(String),
    #[error("the address {0} is not allowed by the outbound policy")]
    Forbidden(String),
    #[error("connection refused; check the port and that the API service is running")]
    Refused,
    #[error("no route to the host; check that it is powered on and reachable from here")]
    Unreachable,
    #[error("no connection within {}; check that the host is on and no firewall is between", seconds(.0))]
    ConnectTimeout(Duration),
    #[error("no complete answer within {}; the server is overloaded or waits for a dead storage or node", seconds(.0))]
    Timeout(Duration),
    #[error("the connection broke before the answer was complete ({0})")]
    Broken(String),
    /// The server closed the connection instead of answering; typical for a kept connection that
    /// it had just given up.
    #[error(
        "the server closed the connection without an answer; check the API service and anything between"
    )]
    ClosedEarly,
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    #[error(
        "the answer is larger than {limit} bytes and was refused; narrow the request or raise the limit"
    )]
    TooLarge { limit: usize },
    #[error("the answer is not HTTP ({0}); check that the port belongs to the API")]
    NotHttp(String),
    #[error("the request could not be built ({0})")]
    Request(String),
}

/// Why a TLS handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    #[error(
        "certificate fingerprint changed from {expected} to {seen}; if you renewed the certificate, accept the new one in Settings → Nodes"
    )]
    FingerprintChanged {
        expected: Fingerprint,
        seen: Fingerprint,
    },
    #[error(
        "the certificate has expired (fingerprint {seen}); renew it, or pin its fingerprint in Settings → Nodes"
    )]
    Expired { seen: Fingerprint },
    #[error(
        "the certificate is not valid yet (fingerprint {seen}); check the clocks of both machines"
    )]
    NotYetValid { seen: Fingerprint },
    #[error(
        "the certificate was issued by an unknown authority (fingerprint {seen}); pin its fingerprint in Settings → Nodes, or install the authority on this machine"
    )]
    UnknownIssuer { seen: Fingerprint },
    #[error(
        "the certificate does not carry this host name (fingerprint {seen}); use the name on the certificate, or pin its fingerprint in Settings → Nodes"
    )]
    HostnameMismatch { seen: Fingerprint },
    #[error(
        "the certificate was not accepted: {reason} (fingerprint {seen}); pin its fingerprint in Settings → Nodes"
    )]
    Rejected { seen: Fingerprint, reason: String },
    #[error("the port does not speak TLS; check the port, or use an http:// address")]
    NotTls,
    #[error("the TLS handshake failed ({0})")]
    Handshake(String),
}

impl TlsFailure {
    /// The certificate that was offered, if the handshake came that far.
    pub fn seen(&self) -> Option<Fingerprint> {
        match self {
            Self::FingerprintChanged { seen, .. }
            | Self::Expired { seen }
            | Self::NotYetValid { seen }
            | Self::UnknownIssuer { seen }
            | Self::HostnameMismatch { seen }
            | Self::Rejected { seen, .. } => Some(*seen),
            Self::NotTls | Self::Handshake(_) => None,
        }
    }
}

impl TransportError {
    /// Nothing of the request can have reached the server, so sending it elsewhere is safe.
    pub fn is_before_sending(&self) -> bool {
        !matches!(
            self,
            Self::Timeout(_)
                | Self::ClosedEarly
                | Self::Broken(_)
                | Self::TooLarge { .. }
                | Self::NotHttp(_)
        )
    }

    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::ConnectTimeout(_))
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}
