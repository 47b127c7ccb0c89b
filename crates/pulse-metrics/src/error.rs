//! What can go wrong, and what to do about it.

use std::path::PathBuf;

use crate::types::ResourceKind;

/// An operation on the history could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    #[error("history file {path}: {source}; check that the folder exists and can be written")]
    Open {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error(
        "history file {path} was written by a newer pulse (format {found}, this one reads {known}); \
         update pulse or move the file away"
    )]
    NewerFormat {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("history file {path} is damaged and could not be set aside: {source}; move it away")]
    SetAside {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("history database: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("history is shut down")]
    Closed,
    #[error("thread for writing the history: {0}")]
    Thread(std::io::Error),
}

impl HistoryError {
    /// True when SQLite found the file damaged.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Open { source, .. } | Self::Database(source) if sql_damage(source))
    }
}

/// True when this SQLite error means damaged pages.
pub(crate) fn sql_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

/// No further series is accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "history has {limit} series, its limit; new series of {kind} {resource_id} are not recorded; \
     raise the limit or stop what creates them"
)]
pub struct CardinalityError {
    pub limit: u32,
    pub kind: ResourceKind,
    pub resource_id: String,
}

/// A blob is not what the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    #[error("blob version {0} is unknown")]
    Version(u8),
    #[error("blob is damaged")]
    Damaged,
}
