//! Connecting a Proxmox server from the server itself: one command makes a read-only account
//! there and registers it here.

mod register;
mod tokens;

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pulse_auth::{Access, RouteRule, Scope};
use pulse_store::NodeKind;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::app::{App, now};
use crate::http::answer::{Refusal, text};
use crate::http::{Ask, Reply, json as json_body};
use crate::routes::{Entry, row};

pub use tokens::SetupTokens;

const SCRIPT: &str = include_str!("../../../../../deploy/setup-node.sh");
const LARGEST: usize = 32 << 10;

/// The rows of this area. A set-up token is a credential that registers nodes: making one needs
/// the same rights as adding a node. The script is no secret; registering asks for a credential
/// of its own.
pub fn routes() -> Vec<Entry> {
    let write =
        |path| RouteRule::new(Method::POST, path, Access::Admin).scope(Scope::SettingsWrite);
    vec![
        row(write("/api/setup-script-url"), post(script_url)),
        row(write("/api/agent-install-command"), post(install_command)),
        row(
            RouteRule::new(Method::GET, "/api/setup-script", Access::PublicAfterSetup),
            get(script),
        ),
        row(
            RouteRule::new(Method::POST, "/api/auto-register", Access::PublicAfterSetup),
            post(register::auto_register),
        ),
    ]
}

fn bad(problem: impl AsRef<str>) -> Refusal {
    text(StatusCode::BAD_REQUEST, problem.as_ref())
}

/// Mail gateways have no tokens and are added by hand.
fn kind_of(word: &str) -> Option<NodeKind> {
    match word {
        "pve" => Some(NodeKind::Pve),
        "pbs" => Some(NodeKind::Pbs),
        _ => None,
    }
}

/// `scheme://host[:port]` of an address, made of harmless characters only: it goes into a script
/// that root runs.
fn origin(address: &str) -> Result<String, &'static str> {
    let url = Url::parse(address.trim()).map_err(|_| "scheme must be http or https")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("scheme must be http or https");
    }
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or("no host")?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '[' | ']' | '-');
    if !host.chars().all(harmless) {
        return Err("the host contains characters that are not allowed");
    }
    Ok(match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    })
}

