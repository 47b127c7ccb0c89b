//! `/api/security/recovery` and `POST /api/security/apply-restart`.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use pulse_core::Secret;
use pulse_store::{Store, StoreError};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::auth::Auth;
use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::lenient::Fields;
use crate::policy::Scope;
use crate::principal::Principal;
use crate::random;

const HEADER: &str = "x-recovery-token";
const DEFAULT_MINUTES: i64 = 15;

/// A token that is good once, for one call of the recovery route. For the command line too: who
/// can open the database is the operator.
pub async fn issue_recovery_token(
    store: &Store,
    minutes: i64,
    now: Timestamp,
) -> Result<Secret, StoreError> {
    let expires = now
        .saturating_add(SignedDuration::from_mins(minutes))
        .unwrap_or(now);
    let token = random::hex_secret::<32>();
    let hash = random::sha256_hex(token.expose());
    store.recovery().insert(&hash, now, expires).await?;
    Ok(token)
}

impl Auth {
    /// For an administrator on this machine, and once for the bearer of a recovery token.
    ///
    /// Coming from this machine alone is not enough: a reverse proxy may stand there and pass on
    /// strangers. Who is locked out gets a token from `pulse recovery-token` on the host.
    pub async fn recovery(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        if !matches!(*facts.method, Method::GET | Method::POST) {
            return Answer::method_not_allowed();
        }
        let user = match self.authorize_recovery(facts).await {
            Ok(user) => user,
            Err(refusal) => return refusal,
        };
        if *facts.method == Method::GET {
            return Answer::ok(json!({
                "recovery_mode": self.recovery_mode(),
                "message": "Recovery endpoint accessible from localhost only",
            }));
        }
        let asked = Fields::parse(body)
            .and_then(|fields| Ok((fields.string("action")?, fields.integer("duration")?)));
        let Ok((action, duration)) = asked else {
            return Answer::text(StatusCode::BAD_REQUEST, "Invalid request");
        };
        match action.as_str() {
            "generate_token" => self.generate_recovery_token(facts, &user, duration).await,
            "disable_auth" => {
                if let Err(error) = self.enter_recovery_mode() {
                    return Answer::storage_failed(&error);
                }
                self.audit(facts, "auth_recovery_enabled", &user, true, "")
                    .await;
                outcome(
                    true,
                    "Recovery mode enabled. Auth disabled for localhost. Delete .auth_recovery file to re-enable.",
                )
            }
            "enable_auth" => match self.leave_recovery_mode() {
                Ok(true) => {
                    self.audit(facts, "auth_recovery_disabled", &user, true, "")
                        .await;
                    outcome(true, "Recovery mode disabled. Authentication re-enabled.")
                }
                Ok(false) => outcome(false, "Recovery mode is not enabled."),
                Err(error) => Answer::storage_failed(&error),
            },
            _ => outcome(false, "Invalid action. Use 'disable_auth' or 'enable_auth'"),
        }
    }

    /// Who may, or the refusal.
    async fn authorize_recovery(&self, facts: &RequestFacts<'_>) -> Result<String, Answer> {
        match self.use_recovery_token(facts).await {
            Ok(true) => return Ok("recovery token".to_owned()),
            Ok(false) => {}
            Err(error) => return Err(Answer::storage_failed(&error)),
        }
        if !facts.is_direct_loopback() {
            return Err(Answer::text(
                StatusCode::FORBIDDEN,
                "Recovery endpoint requires localhost access or valid recovery token",
            ));
        }
        let refuse = |denied| self.refusal(denied, facts);
        let principal = self.authenticate(facts).await.map_err(refuse)?;
        self.check_csrf(facts, &principal).map_err(refuse)?;
        if !principal.admin {
            return Err(refuse(Denied::AdminRequired));
        }
        if !principal.scopes.allows(Scope::SettingsWrite) {
            return Err(refuse(Denied::MissingScope(Scope::SettingsWrite)));
        }
        Ok(principal.user)
    }

    async fn generate_recovery_token(
        &self,
        facts: &RequestFacts<'_>,
        user: &str,
        duration: i64,
    ) -> Answer {
        if !facts.is_direct_loopback() {
            return Answer::text(
                StatusCode::FORBIDDEN,
                "Token generation only allowed from localhost",
            );
        }
        let minutes = if (1..=60).contains(&duration) {
            duration
        } else {
            DEFAULT_MINUTES
        };
        let token = match issue_recovery_token(self.store(), minutes, self.now()).await {
            Ok(token) => token,
            Err(error) => return Answer::storage_failed(&error),
        };
        self.audit(facts, "recovery_token_generated", user, true, "")
            .await;
        Answer::ok(json!({
            "success": true,
            "token": token.expose(),
            "expires_in_minutes": minutes,
            "message": format!("Recovery token generated. Valid for {minutes} minutes."),
        }))
    }

    /// Uses up the recovery token in the request, if it carries a live one.
    pub(crate) async fn use_recovery_token(
        &self,
        facts: &RequestFacts<'_>,
    ) -> Result<bool, StoreError> {
        let Some(token) = facts.header_text(HEADER) else {
            return Ok(false);
        };
        // Wrong tokens are not looked up in the database without limit.
        if token.len() != 64 {
            return Ok(false);
        }
        self.store()
            .recovery()
            .consume(&random::sha256_hex(token), self.now())
            .await
    }

    /// Whether the process may end, for the service manager to start it again, and the answer.
    pub async fn apply_restart(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
        under_systemd: bool,
    ) -> (bool, Answer) {
        if !under_systemd {
            return (
                false,
                outcome(
                    false,
                    "Automatic restart is only available when running under systemd. Please restart Pulse manually.",
                ),
            );
        }
        self.audit(facts, "restart_requested", &principal.user, true, "")
            .await;
        (true, outcome(true, "Pulse is restarting."))
    }
}

fn outcome(success: bool, message: &str) -> Answer {
    let body: Value = json!({"success": success, "message": message});
    Answer::ok(body)
}
