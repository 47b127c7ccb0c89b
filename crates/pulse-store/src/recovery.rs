//! Single-use recovery tokens, by hash.

use jiff::Timestamp;

use crate::error::Result;
use crate::store::Store;

pub struct RecoveryTokens<'a>(pub(crate) &'a Store);

impl RecoveryTokens<'_> {
    /// Also drops what has expired.
    pub async fn insert(&self, hash: &str, now: Timestamp, expires_at: Timestamp) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        sqlx::query("DELETE FROM recovery_tokens WHERE expires_at <= $1")
            .bind(now.as_microsecond())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO recovery_tokens (hash, created_at, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (hash) DO NOTHING",
        )
        .bind(hash)
        .bind(now.as_microsecond())
        .bind(expires_at.as_microsecond())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Uses the token up; `false` when it is unknown, expired or was used before.
    pub async fn consume(&self, hash: &str, now: Timestamp) -> Result<bool> {
        let done = sqlx::query("DELETE FROM recovery_tokens WHERE hash = $1 AND expires_at > $2")
            .bind(hash)
            .bind(now.as_microsecond())
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
