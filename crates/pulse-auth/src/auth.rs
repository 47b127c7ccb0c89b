//! The authenticator: what is configured, and who a request comes from.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use jiff::{SignedDuration, Timestamp};
use pulse_core::Secret;
use pulse_store::{AuditEvent, Store, StoreError, UserRecord};

use crate::basic_cache::BasicCache;
use crate::bootstrap::Bootstrap;
use crate::clock::Clock;
use crate::denied::Denied;
use crate::env::AuthEnv;
use crate::facts::RequestFacts;
use crate::limiter::{Class, RateLimiter};
use crate::lockout::{Failure, LockoutTable};
use crate::net::{self, client_ip};
use crate::password::{self, Hasher, PasswordError};
use crate::principal::{AuthMethod, Principal};
use crate::sessions::SessionBook;
use crate::tokens::{self, TokenBook};
use crate::{cookies, proxy, random, sync};

/// §1.1: what is configured decides how requests are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// Nothing is configured. Closed: only the wizard works, with the bootstrap token.
    FirstRun,
    /// Tokens, but no account.
    ApiOnly,
    Configured,
}

/// The local account.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub hash: Secret,
    pub password_changed: Option<Timestamp>,
    /// Comes from the environment, not from the database.
    pub from_env: bool,
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
    basic_audits: Mutex<Vec<(String, IpAddr, Timestamp)>>,
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

    /// §1.2: who is asking. Does not check what they may do.
    pub async fn authenticate(&self, facts: &RequestFacts<'_>) -> Result<Principal, Denied> {
        self.authenticate_with_session(facts)
            .await
            .map(|(principal, _)| principal)
    }

    /// Also says for how long the session cookie should be sent again, if it should.
    pub(crate) async fn authenticate_with_session(
        &self,
        facts: &RequestFacts<'_>,
    ) -> Result<(Principal, Option<i64>), Denied> {
        let now = self.now();
        let plain = |principal| Ok((principal, None));
        if self.inner.env.dev_bypass {
            return plain(Principal::new(AuthMethod::DevBypass, "", true));
        }
        if let Some(config) = &self.inner.env.proxy
            && let Some(identity) = proxy::identify(config, facts)
        {
            return plain(Principal::new(
                AuthMethod::Proxy,
                identity.user,
                identity.admin,
            ));
        }
        let state = self.state();
        if state == SetupState::FirstRun {
            return Err(Denied::SetupRequired);
        }
        let oidc = sync::read(&self.inner.oidc).enabled;
        if oidc && let Some(found) = self.by_session(facts, AuthMethod::Oidc, now) {
            return Ok(found);
        }
        if let Some(principal) = self.by_token(facts, now) {
            return plain(principal);
        }
        if let Some(found) = self.by_session(facts, AuthMethod::Session, now) {
            return Ok(found);
        }
        if let Some(principal) = self.by_basic(facts, now).await? {
            return plain(principal);
        }
        if facts.is_direct_loopback() && self.recovery_mode() {
            return plain(Principal::new(AuthMethod::Recovery, "", true));
        }
        Err(Denied::AuthenticationRequired {
            realm: state == SetupState::ApiOnly,
        })
    }

    fn by_session(
        &self,
        facts: &RequestFacts<'_>,
        method: AuthMethod,
        now: Timestamp,
    ) -> Option<(Principal, Option<i64>)> {
        let view = self
            .inner
            .sessions
            .present(facts.cookie(cookies::SESSION)?, now)?;
        let principal = Principal {
            session: Some(view.key),
            ..Principal::new(method, view.username, true)
        };
        Some((principal, view.renew_cookie))
    }

    /// A header, when there is one, is the only source; a token in a URL may leak, so it only reads.
    fn by_token(&self, facts: &RequestFacts<'_>, now: Timestamp) -> Option<Principal> {
        let record = match (facts.header_text("x-api-token"), facts.bearer()) {
            (None, None) if facts.is_safe() => {
                let token = facts.query_value("token")?;
                self.inner.tokens.authenticate(&token, now)
            }
            (header, bearer) => [header, bearer]
                .into_iter()
                .flatten()
                .find_map(|token| self.inner.tokens.authenticate(token, now)),
        }?;
        Some(Principal {
            scopes: tokens::scope_set(&record),
            token: Some(record.id.clone()),
            ..Principal::new(AuthMethod::ApiToken, format!("token:{}", record.id), true)
        })
    }

    async fn by_basic(
        &self,
        facts: &RequestFacts<'_>,
        now: Timestamp,
    ) -> Result<Option<Principal>, Denied> {
        let Some((user, password)) = facts.basic() else {
            return Ok(None);
        };
        let Some(account) = self.account() else {
            return Ok(None);
        };
        let ip = self.client_ip(facts);
        if let Some(until) = self.locked_until(&user, ip, now) {
            self.audit_basic(facts, &user, ip, "Account locked", false, now)
                .await;
            return Err(Denied::Locked { until });
        }
        let principal = || Principal::new(AuthMethod::Basic, account.name.clone(), true);
        if self.inner.basic.contains(&user, &password, now) {
            return Ok(Some(principal()));
        }
        let generation = self.inner.basic.generation();
        let right = self
            .verify_password(&user, Secret::new(password.clone()))
            .await
            .map_err(|_| Denied::Busy)?;
        if right {
            self.inner.basic.remember(&user, &password, generation, now);
            self.forgive(&user, ip).await;
            self.audit_basic(facts, &user, ip, "Basic auth login", true, now)
                .await;
            return Ok(Some(principal()));
        }
        self.record_failure(&user, ip, now).await;
        self.audit(facts, "login", &user, false, "Invalid credentials")
            .await;
        Ok(None)
    }

    /// Right name and right password? Takes the same time for either mistake.
    pub(crate) async fn verify_password(
        &self,
        user: &str,
        password: Secret,
    ) -> Result<bool, PasswordError> {
        let account = self.account();
        let hash = account
            .as_ref()
            .filter(|account| random::same(&account.name, user))
            .map(|account| account.hash.clone());
        let right = self
            .inner
            .hasher
            .verify(hash.clone(), password.clone())
            .await?;
        if right
            && let Some(account) = account
            && !account.from_env
            && password::needs_rehash(&account.hash)
        {
            self.rehash(&account, password).await;
        }
        Ok(right)
    }

    /// Brings an imported hash up to date; failing to is no reason to refuse the login.
    async fn rehash(&self, account: &Account, password: Secret) {
        let Ok(hash) = self.inner.hasher.hash(password).await else {
            return;
        };
        let _change = self.inner.change.lock().await;
        let unchanged = self
            .account()
            .is_some_and(|current| current.hash == account.hash && current.name == account.name);
        if !unchanged {
            return;
        }
        match self.inner.store.users().rehash(&account.name, &hash).await {
            Ok(()) => {
                if let Some(current) = sync::write(&self.inner.account).as_mut() {
                    current.hash = hash;
                }
            }
            Err(error) => tracing::warn!(%error, "password hash could not be updated"),
        }
    }

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
    async fn audit_basic(
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

/// The environment account wins over the database, unless its password was changed in the UI after
/// the environment was last edited.
async fn load_account(
    store: &Store,
    env: &AuthEnv,
    hasher: &Hasher,
) -> Result<Option<Account>, AuthError> {
    let stored = store.users().all().await?.into_iter().next();
    let Some((name, password)) = &env.account else {
        return Ok(stored.map(from_record));
    };
    let fingerprint = env_fingerprint(store, name, password);
    if let Some(record) = stored
        && record.supersedes_env.as_ref() == Some(&fingerprint)
    {
        return Ok(Some(from_record(record)));
    }
    let hash = if password::is_hash(password.expose()) {
        password.clone()
    } else {
        hasher.hash(password.clone()).await?
    };
    Ok(Some(Account {
        name: name.clone(),
        hash,
        password_changed: None,
        from_env: true,
    }))
}

fn from_record(record: UserRecord) -> Account {
    Account {
        name: record.name,
        hash: record.password_hash,
        password_changed: Some(record.password_changed),
        from_env: false,
    }
}

/// Recognises an unchanged environment account without storing it.
pub(crate) fn env_fingerprint(store: &Store, name: &str, password: &Secret) -> String {
    let data = format!("{}:{name}{}", name.len(), password.expose());
    hex::encode(store.digest("environment account", data.as_bytes()))
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
