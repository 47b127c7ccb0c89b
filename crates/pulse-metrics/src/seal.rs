//! Sealing: ticks of a finished span become chunks and roll-ups.
//!
//! Works through the blocks in transactions of bounded size; `meta` remembers how far it got, so a
//! kill costs nothing but time, and ticks are flushed in between. Every step is idempotent: see
//! "Sealing" in `docs/history-format.md`. Memory: about 200,000 samples of 16 bytes, plus their chunks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, params};

use crate::codec::for_each_section;
use crate::error::HistoryError;
use crate::scale::Scale;
use crate::seal_block::seal_block;
use crate::tables::{clear_meta, meta, readable, set_meta};
use crate::tier::{BlockId, SPAN_MS};
use crate::types::UnixMs;
use crate::writer::{Shared, Writer};

/// Samples transposed at once.
const BATCH_SAMPLES: usize = 200_000;

/// What is being sealed.
#[derive(Clone, Copy)]
struct Job {
    span: i64,
    upto: i64,
}

/// Samples of one series: offset in the span and stored value.
pub(crate) type Samples = Vec<(u32, i64)>;

impl Writer {
    /// Seals every span that is over, and the running one when the log is too large.
    pub(crate) fn seal_due(&mut self, now: UnixMs) -> Result<(), HistoryError> {
        let grace = i64::try_from(self.shared.config.seal_grace.as_millis()).unwrap_or(0);
        let before = (now.0 - grace).div_euclid(SPAN_MS);
        while let Some((job, next)) = self.next_job(before)? {
            self.seal(job, next, now)?;
            self.shared
                .counters
                .last_seal
                .store(now.0, Ordering::Relaxed);
            self.refresh_log_bytes()?;
        }
        Ok(())
    }

    /// Bytes of blobs in the log, counted anew.
    pub(crate) fn refresh_log_bytes(&self) -> Result<(), HistoryError> {
        let bytes = self.shared.db.write(log_bytes, || {})?;
        self.shared
            .counters
            .log_bytes
            .store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// A seal to go on with, or the next to begin, and the first block to do.
    fn next_job(&self, before: i64) -> Result<Option<(Job, BlockId)>, HistoryError> {
        let too_large = self.shared.counters.log_bytes.load(Ordering::Relaxed)
            > self.shared.config.max_log_bytes;
        self.shared.db.write(
            |c| {
                let running = (
                    meta(c, "seal_span")?,
                    meta(c, "seal_upto")?,
                    meta(c, "seal_next")?,
                );
                if let (Some(span), Some(upto), Some(next)) = running {
                    return Ok(Some((Job { span, upto }, BlockId(next))));
                }
                let before = if too_large { i64::MAX } else { before };
                let found: Option<i64> = c
                    .prepare_cached("SELECT min(span) FROM log WHERE span < ?1")?
                    .query_row([before], |row| row.get(0))?;
                let Some(span) = found else { return Ok(None) };
                let upto = c
                    .prepare_cached("SELECT max(id) FROM log WHERE span = ?1")?
                    .query_row([span], |row| row.get(0))?;
                set_meta(c, "seal_span", span)?;
                set_meta(c, "seal_upto", upto)?;
                set_meta(c, "seal_next", 0)?;
                Ok(Some((Job { span, upto }, BlockId(0))))
            },
            || {},
        )
    }

    fn seal(&mut self, job: Job, next: BlockId, now: UnixMs) -> Result<(), HistoryError> {
        let shared = Arc::clone(&self.shared);
        let present = shared.db.write(|c| census(&shared, c, job), || {})?;
        let mut blocks = present.range(next..).peekable();
        while blocks.peek().is_some() {
            let mut batch = BTreeSet::new();
            let mut samples = 0;
            while let Some((block, n)) = blocks.peek() {
                if !batch.is_empty() && samples + **n > BATCH_SAMPLES {
                    break;
                }
                samples += **n;
                batch.insert(**block);
                blocks.next();
            }
            let done = batch.last().map_or(next, |last| BlockId(last.0 + 1));
            let bytes = shared.db.write(
                |c| {
                    let bytes = seal_blocks(&shared, c, job, &batch)?;
                    set_meta(c, "seal_next", done.0)?;
                    Ok(bytes)
                },
                || {},
            )?;
            shared.db.wrote(bytes);
            if self.shared.buffer.is_due() {
                self.flush_or_note();
            }
        }
        shared.db.write(
            |c| {
                let sql = "DELETE FROM log WHERE span = ?1 AND id <= ?2";
                c.execute(sql, params![job.span, job.upto])?;
                for key in ["seal_span", "seal_upto", "seal_next"] {
                    clear_meta(c, key)?;
                }
                let written = shared.counters.written_samples.load(Ordering::Relaxed);
                set_meta(c, "sealed_at", now.0)?;
                set_meta(c, "written", i64::try_from(written).unwrap_or(i64::MAX))
            },
            || {},
        )
    }
}

/// Calls `each` with the blob of every log row of the job.
fn rows(
    connection: &Connection,
    job: Job,
    mut each: impl FnMut(i64, &[u8]),
) -> Result<(), rusqlite::Error> {
    let mut query = connection
        .prepare_cached("SELECT id, data FROM log WHERE span = ?1 AND id <= ?2 ORDER BY id")?;
    let mut rows = query.query(params![job.span, job.upto])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or(&[]));
    }
    Ok(())
}

