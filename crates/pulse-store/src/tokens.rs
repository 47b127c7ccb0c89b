//! API tokens. Only hashes are stored; the raw token is shown once and forgotten.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StoreError};
use crate::row::{from_json, optional_time, text, time, to_json};
use crate::store::Store;

/// The authenticator keeps all tokens in memory, hence a cap.
pub const MAX_TOKENS: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    pub id: String,
    pub name: String,
    /// `sha256:<hex>`, or `sha3-256:<hex>` for tokens taken over from version 5.
    pub hash: String,
    /// First characters of the raw token, for people to recognise it by.
    pub prefix: String,
    pub suffix: String,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

pub struct Tokens<'a>(pub(crate) &'a Store);

impl Tokens<'_> {
    /// Newest first.
    pub async fn all(&self) -> Result<Vec<TokenRecord>> {
        let rows = sqlx::query("SELECT * FROM api_tokens ORDER BY created_at DESC, id")
            .fetch_all(self.0.reader())
            .await?;
        rows.iter().map(read).collect()
    }

    pub async fn insert(&self, token: &TokenRecord) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM api_tokens")
            .fetch_one(&mut *transaction)
            .await?;
        if count >= MAX_TOKENS as i64 {
            return Err(StoreError::Full {
                what: "API tokens",
                limit: MAX_TOKENS,
            });
        }
        insert(&mut transaction, token).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Makes `token` the only one.
    pub async fn replace_all(&self, token: &TokenRecord) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        replace_in(&mut transaction, std::slice::from_ref(token)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// `false` when the id is unknown. With `suppress`, a token that came from the environment does
    /// not come back at the next start.
    pub async fn delete(&self, id: &str, suppress: Option<&str>) -> Result<bool> {
        let mut transaction = self.0.begin().await?;
        let done = sqlx::query("DELETE FROM api_tokens WHERE id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        if let Some(hash) = suppress {
            sqlx::query(
                "INSERT INTO env_token_suppressions (hash) VALUES ($1) ON CONFLICT (hash) DO NOTHING",
            )
            .bind(hash)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// One transaction for many uses; ids that are gone are ignored.
    pub async fn touch(&self, used: &[(String, Timestamp)]) -> Result<()> {
        if used.is_empty() {
            return Ok(());
        }
        let mut transaction = self.0.begin().await?;
        for (id, at) in used {
            sqlx::query("UPDATE api_tokens SET last_used_at = $2 WHERE id = $1")
                .bind(id)
                .bind(at.as_microsecond())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Hashes of environment tokens that somebody deleted.
    pub async fn suppressed(&self) -> Result<HashSet<String>> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT hash FROM env_token_suppressions")
            .fetch_all(self.0.reader())
            .await?;
        Ok(rows.into_iter().map(|(hash,)| hash).collect())
    }
}

pub(crate) async fn replace_in(
    connection: &mut SqliteConnection,
    tokens: &[TokenRecord],
) -> Result<()> {
    sqlx::query("DELETE FROM api_tokens")
        .execute(&mut *connection)
        .await?;
    for token in tokens {
        insert(connection, token).await?;
    }
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, token: &TokenRecord) -> Result<()> {
    sqlx::query(
        "INSERT INTO api_tokens (id, name, hash, prefix, suffix, scopes, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&token.id)
    .bind(&token.name)
    .bind(&token.hash)
    .bind(&token.prefix)
    .bind(&token.suffix)
    .bind(to_json("api_tokens.scopes", &token.scopes)?)
    .bind(token.created_at.as_microsecond())
    .bind(token.last_used_at.map(Timestamp::as_microsecond))
    .execute(connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<TokenRecord> {
    Ok(TokenRecord {
        id: text(row, "id")?,
        name: text(row, "name")?,
        hash: text(row, "hash")?,
        prefix: text(row, "prefix")?,
        suffix: text(row, "suffix")?,
        scopes: from_json("api_tokens.scopes", &text(row, "scopes")?)?,
        created_at: time(row, "created_at")?,
        last_used_at: optional_time(row, "last_used_at")?,
    })
}
