//! A client of one Proxmox Mail Gateway, and the calls that Pulse makes.
//!
//! Transport, tickets and the limits of a call are those of [`PveClient`]: one login at a time is
//! shared by all calls, and a call that waits for it ends with its own deadline, so that renewing
//! cannot hang. Versions without API tokens need user and password; the realm defaults to [`REALM`].

use bytes::Bytes;

use super::queue::{QueueAnswer, QueueCounts, read_queue, read_shape};
use super::types::{
    Backup, ClusterNode, MailCount, MailStatistics, NodeEntry, NodeStatus, QuarantineStatus,
    SpamScore, Version,
};
use crate::auth::Dialect;
use crate::call::Call;
use crate::decode::{DecodeError, Decoded};
use crate::error::{Error, Result, excerpt};
use crate::meter::Meter;
use crate::outbound::{Fingerprint, ServerAddress};
use crate::pve::{PveApi, PveClient, PveOptions};

/// The realm of a user that is entered without one.
pub const REALM: &str = "pmg";

const QUEUES: [&str; 4] = ["active", "deferred", "hold", "incoming"];

/// A client of one server. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct PmgClient(PveClient);

impl PveApi for PmgClient {
    async fn send(&self, call: Call) -> Result<Bytes> {
        self.0.send(call).await
    }

    fn describe(&self) -> String {
        self.0.endpoint().to_owned()
    }

    fn meter(&self) -> &Meter {
        self.0.meter()
    }
}

impl PmgClient {
    /// Prepares a client; nothing is sent before the first call. The dialect of the options is
    /// set here.
    pub fn new(mut options: PveOptions) -> Result<Self> {
        options.dialect = Dialect::PMG;
        PveClient::new(options).map(Self)
    }

    pub fn endpoint(&self) -> &str {
        self.0.endpoint()
    }

    pub fn address(&self) -> &ServerAddress {
        self.0.address()
    }

    pub fn certificate_seen(&self) -> Option<Fingerprint> {
        self.0.certificate_seen()
    }

    pub async fn server_version(&self) -> Result<Version> {
        self.object(Call::get("/version").within_secs(10)).await
    }

    /// The members of the cluster; a single server is listed, too.
    pub async fn members(&self) -> Result<Decoded<ClusterNode>> {
        let call = Call::get("/config/cluster/status").query("list_single_node", 1);
        self.list(call.within_secs(15)).await
    }

    pub async fn node_list(&self) -> Result<Decoded<NodeEntry>> {
        self.list(Call::get("/nodes").within_secs(10)).await
    }

    pub async fn member_status(&self, node: &str) -> Result<NodeStatus> {
        self.object(Call::get("/nodes/{node}/status").with(node).within_secs(10))
            .await
    }

    /// Messages in the queues of a node, asked in whatever way its version tells them.
    pub async fn queues(&self, node: &str) -> Result<QueueCounts> {
        let call = Call::get("/nodes/{node}/postfix/queue").with(node);
        let path = call.path.clone();
        match self.send(call.within_secs(15)).await {
            Ok(body) => match read_queue(&body) {
                Some(QueueAnswer::Counts(counts)) => return Ok(counts),
                Some(QueueAnswer::Index) => {}
                None => return Err(self.unreadable(&path, &body)),
            },
            Err(error) if error.is_not_implemented() || error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let mut counts = QueueCounts::default();
        for queue in QUEUES {
            let call = Call::get("/nodes/{node}/postfix/qshape")
                .with(node)
                .query("queue", queue);
            let path = call.path.clone();
            let body = self.send(call.within_secs(15)).await?;
            let (messages, age) = read_shape(&body).ok_or_else(|| self.unreadable(&path, &body))?;
            if let Some(slot) = counts.slot(queue) {
                *slot = Some(messages);
            }
            counts.oldest_age = counts.oldest_age.max(Some(age));
        }
        Ok(counts)
    }

    fn unreadable(&self, path: &str, body: &[u8]) -> Error {
        let error = DecodeError {
            detail: "no counts of mail queues".to_owned(),
            excerpt: excerpt(body),
        };
        Error::new(self.0.endpoint(), path, error)
    }

    pub async fn node_backups(&self, node: &str) -> Result<Decoded<Backup>> {
        self.list(Call::get("/nodes/{node}/backup").with(node).within_secs(20))
            .await
    }

    /// Of the current day.
    pub async fn mail_statistics(&self) -> Result<MailStatistics> {
        self.object(Call::get("/statistics/mail").within_secs(30))
            .await
    }

    /// By hour, of the last day.
    pub async fn mail_counts(&self) -> Result<Decoded<MailCount>> {
        let call = Call::get("/statistics/mailcount").query("timespan", 86_400);
        self.list(call.within_secs(30)).await
    }

    pub async fn spam_scores(&self) -> Result<Decoded<SpamScore>> {
        self.list(Call::get("/statistics/spamscores").within_secs(30))
            .await
    }

    pub async fn spam_quarantine(&self) -> Result<QuarantineStatus> {
        self.object(Call::get("/quarantine/spamstatus").within_secs(20))
            .await
    }

    pub async fn virus_quarantine(&self) -> Result<QuarantineStatus> {
        self.object(Call::get("/quarantine/virusstatus").within_secs(20))
            .await
    }
}
