//! The SQLite side: opening, setting damaged files aside, connections, snapshots.
//!
//! One connection writes. Readers take a snapshot under `gate`, so that a tick is seen either in the
//! buffer or in the log, never twice and never not at all. In memory there is a single connection,
//! used in turn.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::config::HistoryConfig;
use crate::error::{HistoryError, sql_damage};

const APPLICATION_ID: i64 = 0x5055_4C48;
const FORMAT: i64 = 1;
/// Bytes of new data after which the WAL is copied into the file.
const CHECKPOINT_BYTES: u64 = 6 << 20;

const SCHEMA: &str = "
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Db {
    path: Option<PathBuf>,
    cache_bytes: u32,
    writer: Mutex<Connection>,
    /// Held for writing while buffered ticks move into the log.
    gate: RwLock<()>,
    readers: Mutex<Readers>,
    reader_back: Condvar,
    unsynced: Mutex<u64>,
}

struct Readers {
    idle: Vec<Connection>,
    in_use: usize,
    limit: usize,
    /// Rises when the file is replaced; older connections are thrown away.
    generation: u64,
}

/// A reading connection that goes back whatever happens.
struct Borrowed<'a> {
    db: &'a Db,
    connection: Option<Connection>,
    generation: u64,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let usable = self
            .connection
            .take()
            .filter(|c| c.is_autocommit() || c.execute_batch("ROLLBACK").is_ok());
        let mut readers = lock(&self.db.readers);
        readers.in_use -= 1;
        if self.generation == readers.generation {
            readers.idle.extend(usable);
        }
        self.db.reader_back.notify_one();
    }
}

/// What opening found.
pub(crate) struct Opened {
    pub db: Db,
    /// Where a damaged or foreign file was moved.
    pub set_aside: Option<PathBuf>,
}

impl Db {
    pub(crate) fn open(config: &HistoryConfig) -> Result<Opened, HistoryError> {
        let mut set_aside = None;
        let writer = match &config.path {
            None => {
                let connection = Connection::open_in_memory()?;
                connection.execute_batch(SCHEMA)?;
                prepare(&connection, config.cache_bytes)?;
                connection
            }
            Some(path) => match open_file(path, config.cache_bytes) {
                Ok(connection) => connection,
                Err(Refused::Unusable(label)) => {
                    set_aside = Some(move_away(path, label)?);
                    open_file(path, config.cache_bytes).map_err(|refused| match refused {
                        Refused::Error(error) => error,
                        Refused::Unusable(_) => HistoryError::Closed,
                    })?
                }
                Err(Refused::Error(error)) => return Err(error),
            },
        };
        let db = Self {
            path: config.path.clone(),
            cache_bytes: config.cache_bytes,
            writer: Mutex::new(writer),
            gate: RwLock::new(()),
            readers: Mutex::new(Readers {
                idle: Vec::new(),
                in_use: 0,
                limit: config.readers.max(1),
                generation: 0,
            }),
            reader_back: Condvar::new(),
            unsynced: Mutex::new(0),
        };
        Ok(Opened { db, set_aside })
    }

    pub(crate) fn is_file(&self) -> bool {
        self.path.is_some()
    }

    /// Runs one transaction. `committed` runs while no snapshot can begin.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
        committed: impl FnOnce(),
    ) -> Result<T, HistoryError> {
        let mut connection = lock(&self.writer);
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        let gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        transaction.commit()?;
        committed();
        drop(gate);
        Ok(value)
    }

    /// Notes how much went into the WAL and copies it into the file when it is time.
    pub(crate) fn wrote(&self, bytes: u64) {
        let mut unsynced = lock(&self.unsynced);
        *unsynced += bytes + 3 * 4096;
        if self.is_file() && *unsynced >= CHECKPOINT_BYTES {
            *unsynced = 0;
            drop(unsynced);
            self.checkpoint("PASSIVE");
        }
    }

    /// Without success the WAL grows until the next time.
    pub(crate) fn checkpoint(&self, mode: &str) {
        if !self.is_file() {
            return;
        }
        let pragma = format!("PRAGMA wal_checkpoint({mode})");
        let done = lock(&self.writer).query_row(&pragma, [], |row| row.get::<_, i64>(0));
        if let Err(error) = done {
            tracing::warn!(%error, "history: checkpoint put off");
        }
    }

    /// Reads one consistent state: what `buffered` answers and what the connection shows belong together.
    pub(crate) fn snapshot<P, T>(
        &self,
        buffered: impl FnOnce() -> P,
        read: impl FnOnce(&Connection, P) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let Some(path) = &self.path else {
            let connection = lock(&self.writer);
            let buffered = buffered();
            return read(&connection, buffered);
        };
        let borrowed = self.borrow_reader(path)?;
        let connection = borrowed.connection.as_ref().ok_or(HistoryError::Closed)?;
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let buffered = buffered();
        connection.execute_batch("BEGIN")?;
        // The snapshot begins with the first read, not with BEGIN.
        connection
            .prepare_cached("SELECT value FROM meta LIMIT 1")?
            .query_row([], |row| row.get::<_, i64>(0))
            .optional()?;
        drop(gate);
        read(connection, buffered)
    }

    fn borrow_reader(&self, path: &Path) -> Result<Borrowed<'_>, HistoryError> {
        let mut readers = lock(&self.readers);
        while readers.in_use >= readers.limit {
            readers = self
                .reader_back
                .wait(readers)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let generation = readers.generation;
        let connection = match readers.idle.pop() {
            Some(connection) => connection,
            None => open_reader(path, self.cache_bytes)?,
        };
        readers.in_use += 1;
        Ok(Borrowed {
            db: self,
            connection: Some(connection),
            generation,
        })
    }

    /// Puts a new file in the place of one whose pages are damaged.
    pub(crate) fn start_anew(&self) -> Result<Option<PathBuf>, HistoryError> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let mut writer = lock(&self.writer);
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut readers = lock(&self.readers);
        readers.idle.clear();
        readers.generation += 1;
        drop(std::mem::replace(
            &mut *writer,
            Connection::open_in_memory()?,
        ));
        let moved = move_away(path, "corrupt")?;
        *writer = open_file(path, self.cache_bytes).map_err(|refused| match refused {
            Refused::Error(error) => error,
            Refused::Unusable(_) => HistoryError::Closed,
        })?;
        Ok(Some(moved))
    }

    /// Bytes of the file (with its WAL) or of the pages in memory.
    pub(crate) fn size(&self) -> u64 {
        match &self.path {
            Some(path) => [path.clone(), beside(path, "-wal")]
                .iter()
                .filter_map(|file| std::fs::metadata(file).ok())
                .map(|meta| meta.len())
                .sum(),
            None => self.used().unwrap_or(0),
        }
    }

    /// Bytes of pages that hold data.
    pub(crate) fn used(&self) -> Result<u64, HistoryError> {
        let connection = lock(&self.writer);
        Ok(used_bytes(&connection)?)
    }
}

pub(crate) fn used_bytes(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let pragma = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
    };
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(u64::try_from(pages * pragma("page_size")?).unwrap_or(0))
}

enum Refused {
    /// To be moved away under this label.
    Unusable(&'static str),
    Error(HistoryError),
}

fn open_file(path: &Path, cache_bytes: u32) -> Result<Connection, Refused> {
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

fn prepare(connection: &Connection, cache_bytes: u32) -> Result<(), rusqlite::Error> {
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

fn open_reader(path: &Path, cache_bytes: u32) -> Result<Connection, HistoryError> {
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

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn move_away(path: &Path, label: &str) -> Result<PathBuf, HistoryError> {
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
