//! Who did what, from where, and whether it worked. Append only; the oldest go at the cap.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::error::Result;
use crate::row::{integer, text, time};
use crate::store::Store;

/// Events kept. Trimmed in steps, so at most a thousand more.
pub const MAX_EVENTS: i64 = 100_000;
const TRIM_STEP: i64 = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    pub id: String,
    pub timestamp: Timestamp,
    pub event: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    pub ip: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    pub success: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub details: String,
}

/// Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub event: Option<String>,
    pub user: Option<String>,
    pub success: Option<bool>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub limit: Option<u32>,
    pub offset: u32,
}

pub struct Audit<'a>(pub(crate) &'a Store);

impl Audit<'_> {
    /// Durable on return. The id is made here.
    pub async fn append(&self, event: &AuditEvent) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        sqlx::query(
            "INSERT INTO audit_events (id, at, event, username, ip, path, success, details)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(uuid::Uuid::new_v4().to_string())
        .bind(event.timestamp.as_microsecond())
        .bind(&event.event)
        .bind(&event.user)
        .bind(&event.ip)
        .bind(&event.path)
        .bind(i64::from(event.success))
        .bind(&event.details)
        .execute(&mut *transaction)
        .await?;
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM audit_events")
            .fetch_one(&mut *transaction)
            .await?;
        if count > MAX_EVENTS + TRIM_STEP {
            sqlx::query(
                "DELETE FROM audit_events WHERE id IN
                   (SELECT id FROM audit_events ORDER BY at, id LIMIT $1)",
            )
            .bind(count - MAX_EVENTS)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Newest first; 100 unless the filter says otherwise.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEvent>> {
        let mut query = QueryBuilder::new("SELECT * FROM audit_events");
        restrict(&mut query, filter);
        query.push(" ORDER BY at DESC, id DESC LIMIT ");
        query.push_bind(i64::from(filter.limit.unwrap_or(100).min(10_000)));
        query.push(" OFFSET ");
        query.push_bind(i64::from(filter.offset));
        let rows = query.build().fetch_all(self.0.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// How many events the filter matches, without its limit and offset.
    pub async fn count(&self, filter: &AuditFilter) -> Result<u64> {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM audit_events");
        restrict(&mut query, filter);
        let (count,): (i64,) = query.build_query_as().fetch_one(self.0.reader()).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

fn restrict(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    query.push(" WHERE 1 = 1");
    if let Some(event) = &filter.event {
        query.push(" AND event = ").push_bind(event.clone());
    }
    if let Some(user) = &filter.user {
        query.push(" AND username = ").push_bind(user.clone());
    }
    if let Some(success) = filter.success {
        query.push(" AND success = ").push_bind(i64::from(success));
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.as_microsecond());
    }
    if let Some(until) = filter.until {
        query.push(" AND at <= ").push_bind(until.as_microsecond());
    }
}

fn read(row: &SqliteRow) -> Result<AuditEvent> {
    Ok(AuditEvent {
        id: text(row, "id")?,
        timestamp: time(row, "at")?,
        event: text(row, "event")?,
        user: text(row, "username")?,
        ip: text(row, "ip")?,
        path: text(row, "path")?,
        success: integer(row, "success")? != 0,
        details: text(row, "details")?,
    })
}
