//! The SQLite side: opening, setting damaged files aside, connections, snapshots.
//!
//! One connection writes. Readers take a snapshot under `gate`, so that a tick is seen either in the
//! buffer or in the log, never twice and never not at all. In memory there is a single connection,
//! used in turn.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension};

use crate::config::HistoryConfig;
use crate::error::HistoryError;
use crate::file::{Refused, SCHEMA, beside, move_away, open_file, open_reader, prepare};

/// Bytes of new data after which the WAL is copied into the file.
const CHECKPOINT_BYTES: u64 = 6 << 20;

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
