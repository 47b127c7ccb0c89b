//! Schema versions, applied in order, each in its own transaction.

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::error::{Result, StoreError};

/// Append only. A released entry is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[(
    1,
    "application",
    include_str!("../migrations/0001_application.sql"),
)];

const BOOKKEEPING: &str = "
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version    BIGINT PRIMARY KEY,
        name       TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS meta (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
";

pub async fn run(connection: &mut SqliteConnection, now: jiff::Timestamp) -> Result<()> {
    sqlx::raw_sql(BOOKKEEPING).execute(&mut *connection).await?;
    let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    for (version, name, sql) in MIGRATIONS {
        // The lock is taken before the look, so that two programs starting at once do not both apply.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let at: i64 = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM schema_migrations")
            .fetch_one(&mut *transaction)
            .await?
            .try_get(0)?;
        if at > known {
            return Err(StoreError::SchemaTooNew { found: at, known });
        }
        if at >= *version {
            continue;
        }
        sqlx::raw_sql(*sql).execute(&mut *transaction).await?;
        sqlx::query(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
        )
        .bind(version)
        .bind(*name)
        .bind(now.as_microsecond())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        tracing::info!(version, name, "application database migrated");
    }
    Ok(())
}
