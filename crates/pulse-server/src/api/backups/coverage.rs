//! Which guests are backed up: jobs, the last good backup, and why there is none.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use pulse_core::{Attribution, Guest, Snapshot, Verification};
use serde::Serialize;
use utoipa::ToSchema;

use super::evidence::own_files;
use crate::app::App;
use crate::http::{Reply, json};

/// The backups of one guest.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Unix s; 0 is none.
    last: i64,
    last_good: i64,
    last_verified: i64,
    last_good_verified: bool,
    count: u32,
    damaged: u32,
    incomplete: u32,
}

impl Known {
    fn add(&mut self, time: i64, complete: bool, verification: Verification) {
        self.count += 1;
        self.last = self.last.max(time);
        if !complete {
            self.incomplete += 1;
        } else if verification == Verification::Failed {
            self.damaged += 1;
        } else if time > self.last_good {
            self.last_good = time;
            self.last_good_verified = verification == Verification::Ok;
        }
        if complete && verification == Verification::Ok {
            self.last_verified = self.last_verified.max(time);
        }
    }
}

/// How a guest is protected.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoveredGuest<'a> {
    /// Id of the guest in the state.
    id: &'a str,
    instance: &'a str,
    node: &'a str,
    vmid: u32,
    name: &'a str,
    /// `qemu`, `lxc` or `oci`.
    #[schema(value_type = String)]
    r#type: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    template: bool,
    /// Ids of the enabled jobs that back it up.
    jobs: Vec<&'a str>,
    /// Unix ms of the newest backup, whatever its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_backup: Option<i64>,
    /// Unix ms of the newest that is complete and not known to be damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_good: Option<i64>,
    /// Whether that one was verified.
    verified: bool,
    /// Unix ms of the newest verified one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_verified: Option<i64>,
    count: u32,
    #[serde(skip_serializing_if = "pulse_wire::state::shared::is_zero")]
    damaged: u32,
    #[serde(skip_serializing_if = "pulse_wire::state::shared::is_zero")]
    incomplete: u32,
    /// What is wrong: `no job`, `no backup`, `only damaged backups`, `only incomplete backups`,
    /// `jobs not known`; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    reason: Option<&'static str>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageSummary {
    guests: usize,
    /// In a job and with a good backup.
    covered: usize,
    without_job: usize,
    without_good_backup: usize,
    verified: usize,
}

/// `GET /api/backups/coverage`
#[derive(Debug, Serialize, ToSchema)]
pub struct Coverage<'a> {
    guests: Vec<CoveredGuest<'a>>,
    summary: CoverageSummary,
}

fn known_backups(snapshot: &Snapshot) -> HashMap<(&str, u32), Known> {
    let mut known: HashMap<(&str, u32), Known> = HashMap::new();
    for group in snapshot.backup_groups.iter() {
        if let Attribution::Guest { instance, vmid, .. } = &group.attribution {
            let entry = known.entry((instance, *vmid)).or_default();
            for backup in &group.snapshots {
                let complete = backup.size.is_some();
                entry.add(backup.time.secs(), complete, backup.verification);
            }
        }
    }
    for file in own_files(snapshot).filter(|file| file.vmid > 0) {
        let entry = known.entry((&file.instance, file.vmid)).or_default();
        entry.add(file.time.secs(), true, file.verification);
    }
    known
}

fn millis(seconds: i64) -> Option<i64> {
    (seconds > 0).then(|| seconds.saturating_mul(1000))
}

/// What is known about jobs.
struct Jobs<'a> {
    snapshot: &'a Snapshot,
    /// Guests that Proxmox calls unprotected.
    unprotected: HashSet<(&'a str, u32)>,
    /// Instances whose jobs were read.
    read: HashSet<&'a str>,
}

impl<'a> Jobs<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let unprotected: HashSet<(&str, u32)> = snapshot
            .unprotected
            .iter()
            .map(|(instance, vmid)| (instance.as_str(), *vmid))
            .collect();
        let read = snapshot
            .backup_jobs
            .iter()
            .map(|job| job.instance.as_str())
            .chain(unprotected.iter().map(|(instance, _)| *instance))
            .collect();
        Self {
            snapshot,
            unprotected,
            read,
        }
    }

    fn of(&self, guest: &Guest) -> Vec<&'a str> {
        let jobs = self.snapshot.backup_jobs.iter();
        jobs.filter(|job| {
            job.instance == guest.instance && job.covers(guest.vmid, &guest.pool, &guest.node)
        })
        .map(|job| job.id.as_str())
        .collect()
    }

    fn reason(&self, guest: &Guest, has_job: bool) -> Option<&'static str> {
        let instance = guest.instance.as_str();
        if self.unprotected.contains(&(instance, guest.vmid)) {
            Some("no job")
        } else if has_job {
            None
        } else if self.read.contains(instance) {
            Some("no job")
        } else {
            Some("jobs not known")
        }
    }
}

