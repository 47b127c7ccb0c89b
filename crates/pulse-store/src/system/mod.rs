//! The system settings: what was stored or sent ([`RawSystemSettings`]), and what holds
//! ([`SystemSettings`]).
//!
//! Raw mirrors the wire names of version 5, with every field optional. A change is checked as a
//! whole before anything of it counts; the error is the text of the answer.

mod check;
mod discovery;
mod raw;
mod resolved;

use jiff::Timestamp;

pub use discovery::{DiscoveryConfig, RawDiscoveryConfig};
pub use raw::RawSystemSettings;
pub use resolved::SystemSettings;

use crate::error::Result;
use crate::settings::Settings;

const KEY: &str = "system";

/// Why a change is refused, in the words that clients get.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSetting(pub String);

impl Settings<'_> {
    /// What was stored; nothing at first.
    pub async fn system_raw(&self) -> Result<RawSystemSettings> {
        Ok(self.get(KEY).await?.unwrap_or_default())
    }

    /// What holds: stored values over defaults. A stored value that is out of range, for instance
    /// after a downgrade, counts as unset.
    pub async fn system(&self) -> Result<SystemSettings> {
        Ok(self.system_raw().await?.resolve_leniently())
    }

    pub async fn put_system(&self, raw: &RawSystemSettings, now: Timestamp) -> Result<()> {
        self.put(KEY, raw, now).await
    }
}
