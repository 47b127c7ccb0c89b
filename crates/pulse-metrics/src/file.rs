//! The history file: making, checking, setting aside. What the format document says under "Versions" and
//! "Damage".

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags};

use crate::error::{HistoryError, sql_damage};

const APPLICATION_ID: i64 = 0x5055_4C48;
const FORMAT: i64 = 1;
pub(crate) const SCHEMA: &str = "
CREATE TABLE meta    (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kind    (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE metric  (id INTEGER PRIMARY KEY, name TEXT NOT NULL, scale INTEGER NOT NULL);
CREATE TABLE resource(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE series  (id INTEGER PRIMARY KEY, resource INTEGER NOT NULL, metric INTEGER NOT NULL,
                      place INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE log     (id INTEGER PRIMARY KEY, span INTEGER NOT NULL, first INTEGER NOT NULL,
                      last INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE chunk   (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, data BLOB NOT NULL);
";

pub(crate) enum Refused {
    /// To be moved away under this label.
    Unusable(&'static str),
    Error(HistoryError),
}

pub(crate) fn open_file(path: &Path, cache_bytes: u32) -> Result<Connection, Refused> {
    let refuse = |source: rusqlite::Error| {
        if sql_damage(&source) {
            Refused::Unusable("corrupt")
        } else {
            Refused::Error(HistoryError::Open {
                path: path.to_owned(),
                source,
            })
        }
    };
    let connection = Connection::open(path).map_err(refuse)?;
    check_and_create(&connection, path, cache_bytes).map_err(|problem| match problem {
        Problem::Sql(source) => refuse(source),
        Problem::Foreign => Refused::Unusable("old"),
        Problem::Newer(found) => Refused::Error(HistoryError::NewerFormat {
            path: path.to_owned(),
            found,
            known: FORMAT,
        }),
    })?;
    Ok(connection)
}

enum Problem {
    Sql(rusqlite::Error),
    Foreign,
    Newer(i64),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

fn check_and_create(connection: &Connection, path: &Path, cache_bytes: u32) -> Result<(), Problem> {
    connection.busy_timeout(Duration::from_secs(5))?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let format = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_master")?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(Problem::Foreign);
    }
    if format > FORMAT {
        return Err(Problem::Newer(format));
    }
    connection.execute_batch("PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE;")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    prepare(connection, cache_bytes)?;
    if tables == 0 {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {FORMAT}; COMMIT;"
        ))?;
        tracing::info!(path = %path.display(), "history: new file");
    }
    Ok(())
}

pub(crate) fn prepare(connection: &Connection, cache_bytes: u32) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;",
        (cache_bytes / 1024).max(64)
    ))?;
    // Checkpoints are ours, outside the moment in which readers wait.
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))?;
    connection.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))
}

pub(crate) fn open_reader(path: &Path, cache_bytes: u32) -> Result<Connection, HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(&format!(
        "PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
         PRAGMA cell_size_check = ON; PRAGMA query_only = ON;",
        (cache_bytes / 1024).max(64)
    ))?;
    Ok(connection)
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(crate) fn move_away(path: &Path, label: &str) -> Result<PathBuf, HistoryError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut target = beside(path, &format!(".{label}-{}", now.as_secs()));
    for attempt in 1.. {
        if !target.exists() {
            break;
        }
        target = beside(path, &format!(".{label}-{}.{attempt}", now.as_secs()));
    }
    std::fs::rename(path, &target).map_err(|source| HistoryError::SetAside {
        path: path.to_owned(),
        source,
    })?;
    for suffix in ["-wal", "-shm"] {
        // They may not exist; a left-over WAL would be taken for one of the new file.
        let _ = std::fs::rename(beside(path, suffix), beside(&target, suffix));
    }
    tracing::error!(path = %path.display(), moved_to = %target.display(),
        "history: unreadable file set aside, starting a new one");
    Ok(target)
}
