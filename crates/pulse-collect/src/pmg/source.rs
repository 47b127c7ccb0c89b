//! What the collector has to know of a configured mail gateway.

use std::sync::Arc;

use pulse_core::{InstanceKind, PollFailure, ReportBody};
use pulse_proxmox::{PmgClient, PveApi as _};

use super::Poller;
use crate::Clock;
use crate::poller::{InstanceKey, Poll, Profile, Source};

/// A mail gateway to watch.
#[derive(Clone, Debug)]
pub struct PmgSource {
    /// Unique among the mail gateways.
    pub name: String,
    pub client: Arc<PmgClient>,
    /// URL that was configured.
    pub host: String,
    pub guest_url: String,
    /// Mail statistics, hourly counts and spam scores.
    pub mail_stats: bool,
    pub queues: bool,
    pub quarantine: bool,
    /// Seconds between polls.
    pub interval_seconds: u32,
    pub demo: bool,
}

impl Source for PmgSource {
    type Poller = Poller;

    fn profile(&self) -> Profile {
        Profile {
            key: InstanceKey::new(InstanceKind::Pmg, self.name.clone()),
            connection: self.host.clone(),
            interval_seconds: self.interval_seconds,
            demo: self.demo,
        }
    }

    fn into_poller(self) -> Poller {
        Poller::new(self)
    }
}

impl Poll for Poller {
    async fn poll(&mut self, clock: &Clock) -> Result<ReportBody, PollFailure> {
        let read = || clock();
        let report = Self::poll(self, &read).await?;
        Ok(ReportBody::Pmg(Box::new(report)))
    }

    fn request_counter(&self) -> Option<Arc<dyn Fn() -> u64 + Send + Sync>> {
        let client = Arc::clone(&self.source().client);
        Some(Arc::new(move || client.meter().requests()))
    }
}
