//! Every route of the table against every kind of caller: what is declared is what happens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use std::collections::HashMap;

use pulse_auth::{Access, RouteRule, Scope};
use pulse_server::routes;
use recorded::{Answer, PASSWORD, Server};

fn path_of(rule: &RouteRule) -> String {
    rule.path.replace("{id}", "none-such")
}

async fn ask(server: &Server, rule: &RouteRule, headers: &[(&str, &str)]) -> Answer {
    let body = (rule.method != http::Method::GET).then(|| "{}".to_owned());
    server
        .send(rule.method.as_str(), &path_of(rule), headers, body)
        .await
}

fn rules() -> Vec<RouteRule> {
    let mut rules: Vec<RouteRule> = routes::table().into_iter().map(|row| row.rule).collect();
    // These end the caller's own access.
    rules.sort_by_key(|rule| rule.path.starts_with("/api/security/") || rule.path == "/api/logout");
    rules
}

fn closed(rule: &RouteRule) -> bool {
    !matches!(rule.access, Access::Public | Access::PublicAfterSetup)
}

#[tokio::test(flavor = "multi_thread")]
async fn before_set_up_everything_but_the_public_is_closed() {
    let server = Server::fresh().await;
    for rule in rules() {
        let answer = ask(&server, &rule, &[]).await;
        if rule.access == Access::Public {
            // Login has no account to compare with yet; the wizard asks for the bootstrap token.
            let asks = ["/api/login", "/api/security/quick-setup"];
            assert!(
                answer.status != 401 || asks.contains(&rule.path),
                "{} {}",
                rule.method,
                rule.path
            );
        } else {
            assert_eq!(answer.status, 401, "{} {}", rule.method, rule.path);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_passes_a_closed_route() {
    let server = Server::ready().await;
    for rule in rules().iter().filter(|rule| closed(rule)) {
        let wrong = "f".repeat(64);
        for headers in [&[][..], &[("x-api-token", wrong.as_str())][..]] {
            let answer = ask(&server, rule, headers).await;
            assert_eq!(answer.status, 401, "{} {}", rule.method, rule.path);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_the_scope_of_the_route() {
    let server = Server::ready().await;
    let mut tokens = HashMap::new();
    for scope in Scope::ALL {
        tokens.insert(scope, server.token(&[scope.as_str()]).await);
    }
    for rule in rules() {
        let Some(scope) = rule.scope else { continue };
        for (given, token) in &tokens {
            if *given == scope {
                continue;
            }
            let answer = ask(&server, &rule, &[("x-api-token", token)]).await;
            let place = format!("{} {} with {given:?}", rule.method, rule.path);
            if closed(&rule) {
                assert_eq!(answer.status, 403, "{place}");
                assert_eq!(answer.json()["error"], "missing_scope", "{place}");
                assert_eq!(answer.json()["requiredScope"], scope.as_str(), "{place}");
            }
        }
    }
    for rule in rules() {
        // A token with the scope only: it must come as far as the handler.
        let (_, token) = match rule.scope {
            Some(scope) => tokens.get_key_value(&scope).unwrap(),
            None => tokens.iter().next().unwrap(),
        };
        // Set-up is finished: only an administrator may repeat it, which the handler judges.
        if rule.path == "/api/security/quick-setup" {
            continue;
        }
        let answer = ask(&server, &rule, &[("x-api-token", token)]).await;
        let place = format!("{} {}: {}", rule.method, rule.path, answer.text);
        // A handler may want more than the rule: no token makes one that may do more than itself.
        if let Some(scope) = rule.scope {
            assert_ne!(answer.json()["requiredScope"], scope.as_str(), "{place}");
        }
        assert_ne!(answer.status, 405, "{place}");
        assert!(!answer.text.contains("page not found"), "{place}");
        assert!(!answer.text.contains("Authentication required"), "{place}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_writes_only_with_its_csrf_token() {
    let server = Server::ready().await;
    let body = serde_json::json!({"username": "op", "password": PASSWORD}).to_string();
    let login = server.send("POST", "/api/login", &[], Some(body)).await;
    assert_eq!(login.status, 200);
    let jar: Vec<&str> = login
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let jar = jar.join("; ");
    for rule in rules().iter().filter(|rule| closed(rule)) {
        let answer = ask(&server, rule, &[("cookie", &jar)]).await;
        let place = format!("{} {}", rule.method, rule.path);
        if rule.method == http::Method::GET {
            assert!(![401, 403].contains(&answer.status), "{place}");
        } else {
            assert_eq!(answer.status, 403, "{place}");
            assert!(answer.text.contains("CSRF"), "{place}: {}", answer.text);
        }
    }
    // With its token it comes as far as the handler; logging out ends it.
    let csrf = jar.rsplit_once("pulse_csrf=").unwrap().1.to_owned();
    let headers = [("cookie", jar.as_str()), ("x-csrf-token", csrf.as_str())];
    let rules = rules();
    let (last, rules): (Vec<_>, Vec<_>) = rules
        .iter()
        .filter(|rule| closed(rule))
        .partition(|rule| rule.path == "/api/logout");
    for rule in rules.into_iter().chain(last) {
        let answer = ask(&server, rule, &headers).await;
        let place = format!("{} {}: {}", rule.method, rule.path, answer.text);
        assert_ne!(answer.status, 403, "{place}");
        assert!(!answer.text.contains("Authentication required"), "{place}");
    }
    server.stop().await;
}

/// Rows where the rule is another than the documented one.
const DIFFERENT: &[(&str, &str)] = &[
    ("DELETE /api/agents/host/{id}", "Improve: an administrator"),
    (
        "POST /api/security/change-password",
        "Improve: settings:write",
    ),
    (
        "POST /api/security/apply-restart",
        "Improve: settings:write",
    ),
    (
        "PATCH /api/agents/host/{id}/config",
        "Improve: an administrator",
    ),
    (
        "POST /api/setup-script-url",
        "Improve: its token registers nodes; settings:write",
    ),
    (
        "POST /api/agent-install-command",
        "Improve: it makes a token; settings:write",
    ),
    ("GET /api/diagnostics", "Improve (01 §4.12): settings:read"),
    (
        "GET /simple-stats",
        "shows what monitoring:read protects elsewhere",
    ),
    (
        "GET /socket.io/",
        "leads to the WebSocket, which needs monitoring:read",
    ),
    (
        "GET /api/security/recovery",
        "a recovery token is enough; the handler asks for it or settings:write",
    ),
    (
        "POST /api/security/recovery",
        "a recovery token is enough; the handler asks for it or settings:write",
    ),
];

#[test]
fn documented_routes_exist_with_their_rule() {
    let table = rules();
    let mut compared = 0;
    let mut different = Vec::new();
    for line in include_str!("fixtures/routes.tsv").lines().skip(1) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap();
        let (method, path, access, scope) = (next(), next(), next(), next());
        let method = if method == "WS" { "GET" } else { method };
        let Some(rule) = table
            .iter()
            .find(|rule| rule.method == method && rule.path.replace("{*", "{") == path)
        else {
            assert!(!built(path), "{method} {path} is missing");
            continue;
        };
        compared += 1;
        let name = format!("{method} {path}");
        let same_access = match access {
            // First run is closed: what is public may have to wait for the set-up.
            "public" => matches!(rule.access, Access::Public | Access::PublicAfterSetup),
            "auth" => matches!(rule.access, Access::Gate | Access::Authenticated),
            _ => matches!(rule.access, Access::Admin | Access::Permission { .. }),
        };
        let same_scope = rule.scope.map_or("-", Scope::as_str) == scope;
        if !(same_access && same_scope) {
            different.push(name);
        }
    }
    let mut listed: Vec<&str> = DIFFERENT.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    different.sort_unstable();
    assert_eq!(different, listed);
    assert!(compared >= 40, "{compared}");
}

/// Whether a documented route belongs to what is built so far.
fn built(path: &str) -> bool {
    [
        "/api/health",
        "/api/version",
        "/api/agent/version",
        "/api/server/info",
        "/api/state",
        "/ws",
        "/api/charts",
        "/api/storage-charts",
        "/api/login",
        "/api/logout",
        "/api/system/mock-mode",
        "/api/config",
        "/api/diagnostics",
        "/api/snapshots",
        "/api/test-notification",
        "/api/setup-script",
        "/api/setup-script-url",
        "/api/auto-register",
        "/api/agent-install-command",
        "/api/monitoring/scheduler/health",
        "/api/system/settings",
        "/api/system/settings/update",
        "/api/config/system",
        "/simple-stats",
        "/socket.io/",
    ]
    .contains(&path)
        || [
            "/api/metrics-store/",
            "/api/config/nodes",
            "/api/agents/host/",
            "/api/backups",
            "/api/diagnostics/",
            "/api/docker/hosts/metadata",
            "/api/docker/metadata",
            "/api/guests/metadata",
            "/api/hosts/metadata",
            "/api/resources",
            "/api/storage/",
        ]
        .iter()
        .any(|start| path.starts_with(start))
        || (path.starts_with("/api/security/") && path != "/api/security/oidc")
}
