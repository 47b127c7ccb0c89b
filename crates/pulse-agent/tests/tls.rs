//! TLS: own authority, unknown authority, no check.

#![allow(clippy::expect_used)] // helpers are outside #[test], where clippy.toml allows it

mod support;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use support::{Agent, Sink, accepted, status};

/// A server for `localhost` and the PEM of the authority that signed its certificate.
fn server() -> (Sink, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("key"))
        .expect("authority");
    let key = KeyPair::generate().expect("key");
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.signed_by(&key, &authority))
        .expect("certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("config");
    let sink = Sink::start_with(
        |request| {
            if request.method == "POST" {
                accepted(request)
            } else {
                status(404, "", "")
            }
        },
        Some(Arc::new(config)),
    );
    (sink, authority.pem())
}

#[test]
fn an_own_authority_is_trusted_from_its_file() {
    let (sink, authority) = server();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority).expect("write");
    let _agent = Agent::start(&sink.url(), &["--ca-file", file.to_str().expect("utf-8")]);
    sink.reports(3);
    assert_eq!(sink.connections(), 1);
}

#[test]
fn the_system_store_can_be_a_bundle() {
    let (sink, authority) = server();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("bundle.pem");
    std::fs::write(&file, authority).expect("write");
    let _agent = Agent::start_with(
        &sink.url(),
        &[],
        &[("SSL_CERT_FILE", file.to_str().expect("utf-8"))],
    );
    sink.reports(1);
}

#[test]
fn an_unknown_authority_is_refused_with_advice_unless_told_otherwise() {
    let (sink, _) = server();
    let (_, other) = server();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, other).expect("write");
    let file = file.to_str().expect("utf-8");
    let agent = Agent::start(&sink.url(), &["--ca-file", file]);
    assert!(
        agent
            .wait_for_log("invalid peer certificate")
            .contains("--insecure")
    );
    drop(agent);
    assert!(sink.reports(0).is_empty());
    let _agent = Agent::start(&sink.url(), &["--ca-file", file, "--insecure"]);
    sink.reports(1);
}
