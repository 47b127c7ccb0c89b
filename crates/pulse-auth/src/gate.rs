//! The gate before every handler: setup state, authentication, CSRF, access, scope, licence.

use http::header::SET_COOKIE;
use http::{HeaderName, HeaderValue};

use crate::answer::Answer;
use crate::auth::{Auth, SetupState};
use crate::cookies::{self, csrf_token, csrf_valid};
use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::policy::{Access, Feature, RouteRule, allowed_in_demo, authorize, check_licence};
use crate::principal::{AuthMethod, Principal};

/// Let in: who it is, and headers that the answer must carry.
#[derive(Clone, Debug)]
pub struct Admission {
    pub principal: Principal,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Auth {
    /// Demo mode's refusal of writes; comes before everything but the rate limit.
    pub fn check_demo(&self, facts: &RequestFacts<'_>) -> Result<(), Denied> {
        if self.env().demo && !allowed_in_demo(facts.method, facts.path, facts.is_websocket()) {
            return Err(Denied::Demo);
        }
        Ok(())
    }

    /// Decides on one request to one route. The answer of a refusal is complete.
    pub async fn gate(
        &self,
        facts: &RequestFacts<'_>,
        rule: &RouteRule,
        licensed: &(dyn Fn(Feature) -> bool + Sync),
    ) -> Result<Admission, Answer> {
        let now = self.now();
        let refuse = |denied: Denied| self.refusal(denied, facts);
        match rule.access {
            Access::Public => {
                return Ok(Admission {
                    principal: Principal::nobody(),
                    headers: self.csrf_cookie_if_missing(facts).into_iter().collect(),
                });
            }
            Access::PublicAfterSetup => {
                if self.state() == SetupState::FirstRun {
                    return Err(refuse(Denied::SetupRequired));
                }
                return Ok(Admission {
                    principal: Principal::nobody(),
                    headers: self.csrf_cookie_if_missing(facts).into_iter().collect(),
                });
            }
            _ => {}
        }
        let (principal, renew) = self
            .authenticate_with_session(facts)
            .await
            .map_err(refuse)?;
        let mut headers = principal.headers();
        if let (Some(max_age), Some(value)) = (renew, facts.cookie(cookies::SESSION)) {
            let style = self.cookie_style(facts);
            headers.push((SET_COOKIE, style.session(value, max_age)));
            if let Some(token) = facts.cookie(cookies::CSRF) {
                let ours = principal
                    .session
                    .as_deref()
                    .is_some_and(|key| csrf_valid(self.store(), key, token));
                if ours {
                    headers.push((SET_COOKIE, style.csrf(token, max_age)));
                }
            }
        }
        let refused = |denied: Denied, headers: Vec<_>| denied.answer(now).with_headers(headers);
        if let Err(denied) = self.check_csrf(facts, &principal) {
            self.audit(
                facts,
                "csrf_failure",
                &principal.user,
                false,
                "Invalid CSRF token",
            )
            .await;
            let fresh = self.fresh_csrf(facts);
            return Err(refused(denied, headers).with_headers(fresh));
        }
        let allowed =
            authorize(&principal, rule).and_then(|()| check_licence(rule.licence, licensed));
        if let Err(denied) = allowed {
            return Err(refused(denied, headers));
        }
        headers.extend(self.csrf_cookie_if_missing(facts));
        Ok(Admission { principal, headers })
    }

    /// A 401 in the form that the path and the `Accept` header ask for.
    pub fn refusal(&self, denied: Denied, facts: &RequestFacts<'_>) -> Answer {
        let text = matches!(
            denied,
            Denied::AuthenticationRequired { .. } | Denied::SetupRequired
        ) && !facts.wants_json();
        let denied = if text {
            Denied::AuthenticationRequiredText
        } else {
            denied
        };
        denied.answer(self.now())
    }

    /// A write that a cookie authenticated needs the token. A custom header that other sites cannot
    /// send stands in for it, as in version 5. What a proxy or the place vouches for has no token,
    /// so there the browser's own word on the origin decides.
    pub(crate) fn check_csrf(
        &self,
        facts: &RequestFacts<'_>,
        principal: &Principal,
    ) -> Result<(), Denied> {
        if facts.is_safe() {
            return Ok(());
        }
        let ambient = matches!(
            principal.method,
            AuthMethod::Proxy | AuthMethod::Recovery | AuthMethod::DevBypass
        );
        if ambient && facts.is_cross_site() {
            return Err(Denied::Csrf);
        }
        let custom = ["x-api-token", "authorization"]
            .iter()
            .any(|name| facts.header_text(name).is_some());
        let Some(session) = principal.session.as_deref() else {
            return Ok(());
        };
        if custom {
            return Ok(());
        }
        let token = facts
            .header_text("x-csrf-token")
            .map(str::to_owned)
            .or_else(|| facts.query_value("csrf_token").map(Into::into))
            .unwrap_or_default();
        if csrf_valid(self.store(), session, &token) {
            Ok(())
        } else {
            Err(Denied::Csrf)
        }
    }

    /// Cookie and header with a new token, so that the client can try again.
    fn fresh_csrf(&self, facts: &RequestFacts<'_>) -> Vec<(HeaderName, HeaderValue)> {
        let Some((session, max_age)) = self.live_session(facts) else {
            return Vec::new();
        };
        let token = csrf_token(self.store(), &session);
        let mut headers = vec![
            (SET_COOKIE, cookies::clear_csrf()),
            (SET_COOKIE, self.cookie_style(facts).csrf(&token, max_age)),
        ];
        if let Ok(value) = HeaderValue::from_str(&token) {
            headers.push((HeaderName::from_static("x-csrf-token"), value));
        }
        headers
    }

    /// GETs of the API give a session its CSRF cookie when the browser has none.
    fn csrf_cookie_if_missing(
        &self,
        facts: &RequestFacts<'_>,
    ) -> Option<(HeaderName, HeaderValue)> {
        if *facts.method != http::Method::GET
            || !facts.is_api()
            || facts.cookie(cookies::CSRF).is_some()
        {
            return None;
        }
        let (session, max_age) = self.live_session(facts)?;
        let token = csrf_token(self.store(), &session);
        Some((SET_COOKIE, self.cookie_style(facts).csrf(&token, max_age)))
    }

    fn live_session(&self, facts: &RequestFacts<'_>) -> Option<(String, i64)> {
        self.inner
            .sessions
            .peek(facts.cookie(cookies::SESSION)?, self.now())
    }
}
