//! The writer thread: the only one that changes the database.
//!
//! Flushes ticks when they are due, carries out orders one after the other, and flushes between the
//! steps of a long one. A failed write keeps the ticks in the buffer and tries again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::params;

use crate::buffer::{Buffer, Buffered, Wake};
use crate::codec::{BlobLoss, Entry, TickBatch};
use crate::config::HistoryConfig;
use crate::db::{Db, lock};
use crate::error::HistoryError;
use crate::registry::{Registry, Renamed};
use crate::scale::Scale;
use crate::tables::FreshRows;
use crate::tier::{END_OF_TIME, SPAN_MS, Tier};
use crate::types::UnixMs;

/// Pause after a failed write.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) enum Order {
    Flush(SyncSender<Result<(), HistoryError>>),
    Maintain(UnixMs, SyncSender<Result<(), HistoryError>>),
    Rename(Renamed, SyncSender<Result<(), HistoryError>>),
    /// Series and resources that are gone from the registry.
    Forget(Gone, SyncSender<Result<(), HistoryError>>),
}

#[derive(Default)]
pub(crate) struct Gone {
    pub series: HashSet<u32>,
    pub resources: Vec<u32>,
}

/// What the handle, the queries and the writer have in common.
pub(crate) struct Shared {
    pub config: HistoryConfig,
    pub db: Db,
    pub registry: RwLock<Registry>,
    pub buffer: Buffer<Order>,
    pub loss: BlobLoss,
    pub counters: Counters,
    pub last_error: Mutex<Option<String>>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub written_samples: AtomicU64,
    pub written_blob_bytes: AtomicU64,
    pub invalid: AtomicU64,
    pub unknown_series: AtomicU64,
    pub too_old: AtomicU64,
    pub refused_series: AtomicU64,
    pub evicted: AtomicU64,
    pub write_errors: AtomicU64,
    pub files_set_aside: AtomicU64,
    pub last_flush: AtomicI64,
    pub last_seal: AtomicI64,
    pub last_retention: AtomicI64,
    pub log_bytes: AtomicU64,
    /// The newest time that a caller or a tick told.
    pub now: AtomicI64,
    /// A query met damaged pages.
    pub damaged: AtomicBool,
}

impl Shared {
    pub(crate) fn registry(&self) -> std::sync::RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn registry_mut(&self) -> std::sync::RwLockWriteGuard<'_, Registry> {
        self.registry
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Samples before this are not accepted.
    pub(crate) fn oldest_accepted(&self) -> i64 {
        let now = self.counters.now.load(Ordering::Relaxed);
        let kept = Tier::Raw.kept_ms(&self.config.retention);
        now.saturating_sub(kept).div_euclid(SPAN_MS) * SPAN_MS
    }
}

pub(crate) struct Writer {
    pub shared: Arc<Shared>,
}

impl Drop for Writer {
    /// However the thread ends, nobody must wait for it.
    fn drop(&mut self) {
        self.shared.buffer.abandon();
    }
}

