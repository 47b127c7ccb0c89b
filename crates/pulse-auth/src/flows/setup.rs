//! First-run set-up: `validate-bootstrap-token` and `quick-setup`.

use http::StatusCode;
use pulse_core::Secret;
use pulse_store::UserRecord;
use serde_json::json;

use crate::account::{Account, env_fingerprint};
use crate::answer::Answer;
use crate::auth::Auth;
use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::lenient::{BadBody, Fields};
use crate::limiter::Class;
use crate::password::check_policy;
use crate::policy::Scope;
use crate::principal::AuthMethod;
use crate::{sync, tokens};

const HEADER: &str = "x-setup-token";
const MAX_NAME: usize = 128;

struct QuickSetup {
    username: String,
    password: Secret,
    /// `None`: the installation starts without a token. v5's UI always sends one.
    api_token: Option<Secret>,
    setup_token: Secret,
    force: bool,
}

impl QuickSetup {
    fn parse(body: &[u8]) -> Result<Self, BadBody> {
        let fields = Fields::parse(body)?;
        // Accepted and checked, but of no use here.
        fields.boolean("enableNotifications")?;
        fields.boolean("darkMode")?;
        Ok(Self {
            username: fields.string("username")?,
            password: fields.string("password")?.into(),
            api_token: fields.optional_string("apiToken")?.map(Secret::from),
            setup_token: fields.string("setupToken")?.into(),
            force: fields.boolean("force")?,
        })
    }

    fn check(&self) -> Result<(), String> {
        let blank_token = self.api_token.as_ref().is_some_and(Secret::is_empty);
        if self.username.is_empty() || self.password.is_empty() || blank_token {
            return Err("Username, password, and API token are required".to_owned());
        }
        if self.username.chars().any(char::is_control) || self.username.contains(':') {
            return Err("Username must not contain colons or control characters".to_owned());
        }
        if self.username.len() > MAX_NAME {
            return Err(format!("Username must be at most {MAX_NAME} bytes long"));
        }
        check_policy(self.password.expose()).map_err(|problem| problem.to_string())
    }
}

impl Auth {
    pub fn validate_bootstrap_token(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        let text = Answer::text;
        if !self.inner.bootstrap.is_live() {
            return text(
                StatusCode::CONFLICT,
                "Bootstrap token unavailable. Reload the page or restart Pulse.",
            );
        }
        let from_header = facts.header_text(HEADER).map(str::to_owned);
        let presented = match from_header {
            Some(token) => token,
            None => match Fields::parse(body).and_then(|fields| fields.string("token")) {
                Ok(token) => token.trim().to_owned(),
                Err(BadBody) => return text(StatusCode::BAD_REQUEST, "Invalid request payload"),
            },
        };
        if presented.is_empty() {
            return text(StatusCode::BAD_REQUEST, "Bootstrap token is required");
        }
        if self.inner.bootstrap.matches(&presented) {
            Answer::empty(StatusCode::NO_CONTENT)
        } else {
            text(StatusCode::UNAUTHORIZED, "Invalid bootstrap setup token")
        }
    }

    pub async fn quick_setup(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        if self.limit(Class::AuthAttempts, facts).is_err() {
            return Answer::text(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many attempts. Please try again later.",
            );
        }
        let Ok(setup) = QuickSetup::parse(body) else {
            return Answer::text(StatusCode::BAD_REQUEST, "Invalid request body");
        };
        // From here on, who is authorised and what is configured must not change under our feet.
        let _change = self.inner.change.lock().await;
        let configured = self.account().is_some();
        let identity = match self.authorize_setup(facts, &setup, configured).await {
            Ok(identity) => identity,
            Err(answer) => return answer,
        };
        if configured && !setup.force {
            return Answer::ok(json!({
                "success": true,
                "skipped": true,
                "message": "Password authentication is already configured. Please remove existing security first if you want to reconfigure.",
            }))
            .with_headers(identity.headers);
        }
        if let Err(problem) = setup.check() {
            return Answer::text(StatusCode::BAD_REQUEST, problem).with_headers(identity.headers);
        }
        let answer = self.apply_setup(&setup, !configured).await;
        if answer.status.is_success() {
            self.audit(
                facts,
                "security_setup",
                &identity.user,
                true,
                &format!("Account {} set up", setup.username),
            )
            .await;
        }
        answer.with_headers(identity.headers)
    }

