//! `POST /api/security/reset-lockout`.

use std::net::IpAddr;

use http::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::auth::Auth;
use crate::facts::RequestFacts;
use crate::lenient::Fields;
use crate::principal::Principal;
use crate::sync;

impl Auth {
    pub async fn reset_lockout(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
        body: &[u8],
    ) -> Answer {
        let bad =
            |code, message| Answer::api_error(StatusCode::BAD_REQUEST, code, message, self.now());
        let Ok(identifier) = Fields::parse(body).and_then(|f| f.string("identifier")) else {
            return bad("invalid_request", "Invalid request body");
        };
        if identifier.is_empty() {
            return bad(
                "missing_identifier",
                "Identifier (username or IP) is required",
            );
        }
        let keys = sync::lock(&self.inner.lockouts).reset(&identifier);
        if let Ok(address) = identifier.parse::<IpAddr>() {
            sync::lock(&self.inner.limiter).reset(address);
        }
        if let Err(error) = self.store().lockouts().delete(&keys).await {
            return Answer::storage_failed(&error);
        }
        let details = format!("Lockout reset for {identifier}");
        self.audit(facts, "lockout_reset", &principal.user, true, &details)
            .await;
        Answer::ok(json!({"success": true, "message": details}))
    }
}
