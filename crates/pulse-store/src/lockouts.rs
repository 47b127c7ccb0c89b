//! Counters of failed logins, so that a restart does not forgive them.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use crate::error::Result;
use crate::row::{integer, optional_time, text, time};
use crate::store::Store;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockoutRecord {
    /// Built by the authenticator: an address, or a name at an address.
    pub key: String,
    pub failures: u32,
    pub last_failure: Timestamp,
    pub locked_until: Option<Timestamp>,
}

pub struct Lockouts<'a>(pub(crate) &'a Store);

impl Lockouts<'_> {
    pub async fn all(&self) -> Result<Vec<LockoutRecord>> {
        let rows = sqlx::query("SELECT * FROM lockouts ORDER BY key")
            .fetch_all(self.0.reader())
            .await?;
        rows.iter().map(read).collect()
    }

    pub async fn put(&self, records: &[LockoutRecord]) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        for record in records {
            sqlx::query(
                "INSERT INTO lockouts (key, failures, last_failure, locked_until)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (key) DO UPDATE SET failures = excluded.failures,
                   last_failure = excluded.last_failure, locked_until = excluded.locked_until",
            )
            .bind(&record.key)
            .bind(i64::from(record.failures))
            .bind(record.last_failure.as_microsecond())
            .bind(record.locked_until.map(Timestamp::as_microsecond))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    pub async fn delete(&self, keys: &[String]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut transaction = self.0.begin().await?;
        for key in keys {
            sqlx::query("DELETE FROM lockouts WHERE key = $1")
                .bind(key)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<LockoutRecord> {
    Ok(LockoutRecord {
        key: text(row, "key")?,
        failures: u32::try_from(integer(row, "failures")?).unwrap_or(u32::MAX),
        last_failure: time(row, "last_failure")?,
        locked_until: optional_time(row, "locked_until")?,
    })
}
