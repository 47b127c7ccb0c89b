//! A client that sees what goes over the wire: status line, headers, body, certificate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulse_sim::{Addresses, Clock, Datacenter, Fleet, FleetSpec, SimServer, Tls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const START: i64 = 1_795_600_000_000;

pub struct Lab {
    pub sim: Datacenter,
    pub server: SimServer,
}

#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub reason: String,
    pub body: Vec<u8>,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub async fn lab(fleet: Fleet, tls: Tls) -> Lab {
    lab_at(fleet.into(), tls, Addresses::PerCluster).await
}

pub async fn lab_at(spec: FleetSpec, tls: Tls, addresses: Addresses) -> Lab {
    let sim = Datacenter::new(spec, 1, Clock::manual(START));
    let server = sim
        .serve_at(([127, 0, 0, 1], 0).into(), tls, addresses)
        .await
        .unwrap();
    Lab { sim, server }
}

impl Lab {
    /// GET with the full token at the first cluster; the error of the connection otherwise.
    pub async fn get(&self, path: &str) -> std::io::Result<Got> {
        let token = format!("Authorization: {}\r\n", self.server.api_token.header());
        self.send("GET", path, &token, "").await
    }

    /// 0 if there was no answer.
    pub async fn status(&self, path: &str) -> u16 {
        self.get(path).await.map_or(0, |g| g.status)
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        head: &str,
        body: &str,
    ) -> std::io::Result<Got> {
        send(
            &self.server.urls[0],
            method,
            &format!("/api2/json{path}"),
            head,
            body,
        )
        .await
    }

    /// A control call.
    pub async fn control(&self, method: &str, path: &str, body: &str) -> Got {
        send(
            &self.server.urls[0],
            method,
            &format!("/_sim/{path}"),
            "",
            body,
        )
        .await
        .unwrap()
    }

    pub fn pass(&self, seconds: u64) {
        self.sim.clock().advance(Duration::from_secs(seconds));
    }
}

/// One plain HTTP request on a connection of its own.
pub async fn send(
    url: &str,
    method: &str,
    path: &str,
    head: &str,
    body: &str,
) -> std::io::Result<Got> {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n");
    let Some(split) = split else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let line = String::from_utf8_lossy(&answer[..split]).into_owned();
    let line = line.lines().next().unwrap_or_default();
    let mut parts = line.splitn(3, ' ').skip(1);
    Ok(Got {
        status: parts.next().and_then(|s| s.parse().ok()).unwrap_or(0),
        reason: parts.next().unwrap_or_default().into(),
        body: answer[split + 4..].to_vec(),
    })
}

/// The SHA-256 of the certificate that is served at an address.
pub async fn fingerprint_of(url: &str) -> String {
    let address = url.trim_start_matches("https://");
    let seen = Arc::new(Seen::default());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap();
    seen.0.lock().unwrap().clone()
}

#[derive(Debug, Default)]
struct Seen(Mutex<String>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = hex::encode(Sha256::digest(leaf));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
