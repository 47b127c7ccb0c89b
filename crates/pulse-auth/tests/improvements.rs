//! Where this server is meant to differ from version 5, and what no recording shows.

mod common;

use std::path::Path;

use common::{PASSWORD_1, PASSWORD_2, Request, Server, cookie, header, json, set_cookies, text};
use http::Method;
use pulse_auth::{AuthEnv, SetupState};
use pulse_store::AuditFilter;
use serde_json::json as value;

const TOKEN: &str = "6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a";

fn env(pairs: &'static [(&str, &str)]) -> AuthEnv {
    AuthEnv::read(|name| {
        let found = pairs.iter().find(|(key, _)| *key == name)?;
        Some(found.1.to_owned())
    })
}

async fn ready() -> Server {
    let server = Server::start(AuthEnv::default()).await;
    server.set_up(TOKEN).await;
    server.advance(70);
    server
}

fn with_session(request: Request, session: &str) -> Request {
    request.header("cookie", &format!("pulse_session={session}"))
}

#[tokio::test]
async fn first_run_is_closed() {
    let server = Server::start(AuthEnv::default()).await;
    assert_eq!(server.auth.state(), SetupState::FirstRun);
    for open in ["/api/health", "/api/version", "/api/security/status"] {
        assert_eq!(
            server.send(Request::get(open)).await.status(),
            200,
            "{open}"
        );
    }
    for closed in [
        "/api/state",
        "/api/security/tokens",
        "/api/config/nodes",
        "/install.sh",
    ] {
        let response = server.send(Request::get(closed)).await;
        assert_eq!(response.status(), 401, "{closed}");
    }
    let refused = server.send(Request::get("/api/state")).await;
    assert_eq!(json(&refused)["error"], "Authentication required");
    assert_eq!(json(&refused)["setupRequired"], true);
    let regenerate = Request::post("/api/security/regenerate-token", &value!({}));
    assert_eq!(server.send(regenerate).await.status(), 401);
}

#[tokio::test]
async fn set_up_needs_the_token_of_the_host_and_is_durable() {
    let mut server = Server::start(AuthEnv::default()).await;
    let file = server.dir.path().join(".bootstrap_token");
    let bootstrap = std::fs::read_to_string(&file).unwrap();
    let body = |token: &str| value!({"username": "op", "password": PASSWORD_1, "apiToken": TOKEN, "setupToken": token});
    let path = "/api/security/quick-setup";
    for wrong in ["", "bad"] {
        let response = server.send(Request::post(path, &body(wrong))).await;
        assert_eq!(response.status(), 401);
        assert!(text(&response).contains("pulse bootstrap-token"));
    }
    let response = server.send(Request::post(path, &body(&bootstrap))).await;
    assert_eq!(response.status(), 200);
    let answer = json(&response);
    assert_eq!(answer["requiresManualRestart"], false);
    assert!(Path::new(answer["envFile"].as_str().unwrap()).exists());
    assert!(!file.exists());

    server.restart(AuthEnv::default()).await;
    assert_eq!(server.auth.state(), SetupState::Configured);
    server.log_in(PASSWORD_1).await;
    let state = Request::get("/api/state").header("x-api-token", TOKEN);
    assert_eq!(server.send(state).await.status(), 200);
}

#[tokio::test]
async fn set_up_without_a_token_makes_none() {
    let server = Server::start(AuthEnv::default()).await;
    let bootstrap = server.auth.bootstrap_token().unwrap();
    let body = value!({"username": "op", "password": PASSWORD_1});
    let request = Request::post("/api/security/quick-setup", &body)
        .header("x-setup-token", bootstrap.expose());
    let response = server.send(request).await;
    assert_eq!(response.status(), 200);
    assert!(json(&response)["warning"].is_null());
    assert_eq!(server.auth.state(), SetupState::Configured);
    let (session, _) = server.log_in(PASSWORD_1).await;
    let tokens = with_session(Request::get("/api/security/tokens"), &session);
    assert_eq!(json(&server.send(tokens).await)["tokens"], value!([]));
    assert_eq!(server.send(Request::get("/api/state")).await.status(), 401);
}

