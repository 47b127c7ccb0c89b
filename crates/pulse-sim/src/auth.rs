//! API tokens, tickets and CSRF tokens, refused in the words of Proxmox VE.
//!
//! Secrets are derived from the seed: whoever starts the simulation knows them, and they stay the
//! same over restarts.

use crate::clock::Millis;
use crate::guest::uuid;
use crate::noise::mix;
use crate::pve::{Method, Reject, Rights, Who};
use crate::reply::Reply;

/// A ticket lives two hours.
const TICKET_LIFE: i64 = 7_200;

/// An API token as it is entered into a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// `user@realm!name`.
    pub id: String,
    pub secret: String,
}

impl ApiToken {
    /// The value of the `Authorization` header.
    pub fn header(&self) -> String {
        format!("PVEAPIToken={}={}", self.id, self.secret)
    }
}

#[derive(Debug)]
pub(crate) struct Auth {
    key: u64,
    tokens: [(ApiToken, Rights); 3],
    password: String,
}

pub(crate) const USER: &str = "monitor@pve";

impl Auth {
    pub(crate) fn new(seed: u64) -> Self {
        let key = mix(seed, 0xA0);
        let token = |n: u64, name: &str| ApiToken {
            id: format!("{USER}!{name}"),
            secret: uuid(mix(key, n)),
        };
        Self {
            key,
            tokens: [
                (token(1, "pulse"), Rights::Full),
                (token(2, "auditor"), Rights::Auditor),
                (token(3, "noacl"), Rights::Nothing),
            ],
            password: format!("pulse-{:08x}", mix(key, 4) >> 32),
        }
    }

    /// May everything that monitoring needs.
    pub(crate) fn full(&self) -> &ApiToken {
        &self.tokens[0].0
    }

    pub(crate) fn auditor(&self) -> &ApiToken {
        &self.tokens[1].0
    }

    pub(crate) fn no_acl(&self) -> &ApiToken {
        &self.tokens[2].0
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Who sends a request with these headers.
    pub(crate) fn check(
        &self,
        authorization: Option<&str>,
        cookie: Option<&str>,
        csrf: Option<&str>,
        method: Method,
        now: Millis,
    ) -> Result<Who, Reject> {
        if let Some(token) = authorization.and_then(|a| a.strip_prefix("PVEAPIToken=")) {
            return self.check_token(token);
        }
        let ticket = cookie.and_then(|c| {
            c.split(';')
                .find_map(|part| part.trim().strip_prefix("PVEAuthCookie="))
        });
        let Some(ticket) = ticket else {
            return Err(Reject::new("No ticket"));
        };
        let ticket = crate::pve::decode(&ticket.replace('+', "%2B"));
        if !self.ticket_is_valid(&ticket, now) {
            return Err(Reject::new("permission denied - invalid PVE ticket"));
        }
        if method != Method::Get && !csrf.is_some_and(|c| self.csrf_is_valid(c)) {
            return Err(Reject::new("Permission denied - invalid csrf token"));
        }
        Ok(Who {
            user: USER.into(),
            rights: Rights::Full,
        })
    }

    fn check_token(&self, token: &str) -> Result<Who, Reject> {
        let Some((id, secret)) = token.split_once('=') else {
            return Err(Reject::new("no tokenid specified"));
        };
        let Some((user, name)) = id.split_once('!') else {
            return Err(Reject::new("no tokenid specified"));
        };
        if user != USER {
            return Err(Reject::new(&format!("no such user ('{user}')")));
        }
        match self.tokens.iter().find(|(t, _)| t.id == id) {
            None => Err(Reject::new(&format!(
                "no such token '{name}' for user '{user}'"
            ))),
            Some((t, _)) if t.secret != secret => Err(Reject::new("invalid token value!")),
            Some((_, rights)) => Ok(Who {
                user: id.into(),
                rights: *rights,
            }),
        }
    }

    /// The answer to `POST /access/ticket`.
    pub(crate) fn login(
        &self,
        fields: &[(String, String)],
        cluster: Option<&str>,
        now: Millis,
    ) -> Result<Reply, Reject> {
        let field = |name: &str| fields.iter().find(|(k, _)| k == name).map(|(_, v)| v);
        let missing = |name| {
            Reject::Reply(Reply::parameter(
                name,
                "property is missing and it is not optional",
            ))
        };
        let user = field("username").ok_or_else(|| missing("username"))?;
        let password = field("password").ok_or_else(|| missing("password"))?;
        let user = match field("realm") {
            Some(realm) => format!("{user}@{realm}"),
            None => user.clone(),
        };
        let known =
            user == USER && (*password == self.password || self.ticket_is_valid(password, now));
        if !known {
            return Err(Reject::Reply(Reply::error(401, "authentication failure")));
        }
        let seconds = now / 1000;
        let csrf = format!("{seconds:08X}:{}", self.sign("csrf", seconds));
        Ok(crate::pve::ticket(
            &user,
            &self.ticket(seconds),
            &csrf,
            cluster,
        ))
    }

    fn ticket(&self, seconds: i64) -> String {
        format!("PVE:{USER}:{seconds:08X}::{}", self.sign("ticket", seconds))
    }

    fn ticket_is_valid(&self, ticket: &str, now: Millis) -> bool {
        let stamp = ticket.split(':').nth(2).unwrap_or_default();
        let Ok(seconds) = i64::from_str_radix(stamp, 16) else {
            return false;
        };
        let age = now / 1000 - seconds;
        (-300..TICKET_LIFE).contains(&age) && ticket == self.ticket(seconds)
    }

    fn csrf_is_valid(&self, csrf: &str) -> bool {
        let stamp = csrf.split(':').next().unwrap_or_default();
        i64::from_str_radix(stamp, 16)
            .is_ok_and(|s| csrf == format!("{stamp}:{}", self.sign("csrf", s)))
    }

    fn sign(&self, what: &str, seconds: i64) -> String {
        let key = mix(mix(self.key, what.len() as u64), seconds as u64);
        format!(
            "{:016x}{:016x}+/{:016x}==",
            mix(key, 1),
            mix(key, 2),
            mix(key, 3)
        )
    }
}
