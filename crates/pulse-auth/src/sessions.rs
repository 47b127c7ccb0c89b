//! Sessions in memory, backed by the database.
//!
//! Creating and ending a session is durable before the answer; sliding the expiry is not, it is
//! written in batches. At the cap the session that expires first ends.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use pulse_core::Secret;
use pulse_store::{SessionRecord, Store, StoreError};

use crate::random;
use crate::sync::lock;

pub const MAX_SESSIONS: usize = 4096;
const MAX_TEXT: usize = 256;
/// The browser's copy is renewed at most this often.
const COOKIE_STEP: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    Password,
    Oidc,
}

impl SessionKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Oidc => "oidc",
        }
    }
}

/// What a login brings.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    pub username: &'a str,
    pub kind: SessionKind,
    pub lifetime: SignedDuration,
    pub user_agent: &'a str,
    pub ip: &'a str,
}

#[derive(Debug, Default)]
pub struct SessionBook {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: HashMap<String, Live>,
    /// Ended by expiry or at the cap, not yet deleted from the database.
    ended: Vec<String>,
}

#[derive(Debug)]
struct Live {
    record: SessionRecord,
    cookie_sent: Timestamp,
    dirty: bool,
}

/// A session that a request presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    pub key: String,
    pub username: String,
    /// Send the cookie again, with this lifetime in seconds, so that the browser keeps it too.
    pub renew_cookie: Option<i64>,
}

impl SessionBook {
    pub fn load(&self, records: Vec<SessionRecord>, now: Timestamp) {
        let mut state = lock(&self.state);
        for record in records.into_iter().take(MAX_SESSIONS) {
            let live = Live {
                cookie_sent: now,
                dirty: false,
                record,
            };
            state.live.insert(live.record.key.clone(), live);
        }
    }

    /// Returns the cookie value. Durable.
    pub async fn create(
        &self,
        store: &Store,
        new: NewSession<'_>,
        now: Timestamp,
    ) -> Result<Secret, StoreError> {
        let value = random::hex_secret::<32>();
        let record = SessionRecord {
            key: key(value.expose()),
            username: new.username.to_owned(),
            kind: new.kind.as_str().to_owned(),
            created_at: now,
            expires_at: now.saturating_add(new.lifetime).unwrap_or(now),
            lifetime: new.lifetime,
            user_agent: new.user_agent.chars().take(MAX_TEXT).collect(),
            ip: new.ip.to_owned(),
        };
        store.sessions().insert(&record).await?;
        let mut state = lock(&self.state);
        if state.live.len() >= MAX_SESSIONS
            && let Some(first) = state
                .live
                .values()
                .min_by_key(|live| live.record.expires_at)
                .map(|live| live.record.key.clone())
        {
            state.live.remove(&first);
            state.ended.push(first);
        }
        let live = Live {
            cookie_sent: now,
            dirty: false,
            record,
        };
        state.live.insert(live.record.key.clone(), live);
        Ok(value)
    }

    /// The live session of a cookie value; extends it.
    pub fn present(&self, cookie: &str, now: Timestamp) -> Option<SessionView> {
        let key = presentable(cookie)?;
        let mut state = lock(&self.state);
        let live = state.live.get_mut(&key)?;
        if live.record.expires_at <= now {
            state.live.remove(&key);
            state.ended.push(key);
            return None;
        }
        live.record.expires_at = now.saturating_add(live.record.lifetime).unwrap_or(now);
        live.dirty = true;
        let renew = now.duration_since(live.cookie_sent) >= COOKIE_STEP;
        if renew {
            live.cookie_sent = now;
        }
        Some(SessionView {
            key,
            username: live.record.username.clone(),
            renew_cookie: renew.then(|| live.record.lifetime.as_secs()),
        })
    }

    /// Is there such a session? Does not extend it.
    pub fn peek(&self, cookie: &str, now: Timestamp) -> Option<(String, i64)> {
        let key = presentable(cookie)?;
        let state = lock(&self.state);
        let live = state.live.get(&key)?;
        (live.record.expires_at > now).then(|| (key, live.record.lifetime.as_secs()))
    }

    pub async fn end(&self, store: &Store, key: &str) -> Result<(), StoreError> {
        lock(&self.state).live.remove(key);
        store.sessions().update(&[], &[key.to_owned()]).await
    }

    /// Ends all sessions of a user, or of everybody.
    pub async fn end_all(&self, store: &Store, username: Option<&str>) -> Result<(), StoreError> {
        lock(&self.state)
            .live
            .retain(|_, live| username.is_some_and(|name| live.record.username != name));
        store.sessions().delete_all(username).await?;
        Ok(())
    }

    /// After the database has ended all sessions.
    pub fn forget_all(&self) {
        *lock(&self.state) = State::default();
    }

    /// Writes what has changed since the last flush, in one transaction.
    pub async fn flush(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let (extended, ended) = {
            let mut state = lock(&self.state);
            let expired: Vec<String> = state
                .live
                .values()
                .filter(|live| live.record.expires_at <= now)
                .map(|live| live.record.key.clone())
                .collect();
            for key in expired {
                state.live.remove(&key);
                state.ended.push(key);
            }
            let extended: Vec<(String, Timestamp)> = state
                .live
                .values_mut()
                .filter_map(|live| {
                    std::mem::take(&mut live.dirty)
                        .then(|| (live.record.key.clone(), live.record.expires_at))
                })
                .collect();
            (extended, std::mem::take(&mut state.ended))
        };
        store.sessions().update(&extended, &ended).await
    }
}

fn key(cookie: &str) -> String {
    random::sha256_hex(cookie)
}

/// The key of a cookie value that can be one of ours.
fn presentable(cookie: &str) -> Option<String> {
    let ours = cookie.len() == 64
        && cookie
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    ours.then(|| key(cookie))
}
