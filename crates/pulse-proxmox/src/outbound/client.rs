//! One HTTP client for one origin.
//!
//! HTTP/1.1 only, because the Proxmox daemons speak nothing else. Answers are asked for without
//! compression: on a local network the bytes are cheaper than the hypervisor's CPU, and nothing
//! can unpack to more than the size cap.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;

use super::connect::{Connector, io_failure};
use super::resolve::Resolver;
use super::{AddressCheck, Fingerprint, ServerAddress, TlsMode, TransportError};

/// Limit for reading the body of an answer of 400 and above.
const ERROR_BODY_WITHIN: Duration = Duration::from_secs(3);

/// How one origin is reached.
#[derive(Debug, Clone)]
pub struct OutboundOptions {
    pub address: ServerAddress,
    pub tls: TlsMode,
    /// Authorities trusted in [`TlsMode::System`] beside those of the machine.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Limit for resolving, connecting and the TLS handshake together. Default 10 s.
    pub connect_timeout: Duration,
    /// Idle connections kept. Each costs at most some 100 kB. Default 4.
    pub max_idle: usize,
    /// How long an idle connection is kept. Default 30 s.
    pub idle_timeout: Duration,
    /// How long resolved addresses are used again. Default 5 min.
    pub dns_cache: Duration,
    /// Policy on addresses; none allows all.
    pub address_check: Option<AddressCheck>,
    pub user_agent: String,
}

impl OutboundOptions {
    pub fn new(address: ServerAddress, tls: TlsMode) -> Self {
        Self {
            address,
            tls,
            extra_roots: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            max_idle: 4,
            idle_timeout: Duration::from_secs(30),
            dns_cache: Duration::from_mins(5),
            address_check: None,
            user_agent: concat!("pulse/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first step to the last byte of the answer.
    pub deadline: Duration,
    /// Largest body accepted, in bytes.
    pub max_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            max_body: 32 * 1024 * 1024,
        }
    }
}

/// A complete HTTP answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Text after the status code, when it is not the standard one. Proxmox puts its error text there.
    pub reason: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// HTTP client for exactly one origin.
pub struct Outbound {
    address: ServerAddress,
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
    host: HeaderValue,
    user_agent: HeaderValue,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// Prepares a client; nothing is connected yet. Reads the machine's authorities on first use of
    /// [`TlsMode::System`].
    pub fn new(options: OutboundOptions) -> Result<Self, TransportError> {
        let OutboundOptions {
            address,
            tls,
            extra_roots,
            connect_timeout,
            max_idle,
            idle_timeout,
            ..
        } = options;
        let request_error =
            |error: http::header::InvalidHeaderValue| TransportError::Request(error.to_string());
        let connector = Connector::new(
            address.clone(),
            tls,
            &extra_roots,
            connect_timeout,
            Resolver::new(options.dns_cache, options.address_check),
        )?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_max_idle_per_host(max_idle)
            .pool_idle_timeout(idle_timeout)
            .set_host(false)
            // The read buffer of a kept connection stays as large as it once grew.
            .http1_max_buf_size(64 * 1024)
            .build(connector.clone());
        let host = HeaderValue::from_str(&address.authority()).map_err(request_error)?;
        let user_agent = HeaderValue::from_str(&options.user_agent).map_err(request_error)?;
        Ok(Self {
            address,
            client,
            connector,
            host,
            user_agent,
        })
    }

    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Fingerprint of the certificate last shown by the server, accepted or refused.
    pub fn certificate_seen(&self) -> Option<Fingerprint> {
        self.connector.seen()
    }

    /// Sends one request to this origin and reads the whole answer. Redirects are answers too.
    pub async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, TransportError> {
        let scheme = if self.address.is_https() {
            "https"
        } else {
            "http"
        };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(self.address.authority())
            .path_and_query(path_and_query)
            .build()
            .map_err(|error| TransportError::Request(error.to_string()))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, self.host.clone());
        request
            .headers_mut()
            .insert(http::header::USER_AGENT, self.user_agent.clone());
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| client_failure(&error))?;
            read_answer(response, limits.max_body).await
        };
        tokio::time::timeout(limits.deadline, exchange)
            .await
            .unwrap_or(Err(TransportError::Timeout(limits.deadline)))
    }
}

async fn read_answer(response: Response<Incoming>, limit: usize) -> Result<Answer, TransportError> {
    let (parts, mut body) = response.into_parts();
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    // Refused before a byte of it is read.
    if announced.is_some_and(|length| length > limit) {
        return Err(TransportError::TooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(1024 * 1024));
    let read = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > limit {
                    return Err(TransportError::TooLarge { limit });
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok(())
    };
    if parts.status.as_u16() >= 400 {
        // The status line has said it all. Proxmox ends such answers by closing the connection,
        // not always politely, so a body that breaks or lingers does not hide the error.
        let _ = tokio::time::timeout(ERROR_BODY_WITHIN, read).await;
    } else {
        read.await?;
    }
    let reason = parts
        .extensions
        .get::<ReasonPhrase>()
        .map(|reason| String::from_utf8_lossy(reason.as_bytes()).trim().to_owned())
        .filter(|reason| !reason.is_empty());
    Ok(Answer {
        status: parts.status.as_u16(),
        reason,
        headers: parts.headers,
        body: bytes.into(),
    })
}

fn client_failure(error: &hyper_util::client::legacy::Error) -> TransportError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(failure) = cause.downcast_ref::<TransportError>() {
            return failure.clone();
        }
        if let Some(failure) = cause.downcast_ref::<hyper::Error>() {
            return match broken(failure) {
                TransportError::Broken(_) => TransportError::ClosedEarly,
                other => other,
            };
        }
        source = cause.source();
    }
    TransportError::ClosedEarly
}

fn broken(error: &hyper::Error) -> TransportError {
    if error.is_parse() {
        return TransportError::NotHttp(error.to_string());
    }
    match error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
    {
        // A reset after the request is no proof that nothing was done: never "refused" here.
        Some(io) => match io_failure(io) {
            TransportError::Refused | TransportError::Unreachable => {
                TransportError::Broken(io.to_string())
            }
            other => other,
        },
        None => TransportError::Broken(error.to_string()),
    }
}
