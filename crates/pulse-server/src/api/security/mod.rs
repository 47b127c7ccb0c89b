//! Set-up, login, sessions, tokens.

use crate::routes::Entry;

/// The rows of this area.
pub fn routes() -> Vec<Entry> {
    Vec::new()
}
