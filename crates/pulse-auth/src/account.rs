//! The local account: where it comes from, and checking its password.

use jiff::Timestamp;
use pulse_core::Secret;
use pulse_store::{Store, UserRecord};

use crate::auth::{Auth, AuthError};
use crate::env::AuthEnv;
use crate::password::{self, Hasher, PasswordError};
use crate::{random, sync};

/// The local account.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub hash: Secret,
    pub password_changed: Option<Timestamp>,
    /// Comes from the environment, not from the database.
    pub from_env: bool,
}

impl Auth {
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
        // Whoever changes the account now may be waiting for this very check; the next login will do.
        let Ok(_change) = self.inner.change.try_lock() else {
            return;
        };
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
}

/// The environment account wins over the database, unless its password was changed in the UI after
/// the environment was last edited.
pub(crate) async fn load_account(
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
