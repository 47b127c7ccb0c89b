//! API tokens in memory: lookup by hash, scopes as the API takes and shows them, and last use.

use std::collections::HashMap;
use std::sync::RwLock;

use jiff::{SignedDuration, Timestamp};
use pulse_core::Secret;
use pulse_store::TokenRecord;
use serde_json::{Map, Value, json};
use sha3::{Digest as _, Sha3_256};

use crate::policy::Scope;
use crate::principal::ScopeSet;
use crate::random;
use crate::sync;

/// Uses closer together than this are one write.
const LAST_USED_STEP: SignedDuration = SignedDuration::from_mins(1);
/// Nothing longer is hashed.
const MAX_LENGTH: usize = 512;
pub const ENV_NAME: &str = "Migrated from .env";

#[derive(Debug, Default)]
pub struct TokenBook {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Newest first.
    records: Vec<TokenRecord>,
    by_hash: HashMap<String, usize>,
    /// Are there tokens of version 5, so that the second hash is worth computing?
    has_v5: bool,
    /// Uses not yet written, by id.
    used: HashMap<String, Timestamp>,
}

impl TokenBook {
    pub fn load(&self, records: Vec<TokenRecord>) {
        let mut state = sync::write(&self.state);
        let used = std::mem::take(&mut state.used);
        *state = State::new(records);
        state.used = used;
    }

    pub fn is_empty(&self) -> bool {
        sync::read(&self.state).records.is_empty()
    }

    /// Is there a token that can do more than send reports? Only such a token makes an
    /// installation without an account usable; the one of the agent beside the server does not.
    pub fn opens_api(&self) -> bool {
        !sync::read(&self.state).records.iter().all(only_reports)
    }

    pub fn all(&self) -> Vec<TokenRecord> {
        sync::read(&self.state).records.clone()
    }

    pub fn get(&self, id: &str) -> Option<TokenRecord> {
        let state = sync::read(&self.state);
        state.records.iter().find(|r| r.id == id).cloned()
    }

    pub fn newest(&self) -> Option<TokenRecord> {
        sync::read(&self.state).records.first().cloned()
    }

    /// The record of a raw token, without counting as a use.
    pub fn find(&self, raw: &str) -> Option<TokenRecord> {
        if raw.is_empty() || raw.len() > MAX_LENGTH {
            return None;
        }
        let state = sync::read(&self.state);
        let index = state.by_hash.get(&hash(raw)).or_else(|| {
            state
                .has_v5
                .then(|| state.by_hash.get(&hash_v5(raw)))
                .flatten()
        })?;
        state.records.get(*index).cloned()
    }

    /// The record of a raw token, noting the use.
    pub fn authenticate(&self, raw: &str, now: Timestamp) -> Option<TokenRecord> {
        let record = self.find(raw)?;
        let due = record
            .last_used_at
            .is_none_or(|last| now.duration_since(last) >= LAST_USED_STEP);
        if due {
            let mut state = sync::write(&self.state);
            if let Some(stored) = state.records.iter_mut().find(|r| r.id == record.id) {
                stored.last_used_at = Some(now);
                state.used.insert(record.id.clone(), now);
            }
        }
        Some(record)
    }

    pub fn take_used(&self) -> Vec<(String, Timestamp)> {
        sync::write(&self.state).used.drain().collect()
    }

    /// Puts back what could not be written.
    pub fn return_used(&self, used: Vec<(String, Timestamp)>) {
        let mut state = sync::write(&self.state);
        for (id, at) in used {
            state.used.entry(id).or_insert(at);
        }
    }

    pub fn add(&self, record: TokenRecord) {
        let mut state = sync::write(&self.state);
        let mut records = std::mem::take(&mut state.records);
        records.insert(0, record);
        let used = std::mem::take(&mut state.used);
        *state = State::new(records);
        state.used = used;
    }

    pub fn remove(&self, id: &str) {
        let mut state = sync::write(&self.state);
        let mut records = std::mem::take(&mut state.records);
        records.retain(|record| record.id != id);
        let mut used = std::mem::take(&mut state.used);
        used.remove(id);
        *state = State::new(records);
        state.used = used;
    }
}

