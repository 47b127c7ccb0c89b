//! A keep-alive connection to the server that takes the reports.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// The server's address, ready to connect to.
#[derive(Clone)]
pub(crate) struct Target {
    pub host: String,
    pub port: u16,
    /// Path before `/api/…`, without slash at its end.
    pub base: String,
    tls: Option<TlsConnector>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> io::Result<Self> {
        let uri: Uri = url.parse().map_err(io::Error::other)?;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(io::Error::other(format!(
                "{url}: no host in the server's URL"
            )));
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 7655 }),
            base: uri.path().trim_end_matches('/').to_owned(),
            tls: secure.then(connector).transpose()?,
        })
    }

    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return spawn(TokioIo::new(stream)).await;
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        spawn(TokioIo::new(tls.connect(name, stream).await?)).await
    }
}

async fn spawn<T>(io: T) -> io::Result<Connection>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(io).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

fn connector() -> io::Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Accepts any certificate: simulated reports hold no secret but a test's token.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
