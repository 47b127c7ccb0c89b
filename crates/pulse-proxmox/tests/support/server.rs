//! A scripted server that puts the bytes on the wire that pveproxy would, status line included.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use pulse_proxmox::outbound::Fingerprint;
use pulse_proxmox::{Credentials, PveClient, PveOptions, ServerAddress, TlsMode};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::recordings::Recording;

/// What a client sent.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What the server does with a request.
pub enum Reply {
    /// Bytes, then the connection stays.
    Keep(Vec<u8>),
    /// Bytes, then the connection is cut without a TLS goodbye.
    Cut(Vec<u8>),
    /// Nothing, ever.
    Hang,
    /// A head that announces `length`, then zeros without end.
    Flood { announce: bool },
}

pub fn json(body: &str) -> Reply {
    reply(200, "OK", body.as_bytes())
}

pub fn reply(status: u16, reason: &str, body: &[u8]) -> Reply {
    if status >= 400 && body.is_empty() {
        // As pveproxy does: neither type nor length.
        return Reply::Cut(
            format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\n\r\n").into_bytes(),
        );
    }
    let connection = if status >= 400 { "close" } else { "Keep-Alive" };
    let length = body.len();
    let mut bytes = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    if status >= 400 {
        Reply::Cut(bytes)
    } else {
        Reply::Keep(bytes)
    }
}

pub fn replay(recording: &Recording) -> Reply {
    reply(recording.status, &recording.reason, &recording.body())
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

pub struct Server {
    pub port: u16,
    pub fingerprint: Fingerprint,
    pub authority: CertificateDer<'static>,
    pub connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// How the server's certificate is made.
#[derive(Clone, Copy, Default)]
pub enum Certificate {
    #[default]
    Good,
    Expired,
    OtherName,
}

impl Server {
    pub async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(Certificate::Good, 0, true, script).await
    }

    /// Answers in order, then hangs.
    pub async fn sequence(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(VecDeque::from(replies));
        Self::start(move |_| replies.lock().unwrap().pop_front().unwrap_or(Reply::Hang)).await
    }

    pub async fn start_with(
        certificate: Certificate,
        port: u16,
        tls: bool,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (chain, key, authority) = certify(certificate);
        let fingerprint = Fingerprint::of_certificate(&chain);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let script: Arc<Script> = Arc::new(script);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log, count) = (Arc::clone(&seen), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            // Dropped with the server, so that its connections end with it.
            let mut open = tokio::task::JoinSet::new();
            loop {
                let Ok((tcp, _)) = listener.accept().await else {
                    return;
                };
                count.fetch_add(1, SeqCst);
                let (acceptor, script, log) =
                    (acceptor.clone(), Arc::clone(&script), Arc::clone(&log));
                open.spawn(async move {
                    if !tls {
                        serve(tcp, &*script, &log).await;
                    } else if let Ok(stream) = acceptor.accept(tcp).await {
                        serve(stream, &*script, &log).await;
                    }
                });
            }
        });
        Self {
            port,
            fingerprint,
            authority,
            connections,
            seen,
            task: Some(task),
        }
    }

    /// Ends the server and its connections; afterwards the port is free.
    pub async fn stop(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.seen()
            .into_iter()
            .map(|seen| seen.path.trim_start_matches("/api2/json").to_owned())
            .collect()
    }

    pub fn address(&self) -> ServerAddress {
        ServerAddress::parse(&format!("127.0.0.1:{}", self.port), 8006).unwrap()
    }

    /// Options of a client that pins this server and uses a token.
    pub fn options(&self) -> PveOptions {
        let credentials = Credentials::Token {
            id: "monitor@pve!pulse".to_owned(),
            secret: "token-secret".into(),
        };
        PveOptions::new(
            self.address(),
            TlsMode::Pinned(self.fingerprint),
            credentials,
        )
    }

    pub fn password_options(&self) -> PveOptions {
        let credentials = Credentials::Password {
            user: "root@pam".to_owned(),
            password: "pass&word".into(),
        };
        PveOptions {
            credentials,
            ..self.options()
        }
    }

    pub fn client(&self) -> PveClient {
        PveClient::new(self.options()).unwrap()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    log: &Mutex<Vec<Seen>>,
) {
    while let Some(seen) = read_request(&mut stream).await {
        let reply = script(&seen);
        log.lock().unwrap().push(seen);
        match reply {
            Reply::Keep(bytes) => {
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Reply::Cut(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                return;
            }
            Reply::Hang => std::future::pending().await,
            Reply::Flood { announce } => {
                let length = 100 * 1024 * 1024;
                let head = if announce {
                    format!("Content-Length: {length}\r\n")
                } else {
                    String::new()
                };
                let _ = stream
                    .write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes())
                    .await;
                let zeros = vec![b'0'; 64 * 1024];
                let mut sent = 0;
                while sent < length && stream.write_all(&zeros).await.is_ok() {
                    sent += zeros.len();
                }
                return;
            }
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut first = head.split_whitespace();
    let mut seen = Seen {
        method: first.next()?.to_owned(),
        path: first.next()?.to_owned(),
        head: head.clone(),
        body: String::new(),
    };
    let length: usize = seen
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    Some(seen)
}

fn certify(
    kind: Certificate,
) -> (
    CertificateDer<'static>,
    PrivateKeyDer<'static>,
    CertificateDer<'static>,
) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let name = if matches!(kind, Certificate::OtherName) {
        "elsewhere.example"
    } else {
        "127.0.0.1"
    };
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if matches!(kind, Certificate::Expired) {
        leaf.not_before = date_time_ymd(2001, 1, 1);
        leaf.not_after = date_time_ymd(2002, 1, 1);
    }
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (
        certificate.der().clone(),
        key,
        authority_certificate.der().clone(),
    )
}
