//! v5's unified resources.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use http::{Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_wire::resources::{ResourceJson, ResourceStatsJson, Resources, Target};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, now};
use crate::http::answer::text;
use crate::http::{Reply, json};
use crate::routes::{Entry, row};

pub fn routes() -> Vec<Entry> {
    let rule = |path| {
        RouteRule::new(Method::GET, path, Access::Authenticated).scope(Scope::MonitoringRead)
    };
    vec![
        row(rule("/api/resources"), get(list)),
        row(rule("/api/resources/"), get(missing_id)),
        row(rule("/api/resources/stats"), get(stats)),
        row(rule("/api/resources/{*id}"), get(one)),
    ]
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ResourceParams {
    /// Comma lists.
    r#type: String,
    platform: String,
    status: String,
    /// Id of the parent.
    parent: String,
    /// `true`: only what has alerts.
    alerts: String,
    /// `true`: nodes and hosts, whatever else is asked for.
    infrastructure: String,
    /// `true`: guests, whatever else is asked for.
    workloads: String,
}

impl ResourceParams {
    fn matches(&self, resource: &ResourceJson) -> bool {
        if self.infrastructure == "true" {
            return resource.is_infrastructure();
        }
        if self.workloads == "true" {
            return resource.is_workload();
        }
        let listed =
            |list: &str, word: &str| list.is_empty() || list.split(',').any(|w| w.trim() == word);
        listed(&self.r#type, resource.r#type)
            && listed(&self.platform, resource.platform_type)
            && listed(&self.status, resource.status)
            && (self.parent.is_empty() || resource.parent_id.as_ref() == Some(&self.parent))
            // Alerts are not attached to resources, as in v5.
            && self.alerts != "true"
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceList {
    /// By type, then name, then id.
    resources: Vec<ResourceJson>,
    count: usize,
    stats: ResourceStatsJson,
}

/// Everything that is watched, in one shape.
#[utoipa::path(get, path = "/api/resources", params(ResourceParams),
    responses((status = 200, body = ResourceList)))]
pub async fn list(State(app): State<App>, Query(params): Query<ResourceParams>) -> Reply {
    let resources = Resources::new(&app.inventory.snapshot(), Target::Rest);
    let stats = resources.stats(now());
    let matching = resources.list.into_iter().filter(|r| params.matches(r));
    let resources: Vec<ResourceJson> = matching.collect();
    Ok(json(&ResourceList {
        count: resources.len(),
        resources,
        stats,
    }))
}

/// `GET /api/resources/stats`
async fn stats(State(app): State<App>) -> Reply {
    let resources = Resources::new(&app.inventory.snapshot(), Target::Rest);
    Ok(json(&resources.stats(now())))
}

async fn missing_id() -> Reply {
    Err(text(StatusCode::BAD_REQUEST, "Resource ID required"))
}

/// `GET /api/resources/{id}`
async fn one(State(app): State<App>, Path(id): Path<String>) -> Reply {
    let resources = Resources::new(&app.inventory.snapshot(), Target::Rest);
    let found = resources.get(&id);
    let resource = found.ok_or_else(|| text(StatusCode::NOT_FOUND, "Resource not found"))?;
    Ok(json(resource))
}