    async fn authorize_setup(
        &self,
        facts: &RequestFacts<'_>,
        setup: &QuickSetup,
        configured: bool,
    ) -> Result<Identity, Answer> {
        match self.use_recovery_token(facts).await {
            Ok(true) => return Ok(Identity::of("recovery token")),
            Ok(false) => {}
            Err(error) => return Err(Answer::storage_failed(&error)),
        }
        if configured {
            return self.authorize_setup_change(facts).await;
        }
        let where_to_find = || self.where_to_find_token();
        let bootstrap = &self.inner.bootstrap;
        if !bootstrap.is_live() {
            return Err(Answer::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "Bootstrap token unavailable; restart Pulse or inspect data directory",
            ));
        }
        let presented = facts
            .header_text(HEADER)
            .unwrap_or_else(|| setup.setup_token.expose().trim());
        if presented.is_empty() {
            return Err(Answer::text(
                StatusCode::UNAUTHORIZED,
                format!(
                    "Bootstrap setup token required. Retrieve it from the host:\n\n{}",
                    where_to_find()
                ),
            ));
        }
        if !bootstrap.matches(presented) {
            return Err(Answer::text(
                StatusCode::UNAUTHORIZED,
                format!(
                    "Invalid bootstrap setup token. Retrieve the correct token from the host:\n\n{}",
                    where_to_find()
                ),
            ));
        }
        Ok(Identity::of("bootstrap token"))
    }

    /// Running set-up again needs an administrator, and a browser must not do it for another site.
    async fn authorize_setup_change(&self, facts: &RequestFacts<'_>) -> Result<Identity, Answer> {
        let principal = match self.authenticate(facts).await {
            Ok(principal) => principal,
            Err(locked @ (Denied::Locked { .. } | Denied::Busy)) => {
                return Err(locked.answer(self.now()));
            }
            Err(_) => {
                return Err(Answer::text(
                    StatusCode::UNAUTHORIZED,
                    "Authentication required to modify existing security settings",
                ));
            }
        };
        let headers = principal.headers();
        let refuse = |denied: Denied| Err(denied.answer(self.now()).with_headers(headers.clone()));
        if facts.is_cross_site()
            && (principal.is_session() || principal.method == AuthMethod::Proxy)
        {
            return refuse(Denied::Csrf);
        }
        if !principal.admin {
            return refuse(Denied::AdminRequired);
        }
        if !principal.scopes.allows(Scope::SettingsWrite) {
            return refuse(Denied::MissingScope(Scope::SettingsWrite));
        }
        Ok(Identity {
            user: principal.user,
            headers,
        })
    }

    fn where_to_find_token(&self) -> String {
        format!(
            "Docker: docker exec <container> pulse bootstrap-token\nBare metal: pulse bootstrap-token\nFile: {}",
            self.bootstrap_path().display()
        )
    }

    async fn apply_setup(&self, setup: &QuickSetup, first: bool) -> Answer {
        let Ok(hash) = self.inner.hasher.hash(setup.password.clone()).await else {
            return Denied::Busy.answer(self.now());
        };
        let now = self.now();
        let raw = setup.api_token.as_ref().map(Secret::expose);
        let mut kept: Vec<_> = raw
            .map(|raw| tokens::record(raw, "Primary token", vec!["*".to_owned()], now))
            .into_iter()
            .collect();
        if first {
            // The agent beside the server has its token from the start.
            let reporting = self.inner.tokens.all().into_iter();
            kept.extend(reporting.filter(tokens::only_reports));
        }
        let user = UserRecord {
            name: setup.username.clone(),
            password_hash: hash.clone(),
            supersedes_env: self
                .env()
                .account
                .as_ref()
                .map(|(name, password)| env_fingerprint(self.store(), name, password)),
            created_at: now,
            password_changed: now,
        };
        if let Err(error) = self.store().install_account(&user, &kept).await {
            return Answer::storage_failed(&error);
        }
        *sync::write(&self.inner.account) = Some(Account {
            name: user.name,
            hash,
            password_changed: Some(now),
            from_env: false,
        });
        self.inner.tokens.load(kept);
        self.inner.basic.clear();
        self.inner.sessions.forget_all();
        self.inner.bootstrap.finish();

        let place = self.store().dir().join("pulse.db");
        let place = place.display();
        let docker = self.env().docker;
        let mut body = json!({
            "success": true,
            "method": if docker { "docker" } else { "manual" },
            "deploymentType": if docker { "docker" } else { "manual" },
            "envFile": place.to_string(),
            "requiresManualRestart": false,
            "message": "Security enabled immediately! Your settings are saved and active.",
            "note": format!("Configuration saved to {place} for persistence across restarts."),
        });
        if raw.is_some_and(|raw| raw.len() < 32) {
            body["warning"] =
                "The API token is short and could be guessed. Create a longer one in Settings."
                    .into();
        }
        Answer::ok(body)
    }
}

struct Identity {
    user: String,
    headers: Vec<(http::HeaderName, http::HeaderValue)>,
}

impl Identity {
    fn of(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            headers: Vec::new(),
        }
    }
}
