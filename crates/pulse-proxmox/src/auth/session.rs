//! Tickets: renewed well before they die, and once when the server refuses one. All requests share
//! one login at a time; those that waited for a failed one share its failure.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pulse_core::Secret;
use serde::Deserialize as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Credentials, Dialect};
use crate::call::Call;
use crate::error::{Error, LoginError, Result, StatusError};
use crate::outbound::{Outbound, TransportError};

#[derive(Clone)]
struct Ticket {
    cookie: HeaderValue,
    csrf: HeaderValue,
    obtained: Instant,
    /// Counts logins, so that a refused ticket is recognised as the current or an older one.
    number: u64,
}

#[derive(Default)]
struct Tickets {
    current: Option<Ticket>,
    /// Logins tried, successful or not.
    attempts: u64,
    failure: Option<(Instant, Error)>,
}

/// A refused login is not repeated for this long: every further try costs the server 3 s and may
/// lock the account.
const REFUSAL_HOLDS: Duration = Duration::from_secs(30);

/// Credentials with their current ticket.
pub(crate) struct Session {
    dialect: Dialect,
    credentials: Credentials,
    tickets: Mutex<Tickets>,
    attempts: std::sync::atomic::AtomicU64,
}

/// Headers that authenticate one request, and the ticket they came from.
pub(crate) struct Proof {
    pub(crate) headers: HeaderMap,
    ticket: Option<u64>,
}

impl Proof {
    /// Refused proofs of this kind are worth one new login.
    pub(crate) fn is_renewable(&self) -> bool {
        self.ticket.is_some()
    }
}

