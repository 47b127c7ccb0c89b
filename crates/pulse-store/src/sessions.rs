//! Logged-in browsers. The key is a hash of the cookie, so a copy of the database opens no session.

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;

use crate::error::Result;
use crate::row::{integer, text, time};
use crate::store::Store;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Hex SHA-256 of the cookie value.
    pub key: String,
    pub username: String,
    /// `password` or `oidc`.
    pub kind: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// What each use extends the expiry by.
    pub lifetime: SignedDuration,
    pub user_agent: String,
    pub ip: String,
}

pub struct Sessions<'a>(pub(crate) &'a Store);

impl Sessions<'_> {
    /// Sessions that have not expired, newest first.
    pub async fn live(&self, now: Timestamp) -> Result<Vec<SessionRecord>> {
        let rows = sqlx::query(
            "SELECT * FROM sessions WHERE expires_at > $1 ORDER BY created_at DESC, key",
        )
        .bind(now.as_microsecond())
        .fetch_all(self.0.reader())
        .await?;
        rows.iter().map(read).collect()
    }

    pub async fn insert(&self, session: &SessionRecord) -> Result<()> {
        sqlx::query(
            "INSERT INTO sessions
               (key, username, kind, created_at, expires_at, lifetime, user_agent, ip)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&session.key)
        .bind(&session.username)
        .bind(&session.kind)
        .bind(session.created_at.as_microsecond())
        .bind(session.expires_at.as_microsecond())
        .bind(session.lifetime.as_micros() as i64)
        .bind(&session.user_agent)
        .bind(&session.ip)
        .execute(self.0.writer())
        .await?;
        Ok(())
    }

    /// Writes new expiries and removes keys, in one transaction.
    pub async fn update(&self, extended: &[(String, Timestamp)], removed: &[String]) -> Result<()> {
        if extended.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let mut transaction = self.0.begin().await?;
        for (key, expires_at) in extended {
            sqlx::query("UPDATE sessions SET expires_at = $2 WHERE key = $1")
                .bind(key)
                .bind(expires_at.as_microsecond())
                .execute(&mut *transaction)
                .await?;
        }
        for key in removed {
            sqlx::query("DELETE FROM sessions WHERE key = $1")
                .bind(key)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// All sessions of a user, or of everybody.
    pub async fn delete_all(&self, username: Option<&str>) -> Result<u64> {
        let done = match username {
            Some(name) => {
                sqlx::query("DELETE FROM sessions WHERE username = $1")
                    .bind(name)
                    .execute(self.0.writer())
                    .await?
            }
            None => {
                sqlx::query("DELETE FROM sessions")
                    .execute(self.0.writer())
                    .await?
            }
        };
        Ok(done.rows_affected())
    }

    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64> {
        let done = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
            .bind(now.as_microsecond())
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Result<SessionRecord> {
    Ok(SessionRecord {
        key: text(row, "key")?,
        username: text(row, "username")?,
        kind: text(row, "kind")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        lifetime: SignedDuration::from_micros(integer(row, "lifetime")?),
        user_agent: text(row, "user_agent")?,
        ip: text(row, "ip")?,
    })
}
