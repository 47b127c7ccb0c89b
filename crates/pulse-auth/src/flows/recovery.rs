//! `/api/security/recovery` and `POST /api/security/apply-restart`.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use pulse_store::StoreError;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::auth::Auth;
use crate::facts::RequestFacts;
use crate::lenient::Fields;
use crate::principal::Principal;
use crate::random;

const HEADER: &str = "x-recovery-token";
const DEFAULT_MINUTES: i64 = 15;

impl Auth {
    /// Open to direct loopback requests, and once to the bearer of a recovery token.
    pub async fn recovery(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        if !matches!(*facts.method, Method::GET | Method::POST) {
            return Answer::method_not_allowed();
        }
        // Only one that is needed is used up.
        let allowed = if facts.is_direct_loopback() {
            // Pages that a local browser shows come from loopback too.
            Ok(!facts.is_cross_site())
        } else {
            self.use_recovery_token(facts).await
        };
        match allowed {
            Ok(true) => {}
            Ok(false) => {
                return Answer::text(
                    StatusCode::FORBIDDEN,
                    "Recovery endpoint requires localhost access or valid recovery token",
                );
            }
            Err(error) => return Answer::storage_failed(&error),
        }
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
            "generate_token" => self.generate_recovery_token(facts, duration).await,
            "disable_auth" => {
                if let Err(error) = self.enter_recovery_mode() {
                    return Answer::storage_failed(&error);
                }
                self.audit(facts, "auth_recovery_enabled", "", true, "")
                    .await;
                outcome(
                    true,
                    "Recovery mode enabled. Auth disabled for localhost. Delete .auth_recovery file to re-enable.",
                )
            }
            "enable_auth" => match self.leave_recovery_mode() {
                Ok(true) => {
                    self.audit(facts, "auth_recovery_disabled", "", true, "")
                        .await;
                    outcome(true, "Recovery mode disabled. Authentication re-enabled.")
                }
                Ok(false) => outcome(false, "Recovery mode is not enabled."),
                Err(error) => Answer::storage_failed(&error),
            },
            _ => outcome(false, "Invalid action. Use 'disable_auth' or 'enable_auth'"),
        }
    }

    async fn generate_recovery_token(&self, facts: &RequestFacts<'_>, duration: i64) -> Answer {
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
        let now = self.now();
        let expires = now
            .saturating_add(SignedDuration::from_mins(minutes))
            .unwrap_or(now);
        let token = random::hex_secret::<32>();
        let hash = random::sha256_hex(token.expose());
        if let Err(error) = self.store().recovery().insert(&hash, now, expires).await {
            return Answer::storage_failed(&error);
        }
        self.audit(facts, "recovery_token_generated", "", true, "")
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