#[tokio::test]
async fn odd_names_are_refused_at_set_up() {
    let server = Server::start(AuthEnv::default()).await;
    let bootstrap = server.auth.bootstrap_token().unwrap();
    for name in ["a:b", "a\nb"] {
        let body = value!({"username": name, "password": PASSWORD_1, "apiToken": TOKEN});
        let request = Request::post("/api/security/quick-setup", &body)
            .header("x-setup-token", bootstrap.expose());
        assert_eq!(server.send(request).await.status(), 400, "{name:?}");
    }
}

#[tokio::test]
async fn running_set_up_again_ends_sessions_and_replaces_tokens() {
    let server = ready().await;
    let (session, csrf) = server.log_in(PASSWORD_1).await;
    let body =
        value!({"username": "op", "password": PASSWORD_2, "apiToken": "short", "force": true});
    let again = |request: Request| with_session(request, &session).header("x-csrf-token", &csrf);
    let path = "/api/security/quick-setup";
    let cross = again(Request::post(path, &body)).header("sec-fetch-site", "cross-site");
    assert_eq!(server.send(cross).await.status(), 403);
    let response = server.send(again(Request::post(path, &body))).await;
    assert_eq!(response.status(), 200);
    assert!(json(&response)["warning"].is_string());
    let gone = server
        .send(with_session(Request::get("/api/state"), &session))
        .await;
    assert_eq!(gone.status(), 401);
    let old = Request::get("/api/state").header("x-api-token", TOKEN);
    assert_eq!(server.send(old).await.status(), 401);
    server.log_in(PASSWORD_2).await;
}

#[tokio::test]
async fn sessions_survive_a_restart_and_slide() {
    let mut server = ready().await;
    let (session, csrf) = server.log_in(PASSWORD_1).await;
    server.restart(AuthEnv::default()).await;
    let get =
        || with_session(Request::get("/api/state"), &session).header("cookie", "pulse_csrf=x");
    let response = server.send(get()).await;
    assert_eq!(response.status(), 200);
    assert!(
        set_cookies(&response).is_empty(),
        "sent less than an hour ago"
    );

    server.advance(20 * 3600);
    let response = server.send(get()).await;
    assert!(
        set_cookies(&response)[0]
            .starts_with(&format!("pulse_session={session}; Path=/; Max-Age=86400"))
    );
    server.auth.flush().await.unwrap();
    server.restart(AuthEnv::default()).await;
    server.advance(20 * 3600);
    assert_eq!(server.send(get()).await.status(), 200);
    let post = with_session(Request::post("/api/logout", &value!({})), &session);
    assert_eq!(
        server
            .send(post.header("x-csrf-token", &csrf))
            .await
            .status(),
        200
    );
    assert_eq!(server.send(get()).await.status(), 401);
    server.restart(AuthEnv::default()).await;
    assert_eq!(server.send(get()).await.status(), 401);
}

