//! `POST /api/security/change-password`.

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
use crate::password::check_policy;
use crate::principal::Principal;
use crate::sync;

fn parse(body: &[u8]) -> Result<(Secret, Secret), BadBody> {
    let fields = Fields::parse(body)?;
    Ok((
        fields.string("currentPassword")?.into(),
        fields.string("newPassword")?.into(),
    ))
}

impl Auth {
    pub async fn change_password(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
        body: &[u8],
    ) -> Answer {
        let now = self.now();
        let error = |status, code, message: &str| Answer::api_error(status, code, message, now);
        if !principal.admin {
            return error(
                StatusCode::FORBIDDEN,
                "forbidden",
                "Admin privileges required",
            );
        }
        let Ok((current, new)) = parse(body) else {
            return error(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "Invalid request body",
            );
        };
        if let Err(problem) = check_policy(new.expose()) {
            let text = problem.to_string();
            return error(StatusCode::BAD_REQUEST, "invalid_password", &text);
        }
        let unauthorized = |text| error(StatusCode::UNAUTHORIZED, "unauthorized", text);
        if current.is_empty() {
            return unauthorized("Current password required");
        }
        let Some(account) = self.account() else {
            return unauthorized("Current password is incorrect");
        };
        let ip = self.client_ip(facts);
        if let Some(until) = self.locked_until(&account.name, ip, now) {
            return Denied::Locked { until }.answer(now);
        }
        match self.verify_password(&account.name, current).await {
            Ok(true) => {}
            Ok(false) => {
                self.record_failure(&account.name, ip, now).await;
                self.audit(
                    facts,
                    "password_change_failed",
                    &principal.user,
                    false,
                    "Invalid credentials",
                )
                .await;
                return unauthorized("Current password is incorrect");
            }
            Err(_) => return Denied::Busy.answer(now),
        }
        let Ok(hash) = self.inner.hasher.hash(new).await else {
            return Denied::Busy.answer(now);
        };
        match self.replace_password(&account, hash).await {
            Ok(true) => {}
            // Somebody else changed it meanwhile, so what was checked is no longer the password.
            Ok(false) => return unauthorized("Current password is incorrect"),
            Err(error) => return Answer::storage_failed(&error),
        }
        self.forgive(&account.name, ip).await;
        self.audit(
            facts,
            "password_change",
            &principal.user,
            true,
            "Password changed",
        )
        .await;
        Answer::ok(json!({
            "success": true,
            "message": "Password changed. All sessions have ended; log in with the new password.",
            "requiresRestart": false,
            "serviceName": "pulse",
        }))
    }

    /// Stores the hash, ends the sessions of the account and forgets cached credentials. `false`
    /// when the account is not the one that was checked any more.
    async fn replace_password(
        &self,
        account: &Account,
        hash: Secret,
    ) -> Result<bool, pulse_store::StoreError> {
        let _change = self.inner.change.lock().await;
        let unchanged = self.account().is_some_and(|current| {
            current.name == account.name && current.password_changed == account.password_changed
        });
        if !unchanged {
            return Ok(false);
        }
        let now = self.now();
        let supersedes_env = self
            .env()
            .account
            .as_ref()
            .map(|(name, password)| env_fingerprint(self.store(), name, password));
        let user = UserRecord {
            name: account.name.clone(),
            password_hash: hash.clone(),
            supersedes_env,
            created_at: now,
            password_changed: now,
        };
        self.store().users().replace_all(&user).await?;
        *sync::write(&self.inner.account) = Some(Account {
            name: user.name,
            hash,
            password_changed: Some(now),
            from_env: false,
        });
        self.inner.basic.clear();
        self.inner
            .sessions
            .end_all(self.store(), Some(&account.name))
            .await?;
        Ok(true)
    }
}