impl Session {
    pub(crate) fn new(dialect: Dialect, credentials: Credentials) -> Self {
        Self {
            dialect,
            credentials,
            tickets: Mutex::default(),
            attempts: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// Headers for one request; logs in first if needed. `refused` is a proof that the server has
    /// just turned down.
    pub(crate) async fn prove(
        &self,
        outbound: &Outbound,
        method: &Method,
        refused: Option<&Proof>,
    ) -> Result<Proof> {
        let mut headers = HeaderMap::new();
        match &self.credentials {
            Credentials::Token { id, secret } => {
                let text = format!(
                    "{}={id}{}{}",
                    self.dialect.token_scheme,
                    self.dialect.token_separator,
                    secret.expose()
                );
                headers.insert(AUTHORIZATION, sensitive(outbound, "", &text)?);
                Ok(Proof {
                    headers,
                    ticket: None,
                })
            }
            Credentials::Password { user, password } => {
                let ticket = self
                    .ticket(
                        outbound,
                        user,
                        password,
                        refused.and_then(|proof| proof.ticket),
                    )
                    .await?;
                headers.insert(COOKIE, ticket.cookie);
                if *method != Method::GET {
                    headers.insert(HeaderName::from_static("csrfpreventiontoken"), ticket.csrf);
                }
                Ok(Proof {
                    headers,
                    ticket: Some(ticket.number),
                })
            }
        }
    }

    async fn ticket(
        &self,
        outbound: &Outbound,
        user: &str,
        password: &Secret,
        refused: Option<u64>,
    ) -> Result<Ticket> {
        use std::sync::atomic::Ordering::SeqCst;
        let attempts_before = self.attempts.load(SeqCst);
        let mut tickets = self.tickets.lock().await;
        if let Some(ticket) = &tickets.current
            && Some(ticket.number) != refused
            && ticket.obtained.elapsed() < self.dialect.renew_after
        {
            return Ok(ticket.clone());
        }
        if let Some((at, failure)) = &tickets.failure {
            let waited_for_it = tickets.attempts != attempts_before;
            if waited_for_it || failure.is_auth() && at.elapsed() < REFUSAL_HOLDS {
                return Err(failure.clone());
            }
        }
        let result = self
            .login(outbound, user, password, tickets.attempts + 1)
            .await;
        tickets.attempts += 1;
        self.attempts.store(tickets.attempts, SeqCst);
        match result {
            Ok(ticket) => {
                tickets.current = Some(ticket.clone());
                tickets.failure = None;
                Ok(ticket)
            }
            Err(error) => {
                tracing::warn!(endpoint = %error.endpoint, error = %error.kind, "login failed");
                tickets.current = None;
                tickets.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn login(
        &self,
        outbound: &Outbound,
        user: &str,
        password: &Secret,
        number: u64,
    ) -> Result<Ticket> {
        const PATH: &str = "/access/ticket";
        let endpoint = outbound.address().authority();
        let failed = |error: LoginError| Error::new(&endpoint, PATH, error);
        let call = Call::new(Method::POST, PATH)
            .field("username", user)
            .field("password", password.expose())
            .within_secs(15);
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let answer = outbound
            .send(
                call.method.clone(),
                &call.path_and_query(),
                headers,
                call.body.clone(),
                call.limits,
            )
            .await
            .map_err(|error| Error::new(&endpoint, PATH, error))?;
        match answer.status {
            200 => {}
            401 | 403 => {
                let reason = answer
                    .reason
                    .unwrap_or_else(|| "authentication failure".to_owned());
                return Err(failed(LoginError::Refused(reason)));
            }
            300..=399 => return Err(crate::pve::redirect(&endpoint, PATH, &answer)),
            _ => {
                let mut status = StatusError::read(&answer, None);
                // What echoes a login form could echo the password.
                status.excerpt = None;
                return Err(Error::new(&endpoint, PATH, status));
            }
        }
        let login = read_login(&answer.body).map_err(failed)?;
        let ticket = if self.dialect.escaped_cookie {
            Secret::new(crate::call::escape(login.0.expose()))
        } else {
            login.0
        };
        let cookie = format!("{}={}", self.dialect.cookie, ticket.expose());
        Ok(Ticket {
            cookie: sensitive(outbound, PATH, &cookie)?,
            csrf: sensitive(outbound, PATH, login.1.expose())?,
            obtained: Instant::now(),
            number,
        })
    }
}

/// Ticket and CSRF token of a login answer.
fn read_login(body: &[u8]) -> Result<(Secret, Secret), LoginError> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| LoginError::NoTicket)?;
    let data = &value["data"];
    let text = |key: &str| String::deserialize(&data[key]).ok().map(Secret::new);
    let ticket = text("ticket")
        .filter(|ticket| !ticket.is_empty())
        .ok_or(LoginError::NoTicket)?;
    let needs_second_factor = !matches!(
        &data["NeedTFA"],
        serde_json::Value::Null | serde_json::Value::Bool(false)
    ) && data["NeedTFA"] != 0
        && data["NeedTFA"] != "0";
    if needs_second_factor || ticket.expose().contains("!tfa!") {
        return Err(LoginError::TwoFactor);
    }
    Ok((ticket, text("CSRFPreventionToken").unwrap_or_default()))
}

fn sensitive(outbound: &Outbound, path: &str, text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        // The error of the header crate is not shown: it would be about a secret.
        let failure = TransportError::Request(
            "credentials contain characters that cannot be sent".to_owned(),
        );
        Error::new(&outbound.address().authority(), path, failure)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_is_said_and_nothing_is_printed() {
        let read = |json: &str| read_login(json.as_bytes()).map(|(ticket, _)| ticket);
        assert_eq!(
            read(r#"{"data":{"ticket":"PVE:x","NeedTFA":1}}"#),
            Err(LoginError::TwoFactor)
        );
        assert_eq!(
            read(r#"{"data":{"ticket":"PVE:!tfa!x"}}"#),
            Err(LoginError::TwoFactor)
        );
        assert_eq!(read(r#"{"data":null}"#), Err(LoginError::NoTicket));
        assert_eq!(read("<html>"), Err(LoginError::NoTicket));
        let ticket = read(r#"{"data":{"ticket":"PVE:x","CSRFPreventionToken":"y"}}"#).unwrap();
        assert_eq!(format!("{ticket:?}"), "[redacted]");
    }
}
