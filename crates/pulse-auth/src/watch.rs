//! Counting and noting: lockouts, request limits, the audit log.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use pulse_store::AuditEvent;

use crate::auth::Auth;
use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::limiter::Class;
use crate::lockout::Failure;
use crate::{net, sync};

impl Auth {
    pub(crate) fn locked_until(&self, user: &str, ip: IpAddr, now: Timestamp) -> Option<Timestamp> {
        sync::lock(&self.inner.lockouts).locked_until(user, ip, now)
    }

    pub(crate) async fn record_failure(&self, user: &str, ip: IpAddr, now: Timestamp) -> Failure {
        let failure = sync::lock(&self.inner.lockouts).fail(user, ip, now);
        if let Err(error) = self.inner.store.lockouts().put(&failure.records).await {
            tracing::error!(%error, "failed login could not be recorded");
        }
        failure
    }

    pub(crate) async fn forgive(&self, user: &str, ip: IpAddr) {
        let keys = sync::lock(&self.inner.lockouts).succeed(user, ip);
        if let Err(error) = self.inner.store.lockouts().delete(&keys).await {
            tracing::error!(%error, "failed logins could not be forgotten");
        }
    }

    /// Counts a request of a class that handlers count themselves.
    pub fn limit(&self, class: Class, facts: &RequestFacts<'_>) -> Result<(), Denied> {
        let ip = self.client_ip(facts);
        sync::lock(&self.inner.limiter).check(class, ip, self.now())
    }

    /// The universal limiter, before anything else looks at the request.
    pub fn limit_request(&self, facts: &RequestFacts<'_>) -> Result<(), Denied> {
        match Class::of(facts) {
            Some(class) => self.limit(class, facts),
            None => Ok(()),
        }
    }

    /// Appends to the audit log; a failure is logged and does not fail the request.
    pub async fn audit(
        &self,
        facts: &RequestFacts<'_>,
        event: &str,
        user: &str,
        success: bool,
        details: &str,
    ) {
        let event = AuditEvent {
            id: String::new(),
            timestamp: self.now(),
            event: event.to_owned(),
            user: user.chars().take(128).collect(),
            ip: self.client_ip(facts).to_string(),
            path: facts.path.chars().take(256).collect(),
            success,
            details: details.to_owned(),
        };
        if let Err(error) = self.inner.store.audit().append(&event).await {
            tracing::error!(%error, event = event.event, "audit event could not be stored");
        }
    }

    /// Basic clients authenticate with every request: one line per name and address in ten minutes.
    pub(crate) async fn audit_basic(
        &self,
        facts: &RequestFacts<'_>,
        user: &str,
        ip: IpAddr,
        details: &str,
        success: bool,
        now: Timestamp,
    ) {
        const QUIET: SignedDuration = SignedDuration::from_mins(10);
        const REMEMBERED: usize = 64;
        let key = format!("{user} {details}");
        let known = {
            let mut recent = sync::lock(&self.inner.basic_audits);
            recent.retain(|(.., at)| now.duration_since(*at) < QUIET);
            let address = net::counting_address(ip);
            let known = recent.iter().any(|(k, a, _)| *k == key && *a == address);
            if !known {
                if recent.len() >= REMEMBERED {
                    recent.remove(0);
                }
                recent.push((key, address, now));
            }
            known
        };
        if !known {
            self.audit(facts, "login", user, success, details).await;
        }
    }
}
