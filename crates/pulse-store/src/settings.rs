//! Settings by key: JSON values, and secrets that are encrypted at rest.

use jiff::Timestamp;
use pulse_core::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use crate::error::Result;
use crate::row::{from_json, to_json};
use crate::store::Store;
use crate::vault::Place;

pub struct Settings<'a>(pub(crate) &'a Store);

impl Settings<'_> {
    /// `None` when the key was never written.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        sqlx::query("SELECT value FROM settings WHERE key = $1")
            .bind(key)
            .fetch_optional(self.0.reader())
            .await?
            .map(|row| from_json(key, &row.try_get::<String, _>(0)?))
            .transpose()
    }

    pub async fn put<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        )
        .bind(key)
        .bind(to_json(key, value)?)
        .bind(now.as_microsecond())
        .execute(self.0.writer())
        .await?;
        Ok(())
    }

    /// `false` when there was nothing to remove.
    pub async fn remove(&self, key: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM settings WHERE key = $1")
            .bind(key)
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn get_secret(&self, key: &str) -> Result<Option<Secret>> {
        sqlx::query("SELECT sealed FROM secrets WHERE key = $1")
            .bind(key)
            .fetch_optional(self.0.reader())
            .await?
            .map(|row| self.0.unseal(place(key), &row.try_get::<String, _>(0)?))
            .transpose()
    }

    pub async fn put_secret(&self, key: &str, secret: &Secret, now: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO secrets (key, sealed, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        )
        .bind(key)
        .bind(self.0.seal(place(key), secret)?)
        .bind(now.as_microsecond())
        .execute(self.0.writer())
        .await?;
        Ok(())
    }

    pub async fn remove_secret(&self, key: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM secrets WHERE key = $1")
            .bind(key)
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn place(key: &str) -> Place<'_> {
    Place {
        table: "secrets",
        column: "sealed",
        row: key,
    }
}
