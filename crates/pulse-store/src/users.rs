//! Local accounts. Today there is one, the administrator.

use jiff::Timestamp;
use pulse_core::Secret;
use sqlx::sqlite::SqliteRow;

use crate::error::Result;
use crate::row::{text, time};
use crate::store::Store;
use crate::vault::Place;

#[derive(Clone, Debug)]
pub struct UserRecord {
    pub name: String,
    /// PHC string (argon2id) or bcrypt hash; encrypted at rest.
    pub password_hash: Secret,
    /// Digest of the environment account this record replaces: a password changed in the UI wins
    /// over the environment until the environment itself changes.
    pub supersedes_env: Option<String>,
    pub created_at: Timestamp,
    pub password_changed: Timestamp,
}

pub struct Users<'a>(pub(crate) &'a Store);

impl Users<'_> {
    pub async fn all(&self) -> Result<Vec<UserRecord>> {
        let rows = sqlx::query("SELECT * FROM users ORDER BY created_at, name")
            .fetch_all(self.0.reader())
            .await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    pub async fn get(&self, name: &str) -> Result<Option<UserRecord>> {
        sqlx::query("SELECT * FROM users WHERE name = $1")
            .bind(name)
            .fetch_optional(self.0.reader())
            .await?
            .map(|row| self.read(&row))
            .transpose()
    }

    /// Makes `user` the only local account.
    pub async fn replace_all(&self, user: &UserRecord) -> Result<()> {
        let mut transaction = self.0.begin().await?;
        self.replace_in(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn replace_in(
        &self,
        connection: &mut sqlx::SqliteConnection,
        user: &UserRecord,
    ) -> Result<()> {
        sqlx::query("DELETE FROM users")
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "INSERT INTO users (name, password_hash, supersedes_env, created_at, password_changed)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&user.name)
        .bind(self.0.seal(place(&user.name), &user.password_hash)?)
        .bind(&user.supersedes_env)
        .bind(user.created_at.as_microsecond())
        .bind(user.password_changed.as_microsecond())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Replaces the stored hash after a successful login with an older algorithm.
    pub async fn rehash(&self, name: &str, password_hash: &Secret) -> Result<()> {
        sqlx::query("UPDATE users SET password_hash = $2 WHERE name = $1")
            .bind(name)
            .bind(self.0.seal(place(name), password_hash)?)
            .execute(self.0.writer())
            .await?;
        Ok(())
    }

    fn read(&self, row: &SqliteRow) -> Result<UserRecord> {
        use sqlx::Row as _;
        let name = text(row, "name")?;
        Ok(UserRecord {
            password_hash: self.0.unseal(place(&name), &text(row, "password_hash")?)?,
            supersedes_env: row.try_get("supersedes_env")?,
            created_at: time(row, "created_at")?,
            password_changed: time(row, "password_changed")?,
            name,
        })
    }
}

fn place(name: &str) -> Place<'_> {
    Place {
        table: "users",
        column: "password_hash",
        row: name,
    }
}
