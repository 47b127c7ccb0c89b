//! `GET /api/monitoring/scheduler/health`: what the scheduler does and what it gave up on.

use std::collections::BTreeMap;

use axum::extract::State;
use pulse_collect::{BreakerState, InstanceKey, PollStatus};
use pulse_core::{InstanceState, Timestamp};
use pulse_wire::time::rfc3339_or_never;
use serde_json::{Map, Value, json};

use super::scheduler_metrics::{is_due_soon, is_queued};
use crate::app::{App, now};
use crate::http::{Reply, json as json_body};

const DEAD_SHOWN: usize = 25;
/// Staleness reaches 1 at this age.
const STALE_MS: f64 = 300_000.0;

fn time(at: Timestamp) -> String {
    rfc3339_or_never(Some(at))
}

/// `GET /api/monitoring/scheduler/health`
pub async fn health(State(app): State<App>) -> Reply {
    Ok(json_body(&current(&app)))
}

/// What the scheduler does now.
pub(super) fn current(app: &App) -> Value {
    let statuses = app.runner.statuses();
    let adaptive = app.runner.timing().adaptive;
    let stale_ms = adaptive.map_or(STALE_MS, |adaptive| adaptive.max.as_millis() as f64);
    let mut body = document(&statuses, adaptive.is_some(), stale_ms, now());
    if let Value::Array(rows) = &mut body["instances"] {
        let snapshot = app.inventory.snapshot();
        rows.extend(snapshot.instances.iter().filter_map(|state| {
            let key = InstanceKey::new(state.kind, state.name.clone());
            (!statuses.contains_key(&key)).then(|| not_polled(&key, state))
        }));
        rows.sort_by(|a, b| a["key"].as_str().cmp(&b["key"].as_str()));
    }
    body
}

/// An instance whose settings cannot be polled as they stand: it is in no queue.
fn not_polled(key: &InstanceKey, state: &InstanceState) -> Value {
    let mut status = json!({"consecutiveFailures": state.failures});
    if let Some(message) = &state.error {
        status["lastError"] = json!({
            "at": rfc3339_or_never(None),
            "message": message,
            "category": "permanent",
        });
    }
    json!({
        "key": key.to_string(),
        "type": key.kind.as_str(),
        "displayName": key.name,
        "instance": key.name,
        "connection": "",
        "pollStatus": status,
        "breaker": {"state": "closed", "failureCount": 0},
        "deadLetter": {"present": false},
        "inFlight": false,
    })
}

fn document(
    statuses: &BTreeMap<InstanceKey, PollStatus>,
    adaptive: bool,
    stale_ms: f64,
    at: Timestamp,
) -> Value {
    let mut per_type: BTreeMap<&str, usize> = BTreeMap::new();
    let mut due_soon = 0;
    for (key, status) in statuses {
        if is_queued(status) {
            *per_type.entry(key.kind.as_str()).or_default() += 1;
        }
        due_soon += usize::from(is_due_soon(status, at));
    }
    let dead: Vec<Value> = statuses.iter().filter_map(dead_task).collect();
    let breakers: Vec<Value> = statuses.iter().filter_map(broken).collect();
    let staleness: Vec<Value> = statuses
        .iter()
        .map(|(key, status)| staleness(key, status, stale_ms, at))
        .collect();
    let instances: Vec<Value> = statuses.iter().map(|(k, s)| instance(k, s)).collect();
    let mut body = json!({
        "updatedAt": time(at),
        "enabled": adaptive,
        "queue": {
            "depth": per_type.values().sum::<usize>(),
            "dueWithinSeconds": due_soon,
            "perType": per_type,
        },
        "deadLetter": {
            "count": dead.len(),
            "tasks": dead.into_iter().take(DEAD_SHOWN).collect::<Vec<_>>(),
        },
        "instances": instances,
    });
    for (key, rows) in [("breakers", breakers), ("staleness", staleness)] {
        if !rows.is_empty() {
            body[key] = Value::Array(rows);
        }
    }
    body
}

