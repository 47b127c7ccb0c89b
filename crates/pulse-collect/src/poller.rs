//! What the runner needs of a kind of server: one poll, and what goes on beside the polls.
//!
//! A kind has a source (the configured instance) that makes a poller. The runner decides when;
//! the poller decides what is asked. A poller that is dropped abandons what is under way.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use pulse_core::{InstanceKind, PollFailure, ReportBody, Timestamp};

use crate::Clock;
use crate::pve::{self, PveSource, Topic};

/// Names an instance. Instances of two kinds may have one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    pub kind: InstanceKind,
    pub name: String,
}

impl InstanceKey {
    pub fn new(kind: InstanceKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

/// `pve::north`, as v5 writes it.
impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.kind.as_str(), self.name)
    }
}

/// What the runner has to know before the first poll.
#[derive(Clone, Debug)]
pub struct Profile {
    pub key: InstanceKey,
    /// The server's address as configured, for the operator.
    pub connection: String,
    /// Seconds between polls, unless [`Timing`](crate::Timing) says otherwise.
    pub interval_seconds: u32,
    pub demo: bool,
}

/// Passes reports on that do not come from a poll; their time is that of passing on.
#[derive(Clone)]
pub struct Outbox(Arc<dyn Fn(ReportBody) -> Sending + Send + Sync>);

type Sending = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Outbox {
    pub fn new<F, R>(send: F) -> Self
    where
        F: Fn(ReportBody) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |body| Box::pin(send(body))))
    }

    /// Waits while the receiver is busy.
    pub async fn send(&self, body: ReportBody) {
        (self.0)(body).await;
    }
}

/// Something that is known to have changed: what is asked seldom is asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    Backups,
    Replication,
    /// Quorum and high availability.
    Cluster,
    Tasks,
    /// Package updates of a node; of all when empty.
    Updates(String),
}

/// Takes hints while a poll may be under way.
pub type Hints = Arc<dyn Fn(&Hint, Timestamp) + Send + Sync>;

/// Asks one instance.
pub trait Poll: Send + 'static {
    /// One poll. `clock` is read when answers are complete.
    fn poll(
        &mut self,
        clock: &Clock,
    ) -> impl Future<Output = Result<ReportBody, PollFailure>> + Send;

    /// Runs beside the polls, forever; dropped with the instance.
    fn background(
        &self,
        _clock: Clock,
        _outbox: Outbox,
    ) -> impl Future<Output = ()> + Send + 'static {
        std::future::pending()
    }

    /// Where hints go.
    fn hints(&self) -> Hints {
        Arc::new(|_, _| {})
    }

    /// Gives the requests that were sent so far; `None` when nobody counts.
    fn request_counter(&self) -> Option<Arc<dyn Fn() -> u64 + Send + Sync>> {
        None
    }
}

/// A configured instance of one kind.
pub trait Source: Send + 'static {
    type Poller: Poll;

    fn profile(&self) -> Profile;
    fn into_poller(self) -> Self::Poller;
}

impl Source for PveSource {
    type Poller = pve::Poller;

    fn profile(&self) -> Profile {
        Profile {
            key: InstanceKey::new(InstanceKind::Pve, self.name.clone()),
            connection: self.host.clone(),
            interval_seconds: self.interval_seconds,
            demo: self.demo,
        }
    }

    fn into_poller(self) -> pve::Poller {
        pve::Poller::new(self)
    }
}

impl Poll for pve::Poller {
    async fn poll(&mut self, clock: &Clock) -> Result<ReportBody, PollFailure> {
        let read = || clock();
        let report = Self::poll(self, &read).await?;
        Ok(ReportBody::Pve(Box::new(report)))
    }

    fn background(
        &self,
        clock: Clock,
        outbox: Outbox,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (details, facts) = (self.details().clone(), self.facts().clone());
        let (client, name) = (self.source().client.clone(), self.source().name.clone());
        let pass_on = move |facts| {
            let (outbox, instance) = (outbox.clone(), name.clone());
            async move { outbox.send(ReportBody::PveFacts { instance, facts }).await }
        };
        async move {
            tokio::join!(
                details.refresh(client.clone(), Arc::clone(&clock)),
                facts.run(client, clock, pass_on)
            );
        }
    }

    fn hints(&self) -> Hints {
        let facts = self.facts().clone();
        Arc::new(move |hint, now| {
            let topic = match hint {
                Hint::Backups => Topic::Backups,
                Hint::Replication => Topic::Replication,
                Hint::Cluster => Topic::Cluster,
                Hint::Tasks => Topic::Tasks,
                Hint::Updates(node) => Topic::Updates(node.clone()),
            };
            facts.hurry(&topic, now);
        })
    }

    fn request_counter(&self) -> Option<Arc<dyn Fn() -> u64 + Send + Sync>> {
        use pulse_proxmox::PveApi as _;
        let client = self.source().client.clone();
        Some(Arc::new(move || client.meter().requests()))
    }
}
