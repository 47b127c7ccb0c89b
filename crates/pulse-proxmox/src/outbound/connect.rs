//! From an origin to an open, verified stream.
//!
//! All resolved addresses are tried, staggered, and the first that answers wins: a dead IPv6
//! route costs a quarter of a second instead of the whole deadline.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::resolve::Resolver;
use super::{Fingerprint, ServerAddress, TlsMode, TransportError, tls};

/// Decides whether an address may be connected to; called for every resolved address, so that a
/// name cannot be re-pointed between check and connect.
#[derive(Clone)]
pub struct AddressCheck(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl AddressCheck {
    pub fn new(allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allowed))
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        (self.0)(address)
    }
}

impl fmt::Debug for AddressCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressCheck")
    }
}

const STAGGER: Duration = Duration::from_millis(250);

/// Connects to one origin; cheap to clone.
#[derive(Clone)]
pub(super) struct Connector(Arc<Target>);

struct Target {
    address: ServerAddress,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    within: Duration,
    resolver: Resolver,
    /// The certificate of the last completed handshake.
    seen: Mutex<Option<Fingerprint>>,
}

impl Connector {
    pub(super) fn new(
        address: ServerAddress,
        mode: TlsMode,
        extra_roots: &[CertificateDer<'static>],
        within: Duration,
        resolver: Resolver,
    ) -> Result<Self, TransportError> {
        let tls = if address.is_https() {
            let config: Arc<ClientConfig> = tls::client_config(mode, extra_roots)?;
            let name =
                tls::server_name(&address).map_err(|e| TransportError::Request(e.to_string()))?;
            Some((TlsConnector::from(config), name))
        } else {
            None
        };
        Ok(Self(Arc::new(Target {
            address,
            tls,
            within,
            resolver,
            seen: Mutex::new(None),
        })))
    }

    pub(super) fn seen(&self) -> Option<Fingerprint> {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_seen(&self, fingerprint: Fingerprint) {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
    }
}

impl tower_service::Service<http::Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    // The URI is ignored on purpose: a connector reaches its one origin and nothing else.
    fn call(&mut self, _: http::Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let within = connector.0.within;
            match tokio::time::timeout(within, dial(connector)).await {
                Ok(stream) => stream.map(TokioIo::new),
                Err(_) => Err(TransportError::ConnectTimeout(within)),
            }
        })
    }
}

/// Resolves, checks, connects and shakes hands; the caller sets the time limit.
pub(super) async fn dial(connector: Connector) -> Result<Stream, TransportError> {
    let target = &connector.0;
    let tcp = reach(target).await?;
    // Requests are small and complete: without this each one on a fresh connection waits 40 ms.
    tcp.set_nodelay(true).map_err(|error| io_failure(&error))?;
    let Some((tls, name)) = &target.tls else {
        return Ok(Stream::Plain(tcp));
    };
    match tls.connect(name.clone(), tcp).await {
        Ok(stream) => {
            let stream = Stream::Tls(Box::new(stream));
            if let Some(fingerprint) = stream.fingerprint() {
                connector.note_seen(fingerprint);
            }
            Ok(stream)
        }
        Err(error) => {
            let failure = tls::failure(&error);
            if let TransportError::Tls(failure) = &failure
                && let Some(fingerprint) = failure.seen()
            {
                connector.note_seen(fingerprint);
            }
            Err(failure)
        }
    }
}

/// A TCP connection; addresses that were remembered and no longer answer are looked up once more.
async fn reach(target: &Target) -> Result<TcpStream, TransportError> {
    let resolved = target.resolver.resolve(&target.address).await?;
    match connect_any(resolved.addresses).await {
        Err(_) if resolved.remembered => {
            target.resolver.forget();
            connect_any(target.resolver.resolve(&target.address).await?.addresses).await
        }
        result => result,
    }
}

async fn connect_any(addresses: Vec<SocketAddr>) -> Result<TcpStream, TransportError> {
    let mut attempts: FuturesUnordered<_> = addresses
        .into_iter()
        .zip(0u32..)
        .map(|(address, place)| async move {
            tokio::time::sleep(STAGGER * place).await;
            TcpStream::connect(address).await
        })
        .collect();
    let mut failure = TransportError::Unreachable;
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = io_failure(&error),
        }
    }
    Err(failure)
}

/// The transport error that an I/O error stands for.
pub(super) fn io_failure(error: &io::Error) -> TransportError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportError::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            TransportError::Unreachable
        }
        io::ErrorKind::TimedOut => TransportError::Unreachable,
        _ => TransportError::Broken(error.to_string()),
    }
}

/// An open connection, plain or TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => {
                let leaf = stream.get_ref().1.peer_certificates()?.first()?;
                Some(Fingerprint::of_certificate(leaf))
            }
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
