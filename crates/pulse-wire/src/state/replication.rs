//! A storage replication job in the state.

use pulse_core::{Liveness, ReplicationJob, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::{finite, is_zero};

/// A replication job and its last run. Additions to v5: `lastTryTime`, `lastSeen`, `stale`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationJobJson<'a> {
    pub id: &'a str,
    pub instance: &'a str,
    pub job_id: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub job_number: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub guest: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub guest_id: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub guest_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub guest_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub guest_node: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source_node: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source_storage: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub target_node: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub target_storage: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub schedule: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub r#type: &'a str,
    pub enabled: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub state: &'a str,
    /// Same as `state`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub status: &'a str,
    /// `ok`, `error` or `syncing`; absent before the first run.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub last_sync_status: &'a str,
    /// Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_unix: Option<i64>,
    #[serde(skip_serializing_if = "is_zero")]
    pub last_sync_duration_seconds: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_sync_duration_human: String,
    /// Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_sync_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_sync_unix: Option<i64>,
    #[serde(skip_serializing_if = "is_zero")]
    pub duration_seconds: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration_human: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub fail_count: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub remove_job: &'a str,
    /// MB/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_mbps: Option<f64>,
    /// Unix ms of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_try_time: Option<i64>,
    /// Unix ms.
    pub polled_at: i64,
    pub last_seen: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// `01:02:03`.
fn human(seconds: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

impl<'a> ReplicationJobJson<'a> {
    pub fn new(job: &'a ReplicationJob) -> Self {
        // Casting a float saturates; not-a-number gives 0.
        let seconds = job.duration.map_or(0, |d| d.round() as u64);
        let duration = if job.duration.is_some() {
            human(seconds)
        } else {
            String::new()
        };
        Self {
            id: &job.id,
            instance: &job.instance,
            job_id: &job.job_id,
            job_number: job.job_number,
            guest: if job.guest == 0 {
                String::new()
            } else {
                job.guest.to_string()
            },
            guest_id: job.guest,
            guest_name: &job.guest_name,
            guest_type: &job.guest_kind,
            guest_node: &job.guest_node,
            source_node: &job.source_node,
            source_storage: &job.source_storage,
            target_node: &job.target_node,
            target_storage: &job.target_storage,
            schedule: &job.schedule,
            r#type: &job.kind,
            enabled: job.enabled,
            state: &job.state,
            status: &job.state,
            last_sync_status: &job.last_sync_status,
            last_sync_time: job.last_sync.map(Timestamp::millis),
            last_sync_unix: job.last_sync.map(Timestamp::secs),
            last_sync_duration_seconds: seconds,
            last_sync_duration_human: duration.clone(),
            next_sync_time: job.next_sync.map(Timestamp::millis),
            next_sync_unix: job.next_sync.map(Timestamp::secs),
            duration_seconds: seconds,
            duration_human: duration,
            fail_count: job.fail_count,
            error: &job.error,
            comment: &job.comment,
            remove_job: &job.remove_job,
            rate_limit_mbps: job.rate_limit.map(finite),
            last_try_time: job.last_try.map(Timestamp::millis),
            polled_at: job.polled.millis(),
            last_seen: job.polled.millis(),
            stale: job.liveness == Liveness::Stale,
        }
    }
}
