//! How the runner polls a backup server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulse_core::{InstanceKind, PollFailure, ReportBody};
use pulse_proxmox::PveApi as _;

use super::{PbsSource, Poller};
use crate::poller::{Hint, Hints, InstanceKey, Poll, Profile, Source};
use crate::runner::Clock;

impl Source for PbsSource {
    type Poller = Poller;

    fn profile(&self) -> Profile {
        Profile {
            key: InstanceKey::new(InstanceKind::Pbs, self.name.clone()),
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
        Ok(ReportBody::Pbs(Box::new(report)))
    }

    /// A backup or a job ended: both are asked for by the next poll.
    fn hints(&self) -> Hints {
        let hurry = Arc::clone(&self.hurry);
        Arc::new(move |hint, _| {
            if matches!(hint, Hint::Backups | Hint::Tasks) {
                hurry.store(true, Ordering::Relaxed);
            }
        })
    }

    fn request_counter(&self) -> Option<Arc<dyn Fn() -> u64 + Send + Sync>> {
        let client = Arc::clone(&self.source().client);
        Some(Arc::new(move || client.meter().requests()))
    }
}
