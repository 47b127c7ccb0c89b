//! Listening addresses and connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::auth::ApiToken;
use crate::datacenter::Datacenter;
use crate::model::Health;
use crate::server::certificates::Certificate;
use crate::server::http::{Body, Hangup, Server};
use crate::sync::{read, write};

/// Whether to speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// HTTPS with a self-signed certificate, as Proxmox VE does.
    SelfSigned,
    /// Plain HTTP.
    None,
}

/// What listens where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// One address per cluster answers for all its nodes; the nodes' own addresses (10.x) are
    /// only shown. The clusters' ports count up from the given one.
    PerCluster,
    /// Every node listens on its own address, so that clients can fail over between the members
    /// they learn from `/cluster/status`: 127.{100 + cluster}.0.{node + 1} and the given port,
    /// the same everywhere. Only on systems where all of 127/8 is local (Linux).
    PerNode,
}

/// The address of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeUrl {
    pub cluster: usize,
    /// The node's name; that of the first node where one address speaks for the cluster.
    pub node: String,
    pub url: String,
    /// SHA-256 of its certificate, 64 lower-case hex digits; empty without TLS.
    pub fingerprint: String,
}

/// Listening servers. They stop, and their connections with them, when this is dropped.
#[derive(Debug)]
pub struct SimServer {
    /// One URL per cluster: its first node.
    pub urls: Vec<String>,
    /// Every listening address.
    pub nodes: Vec<NodeUrl>,
    /// The fingerprint belonging to the first of `urls`.
    pub fingerprint: String,
    pub api_token: ApiToken,
    /// `user@realm` for password logins.
    pub user: String,
    pub password: String,
    tasks: Vec<AbortHandle>,
}

impl Drop for SimServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Datacenter {
    /// Serves every cluster at an address of its own: `addr` for the first, the next ports for
    /// the others (any free ports for port 0). Must be called inside a tokio runtime, which then
    /// drives the servers.
    pub async fn serve(&self, addr: SocketAddr, tls: Tls) -> io::Result<SimServer> {
        self.serve_at(addr, tls, Addresses::PerCluster).await
    }

    /// Like [`Datacenter::serve`], with a choice of addresses.
    pub async fn serve_at(
        &self,
        addr: SocketAddr,
        tls: Tls,
        addresses: Addresses,
    ) -> io::Result<SimServer> {
        let mut server = SimServer {
            urls: Vec::new(),
            nodes: Vec::new(),
            fingerprint: String::new(),
            api_token: self.api_token().clone(),
            user: self.user().into(),
            password: self.password().into(),
            tasks: Vec::new(),
        };
        // All nodes share a port, which a first free one decides.
        let mut port = addr.port();
        for cluster in 0..self.clusters() {
            let listeners = match addresses {
                Addresses::PerCluster => 1,
                Addresses::PerNode => self.0.clusters[cluster].nodes.len(),
            };
            for node in 0..listeners {
                let at = match addresses {
                    Addresses::PerCluster if addr.port() == 0 => addr,
                    Addresses::PerCluster => {
                        SocketAddr::new(addr.ip(), addr.port() + cluster as u16)
                    }
                    Addresses::PerNode => SocketAddr::new(own_address(cluster, node), port),
                };
                let alone = addresses == Addresses::PerNode;
                let bound = self
                    .listen(at, tls, cluster, node, alone, &mut server)
                    .await?;
                if alone {
                    port = bound.port();
                    write(&self.0.clusters[cluster].state).nodes[node].ip = bound.ip();
                } else {
                    // One address speaks for all: nobody shall look for the others elsewhere.
                    for node in &mut write(&self.0.clusters[cluster].state).nodes {
                        node.ip = bound.ip();
                    }
                }
            }
        }
        server.fingerprint = server
            .nodes
            .first()
            .map(|n| n.fingerprint.clone())
            .unwrap_or_default();
        Ok(server)
    }

    async fn listen(
        &self,
        at: SocketAddr,
        tls: Tls,
        cluster: usize,
        node: usize,
        alone: bool,
        server: &mut SimServer,
    ) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(at).await?;
        let bound = listener.local_addr()?;
        let (acceptor, fingerprint) = match tls {
            Tls::None => (None, String::new()),
            Tls::SelfSigned => {
                let certificate = Certificate::new(cluster, alone.then_some(node), bound.ip())?;
                certificate.publish(&self.0);
                self.0.certificates.add(&certificate);
                let fingerprint = certificate.fingerprint().replace(':', "").to_lowercase();
                (Some(acceptor(certificate)?), fingerprint)
            }
        };
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{bound}");
        if node == 0 {
            server.urls.push(url.clone());
        }
        server.nodes.push(NodeUrl {
            cluster,
            node: self.0.clusters[cluster].nodes[node].name.to_string(),
            url,
            fingerprint,
        });
        let service = Arc::new(Server {
            datacenter: self.clone(),
            cluster,
            node,
            alone,
        });
        let task = tokio::spawn(accept(listener, acceptor, service));
        server.tasks.push(task.abort_handle());
        Ok(bound)
    }
}

fn own_address(cluster: usize, node: usize) -> IpAddr {
    let (high, low) = ((node + 1) / 256, (node + 1) % 256);
    let second = 100 + cluster % 150;
    IpAddr::V4(Ipv4Addr::new(127, second as u8, high as u8, low as u8))
}

pub(crate) fn acceptor(certificate: Arc<Certificate>) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes connections until it is aborted; its connections end with it.
pub(crate) async fn accept<S: Site>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    server: Arc<S>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if server.refuses() {
                        continue;
                    }
                    connections.spawn(connection(stream, tls.clone(), server.clone()));
                }
                // Too many open files: wait for some to be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<S: Site>(stream: TcpStream, tls: Option<TlsAcceptor>, server: Arc<S>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => talk(stream, server).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(Duration::from_secs(10), tls.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                talk(stream, server).await;
            }
        }
    }
}

async fn talk<S: Site>(stream: impl AsyncRead + AsyncWrite + Unpin, server: Arc<S>) {
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { server.answer(request).await }
    });
    // Errors are the client's leaving or a fault that was asked for.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(120))
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Something that answers on a socket.
pub(crate) trait Site: Send + Sync + 'static {
    /// Whether connections are closed at once.
    fn refuses(&self) -> bool;

    fn answer(
        &self,
        request: http::Request<hyper::body::Incoming>,
    ) -> impl Future<Output = Result<http::Response<Body>, Hangup>> + Send;
}

impl Site for Server {
    fn refuses(&self) -> bool {
        Self::refuses(self)
    }

    async fn answer(
        &self,
        request: http::Request<hyper::body::Incoming>,
    ) -> Result<http::Response<Body>, Hangup> {
        Self::answer(self, request).await
    }
}

impl Server {
    /// A node that is off or whose proxy is stopped does not take connections at its address.
    pub(crate) fn refuses(&self) -> bool {
        self.datacenter.settle();
        self.alone && {
            let state = read(&self.datacenter.0.clusters[self.cluster].state);
            matches!(
                state.nodes[self.node].health,
                Health::Off(_) | Health::ProxyDown
            )
        }
    }

    /// Whether it accepts and then says nothing.
    pub(crate) fn hangs(&self) -> bool {
        self.alone && {
            let state = read(&self.datacenter.0.clusters[self.cluster].state);
            state.nodes[self.node].health == Health::Hanging
        }
    }
}
