//! Reading and writing node records; order is kept per kind.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::{NodeKind, NodeRecord, NodeRef};
use crate::error::{Result, StoreError};
use crate::row::{from_json, text, to_json};
use crate::store::Store;
use crate::vault::Place;

pub const MAX_NODES: usize = 2000;

pub struct Nodes<'a>(pub(crate) &'a Store);

impl Nodes<'_> {
    /// PVE, then PBS, then PMG, each in the order of addition.
    pub async fn all(&self) -> Result<Vec<NodeRecord>> {
        let rows = sqlx::query("SELECT * FROM nodes ORDER BY position, uid")
            .fetch_all(self.0.reader())
            .await?;
        let mut nodes = rows
            .iter()
            .map(|row| self.read(row))
            .collect::<Result<Vec<_>>>()?;
        nodes.sort_by_key(|node| node.kind);
        Ok(nodes)
    }

    /// The record that `id` names now.
    pub async fn resolve(&self, id: &NodeRef) -> Result<Option<NodeRecord>> {
        let nodes = self.all().await?;
        Ok(match id {
            NodeRef::Uid(uid) => nodes.into_iter().find(|node| node.uid == *uid),
            NodeRef::Position { kind, index } => nodes
                .into_iter()
                .filter(|node| Some(node.kind) == *kind)
                .nth(*index),
        })
    }

    /// Appends at the end of its kind.
    pub async fn insert(&self, node: &NodeRecord) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        let (count, last): (i64, i64) =
            sqlx::query_as("SELECT COUNT(*), COALESCE(MAX(position), -1) FROM nodes")
                .fetch_one(&mut *transaction)
                .await?;
        if count >= MAX_NODES as i64 {
            return Err(StoreError::Full {
                what: "nodes",
                limit: MAX_NODES,
            });
        }
        self.write(&mut transaction, node, last + 1).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Replaces the record with the same uid; `false` when it is gone.
    pub async fn update(&self, node: &NodeRecord) -> Result<bool> {
        let mut transaction = self.0.begin().await?;
        let position: Option<(i64,)> = sqlx::query_as("SELECT position FROM nodes WHERE uid = $1")
            .bind(&node.uid)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some((position,)) = position else {
            return Ok(false);
        };
        self.write(&mut transaction, node, position).await?;
        transaction.commit().await?;
        Ok(true)
    }

    pub async fn delete(&self, uid: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM nodes WHERE uid = $1")
            .bind(uid)
            .execute(self.0.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Replaces all nodes at once, for imports.
    pub async fn replace_all(&self, nodes: &[NodeRecord]) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        sqlx::query("DELETE FROM nodes")
            .execute(&mut *transaction)
            .await?;
        for (position, node) in nodes.iter().enumerate() {
            self.write(&mut transaction, node, position as i64).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut SqliteConnection,
        node: &NodeRecord,
        position: i64,
    ) -> Result<()> {
        let seal = |column, secret| self.0.seal(place(&node.uid, column), secret);
        sqlx::query(
            "INSERT INTO nodes
               (uid, kind, position, record, password, token_value, proxy_token, control_token)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (uid) DO UPDATE SET kind = excluded.kind, position = excluded.position,
               record = excluded.record, password = excluded.password,
               token_value = excluded.token_value, proxy_token = excluded.proxy_token,
               control_token = excluded.control_token",
        )
        .bind(&node.uid)
        .bind(node.kind.as_str())
        .bind(position)
        .bind(to_json("nodes.record", node)?)
        .bind(seal("password", &node.password)?)
        .bind(seal("token_value", &node.token_value)?)
        .bind(seal("proxy_token", &node.temperature_proxy_token)?)
        .bind(seal("control_token", &node.temperature_control_token)?)
        .execute(connection)
        .await?;
        Ok(())
    }

    fn read(&self, row: &SqliteRow) -> Result<NodeRecord> {
        let uid = text(row, "uid")?;
        let open = |column: &str| self.0.unseal(place(&uid, column), &text(row, column)?);
        let record: NodeRecord = from_json(&format!("node {uid}"), &text(row, "record")?)?;
        Ok(NodeRecord {
            password: open("password")?,
            token_value: open("token_value")?,
            temperature_proxy_token: open("proxy_token")?,
            temperature_control_token: open("control_token")?,
            ..record
        })
    }
}

fn place<'a>(uid: &'a str, column: &'a str) -> Place<'a> {
    Place {
        table: "nodes",
        column,
        row: uid,
    }
}

/// `pve-0` for each record, in the order of [`Nodes::all`].
pub fn positional_ids(nodes: &[NodeRecord]) -> Vec<String> {
    let mut counts = std::collections::HashMap::<NodeKind, usize>::new();
    nodes
        .iter()
        .map(|node| {
            let index = counts.entry(node.kind).or_default();
            let id = format!("{}-{index}", node.kind);
            *index += 1;
            id
        })
        .collect()
}
