//! Who we are to a server: an API token, or a ticket that a password buys.
//!
//! Tickets are renewed well before they die and once when the server refuses one. All requests
//! share one login at a time; those that waited for a failed one share its failure.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pulse_core::Secret;
use serde::Deserialize as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call::Call;
use crate::error::{Error, LoginError, Result, StatusError};
use crate::outbound::{Outbound, TransportError};

/// How the Proxmox products differ in their login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    cookie: &'static str,
    token_scheme: &'static str,
    token_separator: char,
    /// A ticket this old is replaced before use.
    renew_after: Duration,
}

impl Dialect {
    pub const PVE: Self = Self {
        cookie: "PVEAuthCookie",
        token_scheme: "PVEAPIToken",
        token_separator: '=',
        // Tickets die at 2 h.
        renew_after: Duration::from_mins(105),
    };
    pub const PBS: Self = Self {
        cookie: "PBSAuthCookie",
        token_scheme: "PBSAPIToken",
        token_separator: ':',
        ..Self::PVE
    };
    pub const PMG: Self = Self {
        cookie: "PMGAuthCookie",
        token_scheme: "PMGAPIToken",
        renew_after: Duration::from_mins(75),
        ..Self::PVE
    };
}

/// Resolved credentials of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// `id` is complete: `user@realm!name`.
    Token { id: String, secret: Secret },
    /// `user` is complete: `user@realm`.
    Password { user: String, password: Secret },
}

/// Why settings do not make credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("no credentials; enter an API token, or user and password")]
    Missing,
    #[error("the token name {0:?} is not complete; enter user@realm!name")]
    TokenName(String),
    #[error("the user {0:?} is not complete; enter user@realm")]
    User(String),
    #[error("user, token name or secret contains a character that cannot be sent in a header")]
    Unprintable,
}

impl Credentials {
    /// From the settings of an instance. A complete token wins; a token without secret falls back
    /// to the password; a bare token name takes user and realm from `user`; the realm defaults to `pam`.
    pub fn resolve(
        user: &str,
        password: &Secret,
        token_name: &str,
        token_value: &Secret,
    ) -> Result<Self, CredentialsError> {
        let (user, token_name) = (user.trim(), token_name.trim());
        let with_realm = |user: &str| {
            if user.contains('@') {
                user.to_owned()
            } else {
                format!("{user}@pam")
            }
        };
        if !token_name.is_empty() && !token_value.is_empty() {
            let (owner, name) = match token_name.split_once('!') {
                Some((owner, name)) if !owner.is_empty() => (owner, name),
                Some((_, name)) => (user, name),
                None => (user, token_name),
            };
            if owner.is_empty() || name.is_empty() {
                return Err(CredentialsError::TokenName(token_name.to_owned()));
            }
            let secret = Secret::new(token_value.expose().trim());
            if !printable(owner) || !printable(name) || !printable(secret.expose()) {
                return Err(CredentialsError::Unprintable);
            }
            return Ok(Self::Token {
                id: format!("{}!{name}", with_realm(owner)),
                secret,
            });
        }
        if password.is_empty() || user.is_empty() {
            return Err(CredentialsError::Missing);
        }
        let user = with_realm(user);
        match user.split_once('@') {
            Some((name, realm))
                if !name.is_empty() && !realm.is_empty() && !realm.contains('@') =>
            {
                Ok(Self::Password {
                    user,
                    password: password.clone(),
                })
            }
            _ => Err(CredentialsError::User(user)),
        }
    }

    pub fn uses_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }
}

fn printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

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
        let cookie = format!("{}={}", self.dialect.cookie, login.0.expose());
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

    fn check(user: &str, password: &str, token: &str, value: &str, expect: &str) {
        let shown = match Credentials::resolve(user, &password.into(), token, &value.into()) {
            Ok(Credentials::Token { id, .. }) => format!("token {id}"),
            Ok(Credentials::Password { user, .. }) => format!("password {user}"),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn credentials_as_users_enter_them() {
        check("", "", "monitor@pve!pulse", "s", "token monitor@pve!pulse");
        check("monitor@pve", "", "pulse", "s", "token monitor@pve!pulse");
        check("root", "", "pulse", "s", "token root@pam!pulse");
        check("root@pam", "pw", "pulse", "", "password root@pam");
        check("root", "pw", "", "", "password root@pam");
        check("", "", "pulse", "s", "TokenName(\"pulse\")");
        check("a@b@c", "pw", "", "", "User(\"a@b@c\")");
        check("root", "", "", "", "Missing");
        check("root", "", "pulse", "a\nb", "Unprintable");
    }

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
