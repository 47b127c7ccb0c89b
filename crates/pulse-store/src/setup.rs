//! The end of set-up: account and first token appear together, or not at all.

use crate::error::Result;
use crate::store::Store;
use crate::tokens::TokenRecord;
use crate::users::UserRecord;

impl Store {
    /// Makes `user` the only account and `tokens` the only API tokens, and ends all sessions, in one
    /// transaction.
    pub async fn install_account(&self, user: &UserRecord, tokens: &[TokenRecord]) -> Result<()> {
        let mut transaction = self.begin().await?;
        self.users().replace_in(&mut transaction, user).await?;
        crate::tokens::replace_in(&mut transaction, tokens).await?;
        sqlx::query("DELETE FROM sessions")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
