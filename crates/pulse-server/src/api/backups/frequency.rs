//! Backups by day.

use axum::extract::{Query, State};
use pulse_core::{Snapshot, TaskOutcome, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::evidence::own_files;
use crate::app::{App, now};
use crate::http::{Reply, json};

const DAY_MS: i64 = 86_400_000;
const LONGEST_DAYS: u32 = 366;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FrequencyParams {
    /// How many days, today included: 1 to 366, 30 when absent.
    #[serde(default)]
    days: Option<u32>,
    /// Minutes by which the reader's clock is ahead of UTC, −840 to 840.
    #[serde(default)]
    offset: Option<i64>,
}

/// One day of the reader.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Day {
    /// Unix ms of its midnight.
    start: i64,
    /// Files on storages of Proxmox VE.
    pve: u32,
    /// Backups on backup servers.
    pbs: u32,
    /// Backups of mail gateways.
    pmg: u32,
    /// Snapshots of guests.
    snapshots: u32,
    /// Bytes of all but the snapshots, as their servers state the size.
    bytes: u64,
    /// Backup tasks that failed, as far as they are known.
    failed: u32,
}

/// `GET /api/backups/frequency`
#[derive(Debug, Serialize, ToSchema)]
pub struct Frequency {
    /// Oldest first.
    days: Vec<Day>,
}

struct Days {
    first: i64,
    days: Vec<Day>,
}

impl Days {
    fn at(&mut self, time: Timestamp) -> Option<&mut Day> {
        let day = time.millis().checked_sub(self.first)?.div_euclid(DAY_MS);
        self.days.get_mut(usize::try_from(day).ok()?)
    }
}

/// The days that end with the one of `now`; `offset` is that of the reader's clock in minutes.
pub fn build(snapshot: &Snapshot, now: Timestamp, days: u32, offset: i64) -> Frequency {
    let count = days.clamp(1, LONGEST_DAYS);
    let offset = offset.clamp(-840, 840) * 60_000;
    let today = (now.millis() + offset).div_euclid(DAY_MS) * DAY_MS - offset;
    let first = today - i64::from(count - 1) * DAY_MS;
    let start = |day| Day {
        start: first + i64::from(day) * DAY_MS,
        ..Day::default()
    };
    let mut days = Days {
        first,
        days: (0..count).map(start).collect(),
    };
    for file in own_files(snapshot) {
        if let Some(day) = days.at(file.time) {
            day.pve += 1;
            day.bytes = day.bytes.saturating_add(file.size.get());
        }
    }
    for backup in snapshot.backup_groups.iter().flat_map(|g| &g.snapshots) {
        if let Some(day) = days.at(backup.time) {
            day.pbs += 1;
            let size = backup.size.unwrap_or_default();
            day.bytes = day.bytes.saturating_add(size.get());
        }
    }
    for backup in snapshot.pmg.iter().flat_map(|server| &server.backups) {
        if let Some(day) = days.at(backup.time) {
            day.pmg += 1;
            day.bytes = day.bytes.saturating_add(backup.size.get());
        }
    }
    for taken in snapshot.guest_snapshots.iter() {
        if let Some(day) = days.at(taken.time) {
            day.snapshots += 1;
        }
    }
    let failed = |outcome: &TaskOutcome| matches!(outcome, TaskOutcome::Failed(_));
    for task in snapshot.tasks.iter() {
        if matches!(task.kind.as_str(), "vzdump" | "backup")
            && failed(&task.outcome)
            && let Some(day) = days.at(task.started)
        {
            day.failed += 1;
        }
    }
    Frequency { days: days.days }
}

/// How many backups were made on each of the last days.
#[utoipa::path(get, path = "/api/backups/frequency", params(FrequencyParams),
    responses((status = 200, body = Frequency)))]
pub async fn frequency(State(app): State<App>, Query(params): Query<FrequencyParams>) -> Reply {
    let snapshot = app.inventory.snapshot();
    let days = params.days.unwrap_or(30);
    let offset = params.offset.unwrap_or(0);
    Ok(json(&build(&snapshot, now(), days, offset)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pulse_core::{Snapshot, Task, TaskOutcome, Timestamp};

    use super::build;

    #[test]
    fn a_day_is_the_readers_day() {
        let task = Task {
            kind: "vzdump".into(),
            started: Timestamp::from_secs(86_400 - 1800),
            outcome: TaskOutcome::Failed("no space".into()),
            ..Task::default()
        };
        let snapshot = Snapshot {
            tasks: Arc::new(vec![Arc::new(task)]),
            ..Snapshot::default()
        };
        let now = Timestamp::from_secs(86_400 + 100);
        let failed = |offset| -> Vec<u32> {
            let days = build(&snapshot, now, 2, offset).days;
            days.iter().map(|day| day.failed).collect()
        };
        assert_eq!(failed(0), [1, 0]);
        assert_eq!(failed(60), [0, 1], "an hour ahead it was today");
        assert_eq!(build(&snapshot, now, 0, 9_999_999).days.len(), 1);
    }
}