impl Writer {
    pub(crate) fn run(mut self) {
        loop {
            match self.shared.buffer.wait() {
                Wake::Flush => self.flush_or_note(),
                Wake::Order(order) => self.carry_out(order),
                Wake::Closed => {
                    self.flush_or_note();
                    self.shared.db.checkpoint("TRUNCATE");
                    return;
                }
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        // A caller that no longer waits for the answer does not matter.
        match order {
            Order::Flush(reply) => drop(reply.send(self.guarded(Self::flush))),
            Order::Maintain(now, reply) => {
                drop(reply.send(self.guarded(|writer| writer.maintain(now))));
            }
            Order::Rename(renamed, reply) => {
                drop(reply.send(self.guarded(|writer| writer.rename(&renamed))));
            }
            Order::Forget(gone, reply) => {
                drop(reply.send(self.guarded(|writer| writer.forget(&gone))));
            }
        }
    }

    /// Flushes, then works; notes a failure and replaces a damaged file.
    fn guarded(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let result = self.flush().and_then(|()| work(self));
        if let Err(error) = &result {
            self.note(error);
        }
        result
    }

    pub(crate) fn flush_or_note(&mut self) {
        if let Err(error) = self.flush() {
            self.note(&error);
            self.shared.buffer.put_off(RETRY);
        }
    }

    fn note(&mut self, error: &HistoryError) {
        let counters = &self.shared.counters;
        counters.write_errors.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "history: write");
        *lock(&self.shared.last_error) = Some(error.to_string());
        if error.is_damage() || counters.damaged.swap(false, Ordering::Relaxed) {
            self.start_anew();
        }
    }

    fn start_anew(&mut self) {
        match self.shared.db.start_anew() {
            Ok(_) => {
                let counters = &self.shared.counters;
                counters.files_set_aside.fetch_add(1, Ordering::Relaxed);
                counters.log_bytes.store(0, Ordering::Relaxed);
                self.shared.registry_mut().mark_all_fresh();
            }
            Err(error) => tracing::error!(%error, "history: no new file"),
        }
    }

    /// Writes what is buffered: new names and one log row a span, in one transaction.
    pub(crate) fn flush(&mut self) -> Result<(), HistoryError> {
        let shared = Arc::clone(&self.shared);
        if shared.counters.damaged.swap(false, Ordering::Relaxed) {
            self.start_anew();
        }
        let ticks = shared.buffer.peek();
        let fresh = std::mem::take(&mut shared.registry_mut().fresh);
        if ticks.is_empty() && fresh.is_empty() {
            return Ok(());
        }
        let registry = shared.registry();
        let names = FreshRows::collect(&registry, &fresh);
        let scales: Vec<Scale> = registry.metrics.iter().map(|m| m.scale).collect();
        let (batches, counted) = gather(&ticks, &registry, shared.oldest_accepted());
        drop(registry);
        let scale_of = |metric: u16| {
            let scale = scales.get(usize::from(metric));
            scale.copied().unwrap_or(Scale::Exact)
        };
        let rows: Vec<Row> = batches
            .into_iter()
            .map(|(span, mut batch)| Row {
                span,
                first: batch.times.iter().min().copied().unwrap_or(0),
                last: batch.times.iter().max().copied().unwrap_or(0),
                samples: batch.entries.len(),
                blob: batch.encode(scale_of),
            })
            .collect();
        let bytes: u64 = rows.iter().map(|row| row.blob.len() as u64).sum();
        let stored = shared.db.write(
            |connection| {
                names.insert(connection)?;
                let mut insert = connection.prepare_cached(
                    "INSERT INTO log (span, first, last, n, data) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                for row in &rows {
                    let n = row.samples as i64;
                    insert.execute(params![row.span, row.first, row.last, n, row.blob])?;
                }
                Ok(())
            },
            || {
                if let Some(last) = ticks.last() {
                    shared.buffer.remove_through(last);
                }
            },
        );
        if let Err(error) = stored {
            shared.registry_mut().fresh.put_back(fresh);
            return Err(error);
        }
        let counters = &shared.counters;
        let samples: usize = rows.iter().map(|row| row.samples).sum();
        counters
            .written_samples
            .fetch_add(samples as u64, Ordering::Relaxed);
        counters
            .written_blob_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        counters.log_bytes.fetch_add(bytes, Ordering::Relaxed);
        counters
            .invalid
            .fetch_add(counted.invalid, Ordering::Relaxed);
        counters
            .unknown_series
            .fetch_add(counted.unknown, Ordering::Relaxed);
        counters
            .too_old
            .fetch_add(counted.too_old, Ordering::Relaxed);
        if let Some(newest) = rows.iter().map(|row| row.last).max() {
            counters.last_flush.store(newest, Ordering::Relaxed);
        }
        shared.db.wrote(bytes);
        if !shared.db.is_file() {
            self.evict()?;
        }
        Ok(())
    }

    fn rename(&mut self, renamed: &Renamed) -> Result<(), HistoryError> {
        let shared = Arc::clone(&self.shared);
        shared.db.write(
            |connection| match renamed {
                Renamed::InPlace { resource } => {
                    let registry = shared.registry();
                    let name = registry
                        .resources
                        .get(resource)
                        .map(|r| Arc::clone(&r.name));
                    drop(registry);
                    connection.execute(
                        "UPDATE resource SET name = ?2 WHERE id = ?1",
                        params![resource, name.as_deref().unwrap_or("")],
                    )
                }
                Renamed::Merged { from, to } => {
                    connection.execute(
                        "UPDATE series SET resource = ?2 WHERE resource = ?1",
                        [from, to],
                    )?;
                    connection.execute("DELETE FROM resource WHERE id = ?1", [from])
                }
            },
            || {},
        )?;
        Ok(())
    }

    fn maintain(&mut self, now: UnixMs) -> Result<(), HistoryError> {
        self.shared.counters.now.fetch_max(now.0, Ordering::Relaxed);
        self.seal_due(now)?;
        self.retain(now)
    }
}

struct Row {
    span: i64,
    first: i64,
    last: i64,
    samples: usize,
    blob: Vec<u8>,
}

#[derive(Default)]
struct Counted {
    invalid: u64,
    unknown: u64,
    too_old: u64,
}

/// Sorts samples into batches, one or more a span, and counts what is not kept.
fn gather(
    ticks: &[Arc<Buffered>],
    registry: &Registry,
    oldest: i64,
) -> (Vec<(i64, TickBatch)>, Counted) {
    let mut batches: Vec<(i64, TickBatch)> = Vec::new();
    let mut counted = Counted::default();
    for buffered in ticks {
        let tick = &buffered.tick;
        let (at, samples) = (tick.at.0, tick.samples.len() as u64);
        if !(0..END_OF_TIME).contains(&at) {
            counted.invalid += samples;
            continue;
        }
        if at < oldest {
            counted.too_old += samples;
            continue;
        }
        let span = Tier::Raw.window_of(at);
        let open = batches
            .iter()
            .rposition(|(of, batch)| *of == span && !batch.is_full());
        let index = open.unwrap_or_else(|| {
            batches.push((span, TickBatch::default()));
            batches.len() - 1
        });
        let Some((_, batch)) = batches.get_mut(index) else {
            continue;
        };
        let number = batch.times.len() as u16;
        batch.times.push(at);
        for sample in &tick.samples {
            let Some(series) = registry.series.get(&sample.series.0) else {
                counted.unknown += 1;
                continue;
            };
            let Some(value) = registry.scale(series.metric).store(sample.value) else {
                counted.invalid += 1;
                continue;
            };
            batch.entries.push(Entry {
                metric: series.metric,
                tick: number,
                series: sample.series.0,
                value,
            });
        }
    }
    batches.retain(|(_, batch)| !batch.entries.is_empty());
    (batches, counted)
}