/// Under which address machines reach this server.
fn base(app: &App, ask: &Ask) -> Result<String, Refusal> {
    let base = crate::api::security::agent_url(
        &app.config.public_url,
        &app.settings.now().settings.public_url,
        &ask.facts(),
    );
    // It may be the caller's Host header.
    origin(&base).map_err(|problem| bad(format!("This server's own address: {problem}")))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Wanted {
    r#type: String,
    host: String,
    backup_perms: bool,
}

impl Wanted {
    fn parse(ask: &Ask) -> Result<(Self, NodeKind), Refusal> {
        let wanted: Self =
            serde_json::from_slice(ask.body_within(LARGEST)).map_err(|_| bad("Invalid request"))?;
        let kind = kind_of(&wanted.r#type).ok_or_else(|| bad("Type must be 'pve' or 'pbs'"))?;
        Ok((wanted, kind))
    }
}

/// `POST /api/setup-script-url`: the command to run on the node.
async fn script_url(State(app): State<App>, ask: Ask) -> Reply {
    let (wanted, kind) = Wanted::parse(&ask)?;
    let host = match wanted.host.trim() {
        "" => String::new(),
        given => {
            let full = if given.contains("://") {
                given.to_owned()
            } else {
                format!("https://{given}")
            };
            origin(&full).map_err(|problem| bad(format!("Invalid host: {problem}")))?
        }
    };
    let base = base(&app, &ask)?;
    let (token, expires) = app.setup_tokens.make(kind, now());
    let token = token.expose();
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let url = format!(
        "{base}/api/setup-script?type={}&host={}&pulse_url={}{}",
        kind.as_str(),
        escape(&host),
        escape(&base),
        if wanted.backup_perms {
            "&backup_perms=true"
        } else {
            ""
        }
    );
    // The token is not part of the address: addresses end up in logs.
    let command = format!("curl -fsSL \"{url}\" | PULSE_SETUP_TOKEN={token} sh");
    app.auth
        .audit(
            &ask.facts(),
            "setup_command_made",
            &ask.principal.user,
            true,
            &format!("{kind} {host}"),
        )
        .await;
    let ends = |from: usize| token.get(from..from + 3).unwrap_or_default();
    Ok(json_body(&json!({
        "url": url,
        "command": command,
        "commandWithEnv": command,
        "commandWithoutEnv": format!("curl -fsSL \"{url}&auth_token={token}\" | sh"),
        "expires": expires.secs(),
        "setupToken": token,
        "tokenHint": format!("{}…{}", ends(0), ends(29)),
    })))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ScriptQuery {
    r#type: String,
    host: String,
    pulse_url: String,
    backup_perms: String,
    auth_token: String,
}

/// `GET /api/setup-script`
async fn script(
    State(app): State<App>,
    Query(query): Query<ScriptQuery>,
    ask: Ask,
) -> Result<Response, Refusal> {
    if query.r#type.is_empty() {
        return Err(bad(
            "Missing required parameter: type (must be 'pve' or 'pbs')",
        ));
    }
    let kind = kind_of(&query.r#type)
        .ok_or_else(|| bad("Invalid type parameter: must be 'pve' or 'pbs'"))?;
    let checked = |name: &str, value: &str| match value {
        "" => Ok(String::new()),
        value => {
            origin(value).map_err(|problem| bad(format!("Invalid {name} parameter: {problem}")))
        }
    };
    let host = checked("host", &query.host)?;
    let pulse_url = match checked("pulse_url", &query.pulse_url)? {
        url if url.is_empty() => base(&app, &ask)?,
        url => url,
    };
    let token = &query.auth_token;
    if !token.is_empty() && !token.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(bad(
            "Invalid auth_token parameter: token must be hexadecimal",
        ));
    }
    let backups = if query.backup_perms == "true" {
        "yes"
    } else {
        "no"
    };
    // Every value is checked above to hold nothing that a shell takes for more than text.
    let script = SCRIPT
        .replace("@KIND@", kind.as_str())
        .replace("@PULSE_URL@", &format!("'{pulse_url}'"))
        .replace("@NODE_URL@", &format!("'{host}'"))
        .replace("@BACKUPS@", backups)
        .replace("@TOKEN@", token);
    let name = format!("inline; filename=pulse-setup-{}.sh", kind.as_str());
    Ok((
        [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (CONTENT_DISPOSITION, name.as_str()),
        ],
        script,
    )
        .into_response())
}

/// `POST /api/agent-install-command`
async fn install_command(State(app): State<App>, ask: Ask) -> Reply {
    let (_, kind) = Wanted::parse(&ask)?;
    let base = base(&app, &ask)?;
    let body = json!({
        "name": format!("proxmox-agent-{}-{}", kind.as_str(), now().secs()),
        "scopes": ["host-agent:report", "host-agent:manage"],
    });
    let answer = app
        .auth
        .create_token(&ask.facts(), &ask.principal, body.to_string().as_bytes())
        .await;
    let token = match &answer.body {
        pulse_auth::Body::Json(made) => made["token"].as_str(),
        _ => None,
    };
    let Some(token) = token else {
        return Err(text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The token for the agent could not be made. See the server log.",
        ));
    };
    Ok(json_body(&json!({
        "command": format!(
            "curl -fsSL {base}/install.sh | bash -s -- \\\n  --url {base} \\\n  --token {token} \\\n  --enable-proxmox"
        ),
        "token": token,
    })))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn nothing_but_an_origin_reaches_the_script() {
        for (address, wanted) in [
            ("https://10.0.0.1:8006/x?y", "https://10.0.0.1:8006"),
            ("https://[::1]:8006", "https://[::1]:8006"),
        ] {
            assert_eq!(origin(address), Ok(wanted.to_owned()));
        }
        for bad in [
            "ftp://x",
            "nonsense",
            "https://a$(id)",
            "https://a'b",
            "https://a`b",
            "https://",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