/// Which blocks have samples, and how many.
fn census(
    shared: &Shared,
    connection: &Connection,
    job: Job,
) -> Result<BTreeMap<BlockId, usize>, rusqlite::Error> {
    let registry = shared.registry();
    let mut present = BTreeMap::new();
    rows(connection, job, |id, blob| {
        let walked = for_each_section(blob, |section| {
            for series in section.series()? {
                let known = u32::try_from(series)
                    .ok()
                    .and_then(|s| registry.series.get(&s));
                if let Some(series) = known {
                    *present.entry(series.block()).or_default() += 1;
                }
            }
            Ok(())
        });
        readable(walked, &shared.loss, "log", id);
    })?;
    Ok(present)
}

/// Where the samples of a series go: a table indexed by id.
struct Slots {
    first: u32,
    table: Vec<u32>,
}

impl Slots {
    const NONE: u32 = u32::MAX;

    /// `ids` ascending.
    fn new(ids: &[u32]) -> Self {
        let first = ids.first().copied().unwrap_or(0);
        let last = ids.last().copied().unwrap_or(0);
        let mut table = vec![Self::NONE; (last - first) as usize + 1];
        for (slot, id) in ids.iter().enumerate() {
            if let Some(entry) = table.get_mut((id - first) as usize) {
                *entry = slot as u32;
            }
        }
        Self { first, table }
    }

    fn get(&self, series: i64) -> Option<usize> {
        let index = usize::try_from(series - i64::from(self.first)).ok()?;
        let slot = *self.table.get(index)?;
        (slot != Self::NONE).then_some(slot as usize)
    }
}

/// Seals some blocks. Answers the bytes of chunks written.
fn seal_blocks(
    shared: &Shared,
    connection: &Connection,
    job: Job,
    blocks: &BTreeSet<BlockId>,
) -> Result<u64, rusqlite::Error> {
    let registry = shared.registry();
    let mut ids: Vec<(u32, BlockId)> = registry
        .series
        .iter()
        .map(|(id, series)| (*id, series.block()))
        .filter(|(_, block)| blocks.contains(block))
        .collect();
    let scales: BTreeMap<BlockId, Scale> = blocks
        .iter()
        .map(|block| (*block, registry.scale(block.metric())))
        .collect();
    drop(registry);
    ids.sort_unstable();
    let only_ids: Vec<u32> = ids.iter().map(|id| id.0).collect();
    let slots = Slots::new(&only_ids);
    let metrics: BTreeSet<u16> = blocks.iter().map(|block| block.metric()).collect();

    let mut series: Vec<Samples> = vec![Vec::new(); ids.len()];
    let start = job.span * SPAN_MS;
    rows(connection, job, |_, blob| {
        // What cannot be read has been counted by the census.
        let _ = for_each_section(blob, |section| {
            if !metrics.contains(&section.metric) {
                return Ok(());
            }
            let columns = section.decode()?;
            for ((at, id), value) in columns
                .times
                .iter()
                .zip(&columns.series)
                .zip(&columns.values)
            {
                if let (Some(slot), Ok(offset)) = (slots.get(*id), u32::try_from(at - start))
                    && let Some(list) = series.get_mut(slot)
                {
                    list.push((offset, *value));
                }
            }
            Ok(())
        });
    })?;

    let mut by_block: BTreeMap<BlockId, BTreeMap<u32, Samples>> = BTreeMap::new();
    for ((id, block), mut samples) in ids.into_iter().zip(series) {
        if !samples.is_empty() {
            in_order(&mut samples);
            by_block.entry(block).or_default().insert(id, samples);
        }
    }
    let mut bytes = 0;
    for (block, fresh) in by_block {
        let scale = scales.get(&block).copied().unwrap_or(Scale::Exact);
        mark_seen(shared, connection, job.span, fresh.keys().copied())?;
        bytes += seal_block(shared, connection, job.span, block, scale, fresh)?;
    }
    Ok(bytes)
}

/// Ascending, and of two samples at one time the later written.
pub(crate) fn in_order(samples: &mut Samples) {
    if !samples.is_sorted_by(|a, b| a.0 < b.0) {
        samples.sort_by_key(|sample| sample.0);
        samples.reverse();
        samples.dedup_by_key(|sample| sample.0);
        samples.reverse();
    }
}

fn mark_seen(
    shared: &Shared,
    connection: &Connection,
    span: i64,
    ids: impl Iterator<Item = u32>,
) -> Result<(), rusqlite::Error> {
    let day = u32::try_from(span * SPAN_MS / 86_400_000).unwrap_or(0);
    let registry = shared.registry();
    let stale = |id: &u32| registry.series.get(id).is_some_and(|s| s.seen < day);
    let stale: Vec<u32> = ids.filter(stale).collect();
    drop(registry);
    if stale.is_empty() {
        return Ok(());
    }
    let mut update = connection.prepare_cached("UPDATE series SET seen = ?2 WHERE id = ?1")?;
    let mut registry = shared.registry_mut();
    for id in stale {
        update.execute([id, day])?;
        if let Some(series) = registry.series.get_mut(&id) {
            series.seen = day;
        }
    }
    Ok(())
}

pub(crate) fn log_bytes(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let sql = "SELECT coalesce(sum(length(data)), 0) FROM log";
    let bytes: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}