fn covered<'a>(guest: &'a Guest, jobs: &Jobs<'a>, known: Known) -> CoveredGuest<'a> {
    let own = jobs.of(guest);
    let without_good = match known {
        Known { last_good: 1.., .. } => None,
        Known { count: 0, .. } => Some("no backup"),
        Known { damaged: 1.., .. } => Some("only damaged backups"),
        _ => Some("only incomplete backups"),
    };
    let reason = jobs
        .reason(guest, !own.is_empty())
        .or(without_good)
        .filter(|_| !guest.template);
    CoveredGuest {
        id: &guest.id,
        instance: &guest.instance,
        node: &guest.node,
        vmid: guest.vmid,
        name: &guest.name,
        r#type: guest.kind.as_str(),
        template: guest.template,
        jobs: own,
        last_backup: millis(known.last),
        last_good: millis(known.last_good),
        verified: known.last_good_verified,
        last_verified: millis(known.last_verified),
        count: known.count,
        damaged: known.damaged,
        incomplete: known.incomplete,
        reason,
    }
}

/// The coverage of a snapshot. Templates are listed and not counted.
pub fn build(snapshot: &Snapshot) -> Coverage<'_> {
    let known = known_backups(snapshot);
    let jobs = Jobs::new(snapshot);
    let guests: Vec<CoveredGuest<'_>> = snapshot
        .guests()
        .map(|guest| {
            let own = known.get(&guest.key()).copied().unwrap_or_default();
            covered(guest, &jobs, own)
        })
        .collect();
    let count = |test: fn(&CoveredGuest<'_>) -> bool| {
        guests.iter().filter(|g| !g.template && test(g)).count()
    };
    let summary = CoverageSummary {
        guests: count(|_| true),
        covered: count(|g| g.reason.is_none()),
        without_job: count(|g| g.reason == Some("no job")),
        without_good_backup: count(|g| g.last_good.is_none()),
        verified: count(|g| g.verified),
    };
    Coverage { guests, summary }
}

/// Guest by guest: the jobs that back it up, the last good backup, whether it was verified, and
/// what is wrong.
#[utoipa::path(get, path = "/api/backups/coverage",
    responses((status = 200, body = Coverage<'static>)))]
pub async fn coverage(State(app): State<App>) -> Reply {
    let snapshot = app.inventory.snapshot();
    Ok(json(&build(&snapshot)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pulse_core::{BackupJob, BackupSelection, Snapshot, StorageBackup, Timestamp};

    use super::*;

    fn file(vmid: u32, day: i64, verification: Verification) -> Arc<StorageBackup> {
        Arc::new(StorageBackup {
            instance: "lab".into(),
            storage: "nas".into(),
            node: "a".into(),
            volid: format!("nas:backup/{vmid}-{day}"),
            vmid,
            kind: None,
            time: Timestamp::from_secs(day * 86_400),
            size: pulse_core::Bytes(1),
            format: "vma".into(),
            notes: String::new(),
            protected: false,
            on_pbs: false,
            encrypted: false,
            verification,
        })
    }

    #[test]
    fn the_reason_says_what_is_wrong() {
        let job = BackupJob {
            id: "nightly".into(),
            instance: "lab".into(),
            enabled: true,
            selection: BackupSelection::Vmids(vec![100, 101, 102]),
            ..BackupJob::default()
        };
        let guests = [100, 101, 102, 103].map(|vmid| Arc::new(crate::api::samples::guest(vmid)));
        let snapshot = Snapshot {
            vms: Arc::new(guests.to_vec()),
            backup_jobs: Arc::new(vec![Arc::new(job)]),
            storage_backups: Arc::new(vec![
                file(100, 3, Verification::Failed),
                file(100, 2, Verification::Ok),
                file(101, 2, Verification::Failed),
                file(103, 2, Verification::None),
            ]),
            ..Snapshot::default()
        };
        let coverage = build(&snapshot);
        let reasons: Vec<_> = coverage.guests.iter().map(|g| (g.vmid, g.reason)).collect();
        assert_eq!(
            reasons,
            [
                (100, None),
                (101, Some("only damaged backups")),
                (102, Some("no backup")),
                (103, Some("no job")),
            ]
        );
        assert_eq!(coverage.guests[0].last_good, Some(2 * 86_400_000));
        assert_eq!(coverage.guests[0].last_backup, Some(3 * 86_400_000));
        assert_eq!(coverage.summary.covered, 1);
        assert_eq!(coverage.summary.without_good_backup, 2);
    }
}
