//! A server of a few lines around the authenticator, and the recordings of version 5 to send to it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use jiff::{SignedDuration, Timestamp};
use pulse_auth::{
    Access, Answer, Auth, AuthEnv, ManualClock, OidcState, Principal, RequestFacts, RouteRule,
    Scope, StatusContext,
};
use pulse_store::Store;
use serde_json::Value;

pub const PASSWORD_1: &str = "first-password-1";
pub const PASSWORD_2: &str = "second-password-2";

pub struct Server {
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub auth: Auth,
}

pub struct Request {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub peer: &'static str,
}

impl Request {
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            peer: "127.0.0.1",
        }
    }

    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: &str, body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::new(Method::POST, path)
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
        self
    }

    pub fn basic(self, user: &str, password: &str) -> Self {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", &format!("Basic {encoded}"))
    }

    pub fn from(self, peer: &'static str) -> Self {
        Self { peer, ..self }
    }
}

impl Server {
    pub async fn start(env: AuthEnv) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Whole seconds near the real time: recovery mode compares with the age of a file.
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let auth = start(&dir, &clock, env).await;
        Self { dir, clock, auth }
    }

    /// Ends the process as far as it can be told from outside: only what is on disk stays.
    pub async fn restart(&mut self, env: AuthEnv) {
        self.auth.store().close().await;
        self.auth = start(&self.dir, &self.clock, env).await;
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Set up with account `op`, the first password and this token.
    pub async fn set_up(&self, token: &str) {
        let bootstrap = self.auth.bootstrap_token().unwrap();
        let response = self
            .send(Request::post(
                "/api/security/quick-setup",
                &serde_json::json!({
                    "username": "op",
                    "password": PASSWORD_1,
                    "apiToken": token,
                    "setupToken": bootstrap.expose(),
                }),
            ))
            .await;
        assert_eq!(response.status(), 200);
    }

    /// Logs `op` in; returns the session and the CSRF cookie.
    pub async fn log_in(&self, password: &str) -> (String, String) {
        let body = serde_json::json!({"username": "op", "password": password});
        let response = self.send(Request::post("/api/login", &body)).await;
        assert_eq!(response.status(), 200, "{}", text(&response));
        (
            cookie(&response, "pulse_session").unwrap(),
            cookie(&response, "pulse_csrf").unwrap(),
        )
    }

    pub async fn send(&self, request: Request) -> Response<Vec<u8>> {
        let (path, query) = match request.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.path.as_str(), None),
        };
        let facts = RequestFacts {
            method: &request.method,
            path,
            query,
            headers: &request.headers,
            peer: request.peer.parse().unwrap(),
            tls: false,
        };
        self.route(&facts, &request.body).await.into_http()
    }

    async fn route(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        let auth = &self.auth;
        if let Err(denied) = auth
            .limit_request(facts)
            .and_then(|()| auth.check_demo(facts))
        {
            return denied.answer(auth.now());
        }
        let admission = match auth.gate(facts, &rule(facts), &|_| false).await {
            Ok(admission) => admission,
            Err(answer) => return answer,
        };
        self.handle(facts, &admission.principal, body)
            .await
            .with_headers(admission.headers)
    }

    async fn handle(&self, facts: &RequestFacts<'_>, who: &Principal, body: &[u8]) -> Answer {
        let auth = &self.auth;
        let post = *facts.method == Method::POST;
        let only_post = Answer::only_post(auth.now());
        match facts.path {
            "/api/login" if post => auth.login(facts, body).await,
            "/api/logout" if post => auth.logout(facts, who).await,
            "/api/security/change-password" if post => auth.change_password(facts, who, body).await,
            "/api/security/reset-lockout" if post => auth.reset_lockout(facts, who, body).await,
            "/api/login"
            | "/api/logout"
            | "/api/security/change-password"
            | "/api/security/reset-lockout" => only_post,
            "/api/security/status" if *facts.method == Method::GET => {
                auth.security_status_answer(facts, StatusContext::default())
                    .await
            }
            "/api/security/validate-bootstrap-token" if post => {
                auth.validate_bootstrap_token(facts, body)
            }
            "/api/security/quick-setup" if post => auth.quick_setup(facts, body).await,
            "/api/security/validate-token" if post => auth.validate_token(facts, body),
            "/api/security/regenerate-token" if post => auth.regenerate_token(facts, who).await,
            "/api/security/apply-restart" if post => auth.apply_restart(facts, who, false).await.1,
            "/api/security/recovery" => auth.recovery(facts, body).await,
            "/api/security/tokens" if post => auth.create_token(facts, who, body).await,
            "/api/security/tokens" if *facts.method == Method::GET => auth.list_tokens(),
            path if path.starts_with("/api/security/tokens/")
                && *facts.method == Method::DELETE =>
            {
                let id = path.trim_start_matches("/api/security/tokens/");
                auth.delete_token(facts, who, id).await
            }
            path if path.starts_with("/api/security/") => Answer::method_not_allowed(),
            _ => Answer::ok(serde_json::json!({"stub": true})),
        }
    }
}

