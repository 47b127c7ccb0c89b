//! The authenticator: what is configured, and who a request comes from.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use jiff::Timestamp;
use pulse_core::Secret;
use pulse_store::{Store, StoreError};

use crate::account::{Account, load_account};
use crate::basic_cache::BasicCache;
use crate::bootstrap::Bootstrap;
use crate::clock::Clock;
use crate::env::AuthEnv;
use crate::facts::RequestFacts;
use crate::limiter::RateLimiter;
use crate::lockout::LockoutTable;
use crate::net::client_ip;
use crate::password::{Hasher, PasswordError};
use crate::sessions::SessionBook;
use crate::tokens::{self, TokenBook};
use crate::{cookies, sync};

/// §1.1: what is configured decides how requests are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// Nothing is configured. Closed: only the wizard works, with the bootstrap token.
    FirstRun,
    /// Tokens, but no account.
    ApiOnly,
    Configured,
}

/// What the OIDC part reports here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OidcState {
    pub enabled: bool,
    pub issuer: String,
    pub client_id: String,
    pub logout_url: String,
    pub env_overrides: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("PULSE_AUTH_PASS: {0}")]
    Password(#[from] PasswordError),
}

/// Cheap to clone; all clones are one authenticator.
#[derive(Clone)]
pub struct Auth {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub env: AuthEnv,
    pub account: RwLock<Option<Account>>,
    pub hasher: Hasher,
    pub basic: BasicCache,
    pub tokens: TokenBook,
    pub sessions: SessionBook,
    pub lockouts: Mutex<LockoutTable>,
    pub limiter: Mutex<RateLimiter>,
    pub bootstrap: Bootstrap,
    pub oidc: RwLock<OidcState>,
    /// The embedding setting, for cookies.
    pub embedding: AtomicBool,
    /// One set-up, password change or token rotation at a time.
    pub change: tokio::sync::Mutex<()>,
    pub basic_audits: Mutex<Vec<(String, IpAddr, Timestamp)>>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// Loads accounts, tokens, sessions and locks, takes over what the environment brings, and
    /// creates or removes the bootstrap token.
    pub async fn start(
        store: Store,
        clock: Arc<dyn Clock>,
        env: AuthEnv,
        oidc: OidcState,
    ) -> Result<Self, AuthError> {
        let now = clock.now();
        let hasher = Hasher::default();
        let account = load_account(&store, &env, &hasher).await?;
        import_env_tokens(&store, &env, now).await?;
        let tokens = TokenBook::default();
        tokens.load(store.tokens().all().await?);
        let sessions = SessionBook::default();
        store.sessions().delete_expired(now).await?;
        sessions.load(store.sessions().live(now).await?, now);
        let lockouts = LockoutTable::load(store.lockouts().all().await?, now);
        let first_run =
            account.is_none() && !tokens.opens_api() && env.proxy.is_none() && !oidc.enabled;
        let bootstrap = Bootstrap::start(store.dir(), first_run)?;
        if env.deprecated_disable_auth {
            tracing::warn!("DISABLE_AUTH is set but does nothing any more; remove it");
        }
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                clock,
                env,
                account: RwLock::new(account),
                hasher,
                basic: BasicCache::default(),
                tokens,
                sessions,
                lockouts: Mutex::new(lockouts),
                limiter: Mutex::default(),
                bootstrap,
                oidc: RwLock::new(oidc),
                embedding: AtomicBool::new(false),
                change: tokio::sync::Mutex::new(()),
                basic_audits: Mutex::default(),
            }),
        })
    }

    /// Makes sure that a raw token is known as one that only sends host reports; for the agent
    /// that is started beside the server.
    pub async fn ensure_report_token(&self, raw: &str, name: &str) -> Result<(), AuthError> {
        if self.inner.tokens.find(raw).is_some() {
            return Ok(());
        }
        let scopes = vec![crate::policy::Scope::HostAgentReport.as_str().to_owned()];
        let record = crate::tokens::record(raw, name, scopes, self.now());
        self.inner.store.tokens().insert(&record).await?;
        self.inner.tokens.add(record);
        Ok(())
    }

    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn env(&self) -> &AuthEnv {
        &self.inner.env
    }

    pub fn state(&self) -> SetupState {
        let account = sync::read(&self.inner.account).is_some();
        let tokens = self.inner.tokens.opens_api();
        if account {
            SetupState::Configured
        } else if tokens {
            SetupState::ApiOnly
        } else if self.inner.env.proxy.is_some() || sync::read(&self.inner.oidc).enabled {
            SetupState::Configured
        } else {
            SetupState::FirstRun
        }
    }

    /// The bootstrap token while it is live, for the banner in the log.
    pub fn bootstrap_token(&self) -> Option<Secret> {
        self.inner.bootstrap.token()
    }

    pub fn bootstrap_path(&self) -> &std::path::Path {
        self.inner.bootstrap.path()
    }

    pub fn set_oidc(&self, oidc: OidcState) {
        *sync::write(&self.inner.oidc) = oidc;
    }

    /// Follows the embedding setting; decides `SameSite`.
    pub fn set_embedding(&self, allowed: bool) {
        self.inner.embedding.store(allowed, Ordering::Relaxed);
    }

    pub fn client_ip(&self, facts: &RequestFacts<'_>) -> IpAddr {
        client_ip(facts, &self.inner.env.trusted_proxies)
    }

    pub(crate) fn cookie_style(&self, facts: &RequestFacts<'_>) -> cookies::CookieStyle {
        cookies::CookieStyle::of(facts, self.inner.embedding.load(Ordering::Relaxed))
    }

    pub(crate) fn account(&self) -> Option<Account> {
        sync::read(&self.inner.account).clone()
    }

    /// Writes last uses and extended sessions and forgets what has run out. Call once a minute and
    /// at shutdown.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let now = self.now();
        let used = self.inner.tokens.take_used();
        if let Err(error) = self.inner.store.tokens().touch(&used).await {
            self.inner.tokens.return_used(used);
            return Err(error);
        }
        self.inner.sessions.flush(&self.inner.store, now).await?;
        sync::lock(&self.inner.limiter).sweep(now);
        let stale = sync::lock(&self.inner.lockouts).sweep(now);
        self.inner.store.lockouts().delete(&stale).await
    }
}

async fn import_env_tokens(store: &Store, env: &AuthEnv, now: Timestamp) -> Result<(), StoreError> {
    if env.tokens.is_empty() {
        return Ok(());
    }
    let known: Vec<String> = store
        .tokens()
        .all()
        .await?
        .into_iter()
        .map(|t| t.hash)
        .collect();
    let suppressed = store.tokens().suppressed().await?;
    let mut added = Vec::new();
    for value in &env.tokens {
        let record = tokens::record_from_env(value.expose(), now);
        let seen = known.contains(&record.hash)
            || suppressed.contains(&record.hash)
            || added.contains(&record.hash);
        if seen {
            continue;
        }
        if record.hash.starts_with("sha3-256:") {
            tracing::warn!(
                name = record.name,
                "API_TOKENS: a value of 64 hex characters is taken as the hash of a token, not as a token"
            );
        }
        store.tokens().insert(&record).await?;
        added.push(record.hash);
    }
    Ok(())
}
