//! The handle.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, RwLock};
use std::thread::JoinHandle;

use crate::buffer::Buffer;
use crate::codec::BlobLoss;
use crate::config::HistoryConfig;
use crate::db::{Db, lock};
use crate::error::{CardinalityError, HistoryError};
use crate::history::History;
use crate::query::{self, Query, QueryResult};
use crate::registry::Offender;
use crate::seal::log_bytes;
use crate::stats::Stats;
use crate::tables::{count_key, load_registry, meta};
use crate::tier::Tier;
use crate::types::{Metric, ResourceKind, SeriesId, Tick, UnixMs};
use crate::writer::{Counters, Gone, Order, Shared, Writer};

/// A section of a log row holds fewer samples than this, so a tick must too.
const MOST_BUFFERED: usize = 700_000;
/// Between two refusals that look for the offender again.
const REFUSALS: u64 = 4096;

/// History in a SQLite file, or in memory. Cheap to clone; the last clone to go flushes and closes.
///
/// `append` and `intern` never wait for the disk. The others do: call them from
/// `spawn_blocking` in async code.
#[derive(Clone)]
pub struct HistoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    offender: Mutex<Option<Offender>>,
    set_aside: Option<PathBuf>,
}

impl HistoryStore {
    /// Opens or makes the file. One that is damaged, or not ours, is renamed and reported in the stats.
    pub fn open(config: HistoryConfig) -> Result<Self, HistoryError> {
        let mut opened = Db::open(&config)?;
        let mut loaded = load(&opened.db);
        if loaded.as_ref().is_err_and(HistoryError::is_damage) {
            opened.set_aside = opened.db.start_anew()?.or(opened.set_aside);
            loaded = load(&opened.db);
        }
        let (registry, counters, purge) = loaded?;
        counters
            .files_set_aside
            .store(u64::from(opened.set_aside.is_some()), Ordering::Relaxed);
        let buffered = config.max_buffered_samples.min(MOST_BUFFERED);
        let shared = Arc::new(Shared {
            buffer: Buffer::new(buffered, config.flush_interval),
            config,
            db: opened.db,
            registry: RwLock::new(registry),
            loss: BlobLoss::default(),
            counters,
            last_error: Mutex::new(None),
        });
        let mut writer = Writer {
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || {
                if purge && let Err(error) = writer.resume_purge() {
                    tracing::error!(%error, "history: purge not finished");
                }
                writer.run();
            })
            .map_err(HistoryError::Thread)?;
        let inner = Inner {
            shared,
            thread: Mutex::new(Some(thread)),
            offender: Mutex::new(None),
            set_aside: opened.set_aside,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// The id of a series, new or known. Keep it: samples name it. No I/O.
    pub fn intern(
        &self,
        kind: &ResourceKind,
        resource_id: &str,
        metric: &Metric,
    ) -> Result<SeriesId, CardinalityError> {
        let shared = self.shared();
        let known = shared
            .registry()
            .find(kind.as_str(), resource_id, metric.as_str());
        if let Some(known) = known {
            return Ok(known);
        }
        let limit = shared.config.max_series;
        let interned = shared
            .registry_mut()
            .intern(kind, resource_id, metric, limit);
        if let Err(error) = &interned {
            self.refused(error);
        }
        interned
    }

    fn refused(&self, error: &CardinalityError) {
        let before = self
            .shared()
            .counters
            .refused_series
            .fetch_add(1, Ordering::Relaxed);
        if !before.is_multiple_of(REFUSALS) {
            return;
        }
        let offender = self.shared().registry().offender();
        if let Some(offender) = &offender {
            tracing::warn!(
                limit = error.limit, kind = %offender.kind, id_prefix = offender.id_prefix,
                series = offender.series, refused = %error.resource_id,
                "history: series limit reached, new series are not recorded; most belong to this kind and prefix"
            );
        }
        *lock(&self.inner.offender) = offender;
    }

    /// Takes a tick into the buffer. Never waits for the disk; when the buffer is full the oldest
    /// ticks in it are dropped and counted.
    pub fn append(&self, tick: Tick) {
        self.shared().buffer.push(tick);
    }

    /// Answers a query from chunks, log and buffer as of now.
    pub fn query(&self, query: &Query) -> Result<QueryResult, HistoryError> {
        let result = query::run(self.shared(), query);
        if result.as_ref().is_err_and(HistoryError::is_damage) {
            // The writer replaces the file with its next flush.
            self.shared()
                .counters
                .damaged
                .store(true, Ordering::Relaxed);
        }
        result
    }

    fn order(
        &self,
        order: impl FnOnce(SyncSender<Result<(), HistoryError>>) -> Order,
    ) -> Result<(), HistoryError> {
        let (reply, answer) = sync_channel(1);
        if !self.shared().buffer.order(order(reply)) {
            return Err(HistoryError::Closed);
        }
        answer.recv().unwrap_or(Err(HistoryError::Closed))
    }

    /// Writes everything buffered and waits until it is written.
    pub fn flush(&self) -> Result<(), HistoryError> {
        self.order(Order::Flush)
    }

    /// Seals spans that are over, applies the retention, removes series without data. Call it every
    /// minute or so with the time that the ticks' clock shows.
    pub fn maintain(&self, now: UnixMs) -> Result<(), HistoryError> {
        self.order(|reply| Order::Maintain(now, reply))
    }

    /// The history of `old` belongs to `new` from now on; when `new` has one already, they become one.
    /// Answers whether there was an `old`.
    pub fn rename_resource(
        &self,
        kind: &ResourceKind,
        old: &str,
        new: &str,
    ) -> Result<bool, HistoryError> {
        let renamed = self.shared().registry_mut().rename(kind.as_str(), old, new);
        let Some(renamed) = renamed else {
            return Ok(false);
        };
        self.order(|reply| Order::Rename(renamed, reply))?;
        Ok(true)
    }

    /// Deletes every sample and the name of each resource for which `matching(kind, id)` holds.
    /// Their `SeriesId`s become invalid: samples that still name them are dropped. Answers the number of series.
    pub fn forget_resources(
        &self,
        matching: impl Fn(&str, &str) -> bool,
    ) -> Result<usize, HistoryError> {
        let mut registry = self.shared().registry_mut();
        let series = registry.series_where(&matching);
        let resources = registry.remove_series(&series);
        drop(registry);
        let count = series.len();
        self.order(|reply| Order::Forget(Gone { series, resources }, reply))?;
        Ok(count)
    }

    /// Numbers about the store.
    pub fn stats(&self) -> Result<Stats, HistoryError> {
        let shared = self.shared();
        let (log_samples, counts) = shared.db.snapshot(
            || (),
            |c, ()| {
                let log: i64 =
                    c.query_row("SELECT coalesce(sum(n), 0) FROM log", [], |row| row.get(0))?;
                let mut counts = [0_i64; 4];
                for (slot, tier) in counts.iter_mut().zip(Tier::ALL) {
                    *slot = meta(c, count_key(tier))?.unwrap_or(0);
                }
                Ok((log, counts))
            },
        )?;
        let [raw, minute, hour, day] = counts.map(|n| u64::try_from(n).unwrap_or(0));
        let counters = &shared.counters;
        let time = |ms: i64| (ms > 0).then_some(UnixMs(ms));
        let fill = shared.buffer.fill();
        Ok(Stats {
            db_size: shared.db.size(),
            used_size: shared.db.used()?,
            log_size: counters.log_bytes.load(Ordering::Relaxed),
            raw_samples: raw + u64::try_from(log_samples).unwrap_or(0),
            minute_buckets: minute,
            hour_buckets: hour,
            day_buckets: day,
            total_writes: counters.written_samples.load(Ordering::Relaxed),
            buffered_samples: fill.samples as u64,
            last_flush: time(counters.last_flush.load(Ordering::Relaxed)),
            last_rollup: time(counters.last_seal.load(Ordering::Relaxed)),
            last_retention: time(counters.last_retention.load(Ordering::Relaxed)),
            series: shared.registry().series.len() as u32,
            max_series: shared.config.max_series,
            refused_series: counters.refused_series.load(Ordering::Relaxed),
            offender: lock(&self.inner.offender).clone(),
            dropped_ticks: fill.dropped_ticks,
            dropped_samples: fill.dropped_samples,
            invalid_samples: counters.invalid.load(Ordering::Relaxed),
            unknown_samples: counters.unknown_series.load(Ordering::Relaxed),
            too_old_samples: counters.too_old.load(Ordering::Relaxed),
            evicted: counters.evicted.load(Ordering::Relaxed),
            unreadable_blobs: shared.loss.count(),
            write_errors: counters.write_errors.load(Ordering::Relaxed),
            last_error: lock(&shared.last_error).clone(),
            files_set_aside: counters.files_set_aside.load(Ordering::Relaxed),
            set_aside: self.inner.set_aside.clone(),
            in_memory: !shared.db.is_file(),
        })
    }

    /// Writes what is buffered and stops the writer; other clones then drop what they are given.
    pub fn shutdown(self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.shared.buffer.close();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("history: writer ended abnormally");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Names, counters, and whether a purge has to go on.
fn load(db: &Db) -> Result<(crate::registry::Registry, Counters, bool), HistoryError> {
    db.write(
        |c| {
            let registry = load_registry(c)?;
            let counters = Counters::default();
            let written = meta(c, "written")?.unwrap_or(0);
            counters
                .written_samples
                .store(u64::try_from(written).unwrap_or(0), Ordering::Relaxed);
            counters.log_bytes.store(log_bytes(c)?, Ordering::Relaxed);
            counters
                .last_seal
                .store(meta(c, "sealed_at")?.unwrap_or(0), Ordering::Relaxed);
            counters
                .last_retention
                .store(meta(c, "retained_at")?.unwrap_or(0), Ordering::Relaxed);
            let newest: Option<i64> =
                c.query_row("SELECT max(last) FROM log", [], |row| row.get(0))?;
            counters
                .last_flush
                .store(newest.unwrap_or(0), Ordering::Relaxed);
            Ok((registry, counters, meta(c, "purge")?.is_some()))
        },
        || {},
    )
}

impl History for HistoryStore {
    fn intern(
        &self,
        kind: &ResourceKind,
        resource_id: &str,
        metric: &Metric,
    ) -> Result<SeriesId, CardinalityError> {
        Self::intern(self, kind, resource_id, metric)
    }

    fn append(&self, tick: Tick) {
        Self::append(self, tick);
    }

    fn query(&self, query: &Query) -> Result<QueryResult, HistoryError> {
        Self::query(self, query)
    }

    fn stats(&self) -> Result<Stats, HistoryError> {
        Self::stats(self)
    }

    fn flush(&self) -> Result<(), HistoryError> {
        Self::flush(self)
    }

    fn maintain(&self, now: UnixMs) -> Result<(), HistoryError> {
        Self::maintain(self, now)
    }

    fn rename_resource(
        &self,
        kind: &ResourceKind,
        old: &str,
        new: &str,
    ) -> Result<bool, HistoryError> {
        Self::rename_resource(self, kind, old, new)
    }

    fn forget_resources(
        &self,
        matching: &dyn Fn(&str, &str) -> bool,
    ) -> Result<usize, HistoryError> {
        Self::forget_resources(self, matching)
    }
}