impl State {
    fn new(records: Vec<TokenRecord>) -> Self {
        let by_hash = records
            .iter()
            .enumerate()
            .map(|(index, record)| (record.hash.clone(), index))
            .collect();
        let has_v5 = records.iter().any(|r| r.hash.starts_with("sha3-256:"));
        Self {
            records,
            by_hash,
            has_v5,
            used: HashMap::new(),
        }
    }
}

pub fn hash(raw: &str) -> String {
    format!("sha256:{}", random::sha256_hex(raw))
}

/// How version 5 stored tokens.
pub fn hash_v5(raw: &str) -> String {
    format!("sha3-256:{}", hex::encode(Sha3_256::digest(raw.as_bytes())))
}

/// A new random token and its record.
pub fn create(name: &str, scopes: Vec<String>, now: Timestamp) -> (Secret, TokenRecord) {
    let raw = random::hex_secret::<32>();
    let record = record(raw.expose(), name, scopes, now);
    (raw, record)
}

/// The record of a token that somebody chose.
pub fn record(raw: &str, name: &str, scopes: Vec<String>, now: Timestamp) -> TokenRecord {
    let characters: Vec<char> = raw.chars().collect();
    // Of a short token the hints would show too much.
    let shows = characters.len() >= 16;
    let hint = |range: &[char]| range.iter().collect::<String>();
    TokenRecord {
        id: uuid::Uuid::new_v4().to_string(),
        name: name.to_owned(),
        hash: hash(raw),
        prefix: if shows {
            hint(&characters[..6])
        } else {
            String::new()
        },
        suffix: if shows {
            hint(&characters[characters.len() - 4..])
        } else {
            String::new()
        },
        scopes,
        created_at: now,
        last_used_at: None,
    }
}

/// A value of `API_TOKENS`: 64 hex characters are a hash of version 5, anything else the token.
pub fn record_from_env(value: &str, now: Timestamp) -> TokenRecord {
    let is_hash = value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit());
    let mut record = record(value, "", vec!["*".to_owned()], now);
    if is_hash {
        record.hash = format!("sha3-256:{}", value.to_ascii_lowercase());
    }
    record.name = format!("{ENV_NAME} ({})", record.prefix);
    record
}

/// `<first>...<last>` for the status page.
pub fn hint(record: &TokenRecord) -> String {
    if record.prefix.is_empty() || record.suffix.is_empty() {
        let digest = record.hash.rsplit(':').next().unwrap_or_default();
        let (start, end) = (
            digest.get(..4),
            digest.get(digest.len().saturating_sub(4)..),
        );
        return format!(
            "{}...{}",
            start.unwrap_or_default(),
            end.unwrap_or_default()
        );
    }
    format!("{}...{}", record.prefix, record.suffix)
}

/// A record as the API shows it: everything but the hash.
pub fn dto(record: &TokenRecord) -> Value {
    let mut body = Map::new();
    body.insert("id".into(), json!(record.id));
    body.insert("name".into(), json!(record.name));
    body.insert("prefix".into(), json!(record.prefix));
    body.insert("suffix".into(), json!(record.suffix));
    body.insert("createdAt".into(), json!(record.created_at.to_string()));
    if let Some(used) = record.last_used_at {
        body.insert("lastUsedAt".into(), json!(used.to_string()));
    }
    body.insert("scopes".into(), json!(shown_scopes(record)));
    Value::Object(body)
}

/// No scopes in storage means full access.
pub fn shown_scopes(record: &TokenRecord) -> Vec<String> {
    if record.scopes.is_empty() {
        return vec!["*".to_owned()];
    }
    record.scopes.clone()
}

/// Scopes as a client asks for them; `None` is full access. The error is the text of the answer.
pub fn requested_scopes(asked: Option<Vec<String>>) -> Result<Vec<String>, String> {
    let Some(asked) = asked else {
        return Ok(vec!["*".to_owned()]);
    };
    if asked.is_empty() {
        return Err("select at least one scope or omit the field for full access".to_owned());
    }
    let mut scopes = Vec::with_capacity(asked.len());
    for scope in asked {
        let scope = scope.trim();
        if scope.is_empty() {
            return Err("scope identifiers cannot be blank".to_owned());
        }
        if scope != "*" && Scope::parse(scope).is_none() {
            return Err(format!("unknown scope {scope:?}"));
        }
        scopes.push(scope.to_owned());
    }
    scopes.sort();
    scopes.dedup();
    if scopes.len() > 1 && scopes.iter().any(|scope| scope == "*") {
        return Err("wildcard '*' cannot be combined with other scopes".to_owned());
    }
    Ok(scopes)
}