#[tokio::test]
async fn an_idle_session_ends() {
    let server = ready().await;
    let (session, _) = server.log_in(PASSWORD_1).await;
    server.advance(24 * 3600);
    let response = server
        .send(with_session(Request::get("/api/state"), &session))
        .await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn several_tabs_keep_their_csrf_tokens_but_not_each_others_sessions() {
    let server = ready().await;
    let (session, first) = server.log_in(PASSWORD_1).await;
    let (_, foreign) = server.log_in(PASSWORD_1).await;
    let fresh = server
        .send(with_session(Request::get("/api/health"), &session))
        .await;
    let second = cookie(&fresh, "pulse_csrf").unwrap();
    assert_ne!(first, second);
    let post = |token: &str| {
        with_session(Request::post("/api/config", &value!({})), &session)
            .header("x-csrf-token", token)
    };
    for (token, status) in [(&first, 200), (&second, 200), (&foreign, 403)] {
        assert_eq!(server.send(post(token)).await.status(), status);
    }
    // The retry contract of the UI.
    let refused = server.send(post("wrong")).await;
    assert_eq!(text(&refused), "CSRF token validation failed\n");
    let offered = header(&refused, "x-csrf-token").unwrap();
    assert_eq!(offered.len(), 44);
    assert_eq!(server.send(post(offered)).await.status(), 200);
}

#[tokio::test]
async fn no_csrf_token_for_a_session_that_does_not_exist() {
    let server = ready().await;
    let stale = with_session(Request::get("/api/health"), &"0".repeat(64));
    assert!(set_cookies(&server.send(stale).await).is_empty());
}

#[tokio::test]
async fn cross_site_cookies_only_with_embedding() {
    let server = ready().await;
    let login = || {
        let body = value!({"username": "op", "password": PASSWORD_1});
        Request::post("/api/login", &body).header("x-forwarded-proto", "https")
    };
    let plain = set_cookies(&server.send(login()).await);
    assert!(
        plain[0].ends_with("HttpOnly; Secure; SameSite=Lax"),
        "{plain:?}"
    );
    server.auth.set_embedding(true);
    let embedded = set_cookies(&server.send(login()).await);
    assert!(
        embedded[0].ends_with("HttpOnly; Secure; SameSite=None"),
        "{embedded:?}"
    );
}

#[tokio::test]
async fn locks_hold_at_one_address_and_over_a_restart() {
    let mut server = ready().await;
    let login = |password: &str| {
        Request::post(
            "/api/login",
            &value!({"username": "op", "password": password}),
        )
    };
    for _ in 0..5 {
        server.send(login("wrong-password").from("192.0.2.7")).await;
    }
    server.restart(AuthEnv::default()).await;
    let locked = server.send(login(PASSWORD_1).from("192.0.2.7")).await;
    assert_eq!(json(&locked)["error"], "account_locked");
    assert_eq!(
        server
            .send(login(PASSWORD_1).from("192.0.2.8"))
            .await
            .status(),
        200
    );
    let basic = Request::get("/api/state")
        .basic("op", PASSWORD_1)
        .from("192.0.2.7");
    let basic = server.send(basic).await;
    assert_eq!(basic.status(), 403);
    assert_eq!(json(&basic)["error"], "Account temporarily locked");
    server.advance(15 * 60);
    assert_eq!(
        server
            .send(login(PASSWORD_1).from("192.0.2.7"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn limits_answer_as_recorded() {
    let server = ready().await;
    let login = || {
        Request::post(
            "/api/login",
            &value!({"username": "op", "password": PASSWORD_1}),
        )
    };
    for n in 0..10 {
        assert_eq!(server.send(login()).await.status(), 200, "{n}");
    }
    let limited = server.send(login()).await;
    assert_eq!(limited.status(), 429);
    assert_eq!(json(&limited)["error"], "rate_limit");
    let setup = server
        .send(Request::post("/api/security/quick-setup", &value!({})))
        .await;
    assert_eq!(text(&setup), "Too many attempts. Please try again later.\n");

    for _ in 0..10 {
        server.send(login().from("192.0.2.9")).await;
    }
    let limited = server.send(login().from("192.0.2.9")).await;
    assert_eq!(
        text(&limited),
        "Rate limit exceeded. Please try again later.\n"
    );
    assert_eq!(header(&limited, "x-ratelimit-limit"), Some("10"));
    assert_eq!(header(&limited, "x-ratelimit-remaining"), Some("0"));
    assert!(
        header(&limited, "retry-after").is_some()
            && header(&limited, "x-ratelimit-reset").is_some()
    );
}

#[tokio::test]
async fn basic_is_stateless_cached_and_forgotten_on_change() {
    let server = ready().await;
    let get = |password| Request::get("/api/state").basic("op", password);
    for _ in 0..3 {
        let response = server.send(get(PASSWORD_1)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-auth-method"), Some("basic"));
        assert!(set_cookies(&response).is_empty());
    }
    let logins = AuditFilter {
        event: Some("login".into()),
        ..AuditFilter::default()
    };
    assert_eq!(server.auth.store().audit().count(&logins).await.unwrap(), 1);
    let body = value!({"currentPassword": PASSWORD_1, "newPassword": PASSWORD_2});
    let change = Request::post("/api/security/change-password", &body).basic("op", PASSWORD_1);
    let changed = server.send(change).await;
    assert_eq!(json(&changed)["requiresRestart"], false);
    assert_eq!(server.send(get(PASSWORD_1)).await.status(), 401);
    assert_eq!(server.send(get(PASSWORD_2)).await.status(), 200);
}

#[tokio::test]
async fn too_long_a_password_is_explained() {
    let server = ready().await;
    let body = value!({"currentPassword": PASSWORD_1, "newPassword": "x".repeat(80)});
    let request =
        Request::post("/api/security/change-password", &body).header("x-api-token", TOKEN);
    let response = server.send(request).await;
    assert_eq!(response.status(), 400);
    assert_eq!(json(&response)["code"], "invalid_password");
}

#[tokio::test]
async fn wrong_current_passwords_lock() {
    let server = ready().await;
    let change = |current: &str| {
        let body = value!({"currentPassword": current, "newPassword": PASSWORD_2});
        Request::post("/api/security/change-password", &body).header("x-api-token", TOKEN)
    };
    for _ in 0..5 {
        assert_eq!(server.send(change("wrong")).await.status(), 401);
    }
    assert_eq!(server.send(change(PASSWORD_1)).await.status(), 403);
}

#[tokio::test]
async fn an_environment_account_yields_to_a_changed_password_until_it_changes() {
    let vars: &[(&str, &str)] = &[("PULSE_AUTH_USER", "op"), ("PULSE_AUTH_PASS", PASSWORD_1)];
    let mut server = Server::start(env(vars)).await;
    server.log_in(PASSWORD_1).await;
    let body = value!({"currentPassword": PASSWORD_1, "newPassword": PASSWORD_2});
    let change = Request::post("/api/security/change-password", &body).basic("op", PASSWORD_1);
    assert_eq!(server.send(change).await.status(), 200);
    server.restart(env(vars)).await;
    server.log_in(PASSWORD_2).await;
    server
        .restart(env(&[
            ("PULSE_AUTH_USER", "op"),
            ("PULSE_AUTH_PASS", "edited-password-3"),
        ]))
        .await;
    server.log_in("edited-password-3").await;
}

#[tokio::test]
async fn bcrypt_accounts_are_brought_up_to_date() {
    let server = ready().await;
    let old = bcrypt::hash(PASSWORD_2, 4).unwrap();
    let users = server.auth.store().users();
    users.rehash("op", &old.into()).await.unwrap();
    let mut server = server;
    server.restart(AuthEnv::default()).await;
    server.log_in(PASSWORD_2).await;
    let stored = server
        .auth
        .store()
        .users()
        .get("op")
        .await
        .unwrap()
        .unwrap();
    assert!(stored.password_hash.expose().starts_with("$argon2id$"));
    server.log_in(PASSWORD_2).await;
}

#[tokio::test]
async fn api_only_mode_takes_tokens_from_everywhere() {
    let server = Server::start(env(&[("API_TOKENS", "plain-token-for-testing")])).await;
    assert_eq!(server.auth.state(), SetupState::ApiOnly);
    let token = "plain-token-for-testing";
    for request in [
        Request::get("/api/state").header("x-api-token", token),
        Request::get("/api/state").header("authorization", &format!("bearer {token}")),
        Request::get(&format!("/api/state?token={token}")),
    ] {
        assert_eq!(server.send(request).await.status(), 200);
    }
    let refused = server.send(Request::get("/api/state")).await;
    assert_eq!(json(&refused), value!({"error": "Authentication required"}));
    assert!(
        header(&refused, "www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    let setup = value!({"username": "a", "password": "bbbbbbbbbbbb", "apiToken": "c"});
    let setup = server
        .send(Request::post("/api/security/quick-setup", &setup))
        .await;
    assert_eq!(setup.status(), 503);
}

#[tokio::test]
async fn a_token_in_the_url_only_reads_and_a_header_hides_it() {
    let server = ready().await;
    let url = format!("/api/state?token={TOKEN}");
    assert_eq!(server.send(Request::get(&url)).await.status(), 200);
    assert_eq!(
        server.send(Request::new(Method::POST, &url)).await.status(),
        401
    );
    let both = Request::get(&url).header("x-api-token", "wrong");
    assert_eq!(server.send(both).await.status(), 401);
}

#[tokio::test]
async fn deleted_environment_tokens_stay_deleted() {
    let vars: &[(&str, &str)] = &[
        ("API_TOKEN", "first-token-of-the-environment"),
        ("API_TOKENS", "second-token-of-the-environment"),
    ];
    let mut server = Server::start(env(vars)).await;
    let get = |token: &str| Request::get("/api/security/tokens").header("x-api-token", token);
    let list = json(&server.send(get("first-token-of-the-environment")).await);
    assert_eq!(list["tokens"].as_array().unwrap().len(), 2);
    let id = list["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["prefix"] == "second")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let delete = Request::new(Method::DELETE, &format!("/api/security/tokens/{id}"))
        .header("x-api-token", "first-token-of-the-environment");
    assert_eq!(server.send(delete).await.status(), 204);
    server.restart(env(vars)).await;
    assert_eq!(
        server
            .send(get("second-token-of-the-environment"))
            .await
            .status(),
        401
    );
    assert_eq!(
        server
            .send(get("first-token-of-the-environment"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_token_cannot_make_a_stronger_one() {
    let server = ready().await;
    let create = |token: &str, scopes: &[&str]| {
        Request::post(
            "/api/security/tokens",
            &value!({"name": "t", "scopes": scopes}),
        )
        .header("x-api-token", token)
    };
    let scopes = ["settings:write", "monitoring:read"];
    let weak = json(&server.send(create(TOKEN, &scopes)).await)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        server
            .send(create(&weak, &["monitoring:read"]))
            .await
            .status(),
        200
    );
    let refused = server
        .send(create(&weak, &["monitoring:read", "docker:manage"]))
        .await;
    assert_eq!(refused.status(), 403);
    assert_eq!(json(&refused)["requiredScope"], "docker:manage");
    assert_eq!(server.send(create(&weak, &["*"])).await.status(), 403);
}

#[tokio::test]
async fn last_use_reaches_the_disk_in_batches() {
    let mut server = ready().await;
    let get = || Request::get("/api/security/tokens").header("x-api-token", TOKEN);
    server.send(get()).await;
    server.auth.flush().await.unwrap();
    server.restart(AuthEnv::default()).await;
    let record = server.auth.store().tokens().all().await.unwrap().remove(0);
    assert!(record.last_used_at.is_some());
}

#[tokio::test]
async fn proxy_identity_and_roles() {
    let server = Server::start(env(&[
        ("PROXY_AUTH_SECRET", "s3cret-of-the-proxy"),
        ("PROXY_AUTH_USER_HEADER", "X-Remote-User"),
        ("PROXY_AUTH_ROLE_HEADER", "X-Remote-Groups"),
        ("PROXY_AUTH_ADMIN_ROLE", "admins"),
    ]))
    .await;
    let get = |path: &str, secret: &str, user: &str, roles: &str| {
        Request::get(path)
            .header("x-proxy-secret", secret)
            .header("x-remote-user", user)
            .header("x-remote-groups", roles)
    };
    let secret = "s3cret-of-the-proxy";
    for (user, roles, given, state, nodes) in [
        ("kim", "users|admins", secret, 200, 200),
        ("kim", "users|ops", secret, 200, 403),
        ("kim", "users,admins", secret, 200, 403),
        ("kim", "", secret, 200, 403),
        ("", "admins", secret, 401, 401),
        ("kim", "admins", "x", 401, 401),
    ] {
        let response = server.send(get("/api/state", given, user, roles)).await;
        assert_eq!(response.status(), state, "{user} {roles} {given}");
        let response = server
            .send(get("/api/config/nodes", given, user, roles))
            .await;
        assert_eq!(response.status(), nodes, "{user} {roles} {given}");
    }
    let admin = server
        .send(get("/api/state", secret, "kim", "admins"))
        .await;
    assert_eq!(header(&admin, "x-authenticated-user"), Some("kim"));
    assert_eq!(header(&admin, "x-auth-method"), Some("proxy"));
    // Without a role no tokens either, unlike version 5.
    let mut create = get("/api/security/tokens", secret, "kim", "users");
    create.method = Method::POST;
    assert_eq!(server.send(create).await.status(), 403);
    let mut cross =
        get("/api/config", secret, "kim", "admins").header("sec-fetch-site", "cross-site");
    cross.method = Method::POST;
    assert_eq!(server.send(cross).await.status(), 403);
}

#[tokio::test]
async fn demo_refuses_writes() {
    let vars: &[(&str, &str)] = &[
        ("DEMO_MODE", "true"),
        ("PULSE_AUTH_USER", "op"),
        ("PULSE_AUTH_PASS", PASSWORD_1),
    ];
    let server = Server::start(env(vars)).await;
    let refused = server
        .send(Request::post("/api/anything", &value!({})))
        .await;
    assert_eq!(refused.status(), 403);
    assert_eq!(json(&refused)["error"], "Demo mode enabled");
    server.log_in(PASSWORD_1).await;
    assert_eq!(
        server.send(Request::get("/api/version")).await.status(),
        200
    );
}

#[tokio::test]
async fn recovery_opens_everything_to_loopback_for_an_hour() {
    let server = ready().await;
    let recovery = |action: &str| {
        Request::post("/api/security/recovery", &value!({"action": action}))
            .header("x-api-token", TOKEN)
    };
    let path = "/api/security/recovery";
    let anonymous = Request::post(path, &value!({"action": "disable_auth"}));
    assert_eq!(
        server.send(anonymous).await.status(),
        401,
        "a proxy on this machine would pass strangers on"
    );
    let (session, _) = server.log_in(PASSWORD_1).await;
    let forged = Request::post(path, &value!({"action": "disable_auth"}));
    assert_eq!(
        server.send(with_session(forged, &session)).await.status(),
        403
    );
    let remote = recovery("disable_auth").from("192.0.2.1");
    assert_eq!(server.send(remote).await.status(), 403);
    assert_eq!(
        json(&server.send(recovery("enable_auth")).await)["success"],
        false
    );
    assert_eq!(server.send(recovery("disable_auth")).await.status(), 200);

    let opened = server.send(Request::get("/api/config/nodes")).await;
    assert_eq!(opened.status(), 200);
    assert_eq!(header(&opened, "x-auth-recovery"), Some("true"));
    let forwarded = Request::get("/api/config/nodes").header("x-forwarded-for", "203.0.113.9");
    assert_eq!(server.send(forwarded).await.status(), 401);
    assert_eq!(
        server
            .send(Request::get("/api/state").from("192.0.2.1"))
            .await
            .status(),
        401
    );
    server.advance(3700);
    assert_eq!(
        server
            .send(Request::get("/api/config/nodes"))
            .await
            .status(),
        401
    );
}

#[tokio::test]
async fn a_recovery_token_works_once_from_afar() {
    let server = ready().await;
    let generate = value!({"action": "generate_token", "duration": 30});
    let generate = Request::post("/api/security/recovery", &generate).header("x-api-token", TOKEN);
    let token = json(&server.send(generate).await)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let use_it = || {
        Request::get("/api/security/recovery")
            .header("x-recovery-token", &token)
            .from("192.0.2.1")
    };
    assert_eq!(server.send(use_it()).await.status(), 200);
    assert_eq!(server.send(use_it()).await.status(), 403);
}

#[tokio::test]
async fn status_knows_every_kind_of_asker() {
    let server = ready().await;
    let get = || Request::get("/api/security/status");
    let anonymous = json(&server.send(get()).await);
    assert_eq!(anonymous["authUsername"], "");
    assert_eq!(anonymous["apiTokenHint"], "");
    for request in [
        get().header("authorization", &format!("Bearer {TOKEN}")),
        get().basic("op", PASSWORD_1),
    ] {
        let known = json(&server.send(request).await);
        assert_eq!(known["authUsername"], "op");
        assert_eq!(known["apiTokenHint"], "6a6a6a...6a6a");
        assert!(known["bootstrapTokenPath"].is_null());
    }
}

#[tokio::test]
async fn the_audit_log_tells_the_story() {
    let server = ready().await;
    let (session, csrf) = server.log_in(PASSWORD_1).await;
    server
        .send(
            with_session(Request::post("/api/logout", &value!({})), &session)
                .header("x-csrf-token", &csrf),
        )
        .await;
    server
        .send(Request::post(
            "/api/login",
            &value!({"username": "op", "password": "wrong"}),
        ))
        .await;
    let events = server
        .auth
        .store()
        .audit()
        .list(&AuditFilter::default())
        .await
        .unwrap();
    let mut story: Vec<(&str, &str, bool)> = events
        .iter()
        .map(|e| (e.event.as_str(), e.user.as_str(), e.success))
        .collect();
    story.sort_unstable();
    assert_eq!(
        story,
        [
            ("login", "op", false),
            ("login", "op", true),
            ("logout", "op", true),
            ("security_setup", "bootstrap token", true),
        ]
    );
    assert!(
        events
            .iter()
            .all(|e| e.ip == "127.0.0.1" && !e.path.is_empty())
    );
}

/// Set-up checks the caller's password while it holds the lock that updating an old hash wants.
#[tokio::test]
async fn set_up_with_an_outdated_hash_does_not_hang() {
    let mut server = ready().await;
    let old = bcrypt::hash(PASSWORD_1, 4).unwrap();
    let users = server.auth.store().users();
    users.rehash("op", &old.into()).await.unwrap();
    server.restart(AuthEnv::default()).await;
    let body = value!({"username": "op", "password": PASSWORD_2, "apiToken": TOKEN, "force": true});
    let again = Request::post("/api/security/quick-setup", &body).basic("op", PASSWORD_1);
    let response = tokio::time::timeout(std::time::Duration::from_secs(20), server.send(again));
    assert_eq!(response.await.unwrap().status(), 200);
    server.log_in(PASSWORD_2).await;
}

#[tokio::test]
async fn the_local_agent_keeps_its_token_over_set_up() {
    let server = Server::start(AuthEnv::default()).await;
    let agent = "a".repeat(64);
    server
        .auth
        .ensure_report_token(&agent, "Local agent")
        .await
        .unwrap();
    assert_eq!(server.auth.state(), SetupState::FirstRun);
    server.set_up(TOKEN).await;
    let gated = |token: &str| Request::get("/api/other").header("x-api-token", token);
    assert_eq!(server.send(gated(&agent)).await.status(), 200);
    let state = Request::get("/api/state").header("x-api-token", &agent);
    assert_eq!(server.send(state).await.status(), 403);
}
