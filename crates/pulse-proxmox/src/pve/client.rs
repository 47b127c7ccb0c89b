//! A client of one Proxmox VE server. It never retries by itself, except once after a new login.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use tokio::time::Instant;

use super::api::PveApi;
use crate::auth::{Credentials, Dialect, Session};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result, StatusError};
use crate::meter::Meter;
use crate::outbound::{
    Answer, Fingerprint, Limits, Outbound, OutboundOptions, ServerAddress, TlsMode, TransportError,
};

/// How a server is asked.
#[derive(Debug, Clone)]
pub struct PveOptions {
    pub outbound: OutboundOptions,
    pub credentials: Credentials,
    /// Which product is asked: they write a login differently.
    pub dialect: Dialect,
    /// Upper bound for the deadline of every call (the `connectionTimeout` setting). Default 60 s.
    pub max_deadline: Duration,
    pub meter: Arc<Meter>,
}

impl PveOptions {
    pub fn new(address: ServerAddress, tls: TlsMode, credentials: Credentials) -> Self {
        Self {
            outbound: OutboundOptions::new(address, tls),
            credentials,
            dialect: Dialect::PVE,
            max_deadline: Duration::from_mins(1),
            meter: Arc::default(),
        }
    }
}

/// A client of one server.
pub struct PveClient {
    endpoint: String,
    outbound: Outbound,
    session: Session,
    max_deadline: Duration,
    meter: Arc<Meter>,
}

impl std::fmt::Debug for PveClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PveClient")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl PveClient {
    /// Prepares a client; nothing is sent before the first call.
    pub fn new(options: PveOptions) -> Result<Self> {
        let endpoint = options.outbound.address.authority();
        let outbound =
            Outbound::new(options.outbound).map_err(|error| Error::new(&endpoint, "", error))?;
        Ok(Self {
            endpoint,
            outbound,
            session: Session::new(options.dialect, options.credentials),
            max_deadline: options.max_deadline,
            meter: options.meter,
        })
    }

    /// `host:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn address(&self) -> &ServerAddress {
        self.outbound.address()
    }

    /// Fingerprint of the certificate that the server last showed, accepted or refused.
    pub fn certificate_seen(&self) -> Option<Fingerprint> {
        self.outbound.certificate_seen()
    }

    async fn ask(&self, call: &Call) -> Result<Bytes> {
        let limits = Limits {
            deadline: call.limits.deadline.min(self.max_deadline),
            ..call.limits
        };
        let exchange = async {
            let proof = self
                .session
                .prove(&self.outbound, &call.method, None)
                .await?;
            let answer = self.exchange(call, limits, proof.headers.clone()).await;
            match answer {
                Err(error) if error.status() == Some(401) && proof.is_renewable() => {
                    let renewed = self
                        .session
                        .prove(&self.outbound, &call.method, Some(&proof))
                        .await?;
                    self.exchange(call, limits, renewed.headers).await
                }
                answer => answer,
            }
        };
        // The deadline covers a login on the way, too.
        tokio::time::timeout(limits.deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(self.error(call, TransportError::Timeout(limits.deadline))))
    }

    async fn exchange(
        &self,
        call: &Call,
        limits: Limits,
        mut headers: http::HeaderMap,
    ) -> Result<Bytes> {
        let path = call.path_and_query();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !call.body.is_empty() {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        let send = || {
            let (method, headers, body) = (call.method.clone(), headers.clone(), call.body.clone());
            self.outbound.send(method, &path, headers, body, limits)
        };
        let mut answer = send().await;
        // Servers give up kept connections without notice; the first use of such a one fails at
        // once and says nothing about the server.
        if call.is_repeatable()
            && answer
                .as_ref()
                .is_err_and(|error| *error == TransportError::ClosedEarly)
        {
            answer = send().await;
        }
        let answer = answer.map_err(|error| self.error(call, error))?;
        match answer.status {
            200..300 => Ok(answer.body),
            300..400 => Err(redirect(&self.endpoint, &call.path, &answer)),
            _ => Err(self.error(call, StatusError::read(&answer, call.node.as_deref()))),
        }
    }

    fn error(&self, call: &Call, kind: impl Into<ErrorKind>) -> Error {
        Error::new(&self.endpoint, &call.path, kind)
    }
}

impl PveApi for PveClient {
    async fn send(&self, call: Call) -> Result<Bytes> {
        let began = Instant::now();
        let result = self.ask(&call).await;
        let bytes = result.as_ref().map_or(0, Bytes::len);
        self.meter
            .request(call.template, began.elapsed(), bytes, result.is_err());
        result
    }

    fn describe(&self) -> String {
        self.endpoint.clone()
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// The error that a redirecting answer stands for.
pub(crate) fn redirect(endpoint: &str, path: &str, answer: &Answer) -> Error {
    let target = answer
        .headers
        .get(LOCATION)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    // Only the origin: the rest may carry somebody's session.
    let target = String::from_utf8_lossy(target);
    let origin = match url::Url::parse(&target) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => "another path".to_owned(),
    };
    Error::new(endpoint, path, ErrorKind::Redirect(origin))
}
