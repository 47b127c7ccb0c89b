//! Certificate checks: system authorities, one pinned leaf, or none.
//!
//! A rejected certificate always says its fingerprint, so that the user can compare and accept it.
//! Sessions are never resumed: a resumed session would skip the check after a certificate change.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};

use super::connect::{Connector, dial};
use super::resolve::Resolver;
use super::{
    AddressCheck, AddressError, Fingerprint, FingerprintError, ServerAddress, TlsFailure,
    TransportError,
};

/// How the certificate of a server is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Chain up to an authority of this machine (or an extra one), valid dates, matching host name.
    System,
    /// Exactly this leaf certificate, whatever its issuer, name and dates.
    Pinned(Fingerprint),
    /// Any certificate.
    Insecure,
}

impl TlsMode {
    /// The two settings of a v5 instance: a fingerprint wins over the switch.
    pub fn resolve(verify: bool, fingerprint: &str) -> Result<Self, FingerprintError> {
        if fingerprint.trim().is_empty() {
            return Ok(if verify { Self::System } else { Self::Insecure });
        }
        fingerprint.parse().map(Self::Pinned)
    }
}

/// The leaf certificate that a server shows right now, accepted or not (trust on first use).
pub async fn probe_certificate(
    address: &ServerAddress,
    within: Duration,
    check: Option<AddressCheck>,
) -> Result<Fingerprint, TransportError> {
    let connector = Connector::new(
        address.clone(),
        TlsMode::Insecure,
        &[],
        within,
        Resolver::new(Duration::ZERO, check),
    )?;
    let stream = tokio::time::timeout(within, dial(connector))
        .await
        .map_err(|_| TransportError::ConnectTimeout(within))??;
    stream
        .fingerprint()
        .ok_or(TransportError::Tls(TlsFailure::NotTls))
}

/// The name to verify against.
pub(super) fn server_name(address: &ServerAddress) -> Result<ServerName<'static>, AddressError> {
    let invalid = || AddressError::Invalid(address.host().to_owned());
    match address.ip() {
        Some(ip) => Ok(ServerName::from(ip)),
        None => ServerName::try_from(address.host().to_owned()).map_err(|_| invalid()),
    }
}

pub(super) fn client_config(
    mode: TlsMode,
    extra_roots: &[CertificateDer<'static>],
) -> Result<Arc<ClientConfig>, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: &dyn std::fmt::Display| {
        TransportError::Tls(TlsFailure::Handshake(error.to_string()))
    };
    let chain = match mode {
        TlsMode::System => Some(chain_verifier(extra_roots, &provider)?),
        TlsMode::Pinned(_) | TlsMode::Insecure => None,
    };
    let verifier = Verifier {
        mode,
        chain,
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn chain_verifier(
    extra_roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TransportError> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let mut roots = Arc::clone(SYSTEM.get_or_init(|| {
        let mut store = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (_, unusable) = store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            tracing::warn!(
                unusable,
                "no certificate authorities found on this machine; verified TLS will fail"
            );
        }
        Arc::new(store)
    }));
    if !extra_roots.is_empty() {
        Arc::make_mut(&mut roots).add_parsable_certificates(extra_roots.iter().cloned());
    }
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|error| {
            TransportError::Tls(TlsFailure::Handshake(format!(
                "{error}; install the ca-certificates package or pin the fingerprint"
            )))
        })
}

/// Carried through rustls so that the connector learns which certificate was refused.
#[derive(Debug)]
struct Refused {
    failure: TlsFailure,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for Refused {}

/// What a failed handshake means.
pub(super) fn failure(error: &std::io::Error) -> TransportError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    TransportError::Tls(match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            other.downcast_ref::<Refused>().map_or_else(
                || TlsFailure::Handshake(other.to_string()),
                |refused| refused.failure.clone(),
            )
        }
        Some(rustls::Error::InvalidMessage(_)) => TlsFailure::NotTls,
        Some(other) => TlsFailure::Handshake(other.to_string()),
        None => return TransportError::Broken(format!("TLS handshake: {error}")),
    })
}

#[derive(Debug)]
struct Verifier {
    mode: TlsMode,
    chain: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::of_certificate(leaf);
        let failure = match (self.mode, &self.chain) {
            (TlsMode::Pinned(expected), _) if expected != seen => {
                TlsFailure::FingerprintChanged { expected, seen }
            }
            (TlsMode::System, Some(chain)) => {
                match chain.verify_server_cert(leaf, intermediates, name, ocsp, now) {
                    Ok(verified) => return Ok(verified),
                    Err(error) => chain_failure(&error, seen),
                }
            }
            (TlsMode::System, None) => TlsFailure::UnknownIssuer { seen },
            (TlsMode::Pinned(_) | TlsMode::Insecure, _) => {
                return Ok(ServerCertVerified::assertion());
            }
        };
        Err(CertificateError::Other(OtherError(Arc::new(Refused { failure }))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.mode == TlsMode::Insecure {
            return Ok(HandshakeSignatureValid::assertion());
        }
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.mode == TlsMode::Insecure {
            return Ok(HandshakeSignatureValid::assertion());
        }
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn chain_failure(error: &rustls::Error, seen: Fingerprint) -> TlsFailure {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return TlsFailure::Rejected {
            seen,
            reason: error.to_string(),
        };
    };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            TlsFailure::Expired { seen }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFailure::NotYetValid { seen }
        }
        CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer { seen },
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::HostnameMismatch { seen }
        }
        other => TlsFailure::Rejected {
            seen,
            reason: other.to_string(),
        },
    }
}
