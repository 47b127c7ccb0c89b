//! Agents that have reported once: who they are, whether somebody removed them, and the
//! configuration the server gives them.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StoreError};
use crate::row::{from_json, optional_time, text, time, to_json};
use crate::store::Store;

pub const MAX_AGENTS: usize = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub struct AgentRecord {
    pub id: String,
    /// `host`, `docker` or `kubernetes`.
    pub kind: String,
    pub hostname: String,
    pub first_seen: Timestamp,
    /// Set when somebody removed it; its reports are refused until it is allowed again.
    pub removed_at: Option<Timestamp>,
    pub config: Option<serde_json::Value>,
}

pub struct Agents<'a>(pub(crate) &'a Store);

impl Agents<'_> {
    pub async fn all(&self) -> Result<Vec<AgentRecord>> {
        let rows = sqlx::query("SELECT * FROM agents ORDER BY id")
            .fetch_all(self.0.reader())
            .await?;
        rows.iter().map(read).collect()
    }

    pub async fn get(&self, id: &str) -> Result<Option<AgentRecord>> {
        sqlx::query("SELECT * FROM agents WHERE id = $1")
            .bind(id)
            .fetch_optional(self.0.reader())
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// Records the first report; a known agent only gets its host name refreshed.
    pub async fn seen(&self, id: &str, kind: &str, hostname: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM agents WHERE id <> $1")
            .bind(id)
            .fetch_one(&mut *transaction)
            .await?;
        if count >= MAX_AGENTS as i64 {
            return Err(StoreError::Full {
                what: "agents",
                limit: MAX_AGENTS,
            });
        }
        sqlx::query(
            "INSERT INTO agents (id, kind, hostname, first_seen) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, hostname = excluded.hostname",
        )
        .bind(id)
        .bind(kind)
        .bind(hostname)
        .bind(now.as_microsecond())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Marks as removed (`Some`) or allows again (`None`); `false` when the id is unknown.
    pub async fn set_removed(&self, id: &str, removed_at: Option<Timestamp>) -> Result<bool> {
        let done = sqlx::query("UPDATE agents SET removed_at = $2 WHERE id = $1")
            .bind(id)
            .bind(removed_at.map(Timestamp::as_microsecond))
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn set_config(&self, id: &str, config: Option<&serde_json::Value>) -> Result<bool> {
        let config = config
            .map(|value| to_json("agents.config", value))
            .transpose()?;
        let done = sqlx::query("UPDATE agents SET config = $2 WHERE id = $1")
            .bind(id)
            .bind(config)
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn delete(&self, id: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM agents WHERE id = $1")
            .bind(id)
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn read(row: &SqliteRow) -> Result<AgentRecord> {
    Ok(AgentRecord {
        id: text(row, "id")?,
        kind: text(row, "kind")?,
        hostname: text(row, "hostname")?,
        first_seen: time(row, "first_seen")?,
        removed_at: optional_time(row, "removed_at")?,
        config: row
            .try_get::<Option<String>, _>("config")?
            .map(|json| from_json("agents.config", &json))
            .transpose()?,
    })
}
