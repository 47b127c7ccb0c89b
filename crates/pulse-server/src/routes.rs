//! The route table: each route with who may call it, under which scope.
//!
//! The router is built from this table, so a route without a rule cannot exist. A wrong method
//! on a known path and an unknown path below `/api/` pass the gate too: nobody learns without
//! credentials which routes exist.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use http::{Method, StatusCode};
use pulse_auth::{Access, RouteRule, Scope};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

use crate::app::App;
use crate::http::answer::{Refusal, api_error, response, text};
use crate::http::{layers, ui};
use crate::{api, live};

/// One route.
pub struct Entry {
    pub rule: RouteRule,
    handler: MethodRouter<App>,
}

const fn rule(method: Method, path: &'static str, access: Access) -> RouteRule {
    RouteRule::new(method, path, access)
}

fn entry(rule: RouteRule, handler: MethodRouter<App>) -> Entry {
    Entry { rule, handler }
}

/// All routes.
pub fn table() -> Vec<Entry> {
    use Access::{Authenticated, Gate, Public, PublicAfterSetup};
    let mut table = vec![
        entry(
            rule(Method::GET, "/api/health", Public),
            get(api::core::health),
        ),
        entry(
            rule(Method::GET, "/api/version", Public),
            get(api::core::version),
        ),
        entry(
            rule(Method::GET, "/api/agent/version", PublicAfterSetup),
            get(api::core::agent_version),
        ),
        entry(
            rule(Method::GET, "/api/server/info", PublicAfterSetup),
            get(api::core::server_info),
        ),
        entry(
            rule(Method::GET, "/install.sh", PublicAfterSetup),
            get(api::downloads::installer),
        ),
        entry(
            rule(Method::GET, "/download/pulse-agent", PublicAfterSetup),
            get(api::downloads::agent),
        ),
        entry(
            rule(Method::GET, "/api/openapi.json", Gate),
            get(api::core::openapi),
        ),
        entry(
            rule(Method::GET, "/api/state", Authenticated).scope(Scope::MonitoringRead),
            get(api::core::state),
        ),
        entry(
            rule(Method::GET, "/ws", Gate).scope(Scope::MonitoringRead),
            get(live::upgrade),
        ),
        entry(
            rule(Method::GET, "/metrics", Gate).scope(Scope::MonitoringRead),
            get(api::metrics::metrics),
        ),
        entry(
            rule(Method::GET, "/api/charts", Authenticated).scope(Scope::MonitoringRead),
            get(api::charts::charts),
        ),
        entry(
            rule(Method::GET, "/api/storage-charts", Authenticated).scope(Scope::MonitoringRead),
            get(api::charts::storage_charts),
        ),
        entry(
            rule(Method::GET, "/api/storage/charts", Authenticated).scope(Scope::MonitoringRead),
            get(api::charts::storage_charts),
        ),
        entry(
            rule(Method::GET, "/api/metrics-store/stats", Authenticated)
                .scope(Scope::MonitoringRead),
            get(api::history::stats),
        ),
        entry(
            rule(Method::GET, "/api/metrics-store/history", Authenticated)
                .scope(Scope::MonitoringRead),
            get(api::history::history),
        ),
        entry(
            rule(Method::POST, "/api/agents/host/report", Authenticated)
                .scope(Scope::HostAgentReport),
            post(api::agents::report).layer(DefaultBodyLimit::max(api::agents::LARGEST_REPORT)),
        ),
        entry(
            rule(Method::GET, "/api/agents/host/lookup", Authenticated)
                .scope(Scope::HostAgentReport),
            get(api::agents::lookup),
        ),
        entry(
            rule(Method::POST, "/api/agents/host/uninstall", Authenticated)
                .scope(Scope::HostAgentReport),
            post(api::agents::uninstall),
        ),
        entry(
            rule(Method::POST, "/api/agents/host/unlink", Access::Admin)
                .scope(Scope::HostAgentManage),
            post(api::agents::unlink),
        ),
        entry(
            rule(Method::DELETE, "/api/agents/host/{id}", Access::Admin)
                .scope(Scope::HostAgentManage),
            delete(api::agents::remove),
        ),
        entry(
            rule(Method::GET, "/api/agents/host/{id}/config", Authenticated)
                .scope(Scope::HostAgentReport),
            get(api::agents::config),
        ),
        entry(
            rule(Method::PATCH, "/api/agents/host/{id}/config", Access::Admin)
                .scope(Scope::HostAgentManage),
            patch(api::agents::set_config),
        ),
        // Without an id: says what is missing.
        entry(
            rule(Method::DELETE, "/api/agents/host/", Access::Admin).scope(Scope::HostAgentManage),
            delete(api::agents::remove_none),
        ),
        entry(
            rule(
                Method::GET,
                "/api/monitoring/scheduler/health",
                Authenticated,
            )
            .scope(Scope::MonitoringRead),
            get(api::scheduler::health),
        ),
        entry(
            rule(Method::GET, "/api/system/settings", Access::Admin).scope(Scope::SettingsRead),
            get(api::system::settings),
        ),
        entry(
            rule(Method::GET, "/api/config/system", Access::Admin).scope(Scope::SettingsRead),
            get(api::system::config_system),
        ),
        entry(
            rule(Method::POST, "/api/system/settings/update", Access::Admin)
                .scope(Scope::SettingsWrite),
            post(api::system::update_settings),
        ),
        entry(
            rule(Method::GET, "/api/system/mock-mode", Access::Admin).scope(Scope::SettingsRead),
            get(api::system::mock_mode),
        ),
        entry(
            rule(Method::POST, "/api/system/mock-mode", Access::Admin).scope(Scope::SettingsWrite),
            post(api::system::set_mock_mode),
        ),
        entry(
            rule(Method::PUT, "/api/system/mock-mode", Access::Admin).scope(Scope::SettingsWrite),
            put(api::system::set_mock_mode),
        ),
    ];
    table.extend(api::security::routes());
    table.extend(api::nodes::routes());
    table.extend(api::setup::routes());
    table.extend(crate::push::routes());
    table.extend(api::backups::routes());
    table.extend(api::storage::routes());
    table.extend(api::tasks::routes());
    table.extend(api::metadata::routes());
    table.extend(api::resources::routes());
    table.extend(api::diagnostics::routes());
    table.extend(api::small::routes());
    table
}

