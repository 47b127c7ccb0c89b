//! Scheduled jobs and tasks in the shape of the model.

use pulse_core::{Bytes, PbsJob, PbsJobKind, Task, TaskOutcome, Timestamp};
use pulse_proxmox::pbs::types;

/// A sync, verify or prune job.
pub(super) fn job(kind: PbsJobKind, row: types::Job) -> PbsJob {
    let ended = row.last_run_endtime.map(Timestamp::from_secs);
    PbsJob {
        kind,
        last_outcome: outcome(
            row.last_run_upid.as_deref(),
            row.last_run_state.as_deref(),
            ended.is_some(),
        ),
        id: row.id,
        datastore: row.store,
        namespace: row.ns.unwrap_or_default(),
        remote: row.remote.unwrap_or_default(),
        remote_datastore: row.remote_store.unwrap_or_default(),
        schedule: row.schedule.unwrap_or_default(),
        comment: row.comment.unwrap_or_default(),
        enabled: !row.disable,
        last_run: ended,
        last_upid: row.last_run_upid.unwrap_or_default(),
        next_run: row.next_run.filter(|at| *at > 0).map(Timestamp::from_secs),
        removed: None,
        pending: None,
    }
}

/// The garbage collection of a datastore. Its id is that of the datastore.
pub(super) fn garbage(row: types::GcJob) -> PbsJob {
    let ended = row.last_run_endtime.map(Timestamp::from_secs);
    let ran = row.upid.as_deref().is_some_and(|upid| !upid.is_empty());
    PbsJob {
        kind: PbsJobKind::Garbage,
        last_outcome: outcome(
            row.upid.as_deref(),
            row.last_run_state.as_deref(),
            ended.is_some(),
        ),
        id: row.store.clone(),
        datastore: row.store,
        namespace: String::new(),
        remote: String::new(),
        remote_datastore: String::new(),
        enabled: row.schedule.is_some(),
        schedule: row.schedule.unwrap_or_default(),
        comment: String::new(),
        last_run: ended,
        last_upid: row.upid.unwrap_or_default(),
        next_run: row.next_run.filter(|at| *at > 0).map(Timestamp::from_secs),
        removed: row.removed_bytes.filter(|_| ran).map(Bytes),
        pending: row.pending_bytes.filter(|_| ran).map(Bytes),
    }
}

/// Without a task it never ran; a task without end and state runs now.
fn outcome(upid: Option<&str>, state: Option<&str>, ended: bool) -> Option<TaskOutcome> {
    let ran = upid.is_some_and(|upid| !upid.is_empty()) || state.is_some();
    ran.then(|| TaskOutcome::parse(state, ended || state.is_some()))
}

/// `node` in the list is `localhost`: the server's name in Pulse stands there instead.
pub(super) fn task(instance: &str, row: types::Task) -> Task {
    Task {
        upid: row.upid,
        instance: format!("pbs-{instance}"),
        node: instance.to_owned(),
        kind: row.worker_type.unwrap_or_default(),
        target: row.worker_id.unwrap_or_default(),
        user: row.user.unwrap_or_default(),
        started: row
            .starttime
            .map_or_else(Timestamp::default, Timestamp::from_secs),
        ended: row.endtime.map(Timestamp::from_secs),
        outcome: TaskOutcome::parse(row.status.as_deref(), row.endtime.is_some()),
    }
}