fn dead_task((key, status): (&InstanceKey, &PollStatus)) -> Option<Value> {
    let dead = status.dead_letter.as_ref()?;
    let mut row = json!({
        "instance": key.name,
        "type": key.kind.as_str(),
        "nextRun": time(dead.next_retry),
        "failures": dead.retries,
    });
    if let Some((_, failure)) = &status.last_error {
        row["lastError"] = json!(failure.message);
    }
    Some(row)
}

fn broken((key, status): (&InstanceKey, &PollStatus)) -> Option<Value> {
    let breaker = &status.breaker;
    (breaker.state != BreakerState::Closed || breaker.failures > 0).then(|| {
        json!({
            "instance": key.name,
            "type": key.kind.as_str(),
            "state": breaker.state.as_str(),
            "failures": breaker.failures,
            "retryAt": rfc3339_or_never(breaker.retry_at),
        })
    })
}

fn staleness(key: &InstanceKey, status: &PollStatus, stale_ms: f64, at: Timestamp) -> Value {
    let score = status.last_success.map_or(1.0, |last| {
        (at.since(last) as f64 / stale_ms.max(1.0)).min(1.0)
    });
    json!({
        "instance": key.name,
        "type": key.kind.as_str(),
        "score": score,
        "lastSuccess": rfc3339_or_never(status.last_success),
        "lastError": rfc3339_or_never(status.last_error.as_ref().map(|(at, _)| *at)),
    })
}

fn instance(key: &InstanceKey, status: &PollStatus) -> Value {
    let mut row = json!({
        "key": key.to_string(),
        "type": key.kind.as_str(),
        "displayName": key.name,
        "instance": key.name,
        "connection": status.profile.connection,
        "pollStatus": poll_status(status),
        "breaker": breaker(status),
        "deadLetter": dead_letter(status),
        "lastDurationMs": status.last_duration.as_millis() as u64,
        "inFlight": status.in_flight,
        "intervalMs": status.interval.as_millis() as u64,
        "polls": status.polls,
    });
    if let Some(next) = status.next_poll {
        row["nextRun"] = json!(time(next));
    }
    if let Some(requests) = status.requests_per_10s {
        row["requestsPer10s"] = json!((requests * 10.0).round() / 10.0);
    }
    row
}

fn poll_status(status: &PollStatus) -> Value {
    let mut row = Map::new();
    if let Some(last) = status.last_success {
        row.insert("lastSuccess".into(), json!(time(last)));
    }
    if let Some((at, failure)) = &status.last_error {
        let category = if failure.transient {
            "transient"
        } else {
            "permanent"
        };
        let error = json!({"at": time(*at), "message": failure.message, "category": category});
        row.insert("lastError".into(), error);
    }
    row.insert(
        "consecutiveFailures".into(),
        json!(status.consecutive_failures),
    );
    if let Some(first) = status.first_failure {
        row.insert("firstFailureAt".into(), json!(time(first)));
    }
    Value::Object(row)
}

fn breaker(status: &PollStatus) -> Value {
    let breaker = &status.breaker;
    let mut row = json!({
        "state": breaker.state.as_str(),
        "since": time(breaker.since),
        "lastTransition": time(breaker.since),
        "failureCount": breaker.failures,
    });
    if let Some(retry) = breaker.retry_at {
        row["retryAt"] = json!(time(retry));
    }
    row
}

fn dead_letter(status: &PollStatus) -> Value {
    let Some(dead) = &status.dead_letter else {
        return json!({"present": false});
    };
    json!({
        "present": true,
        "reason": dead.reason.as_str(),
        "firstAttempt": time(dead.first_attempt),
        "lastAttempt": time(dead.last_attempt),
        "retryCount": dead.retries,
        "nextRetry": time(dead.next_retry),
    })
}