/// May the token do nothing but send reports of agents?
pub fn only_reports(record: &TokenRecord) -> bool {
    match scope_set(record) {
        ScopeSet::All => false,
        ScopeSet::Only(scopes) => scopes.iter().all(|scope| {
            matches!(
                scope,
                Scope::HostAgentReport | Scope::DockerReport | Scope::KubernetesReport
            )
        }),
    }
}

pub fn scope_set(record: &TokenRecord) -> ScopeSet {
    ScopeSet::from_stored(&record.scopes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn asked(scopes: &[&str]) -> Result<Vec<String>, String> {
        requested_scopes(Some(scopes.iter().map(|s| (*s).to_owned()).collect()))
    }

    #[test]
    fn scopes_as_recorded() {
        assert_eq!(requested_scopes(None).unwrap(), ["*"]);
        assert_eq!(
            asked(&["settings:read", "monitoring:read", "monitoring:read"]).unwrap(),
            ["monitoring:read", "settings:read"]
        );
        let error = |scopes: &[&str]| asked(scopes).unwrap_err();
        assert_eq!(
            error(&[]),
            "select at least one scope or omit the field for full access"
        );
        assert_eq!(error(&[" "]), "scope identifiers cannot be blank");
        assert_eq!(error(&["node:read"]), "unknown scope \"node:read\"");
        assert_eq!(
            error(&["*", "monitoring:read"]),
            "wildcard '*' cannot be combined with other scopes"
        );
    }

    #[test]
    fn finds_tokens_of_both_versions() {
        let book = TokenBook::default();
        let (raw, record) = create("new", vec!["*".into()], now());
        let old = TokenRecord {
            hash: hash_v5("old-token"),
            ..record_from_env("some-old-token-value", now())
        };
        book.load(vec![record.clone(), old]);
        assert_eq!(book.find(raw.expose()).unwrap().id, record.id);
        assert!(book.find("old-token").is_some());
        assert!(book.find("x").is_none() && book.find("").is_none());
        book.remove(&record.id);
        assert!(book.find(raw.expose()).is_none());
    }

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let book = TokenBook::default();
        let (raw, record) = create("t", vec!["*".into()], now());
        book.load(vec![record]);
        let later = |s| now().checked_add(SignedDuration::from_secs(s)).unwrap();
        assert!(book.authenticate(raw.expose(), now()).is_some());
        assert_eq!(book.take_used().len(), 1);
        book.authenticate(raw.expose(), later(59));
        assert_eq!(book.take_used().len(), 0);
        book.authenticate(raw.expose(), later(60));
        assert_eq!(book.take_used().len(), 1);
    }

    #[test]
    fn environment_values() {
        let plain = record_from_env("plain-token-for-recording", now());
        assert_eq!(plain.name, "Migrated from .env (plain-)");
        assert_eq!(hint(&plain), "plain-...ding");
        let hashed = record_from_env(&"A1".repeat(32), now());
        assert_eq!(hashed.hash, format!("sha3-256:{}", "a1".repeat(32)));
        assert!(record("short", "n", vec![], now()).prefix.is_empty());
    }

    proptest! {
        /// Whatever is accepted covers itself, is sorted and free of doubles; narrowing never widens.
        #[test]
        fn accepted_scopes_are_canonical(picks in proptest::collection::vec(0usize..10, 1..12), scope in 0usize..10) {
            let asked: Vec<String> = picks.iter().map(|i| Scope::ALL[*i].as_str().to_owned()).collect();
            let scopes = requested_scopes(Some(asked.clone())).unwrap();
            prop_assert!(scopes.is_sorted());
            let set = ScopeSet::from_stored(&scopes);
            prop_assert!(set.covers(&set) && ScopeSet::All.covers(&set) && !set.covers(&ScopeSet::All));
            prop_assert_eq!(set.allows(Scope::ALL[scope]), picks.contains(&scope));
        }

        #[test]
        fn foreign_scopes_never_panic(asked in proptest::collection::vec("\\PC{0,12}", 0..5)) {
            let _ = requested_scopes(Some(asked));
        }
    }
}