/// For modules that bring their own rows.
pub fn row(rule: RouteRule, handler: MethodRouter<App>) -> Entry {
    entry(rule, handler)
}

/// The router of everything.
pub fn router(app: App) -> Router {
    let mut router: Router<App> = Router::new();
    for Entry { rule, handler } in table() {
        let app = app.clone();
        let path = rule.path;
        let guarded = handler.layer(from_fn(move |request: Request, next: Next| {
            let (app, rule) = (app.clone(), rule.clone());
            async move { layers::gate(app, &rule, request, next).await }
        }));
        router = router.route(path, guarded);
    }
    let compression = CompressionLayer::new()
        .quality(tower_http::CompressionLevel::Fastest)
        .compress_when(
            SizeAbove::new(1024)
                .and(NotForContentType::GRPC)
                .and(NotForContentType::IMAGES)
                .and(NotForContentType::SSE)
                .and(NotForContentType::const_new("font/")),
        );
    router
        .method_not_allowed_fallback(wrong_method)
        .fallback(any(unknown))
        .layer(compression)
        .layer(from_fn_with_state(app.clone(), layers::outer))
        .with_state(app)
}

/// The rule of what has none of its own.
const CLOSED: RouteRule = rule(Method::GET, "unmatched", Access::Gate);

async fn refused_or(app: &App, request: Request, rule: &RouteRule, answer: Refusal) -> Response {
    let path = layers::decoded_path(&request);
    let peer = layers::with_facts(&request, |facts| (facts.peer, facts.tls));
    let (parts, _) = request.into_parts();
    let facts = pulse_auth::RequestFacts {
        method: &parts.method,
        path: &path,
        query: parts.uri.query(),
        headers: &parts.headers,
        peer: peer.0,
        tls: peer.1,
    };
    match app.auth.gate(&facts, rule, &layers::licensed).await {
        Ok(admission) => response(answer.0.with_headers(admission.headers)),
        Err(refusal) => response(refusal),
    }
}

/// The rule under which a wrong method on `path` is answered: that of a public route, else closed.
fn rule_of_wrong_method(path: &str) -> RouteRule {
    table()
        .into_iter()
        .map(|entry| entry.rule)
        .find(|rule| {
            rule.path == path && matches!(rule.access, Access::Public | Access::PublicAfterSetup)
        })
        .map_or(CLOSED, |found| rule(Method::GET, found.path, found.access))
}

/// In the form that v5 gives for the path.
fn wrong_method_answer(path: &str) -> Refusal {
    let agents = path.strip_prefix("/api/agents/host/");
    let message = match path {
        "/api/state" => "Only GET method is allowed",
        "/api/login"
        | "/api/logout"
        | "/api/security/change-password"
        | "/api/security/reset-lockout" => "Only POST method is allowed",
        "/api/diagnostics/docker/prepare-token" => "Only POST is allowed",
        _ if path.starts_with("/api/storage/") => "Only GET method is allowed",
        _ => match agents {
            Some("report" | "unlink" | "uninstall") => "Only POST is allowed",
            Some("lookup") => "Only GET is allowed",
            Some(rest) if rest.ends_with("/config") => "Only GET and PATCH are allowed",
            _ => return text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        },
    };
    api_error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}

async fn wrong_method(State(app): State<App>, request: Request) -> Response {
    let path = layers::decoded_path(&request);
    let answer = wrong_method_answer(&path);
    let rule = rule_of_wrong_method(&path);
    if rule.access == Access::Public {
        return response(answer);
    }
    refused_or(&app, request, &rule, answer).await
}

async fn unknown(State(app): State<App>, request: Request) -> Response {
    let path = layers::decoded_path(&request);
    if path.starts_with("/api/") || path.starts_with("/ws/") {
        let answer = text(StatusCode::NOT_FOUND, "404 page not found");
        return refused_or(&app, request, &CLOSED, answer).await;
    }
    ui::serve(&app, &request)
}
