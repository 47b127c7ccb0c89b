//! API tokens over the API: list, create, delete, validate, regenerate.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::auth::Auth;
use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::lenient::{BadBody, Fields};
use crate::limiter::Class;
use crate::policy::Scope;
use crate::principal::{Principal, ScopeSet};
use crate::tokens;

const MAX_NAME: usize = 256;

impl Auth {
    /// `GET /api/security/tokens`
    pub fn list_tokens(&self) -> Answer {
        let records = self.inner.tokens.all();
        let shown: Vec<Value> = records.iter().map(tokens::dto).collect();
        Answer::ok(json!({"tokens": shown}))
    }

    /// A token and the hint by which people recognise it.
    pub fn token(&self, id: &str) -> Option<(pulse_store::TokenRecord, String)> {
        let record = self.inner.tokens.get(id)?;
        let hint = tokens::hint(&record);
        Some((record, hint))
    }

    /// `POST /api/security/tokens`
    pub async fn create_token(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
        body: &[u8],
    ) -> Answer {
        let bad = |text: String| Answer::text(StatusCode::BAD_REQUEST, text);
        let asked = Fields::parse_optional(body)
            .and_then(|fields| Ok((fields.string("name")?, fields.optional_strings("scopes")?)));
        let Ok((name, scopes)) = asked else {
            return bad("Invalid request body".to_owned());
        };
        let scopes = match tokens::requested_scopes(scopes) {
            Ok(scopes) => scopes,
            Err(problem) => return bad(problem),
        };
        if !principal.scopes.covers(&ScopeSet::from_stored(&scopes)) {
            return Answer::json(
                StatusCode::FORBIDDEN,
                json!({
                    "error": "missing_scope",
                    "requiredScope": first_uncovered(principal, &scopes),
                    "message": "A token cannot create a token that may do more than itself.",
                }),
            );
        }
        let name = match name.trim() {
            "" => "API token".to_owned(),
            name => name.chars().take(MAX_NAME).collect(),
        };
        let (raw, record) = tokens::create(&name, scopes, self.now());
        let _change = self.inner.change.lock().await;
        if let Err(error) = self.store().tokens().insert(&record).await {
            return match error {
                pulse_store::StoreError::Full { .. } => {
                    Answer::text(StatusCode::CONFLICT, error.to_string())
                }
                error => Answer::storage_failed(&error),
            };
        }
        self.inner.tokens.add(record.clone());
        let details = format!("Token {} ({}) created", record.name, record.id);
        self.audit(facts, "token_created", &principal.user, true, &details)
            .await;
        Answer::ok(json!({"token": raw.expose(), "record": tokens::dto(&record)}))
    }

    /// `DELETE /api/security/tokens/{id}`
    pub async fn delete_token(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
        id: &str,
    ) -> Answer {
        if id.is_empty() {
            return Answer::text(StatusCode::BAD_REQUEST, "Token ID required");
        }
        let _change = self.inner.change.lock().await;
        let Some(record) = self.inner.tokens.get(id) else {
            return Answer::text(StatusCode::NOT_FOUND, "Token not found");
        };
        if !principal.scopes.covers(&tokens::scope_set(&record)) {
            return Denied::MissingScope(Scope::SettingsWrite).answer(self.now());
        }
        let from_env = record.name.starts_with(tokens::ENV_NAME);
        let suppress = from_env.then_some(record.hash.as_str());
        if let Err(error) = self.store().tokens().delete(id, suppress).await {
            return Answer::storage_failed(&error);
        }
        self.inner.tokens.remove(id);
        let details = format!("Token {} ({id}) deleted", record.name);
        self.audit(facts, "token_deleted", &principal.user, true, &details)
            .await;
        Answer::empty(StatusCode::NO_CONTENT)
    }

    /// `POST /api/security/validate-token`
    pub fn validate_token(&self, facts: &RequestFacts<'_>, body: &[u8]) -> Answer {
        if self.limit(Class::AuthAttempts, facts).is_err() {
            return too_many();
        }
        let token = match Fields::parse(body).and_then(|fields| fields.string("token")) {
            Ok(token) => token,
            Err(BadBody) => return Answer::text(StatusCode::BAD_REQUEST, "Invalid request body"),
        };
        if token.is_empty() {
            return Answer::json(
                StatusCode::BAD_REQUEST,
                json!({"valid": false, "message": "Token is required"}),
            );
        }
        Answer::ok(match self.inner.tokens.find(&token) {
            Some(_) => json!({"valid": true, "message": "Token is valid"}),
            None => json!({"valid": false, "message": "Token is invalid"}),
        })
    }

    /// `POST /api/security/regenerate-token`: one new token replaces all.
    pub async fn regenerate_token(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
    ) -> Answer {
        if self.limit(Class::AuthAttempts, facts).is_err() {
            return too_many();
        }
        if !principal.admin {
            return Denied::AdminRequired.answer(self.now());
        }
        if !principal.scopes.covers(&ScopeSet::All) {
            return Answer::json(
                StatusCode::FORBIDDEN,
                json!({
                    "error": "missing_scope",
                    "requiredScope": "*",
                    "message": "Only a token with all rights can replace all tokens.",
                }),
            );
        }
        let (raw, record) = tokens::create("Regenerated token", vec!["*".to_owned()], self.now());
        let _change = self.inner.change.lock().await;
        if let Err(error) = self.store().tokens().replace_all(&record).await {
            return Answer::storage_failed(&error);
        }
        self.inner.tokens.load(vec![record]);
        self.audit(
            facts,
            "token_regenerated",
            &principal.user,
            true,
            "All API tokens replaced by a new one",
        )
        .await;
        Answer::ok(json!({
            "success": true,
            "token": raw.expose(),
            "deploymentType": if self.env().docker { "docker" } else { "manual" },
            "requiresRestart": false,
            "message": "New API token generated and active immediately! Save this token - it won't be shown again.",
        }))
    }
}

fn too_many() -> Answer {
    Answer::text(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many attempts. Please try again later.",
    )
}

fn first_uncovered(principal: &Principal, scopes: &[String]) -> String {
    scopes
        .iter()
        .find(|scope| !Scope::parse(scope).is_some_and(|scope| principal.scopes.allows(scope)))
        .cloned()
        .unwrap_or_else(|| "*".to_owned())
}
