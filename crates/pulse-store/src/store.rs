//! Opening `pulse.db`: one writer, two readers, every commit on disk before it is acknowledged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pulse_core::Secret;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite, Transaction};

use crate::error::{Result, StoreError};
use crate::vault::{Place, Vault};
use crate::{
    agents, audit, documents, files, lockouts, migrate, nodes, recovery, sessions, settings,
    tokens, users,
};

const DATABASE: &str = "pulse.db";
const KEY: &str = "secret.key";

/// The application database of one data directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    writer: SqlitePool,
    reader: SqlitePool,
    vault: Vault,
}

impl Store {
    /// Opens or creates the database in `dir`, applies migrations and checks the key.
    pub async fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref().to_owned();
        files::create_private_dir(&dir)?;
        let database = dir.join(DATABASE);
        files::ensure_private_file(&database)?;

        let options = SqliteConnectOptions::new()
            .filename(&database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(48)
            // Negative: KiB. Three connections stay below 2 MB together.
            .pragma("cache_size", "-512")
            .pragma("wal_autocheckpoint", "250")
            .pragma("journal_size_limit", "4194304");
        let writer = pool(1).connect_with(options.clone()).await?;
        migrate::run(&mut *writer.acquire().await?, Timestamp::now()).await?;

        let vault = open_vault(&writer, &dir.join(KEY)).await?;
        let reader = pool(2)
            .connect_with(options.pragma("query_only", "1"))
            .await?;
        Ok(Self {
            inner: Arc::new(Inner {
                dir,
                writer,
                reader,
                vault,
            }),
        })
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Flushes and closes the connections; later calls fail.
    pub async fn close(&self) {
        self.inner.reader.close().await;
        self.inner.writer.close().await;
    }

    /// HMAC-SHA256 under this installation's key; `label` separates purposes.
    pub fn digest(&self, label: &str, data: &[u8]) -> [u8; 32] {
        self.inner.vault.digest(label, data)
    }

    pub fn settings(&self) -> settings::Settings<'_> {
        settings::Settings(self)
    }

    pub fn documents(&self) -> documents::Documents<'_> {
        documents::Documents(self)
    }

    pub fn nodes(&self) -> nodes::Nodes<'_> {
        nodes::Nodes(self)
    }

    pub fn users(&self) -> users::Users<'_> {
        users::Users(self)
    }

    pub fn tokens(&self) -> tokens::Tokens<'_> {
        tokens::Tokens(self)
    }

    pub fn sessions(&self) -> sessions::Sessions<'_> {
        sessions::Sessions(self)
    }

    pub fn lockouts(&self) -> lockouts::Lockouts<'_> {
        lockouts::Lockouts(self)
    }

    pub fn recovery(&self) -> recovery::RecoveryTokens<'_> {
        recovery::RecoveryTokens(self)
    }

    pub fn agents(&self) -> agents::Agents<'_> {
        agents::Agents(self)
    }

    pub fn audit(&self) -> audit::Audit<'_> {
        audit::Audit(self)
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.inner.reader
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.inner.writer
    }

    /// A write transaction; the lock is taken at once, so it cannot fail half-way for being late.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.inner.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    pub(crate) fn seal(&self, place: Place<'_>, secret: &Secret) -> Result<String> {
        self.inner.vault.seal_optional(place, secret)
    }

    pub(crate) fn unseal(&self, place: Place<'_>, sealed: &str) -> Result<Secret> {
        self.inner.vault.open_optional(place, sealed)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Under the write lock, so that two programs that start at once agree on one key.
async fn open_vault(writer: &SqlitePool, path: &Path) -> Result<Vault> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let expected: Option<String> = sqlx::query("SELECT value FROM meta WHERE key = 'key_check'")
        .fetch_optional(&mut *transaction)
        .await?
        .map(|row| row.try_get(0))
        .transpose()?;
    let vault = Vault::open(path, expected.is_some())?;
    match expected {
        Some(expected) if expected != vault.check_value() => Err(StoreError::KeyMismatch {
            path: path.to_owned(),
        }),
        Some(_) => Ok(vault),
        None => {
            sqlx::query("INSERT INTO meta (key, value) VALUES ('key_check', $1)")
                .bind(vault.check_value())
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(vault)
        }
    }
}