async fn start(dir: &tempfile::TempDir, clock: &Arc<ManualClock>, env: AuthEnv) -> Auth {
    let store = Store::open(dir.path()).await.unwrap();
    Auth::start(store, clock.clone(), env, OidcState::default())
        .await
        .unwrap()
}

/// The rows of the real table that these tests touch.
fn rule(facts: &RequestFacts<'_>) -> RouteRule {
    let method = facts.method.clone();
    let new = |access| RouteRule::new(method.clone(), "/", access);
    let users = Access::Permission {
        action: "admin",
        resource: "users",
    };
    match facts.path {
        "/api/login"
        | "/api/health"
        | "/api/version"
        | "/api/security/status"
        | "/api/security/recovery"
        | "/api/security/quick-setup"
        | "/api/security/validate-bootstrap-token" => new(Access::Public),
        "/install.sh" => new(Access::PublicAfterSetup),
        "/api/security/change-password"
        | "/api/security/reset-lockout"
        | "/api/security/validate-token"
        | "/api/security/regenerate-token" => {
            let rule = new(Access::Authenticated);
            if method == Method::POST {
                rule.scope(Scope::SettingsWrite)
            } else {
                rule
            }
        }
        "/api/security/apply-restart" if method == Method::POST => {
            new(Access::Admin).scope(Scope::SettingsWrite)
        }
        "/api/config/nodes" => new(Access::Admin).scope(Scope::SettingsRead),
        "/api/config" | "/api/state" => new(Access::Authenticated).scope(Scope::MonitoringRead),
        "/api/notifications/email" | "/api/settings/ai/update" | "/api/system/settings/update" => {
            new(Access::Admin)
        }
        path if path.starts_with("/api/security/tokens") => match method {
            Method::GET if path == "/api/security/tokens" => new(users).scope(Scope::SettingsRead),
            Method::POST | Method::DELETE => new(users).scope(Scope::SettingsWrite),
            _ => new(users),
        },
        _ => new(Access::Gate),
    }
}

pub fn text(response: &Response<Vec<u8>>) -> String {
    String::from_utf8(response.body().clone()).unwrap()
}

pub fn json(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("{}", text(response)))
}

pub fn header<'a>(response: &'a Response<Vec<u8>>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

pub fn set_cookies(response: &Response<Vec<u8>>) -> Vec<String> {
    response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

pub fn cookie(response: &Response<Vec<u8>>, name: &str) -> Option<String> {
    set_cookies(response)
        .iter()
        .filter_map(|line| line.split(';').next()?.split_once('='))
        .filter(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value.to_owned())
        .next_back()
}

/// Recorded placeholders such as `<token-6>`, and what they stand for here.
#[derive(Default)]
pub struct Names(pub HashMap<String, String>);

impl Names {
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, value) in &self.0 {
            filled = filled.replace(name, value);
        }
        filled
    }

    pub fn request(&self, recorded: &Value) -> Request {
        let method = recorded["method"].as_str().unwrap().parse().unwrap();
        let mut request = Request::new(method, &self.fill(recorded["path"].as_str().unwrap()));
        for (name, value) in recorded["headers"].as_object().unwrap() {
            request = request.header(name, &self.fill(value.as_str().unwrap()));
        }
        request.body = match &recorded["body"] {
            Value::Null => Vec::new(),
            Value::String(raw) => self.fill(raw).into_bytes(),
            json => self.fill(&json.to_string()).into_bytes(),
        };
        request
    }

    /// Learns what the placeholders of a recorded answer are in ours.
    pub fn learn(&mut self, recorded: &Value, response: &Response<Vec<u8>>) {
        if let Some(name) = recorded["body"]["token"].as_str() {
            let token = json(response)["token"].as_str().unwrap().to_owned();
            self.0.insert(name.to_owned(), token);
        }
        if let Some(id) = recorded["body"]["record"]["id"].as_str() {
            let ours = json(response)["record"]["id"].as_str().unwrap().to_owned();
            self.0.insert(id.to_owned(), ours);
        }
        for line in recorded["headers"]["set-cookie"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let (key, rest) = line.as_str().unwrap().split_once('=').unwrap();
            let placeholder = rest.split(';').next().unwrap();
            if placeholder.is_empty() {
                continue;
            }
            if let Some(value) = cookie(response, key) {
                self.0.insert(placeholder.to_owned(), value);
            }
        }
    }
}
