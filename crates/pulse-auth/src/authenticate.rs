//! §1.2: who a request comes from.

use jiff::Timestamp;
use pulse_core::Secret;

use crate::auth::{Auth, SetupState};
use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::principal::{AuthMethod, Principal};
use crate::{cookies, proxy, sync, tokens};

impl Auth {
    /// §1.2: who is asking. Does not check what they may do.
    pub async fn authenticate(&self, facts: &RequestFacts<'_>) -> Result<Principal, Denied> {
        self.authenticate_with_session(facts)
            .await
            .map(|(principal, _)| principal)
    }

    /// Also says for how long the session cookie should be sent again, if it should.
    pub(crate) async fn authenticate_with_session(
        &self,
        facts: &RequestFacts<'_>,
    ) -> Result<(Principal, Option<i64>), Denied> {
        let now = self.now();
        let plain = |principal| Ok((principal, None));
        if self.inner.env.dev_bypass {
            return plain(Principal::new(AuthMethod::DevBypass, "", true));
        }
        if let Some(config) = &self.inner.env.proxy
            && let Some(identity) = proxy::identify(config, facts)
        {
            return plain(Principal::new(
                AuthMethod::Proxy,
                identity.user,
                identity.admin,
            ));
        }
        let state = self.state();
        if state == SetupState::FirstRun {
            return Err(Denied::SetupRequired);
        }
        let oidc = sync::read(&self.inner.oidc).enabled;
        if oidc && let Some(found) = self.by_session(facts, AuthMethod::Oidc, now) {
            return Ok(found);
        }
        if let Some(principal) = self.by_token(facts, now) {
            return plain(principal);
        }
        if let Some(found) = self.by_session(facts, AuthMethod::Session, now) {
            return Ok(found);
        }
        if let Some(principal) = self.by_basic(facts, now).await? {
            return plain(principal);
        }
        if facts.is_direct_loopback() && self.recovery_mode() {
            return plain(Principal::new(AuthMethod::Recovery, "", true));
        }
        Err(Denied::AuthenticationRequired {
            realm: state == SetupState::ApiOnly,
        })
    }

    fn by_session(
        &self,
        facts: &RequestFacts<'_>,
        method: AuthMethod,
        now: Timestamp,
    ) -> Option<(Principal, Option<i64>)> {
        let view = self
            .inner
            .sessions
            .present(facts.cookie(cookies::SESSION)?, now)?;
        let principal = Principal {
            session: Some(view.key),
            ..Principal::new(method, view.username, true)
        };
        Some((principal, view.renew_cookie))
    }

    /// A header, when there is one, is the only source; a token in a URL may leak, so it only reads.
    fn by_token(&self, facts: &RequestFacts<'_>, now: Timestamp) -> Option<Principal> {
        let record = match (facts.header_text("x-api-token"), facts.bearer()) {
            (None, None) if facts.is_safe() => {
                let token = facts.query_value("token")?;
                self.inner.tokens.authenticate(&token, now)
            }
            (header, bearer) => [header, bearer]
                .into_iter()
                .flatten()
                .find_map(|token| self.inner.tokens.authenticate(token, now)),
        }?;
        Some(Principal {
            scopes: tokens::scope_set(&record),
            token: Some(record.id.clone()),
            ..Principal::new(AuthMethod::ApiToken, format!("token:{}", record.id), true)
        })
    }

    async fn by_basic(
        &self,
        facts: &RequestFacts<'_>,
        now: Timestamp,
    ) -> Result<Option<Principal>, Denied> {
        let Some((user, password)) = facts.basic() else {
            return Ok(None);
        };
        let Some(account) = self.account() else {
            return Ok(None);
        };
        let ip = self.client_ip(facts);
        if let Some(until) = self.locked_until(&user, ip, now) {
            self.audit_basic(facts, &user, ip, "Account locked", false, now)
                .await;
            return Err(Denied::Locked { until });
        }
        let principal = || Principal::new(AuthMethod::Basic, account.name.clone(), true);
        if self.inner.basic.contains(&user, &password, now) {
            return Ok(Some(principal()));
        }
        let generation = self.inner.basic.generation();
        let right = self
            .verify_password(&user, Secret::new(password.clone()))
            .await
            .map_err(|_| Denied::Busy)?;
        if right {
            self.inner.basic.remember(&user, &password, generation, now);
            self.forgive(&user, ip).await;
            self.audit_basic(facts, &user, ip, "Basic auth login", true, now)
                .await;
            return Ok(Some(principal()));
        }
        self.record_failure(&user, ip, now).await;
        self.audit(facts, "login", &user, false, "Invalid credentials")
            .await;
        Ok(None)
    }
}
