//! A server that announces itself with a token of its own.

use axum::extract::State;
use http::StatusCode;
use pulse_auth::Scope;
use serde::Deserialize;
use serde_json::json;

use super::{LARGEST, bad, kind_of};
use crate::api::nodes::{Registration, register};
use crate::app::{App, now};
use crate::http::answer::text;
use crate::http::{Ask, Reply, json as json_body};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Announcement {
    r#type: String,
    host: String,
    token_id: String,
    token_value: String,
    server_name: String,
    auth_token: String,
    setup_code: String,
    request_token: bool,
}

/// `POST /api/auto-register`
pub async fn auto_register(State(app): State<App>, ask: Ask) -> Reply {
    let unauthorised = |words: &str| text(StatusCode::UNAUTHORIZED, words);
    let body: Announcement = serde_json::from_slice(ask.body_within(LARGEST))
        .map_err(|_| bad("Invalid request format"))?;
    let presented = [&body.auth_token, &body.setup_code]
        .into_iter()
        .find(|token| !token.is_empty());
    let kind = kind_of(&body.r#type);
    let set_up = presented
        .filter(|token| kind.is_some_and(|kind| app.setup_tokens.is_live(token, kind, now())));
    if set_up.is_none() && !may_register(&app, &ask, presented.map(String::as_str)).await {
        let own = ask.headers.contains_key("x-api-token");
        return Err(unauthorised(if presented.is_none() && !own {
            "Authentication required: send a set-up token or an API token"
        } else {
            "Invalid or expired setup code"
        }));
    }
    if body.request_token {
        return Err(bad(
            "Proxmox does not accept a secret that somebody else chose; run the set-up command on the node",
        ));
    }
    let kind = kind.ok_or_else(|| bad("Type must be 'pve' or 'pbs'"))?;
    if [&body.host, &body.token_id, &body.token_value]
        .iter()
        .any(|value| value.trim().is_empty())
    {
        return Err(bad("Missing required fields"));
    }
    // Taken before the work, so that it cannot be used twice at the same time.
    if set_up.is_some_and(|token| !app.setup_tokens.take(token, now())) {
        return Err(unauthorised("Invalid or expired setup code"));
    }
    let new = Registration {
        kind,
        host: body.host.trim(),
        name: body.server_name.trim(),
        token_name: body.token_id.trim(),
        token_value: body.token_value.trim(),
    };
    let name = register(&app, new).await?;
    app.live.event(
        "node_auto_registered",
        &json!({
            "type": kind.as_str(), "host": body.host, "name": name, "tokenId": body.token_id,
            "hasToken": true, "verifySSL": true, "status": "connected",
        }),
    );
    let who = match set_up {
        Some(_) => "set-up token",
        None => "API token",
    };
    app.auth
        .audit(
            &ask.facts(),
            "node_registered",
            who,
            true,
            &format!("{kind} {name}"),
        )
        .await;
    Ok(json_body(&json!({
        "status": "success",
        "message": format!("Node {} auto-registered successfully", body.host),
        "nodeId": body.host,
    })))
}

/// Whether an API token, in the body or of the caller, may register servers. A browser's session
/// may not: another site could use it.
async fn may_register(app: &App, ask: &Ask, presented: Option<&str>) -> bool {
    let mut headers = ask.headers.clone();
    headers.remove(http::header::COOKIE);
    if let Some(token) = presented {
        let Ok(value) = http::HeaderValue::from_str(token) else {
            return false;
        };
        headers.insert("x-api-token", value);
    } else if !headers.contains_key("x-api-token") {
        return false;
    }
    let facts = pulse_auth::RequestFacts {
        headers: &headers,
        ..ask.facts()
    };
    app.auth.authenticate(&facts).await.is_ok_and(|principal| {
        [Scope::SettingsWrite, Scope::HostAgentReport]
            .into_iter()
            .any(|scope| principal.scopes.allows(scope))
    })
}
