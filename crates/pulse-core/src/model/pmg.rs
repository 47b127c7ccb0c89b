//! A Proxmox Mail Gateway.

use serde::{Deserialize, Serialize};

use super::InstanceHealth;
use super::shared::Liveness;
use crate::units::{Bytes, Timestamp};

/// Postfix queues of a node, in messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MailQueue {
    pub active: u64,
    pub deferred: u64,
    pub hold: u64,
    pub incoming: u64,
    /// Seconds that the oldest message waits; 0 is none or not known.
    pub oldest_age: u64,
    pub read: Timestamp,
}

impl MailQueue {
    pub const fn total(&self) -> u64 {
        self.active + self.deferred + self.hold + self.incoming
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PmgNode {
    pub name: String,
    pub online: bool,
    /// `master` or `node`.
    pub role: String,
    /// Seconds; 0 is not known.
    pub uptime: u64,
    pub load: Option<[f64; 3]>,
    pub queue: Option<MailQueue>,
}

/// Mail of the current day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MailStatistics {
    pub count: f64,
    pub count_in: f64,
    pub count_out: f64,
    pub spam_in: f64,
    pub spam_out: f64,
    pub virus_in: f64,
    pub virus_out: f64,
    pub bounces_in: f64,
    pub bounces_out: f64,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub greylisted: f64,
    pub junk_in: f64,
    pub rbl_rejects: f64,
    pub pregreet_rejects: f64,
    pub average_process_ms: f64,
    pub read: Timestamp,
}

/// Mail of one hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MailCount {
    pub start: Timestamp,
    pub index: i64,
    pub count: f64,
    pub count_in: f64,
    pub count_out: f64,
    pub spam_in: f64,
    pub spam_out: f64,
    pub virus_in: f64,
    pub virus_out: f64,
    pub rbl_rejects: f64,
    pub pregreet_rejects: f64,
    pub bounces_in: f64,
    pub bounces_out: f64,
    pub greylisted: f64,
}

/// Messages in quarantine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quarantine {
    pub spam: Option<u64>,
    pub virus: Option<u64>,
    pub attachment: Option<u64>,
    pub blacklisted: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PmgBackup {
    /// `pmg-<instance>-<node>-<timestamp>`.
    pub id: String,
    pub instance: String,
    pub node: String,
    pub filename: String,
    pub time: Timestamp,
    pub size: Bytes,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PmgInstance {
    /// `pmg-<name>`.
    pub id: String,
    pub name: String,
    pub host: String,
    pub guest_url: String,
    pub online: bool,
    pub health: InstanceHealth,
    pub version: String,
    pub nodes: Vec<PmgNode>,
    pub statistics: Option<MailStatistics>,
    /// Oldest first.
    pub counts: Vec<MailCount>,
    /// Messages by spam score, as PMG groups them.
    pub spam_scores: Vec<(String, u64)>,
    pub quarantine: Option<Quarantine>,
    pub backups: Vec<PmgBackup>,
    pub seen: Timestamp,
    pub liveness: Liveness,
}
