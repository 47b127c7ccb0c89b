//! What can go wrong with the application database, and the way out.

use std::path::PathBuf;

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}", path = path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("application database: {0}")]
    Database(#[from] sqlx::Error),
    #[error(
        "{path}: the encryption key is gone, but pulse.db holds secrets encrypted with it; restore the file from a backup, or move pulse.db away to start empty",
        path = path.display()
    )]
    KeyLost { path: PathBuf },
    #[error(
        "{path}: this is not the key that pulse.db was encrypted with; restore the original key, or move pulse.db away to start empty",
        path = path.display()
    )]
    KeyMismatch { path: PathBuf },
    #[error("{path}: expected 32 bytes, found {found}; restore the key from a backup", path = path.display())]
    KeyMalformed { path: PathBuf, found: usize },
    #[error(
        "pulse.db is at schema version {found}, this program knows up to {known}; install a newer version of pulse"
    )]
    SchemaTooNew { found: i64, known: i64 },
    #[error("{place}: the stored secret does not decrypt; it was changed outside of pulse")]
    Undecryptable { place: String },
    #[error("{place}: {reason}")]
    Corrupt { place: String, reason: String },
    #[error("{what}: at most {limit} can be stored; remove one first")]
    Full { what: &'static str, limit: usize },
}

impl StoreError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn corrupt(place: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            place: place.into(),
            reason: reason.to_string(),
        }
    }
}
