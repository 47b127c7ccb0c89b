//! The servers' self-signed certificates, which can be replaced while they serve.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, RwLock, Weak};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use crate::datacenter::Inner;
use crate::sync::{lock, read, write};

/// The certificate of one listening address.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub cluster: usize,
    /// None if one address speaks for the whole cluster.
    pub node: Option<usize>,
    ip: IpAddr,
    served: RwLock<Served>,
}

#[derive(Clone, Debug)]
struct Served {
    key: Arc<CertifiedKey>,
    /// SHA-256 of the DER form, upper-case hex with colons.
    fingerprint: String,
    pem: String,
}

impl Certificate {
    pub(crate) fn new(cluster: usize, node: Option<usize>, ip: IpAddr) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            cluster,
            node,
            ip,
            served: RwLock::new(generate(ip).map_err(io::Error::other)?),
        }))
    }

    pub(crate) fn fingerprint(&self) -> String {
        read(&self.served).fingerprint.clone()
    }

    /// The nodes whose certificate this is show it in their answers.
    pub(crate) fn publish(&self, world: &Inner) {
        let served = read(&self.served).clone();
        let Some(cluster) = world.clusters.get(self.cluster) else {
            return;
        };
        for (i, node) in write(&cluster.state).nodes.iter_mut().enumerate() {
            if self.node.is_none_or(|n| n == i) {
                node.fingerprint.clone_from(&served.fingerprint);
                node.pem.clone_from(&served.pem);
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(read(&self.served).key.clone())
    }
}

fn generate(ip: IpAddr) -> Result<Served, Box<dyn std::error::Error + Send + Sync>> {
    let names = vec![ip.to_string(), "localhost".into()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let der = made.cert.der().clone();
    let fingerprint: Vec<String> = Sha256::digest(&der)
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let signer = rustls::crypto::ring::sign::any_supported_type(&private)?;
    Ok(Served {
        key: Arc::new(CertifiedKey::new(vec![der], signer)),
        fingerprint: fingerprint.join(":"),
        pem: made.cert.pem(),
    })
}

/// All certificates that are served at present.
#[derive(Debug, Default)]
pub(crate) struct Certificates(Mutex<Vec<Weak<Certificate>>>);

impl Certificates {
    pub(crate) fn add(&self, certificate: &Arc<Certificate>) {
        let mut all = lock(&self.0);
        all.retain(|c| c.strong_count() > 0);
        all.push(Arc::downgrade(certificate));
    }

    /// Replaces those of a node, or of a whole cluster.
    pub(crate) fn renew(&self, world: &Inner, cluster: usize, node: Option<usize>) {
        let all: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
        for certificate in all {
            let meant = certificate.cluster == cluster
                && (node.is_none() || certificate.node.is_none() || certificate.node == node);
            if !meant {
                continue;
            }
            if let Ok(new) = generate(certificate.ip) {
                *write(&certificate.served) = new;
                certificate.publish(world);
            }
        }
    }
}
