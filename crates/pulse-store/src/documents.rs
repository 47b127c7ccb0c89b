//! Small JSON documents in named collections: metadata, profiles and whatever needs no query but
//! "all of a kind" and "this one".

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use crate::error::Result;
use crate::row::{from_json, text, to_json};
use crate::store::Store;

pub struct Documents<'a>(pub(crate) &'a Store);

impl Documents<'_> {
    /// All documents of a kind, ordered by id.
    pub async fn all<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<(String, T)>> {
        let rows = sqlx::query("SELECT id, body FROM documents WHERE kind = $1 ORDER BY id")
            .bind(kind)
            .fetch_all(self.0.reader())
            .await?;
        rows.iter()
            .map(|row| {
                let id = text(row, "id")?;
                let body = from_json(&format!("{kind} {id}"), &text(row, "body")?)?;
                Ok((id, body))
            })
            .collect()
    }

    pub async fn get<T: DeserializeOwned>(&self, kind: &str, id: &str) -> Result<Option<T>> {
        sqlx::query("SELECT body FROM documents WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(id)
            .fetch_optional(self.0.reader())
            .await?
            .map(|row| from_json(&format!("{kind} {id}"), &row.try_get::<String, _>(0)?))
            .transpose()
    }

    pub async fn put<T: Serialize + ?Sized>(
        &self,
        kind: &str,
        id: &str,
        body: &T,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO documents (kind, id, body, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        )
        .bind(kind)
        .bind(id)
        .bind(to_json(kind, body)?)
        .bind(now.as_microsecond())
        .execute(self.0.writer())
        .await?;
        Ok(())
    }

    /// `false` when there was nothing to remove.
    pub async fn remove(&self, kind: &str, id: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM documents WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(id)
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
