//! `POST /api/login` and `POST /api/logout`.

use http::StatusCode;
use jiff::SignedDuration;
use pulse_core::Secret;
use serde_json::json;

use crate::answer::Answer;
use crate::auth::Auth;
use crate::cookies::{self, DAY, MONTH};
use crate::denied::{Denied, remaining_minutes, rfc3339_seconds};
use crate::facts::RequestFacts;
use crate::lenient::{BadBody, Fields};
use crate::limiter::Class;
use crate::lockout::MAX_FAILURES;
use crate::principal::Principal;
use crate::sessions::SessionKind;

struct Login {
    username: String,
    password: Secret,
    remember: bool,
}

impl Login {
    fn parse(body: &[u8]) -> Result<Self, BadBody> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            username: fields.string("username")?,
            password: fields.string("password")?.into(),
            remember: fields.boolean("rememberMe")?,
        })
    }
}

impl Auth {
    pub async fn login(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        let now = self.now();
        let Ok(login) = Login::parse(body) else {
            return Answer::api_error(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "Invalid request body",
                now,
            );
        };
        let user = login.username.as_str();
        let ip = self.client_ip(facts);
        if let Some(until) = self.locked_until(user, ip, now) {
            self.audit(facts, "login", user, false, "Account locked")
                .await;
            let minutes = remaining_minutes(until, now);
            return Answer::json(
                StatusCode::FORBIDDEN,
                json!({
                    "error": "account_locked",
                    "message": format!("Too many failed attempts. Account is locked for {minutes} more minutes."),
                    "lockedUntil": rfc3339_seconds(until),
                    "remainingMinutes": minutes,
                }),
            );
        }
        if self.limit(Class::AuthAttempts, facts).is_err() {
            self.audit(facts, "login", user, false, "Rate limited")
                .await;
            return Answer::json(
                StatusCode::TOO_MANY_REQUESTS,
                json!({
                    "error": "rate_limit",
                    "message": "Too many requests. Please wait before trying again.",
                }),
            );
        }
        match self.verify_password(user, login.password).await {
            Ok(true) => self.logged_in(facts, user, login.remember).await,
            Ok(false) => self.login_failed(facts, user).await,
            Err(_) => Denied::Busy.answer(now),
        }
    }

    async fn login_failed(&self, facts: &RequestFacts<'_>, user: &str) -> Answer {
        let failure = self
            .record_failure(user, self.client_ip(facts), self.now())
            .await;
        self.audit(facts, "login", user, false, "Invalid credentials")
            .await;
        let body = if failure.locked {
            json!({
                "error": "invalid_credentials",
                "message": "Invalid username or password. Account is now locked for 15 minutes.",
                "locked": true,
                "lockoutDuration": "15 minutes",
            })
        } else {
            json!({
                "error": "invalid_credentials",
                "message": format!(
                    "Invalid username or password. You have {} attempts remaining.",
                    failure.remaining()
                ),
                "attempts": failure.attempts,
                "remaining": failure.remaining(),
                "maxAttempts": MAX_FAILURES,
            })
        };
        Answer::json(StatusCode::UNAUTHORIZED, body)
    }

    async fn logged_in(&self, facts: &RequestFacts<'_>, user: &str, remember: bool) -> Answer {
        self.forgive(user, self.client_ip(facts)).await;
        let max_age = if remember { MONTH } else { DAY };
        let answer = Answer::ok(json!({"success": true, "message": "Successfully logged in"}));
        match self
            .start_session(facts, user, SessionKind::Password, max_age)
            .await
        {
            Ok(cookies) => {
                self.audit(facts, "login", user, true, "Successful login")
                    .await;
                answer.with_headers(cookies)
            }
            Err(error) => Answer::storage_failed(&error),
        }
    }

    /// Creates a session and returns both cookies as headers. Also for OIDC.
    pub async fn start_session(
        &self,
        facts: &RequestFacts<'_>,
        user: &str,
        kind: SessionKind,
        max_age: i64,
    ) -> Result<Vec<(http::HeaderName, http::HeaderValue)>, pulse_store::StoreError> {
        let value = self
            .inner
            .sessions
            .create(
                self.store(),
                crate::sessions::NewSession {
                    username: user,
                    kind,
                    lifetime: SignedDuration::from_secs(max_age),
                    user_agent: facts.header("user-agent").unwrap_or_default(),
                    ip: &self.client_ip(facts).to_string(),
                },
                self.now(),
            )
            .await?;
        let style = self.cookie_style(facts);
        let key = crate::random::sha256_hex(value.expose());
        let csrf = cookies::csrf_token(self.store(), &key);
        Ok(vec![
            (
                http::header::SET_COOKIE,
                style.session(value.expose(), max_age),
            ),
            (http::header::SET_COOKIE, style.csrf(&csrf, max_age)),
        ])
    }

    /// Ends the session that authenticated the request, or the one in the cookie.
    pub async fn logout(&self, facts: &RequestFacts<'_>, principal: &Principal) -> Answer {
        let presented = facts
            .cookie(cookies::SESSION)
            .and_then(|cookie| self.inner.sessions.peek(cookie, self.now()))
            .map(|(key, _)| key);
        if let Some(key) = principal.session.clone().or(presented)
            && let Err(error) = self.inner.sessions.end(self.store(), &key).await
        {
            return Answer::storage_failed(&error);
        }
        self.audit(facts, "logout", &principal.user, true, "User logged out")
            .await;
        Answer::ok(json!({"success": true, "message": "Successfully logged out"}))
            .with_cookie(self.cookie_style(facts).clear_session())
            .with_cookie(cookies::clear_csrf())
    }
}
