//! A mail gateway in the state.

use pulse_core::{Liveness, MailCount, MailQueue, MailStatistics, PmgInstance, PmgNode};
use serde::Serialize;
use utoipa::ToSchema;

use super::pbs::{healthy, online};
use super::shared::{finite, is_zero};
use crate::time::rfc3339;

/// Postfix queues of a node, in messages.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailQueueJson {
    pub active: u64,
    pub deferred: u64,
    pub hold: u64,
    pub incoming: u64,
    pub total: u64,
    /// Seconds that the oldest message waits.
    pub oldest_age: u64,
    pub updated_at: String,
}

impl MailQueueJson {
    fn new(queue: &MailQueue) -> Self {
        Self {
            active: queue.active,
            deferred: queue.deferred,
            hold: queue.hold,
            incoming: queue.incoming,
            total: queue.total(),
            oldest_age: queue.oldest_age,
            updated_at: rfc3339(queue.read),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PmgNodeJson<'a> {
    pub name: &'a str,
    /// `online` or `offline`.
    #[schema(value_type = String)]
    pub status: &'static str,
    /// `master` or `node`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub role: &'a str,
    /// Seconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub uptime: u64,
    /// The 1-minute load as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_avg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_status: Option<MailQueueJson>,
}

impl<'a> PmgNodeJson<'a> {
    fn new(node: &'a PmgNode) -> Self {
        Self {
            name: &node.name,
            status: online(node.online),
            role: &node.role,
            uptime: node.uptime,
            load_avg: node.load.map(|[one, _, _]| format!("{one:.2}")),
            queue_status: node.queue.as_ref().map(MailQueueJson::new),
        }
    }
}

/// Mail of the current day.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailStatisticsJson {
    /// `day`.
    #[schema(value_type = String)]
    pub timeframe: &'static str,
    pub count_total: f64,
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
    pub greylist_count: f64,
    pub junk_in: f64,
    pub average_process_time_ms: f64,
    pub rbl_rejects: f64,
    pub pregreet_rejects: f64,
    pub updated_at: String,
}

impl MailStatisticsJson {
    fn new(mail: &MailStatistics) -> Self {
        Self {
            timeframe: "day",
            count_total: finite(mail.count),
            count_in: finite(mail.count_in),
            count_out: finite(mail.count_out),
            spam_in: finite(mail.spam_in),
            spam_out: finite(mail.spam_out),
            virus_in: finite(mail.virus_in),
            virus_out: finite(mail.virus_out),
            bounces_in: finite(mail.bounces_in),
            bounces_out: finite(mail.bounces_out),
            bytes_in: finite(mail.bytes_in),
            bytes_out: finite(mail.bytes_out),
            greylist_count: finite(mail.greylisted),
            junk_in: finite(mail.junk_in),
            average_process_time_ms: finite(mail.average_process_ms),
            rbl_rejects: finite(mail.rbl_rejects),
            pregreet_rejects: finite(mail.pregreet_rejects),
            updated_at: rfc3339(mail.read),
        }
    }
}

/// Mail of one hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailCountJson {
    pub timestamp: String,
    pub count: f64,
    pub count_in: f64,
    pub count_out: f64,
    pub spam_in: f64,
    pub spam_out: f64,
    pub virus_in: f64,
    pub virus_out: f64,
    pub rbl_rejects: f64,
    pub pregreet: f64,
    pub bounces_in: f64,
    pub bounces_out: f64,
    pub greylist: f64,
    pub index: i64,
    /// `hour`.
    #[schema(value_type = String)]
    pub timeframe: &'static str,
    pub window_start: String,
    pub window_end: String,
}

impl MailCountJson {
    fn new(hour: &MailCount) -> Self {
        Self {
            timestamp: rfc3339(hour.start),
            count: finite(hour.count),
            count_in: finite(hour.count_in),
            count_out: finite(hour.count_out),
            spam_in: finite(hour.spam_in),
            spam_out: finite(hour.spam_out),
            virus_in: finite(hour.virus_in),
            virus_out: finite(hour.virus_out),
            rbl_rejects: finite(hour.rbl_rejects),
            pregreet: finite(hour.pregreet_rejects),
            bounces_in: finite(hour.bounces_in),
            bounces_out: finite(hour.bounces_out),
            greylist: finite(hour.greylisted),
            index: hour.index,
            timeframe: "hour",
            window_start: rfc3339(hour.start),
            window_end: rfc3339(hour.start.plus_millis(3_600_000)),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpamScoreJson<'a> {
    pub score: &'a str,
    pub count: u64,
}

/// Messages in quarantine; a number that could not be read is 0 and named in `unknown`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuarantineJson {
    pub spam: u64,
    pub virus: u64,
    pub attachment: u64,
    pub blacklisted: u64,
    /// An addition to v5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub unknown: Vec<&'static str>,
}

impl QuarantineJson {
    fn new(quarantine: &pulse_core::Quarantine) -> Self {
        let counts = [
            ("spam", quarantine.spam),
            ("virus", quarantine.virus),
            ("attachment", quarantine.attachment),
            ("blacklisted", quarantine.blacklisted),
        ];
        Self {
            spam: quarantine.spam.unwrap_or(0),
            virus: quarantine.virus.unwrap_or(0),
            attachment: quarantine.attachment.unwrap_or(0),
            blacklisted: quarantine.blacklisted.unwrap_or(0),
            unknown: counts
                .iter()
                .filter(|(_, count)| count.is_none())
                .map(|(name, _)| *name)
                .collect(),
        }
    }
}

/// A mail gateway. `stale` is an addition to v5.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PmgJson<'a> {
    /// `pmg-<name>`.
    pub id: &'a str,
    pub name: &'a str,
    pub host: &'a str,
    #[serde(rename = "guestURL", skip_serializing_if = "str::is_empty")]
    pub guest_url: &'a str,
    /// `online` or `offline`.
    #[schema(value_type = String)]
    pub status: &'static str,
    pub version: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<PmgNodeJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_stats: Option<MailStatisticsJson>,
    /// Oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mail_count: Vec<MailCountJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spam_distribution: Vec<SpamScoreJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<QuarantineJson>,
    /// `healthy`, `degraded` or `unhealthy`.
    #[schema(value_type = String)]
    pub connection_health: &'static str,
    pub last_seen: String,
    pub last_updated: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl<'a> PmgJson<'a> {
    pub fn new(server: &'a PmgInstance) -> Self {
        let scores = server.spam_scores.iter();
        Self {
            id: &server.id,
            name: &server.name,
            host: &server.host,
            guest_url: &server.guest_url,
            status: online(server.online),
            version: &server.version,
            nodes: server.nodes.iter().map(PmgNodeJson::new).collect(),
            mail_stats: server.statistics.as_ref().map(MailStatisticsJson::new),
            mail_count: server.counts.iter().map(MailCountJson::new).collect(),
            spam_distribution: scores
                .map(|(score, count)| SpamScoreJson {
                    score,
                    count: *count,
                })
                .collect(),
            quarantine: server.quarantine.as_ref().map(QuarantineJson::new),
            connection_health: healthy(server.health),
            last_seen: rfc3339(server.seen),
            last_updated: rfc3339(server.seen),
            stale: server.liveness == Liveness::Stale,
        }
    }
}
