//! Set-up, login, sessions, tokens: the routes of the authenticator's flows.
//!
//! The flows are in `pulse-auth` and give complete answers; here they only meet HTTP.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use http::Method;
use pulse_auth::{Access, RequestFacts, RouteRule, Scope};

use crate::app::App;
use crate::http::Ask;
use crate::http::answer::response;
use crate::routes::{Entry, row};

const SMALL: usize = 64 << 10;

/// The rows of this area.
pub fn routes() -> Vec<Entry> {
    use Access::{Gate, Public};
    let rule = RouteRule::new;
    let users = Access::Permission {
        action: "admin",
        resource: "users",
    };
    vec![
        row(
            rule(Method::GET, "/api/security/status", Public),
            get(status),
        ),
        row(
            rule(
                Method::POST,
                "/api/security/validate-bootstrap-token",
                Public,
            ),
            post(validate_bootstrap_token),
        ),
        row(
            rule(Method::POST, "/api/security/quick-setup", Public),
            post(quick_setup),
        ),
        row(rule(Method::POST, "/api/login", Public), post(login)),
        row(rule(Method::POST, "/api/logout", Gate), post(logout)),
        row(
            rule(Method::POST, "/api/security/change-password", Gate).scope(Scope::SettingsWrite),
            post(change_password),
        ),
        row(
            rule(Method::GET, "/api/security/tokens", users).scope(Scope::SettingsRead),
            get(list_tokens),
        ),
        row(
            rule(Method::POST, "/api/security/tokens", users).scope(Scope::SettingsWrite),
            post(create_token),
        ),
        row(
            rule(Method::DELETE, "/api/security/tokens/{id}", users).scope(Scope::SettingsWrite),
            delete(delete_token),
        ),
        // Without an id: says what is missing.
        row(
            rule(Method::DELETE, "/api/security/tokens/", users).scope(Scope::SettingsWrite),
            delete(delete_no_token),
        ),
        row(
            rule(Method::POST, "/api/security/validate-token", Gate).scope(Scope::SettingsWrite),
            post(validate_token),
        ),
        row(
            rule(Method::POST, "/api/security/regenerate-token", Gate).scope(Scope::SettingsWrite),
            post(regenerate_token),
        ),
        row(
            rule(Method::POST, "/api/security/reset-lockout", Gate).scope(Scope::SettingsWrite),
            post(reset_lockout),
        ),
        row(
            rule(
                Method::GET,
                "/api/security/recovery",
                Access::PublicAfterSetup,
            ),
            get(recovery),
        ),
        row(
            rule(Method::POST, "/api/security/apply-restart", Access::Admin)
                .scope(Scope::SettingsWrite),
            post(apply_restart),
        ),
        row(
            rule(
                Method::POST,
                "/api/security/recovery",
                Access::PublicAfterSetup,
            ),
            post(recovery),
        ),
    ]
}

async fn status(State(app): State<App>, ask: Ask) -> Response {
    let facts = ask.facts();
    let settings = match app.store.settings().system().await {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!(%error, "system settings not read");
            pulse_store::SystemSettings::default()
        }
    };
    let context = pulse_auth::StatusContext {
        agent_url: agent_url(&app.config.public_url, &settings.public_url, &facts),
        hide_local_login: settings.hide_local_login,
        persistent_audit: true,
        is_docker: std::path::Path::new("/.dockerenv").exists(),
        in_container: std::path::Path::new("/run/systemd/container").exists(),
        lxc_ctid: None,
        docker_container_name: None,
    };
    response(app.auth.security_status_answer(&facts, context).await)
}

/// Where agents reach this server: as configured, else as the browser did.
pub fn agent_url(env: &str, setting: &str, facts: &RequestFacts<'_>) -> String {
    let configured = [env, setting].into_iter().find(|url| !url.is_empty());
    if let Some(url) = configured {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if facts.is_https() { "https" } else { "http" };
    let host = facts.header_text("host").unwrap_or("localhost");
    format!("{scheme}://{host}")
}

async fn validate_bootstrap_token(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .validate_bootstrap_token(&ask.facts(), ask.body_within(SMALL)),
    )
}

async fn quick_setup(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .quick_setup(&ask.facts(), ask.body_within(SMALL))
            .await,
    )
}

async fn login(State(app): State<App>, ask: Ask) -> Response {
    response(app.auth.login(&ask.facts(), ask.body_within(SMALL)).await)
}

async fn logout(State(app): State<App>, ask: Ask) -> Response {
    response(app.auth.logout(&ask.facts(), &ask.principal).await)
}

async fn change_password(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .change_password(&ask.facts(), &ask.principal, ask.body_within(SMALL))
            .await,
    )
}

async fn list_tokens(State(app): State<App>) -> Response {
    response(app.auth.list_tokens())
}

async fn create_token(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .create_token(&ask.facts(), &ask.principal, ask.body_within(SMALL))
            .await,
    )
}

async fn delete_token(State(app): State<App>, Path(id): Path<String>, ask: Ask) -> Response {
    response(
        app.auth
            .delete_token(&ask.facts(), &ask.principal, id.trim())
            .await,
    )
}

async fn delete_no_token(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .delete_token(&ask.facts(), &ask.principal, "")
            .await,
    )
}

async fn validate_token(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .validate_token(&ask.facts(), ask.body_within(SMALL)),
    )
}

async fn regenerate_token(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .regenerate_token(&ask.facts(), &ask.principal)
            .await,
    )
}

async fn reset_lockout(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .reset_lockout(&ask.facts(), &ask.principal, ask.body_within(SMALL))
            .await,
    )
}

/// Decides itself who may, because a recovery token is worth one call without a login.
async fn recovery(State(app): State<App>, ask: Ask) -> Response {
    response(
        app.auth
            .recovery(&ask.facts(), ask.body_within(SMALL))
            .await,
    )
}

/// The service manager starts the program again after it has ended.
async fn apply_restart(State(app): State<App>, ask: Ask) -> Response {
    let under_systemd = std::env::var_os("INVOCATION_ID").is_some();
    let (restart, answer) = app
        .auth
        .apply_restart(&ask.facts(), &ask.principal, under_systemd)
        .await;
    if restart {
        tokio::spawn(async {
            // The answer leaves first.
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            let me = std::process::id().to_string();
            let done = std::process::Command::new("kill")
                .args(["-TERM", &me])
                .status();
            if !done.is_ok_and(|status| status.success()) {
                tracing::error!("restart failed: the process could not end itself");
            }
        });
    }
    response(answer)
}
