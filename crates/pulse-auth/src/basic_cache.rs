//! Remembers for five minutes that a Basic credential was right, so that a poller does not cost a
//! password hash per request.
//!
//! Entries are HMACs under a key that lives as long as the process. A change of the account clears
//! them. Wrong credentials are never remembered.

use std::collections::HashMap;
use std::sync::Mutex;

use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use rand::RngCore as _;
use sha2::Sha256;

use crate::sync::lock;

const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const MAX_ENTRIES: usize = 64;

pub struct BasicCache {
    key: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts invalidations: a check that began before one must not be remembered after it.
    generation: u64,
    entries: HashMap<[u8; 32], Timestamp>,
}

impl Default for BasicCache {
    fn default() -> Self {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self {
            key,
            state: Mutex::default(),
        }
    }
}

impl std::fmt::Debug for BasicCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BasicCache([redacted])")
    }
}

impl BasicCache {
    pub fn contains(&self, user: &str, password: &str, now: Timestamp) -> bool {
        let digest = self.digest(user, password);
        lock(&self.state)
            .entries
            .get(&digest)
            .is_some_and(|expires| *expires > now)
    }

    /// Take before the check, give to [`Self::remember`] after it.
    pub fn generation(&self) -> u64 {
        lock(&self.state).generation
    }

    pub fn remember(&self, user: &str, password: &str, generation: u64, now: Timestamp) {
        let digest = self.digest(user, password);
        let mut state = lock(&self.state);
        if state.generation != generation {
            return;
        }
        if state.entries.len() >= MAX_ENTRIES {
            state.entries.retain(|_, expires| *expires > now);
        }
        if state.entries.len() >= MAX_ENTRIES {
            state.entries.clear();
        }
        if let Ok(expires) = now.checked_add(LIFETIME) {
            state.entries.insert(digest, expires);
        }
    }

    pub fn clear(&self) {
        let mut state = lock(&self.state);
        state.generation += 1;
        state.entries.clear();
    }

    fn digest(&self, user: &str, password: &str) -> [u8; 32] {
        let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(&self.key) else {
            return [0; 32];
        };
        mac.update(&(user.len() as u64).to_be_bytes());
        mac.update(user.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_until_expiry_or_change() {
        let cache = BasicCache::default();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let later = |minutes| now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        cache.remember("op", "pw", cache.generation(), now);
        assert!(cache.contains("op", "pw", later(4)));
        assert!(!cache.contains("op", "pw", later(5)));
        assert!(!cache.contains("opp", "w", now));
        let before = cache.generation();
        cache.clear();
        assert!(!cache.contains("op", "pw", now));
        cache.remember("op", "pw", before, now);
        assert!(!cache.contains("op", "pw", now));
    }
}
