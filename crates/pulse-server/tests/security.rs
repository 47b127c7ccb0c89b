//! Set-up, login, CSRF, tokens and recovery over HTTP, as a browser and a script see them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod recorded;

use recorded::{PASSWORD, Server};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn before_set_up_only_the_wizard_answers() {
    let server = Server::fresh().await;
    for (path, status) in [
        ("/api/health", 200),
        ("/api/version", 200),
        ("/api/security/status", 200),
        ("/api/state", 401),
        ("/api/security/tokens", 401),
        ("/api/config/nodes", 401),
        ("/api/agent/version", 401),
        ("/api/unknown", 401),
    ] {
        let answer = server.send("GET", path, &[], None).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let status = server
        .send("GET", "/api/security/status", &[], None)
        .await
        .json();
    assert_eq!(status["requiresAuth"], false);
    assert!(status["bootstrapTokenPath"].is_string());
    assert_eq!(status["agentUrl"], format!("http://{}", server.address));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_session() {
    let server = Server::ready().await;
    let body = json!({"username": "op", "password": PASSWORD, "rememberMe": true}).to_string();
    let login = server.send("POST", "/api/login", &[], Some(body)).await;
    assert_eq!(login.status, 200);
    let cookies: Vec<&str> = login
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert!(cookies[0].ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"));
    let pair = |line: &str| line.split(';').next().unwrap().to_owned();
    let jar = format!("{}; {}", pair(cookies[0]), pair(cookies[1]));
    let csrf = pair(cookies[1]).split_once('=').unwrap().1.to_owned();

    let state = server
        .send("GET", "/api/state", &[("cookie", &jar)], None)
        .await;
    assert_eq!(state.status, 200);
    assert_eq!(state.header("x-auth-method"), Some("session"));
    assert_eq!(state.header("x-authenticated-user"), Some("op"));

    let refused = server
        .send("POST", "/api/logout", &[("cookie", &jar)], None)
        .await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.text, "CSRF token validation failed\n");
    assert!(refused.header("x-csrf-token").is_some());
    let with_token = [("cookie", jar.as_str()), ("x-csrf-token", csrf.as_str())];
    assert_eq!(
        server
            .send("POST", "/api/logout", &with_token, None)
            .await
            .status,
        200
    );
    let gone = server
        .send("GET", "/api/state", &[("cookie", &jar)], None)
        .await;
    assert_eq!(gone.status, 401);
    server.stop().await;
}

/// An oversized body must not count as the empty body that asks for a token with all rights.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_makes_no_token() {
    let server = Server::ready().await;
    for length in [70 << 10, 2 << 20] {
        let body = json!({"name": "x".repeat(length)});
        let answer = server
            .call("POST", "/api/security/tokens", Some(body))
            .await;
        assert_eq!(answer.status, 400, "{length}");
    }
    let tokens = server
        .call("GET", "/api/security/tokens", None)
        .await
        .json();
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 1);
    server.stop().await;
}

/// Scripts with the weakest token can do nothing that needs another scope.
#[tokio::test(flavor = "multi_thread")]
async fn security_routes_need_their_scope() {
    let server = Server::ready().await;
    let body = json!({"name": "reader", "scopes": ["monitoring:read"]});
    let created = server
        .call("POST", "/api/security/tokens", Some(body))
        .await
        .json();
    let reader = [("x-api-token", created["token"].as_str().unwrap())];
    for (method, path, scope) in [
        ("GET", "/api/security/tokens", "settings:read"),
        ("POST", "/api/security/tokens", "settings:write"),
        ("DELETE", "/api/security/tokens/x", "settings:write"),
        ("POST", "/api/security/validate-token", "settings:write"),
        ("POST", "/api/security/regenerate-token", "settings:write"),
        ("POST", "/api/security/reset-lockout", "settings:write"),
        ("POST", "/api/security/change-password", "settings:write"),
        ("POST", "/api/security/apply-restart", "settings:write"),
        ("POST", "/api/security/recovery", "settings:write"),
    ] {
        let answer = server.send(method, path, &reader, Some("{}".into())).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert_eq!(answer.json()["requiredScope"], scope, "{method} {path}");
    }
    server.stop().await;
}
