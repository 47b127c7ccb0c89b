//! Names to addresses, remembered for a while and checked against the policy at every use.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{AddressCheck, ServerAddress, TransportError};

/// More addresses than this are not tried.
const MAX_ADDRESSES: usize = 8;

/// Resolver of one origin.
pub(super) struct Resolver {
    keep: Duration,
    check: Option<AddressCheck>,
    cached: Mutex<Option<(Instant, Vec<SocketAddr>)>>,
}

/// Addresses to try, and whether they were remembered.
pub(super) struct Resolved {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) remembered: bool,
}

impl Resolver {
    pub(super) fn new(keep: Duration, check: Option<AddressCheck>) -> Self {
        Self {
            keep,
            check,
            cached: Mutex::new(None),
        }
    }

    pub(super) async fn resolve(
        &self,
        address: &ServerAddress,
    ) -> Result<Resolved, TransportError> {
        if let Some(addresses) = self.remembered() {
            return Ok(Resolved {
                addresses: self.allowed(&addresses)?,
                remembered: true,
            });
        }
        let port = address.port();
        let found: Vec<SocketAddr> = match address.ip() {
            Some(ip) => vec![SocketAddr::new(ip, port)],
            None => tokio::net::lookup_host((address.host(), port))
                .await
                .map_err(|error| TransportError::Dns(error.to_string()))?
                .take(MAX_ADDRESSES)
                .collect(),
        };
        if found.is_empty() {
            return Err(TransportError::Dns("no addresses".to_owned()));
        }
        let addresses = self.allowed(&found)?;
        if address.ip().is_none() {
            *self.cached.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((Instant::now(), found));
        }
        Ok(Resolved {
            addresses,
            remembered: false,
        })
    }

    /// None of the addresses answered: the name may point elsewhere by now.
    pub(super) fn forget(&self) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn remembered(&self) -> Option<Vec<SocketAddr>> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, addresses) = cached.as_ref()?;
        (at.elapsed() < self.keep).then(|| addresses.clone())
    }

    fn allowed(&self, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, TransportError> {
        let allowed: Vec<SocketAddr> = match &self.check {
            Some(check) => found
                .iter()
                .copied()
                .filter(|address| check.allows(address.ip()))
                .collect(),
            None => found.to_vec(),
        };
        match (allowed.is_empty(), found.first()) {
            (true, Some(first)) => Err(TransportError::Forbidden(first.ip().to_string())),
            _ => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn names_are_remembered_until_forgotten_or_old() {
        let resolver = Resolver::new(Duration::from_secs(10), None);
        let address = ServerAddress::parse("localhost:1", 1).unwrap();
        let remembered = async || resolver.resolve(&address).await.unwrap().remembered;
        assert!(!remembered().await);
        assert!(remembered().await);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(!remembered().await);
        resolver.forget();
        assert!(!remembered().await);
    }

    #[tokio::test]
    async fn the_policy_holds_for_remembered_addresses_too() {
        let allow = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let state = std::sync::Arc::clone(&allow);
        let check = AddressCheck::new(move |_| state.load(std::sync::atomic::Ordering::SeqCst));
        let resolver = Resolver::new(Duration::from_secs(10), Some(check));
        let address = ServerAddress::parse("localhost:1", 1).unwrap();
        assert!(resolver.resolve(&address).await.is_ok());
        allow.store(false, std::sync::atomic::Ordering::SeqCst);
        let refused = resolver
            .resolve(&address)
            .await
            .map(|resolved| resolved.remembered);
        assert!(matches!(refused, Err(TransportError::Forbidden(_))));
    }
}
