//! Recovery mode: a file in the data directory opens Pulse to direct loopback requests, for an
//! hour.

use std::path::PathBuf;
use std::time::Duration;

use pulse_store::{StoreError, files};

use crate::auth::Auth;

const FILE: &str = ".auth_recovery";
const LIFETIME: Duration = Duration::from_secs(3600);

impl Auth {
    pub(crate) fn recovery_file(&self) -> PathBuf {
        self.store().dir().join(FILE)
    }

    /// Is the mode on? Looks at the disk; asked only when a direct loopback request has no other
    /// credentials.
    pub fn recovery_mode(&self) -> bool {
        let Ok(modified) = std::fs::metadata(self.recovery_file()).and_then(|m| m.modified())
        else {
            return false;
        };
        let Ok(modified) = jiff::Timestamp::try_from(modified) else {
            return false;
        };
        let age = self.now().duration_since(modified);
        age < LIFETIME.try_into().unwrap_or(jiff::SignedDuration::ZERO)
    }

    pub(crate) fn enter_recovery_mode(&self) -> Result<(), StoreError> {
        let note = format!(
            "Recovery mode since {}. Direct loopback requests are the administrator for one hour. Delete this file to end it.\n",
            self.now()
        );
        files::write_private(&self.recovery_file(), note.as_bytes())
    }

    /// `false` when it was not on.
    pub(crate) fn leave_recovery_mode(&self) -> Result<bool, StoreError> {
        files::remove(&self.recovery_file())
    }
}
