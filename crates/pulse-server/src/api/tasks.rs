//! Tasks of all Proxmox servers.

use axum::extract::{Query, State};
use axum::routing::get;
use http::Method;
use pulse_auth::{Access, RouteRule, Scope};
use pulse_core::{Snapshot, Task, TaskOutcome};
use pulse_wire::state::TaskJson;
use pulse_wire::state::backup::outcome_word;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::http::{Reply, json};
use crate::routes::{Entry, row};

const MOST: usize = 2000;

pub fn routes() -> Vec<Entry> {
    let rule = RouteRule::new(Method::GET, "/api/tasks", Access::Authenticated);
    vec![row(rule.scope(Scope::MonitoringRead), get(tasks))]
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TaskParams {
    /// Comma list of connections.
    instance: String,
    node: String,
    /// Comma list of worker types.
    r#type: String,
    /// Comma list of `running`, `ok`, `warnings`, `failed`, `unknown`.
    outcome: String,
    vmid: Option<u32>,
    /// Unix ms: started then or later.
    since: Option<i64>,
    /// Part of the target, type, user or node, in any case.
    search: String,
    /// 1 to 2000, 200 when absent.
    limit: Option<usize>,
    offset: usize,
}

/// `GET /api/tasks`
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_field_names)] // the key of the list
pub struct Tasks<'a> {
    /// Running ones first, then newest first.
    tasks: Vec<TaskJson<'a>>,
    /// All that match.
    total: usize,
    running: usize,
    failed: usize,
}

fn listed(list: &str, word: &str) -> bool {
    list.is_empty() || list.split(',').any(|entry| entry.trim() == word)
}

impl TaskParams {
    fn matches(&self, task: &Task) -> bool {
        listed(&self.instance, &task.instance)
            && listed(&self.node, &task.node)
            && listed(&self.r#type, &task.kind)
            && listed(&self.outcome, outcome_word(&task.outcome))
            && self.vmid.is_none_or(|vmid| task.vmid() == Some(vmid))
            && self
                .since
                .is_none_or(|since| task.started.millis() >= since)
            && self.found_in(task)
    }

    fn found_in(&self, task: &Task) -> bool {
        if self.search.is_empty() {
            return true;
        }
        let wanted = self.search.to_lowercase();
        [&task.target, &task.kind, &task.user, &task.node]
            .iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// What `params` select of a snapshot.
pub fn select<'a>(snapshot: &'a Snapshot, params: &TaskParams) -> Tasks<'a> {
    let mut matching: Vec<&Task> = snapshot
        .tasks
        .iter()
        .map(|task| &**task)
        .filter(|task| params.matches(task))
        .collect();
    let count =
        |test: fn(&TaskOutcome) -> bool| matching.iter().filter(|task| test(&task.outcome)).count();
    let running = count(|outcome| *outcome == TaskOutcome::Running);
    let failed = count(TaskOutcome::failed);
    // Stable: what is newest first stays so.
    matching.sort_by_key(|task| task.outcome != TaskOutcome::Running);
    let limit = params.limit.unwrap_or(200).clamp(1, MOST);
    Tasks {
        total: matching.len(),
        running,
        failed,
        tasks: matching
            .into_iter()
            .skip(params.offset)
            .take(limit)
            .map(TaskJson::new)
            .collect(),
    }
}

/// Tasks of all Proxmox servers that are known, filtered.
#[utoipa::path(get, path = "/api/tasks", params(TaskParams),
    responses((status = 200, body = Tasks<'static>)))]
pub async fn tasks(State(app): State<App>, Query(params): Query<TaskParams>) -> Reply {
    let snapshot = app.inventory.snapshot();
    Ok(json(&select(&snapshot, &params)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pulse_core::{Snapshot, Task, TaskOutcome, Timestamp};

    use super::{TaskParams, select};

    #[test]
    fn filters_and_puts_what_runs_first() {
        let task = |at: i64, kind: &str, outcome| {
            Arc::new(Task {
                upid: at.to_string(),
                kind: kind.into(),
                target: "100".into(),
                started: Timestamp::from_secs(at),
                outcome,
                ..Task::default()
            })
        };
        let snapshot = Snapshot {
            tasks: Arc::new(vec![
                task(3, "vzdump", TaskOutcome::Failed("x".into())),
                task(2, "vzdump", TaskOutcome::Running),
                task(1, "qmstart", TaskOutcome::Ok),
            ]),
            ..Snapshot::default()
        };
        let chosen = |params: TaskParams| -> Vec<String> {
            let found = select(&snapshot, &params);
            found.tasks.iter().map(|t| t.upid.to_owned()).collect()
        };
        assert_eq!(chosen(TaskParams::default()), ["2", "3", "1"]);
        let failed = TaskParams {
            outcome: "failed, unknown".into(),
            ..TaskParams::default()
        };
        assert_eq!(chosen(failed), ["3"]);
        let found = TaskParams {
            search: "QMST".into(),
            vmid: Some(100),
            ..TaskParams::default()
        };
        assert_eq!(chosen(found), ["1"]);
        let page = TaskParams {
            limit: Some(1),
            offset: 1,
            ..TaskParams::default()
        };
        assert_eq!(chosen(page), ["3"]);
    }
}
