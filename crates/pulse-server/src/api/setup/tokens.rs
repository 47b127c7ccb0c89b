//! Set-up tokens: each registers one server, once, within five minutes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pulse_core::{Secret, Timestamp};
use pulse_store::NodeKind;
use sha2::{Digest as _, Sha256};

const LIFE_MS: i64 = 5 * 60_000;
/// Tokens that live at the same time; beyond it the oldest goes.
const MOST: usize = 64;

type Hash = [u8; 32];

/// Kept in memory as hashes: a restart ends them.
#[derive(Default)]
pub struct SetupTokens(Mutex<HashMap<Hash, Entry>>);

#[derive(Clone, Copy)]
struct Entry {
    kind: NodeKind,
    expires: Timestamp,
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

impl SetupTokens {
    fn live(&self, now: Timestamp) -> MutexGuard<'_, HashMap<Hash, Entry>> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, entry| entry.expires > now);
        tokens
    }

    /// A new token (32 hex digits) for a server of this kind, and when it ends.
    pub fn make(&self, kind: NodeKind, now: Timestamp) -> (Secret, Timestamp) {
        let token = uuid::Uuid::new_v4().simple().to_string();
        let expires = now.plus_millis(LIFE_MS);
        let mut tokens = self.live(now);
        let oldest = tokens.iter().min_by_key(|(_, entry)| entry.expires);
        if let Some(oldest) = oldest
            .map(|(hash, _)| *hash)
            .filter(|_| tokens.len() >= MOST)
        {
            tokens.remove(&oldest);
        }
        tokens.insert(hash(&token), Entry { kind, expires });
        (Secret::new(token), expires)
    }

    /// Whether a token may register a server of this kind now.
    pub fn is_live(&self, token: &str, kind: NodeKind, now: Timestamp) -> bool {
        let tokens = self.live(now);
        tokens.get(&hash(token)).is_some_and(|e| e.kind == kind)
    }

    /// Takes a token: false when somebody else was faster.
    pub fn take(&self, token: &str, now: Timestamp) -> bool {
        self.live(now).remove(&hash(token)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_works_once_for_its_kind_and_not_for_long() {
        let tokens = SetupTokens::default();
        let now = Timestamp::from_secs(1000);
        let (token, expires) = tokens.make(NodeKind::Pve, now);
        let token = token.expose();
        assert_eq!(token.len(), 32);
        assert!(tokens.is_live(token, NodeKind::Pve, now));
        assert!(!tokens.is_live(token, NodeKind::Pbs, now));
        assert!(!tokens.is_live("x", NodeKind::Pve, now));
        assert!(tokens.take(token, now));
        assert!(!tokens.take(token, now));
        let (late, _) = tokens.make(NodeKind::Pbs, now);
        assert!(!tokens.is_live(late.expose(), NodeKind::Pbs, expires));
    }

    #[test]
    fn there_are_never_many() {
        let tokens = SetupTokens::default();
        let (first, _) = tokens.make(NodeKind::Pve, Timestamp::from_secs(1));
        for second in 2..200 {
            tokens.make(NodeKind::Pve, Timestamp::from_secs(second));
        }
        let now = Timestamp::from_secs(200);
        assert!(!tokens.is_live(first.expose(), NodeKind::Pve, now));
        assert_eq!(tokens.live(now).len(), MOST);
    }
}
