//! Taking forgotten resources out of log and chunks.
//!
//! First the names go, then, some rows to a transaction, everything that has no name. `meta` remembers
//! that a purge is under way, so that one that was killed is finished at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::bucket::{Bucket, Buckets};
use crate::codec::{Entry, Members, RollupChunk, SampleChunk, TickBatch, for_each_section};
use crate::error::{BlobError, HistoryError};
use crate::registry::Registry;
use crate::retain::STEP;
use crate::scale::Scale;
use crate::seal_block::rollup_chunk;
use crate::tables::{chunk, clear_meta, meta, put_chunk, readable, set_meta};
use crate::tier::Tier;
use crate::writer::{Gone, Shared, Writer};

impl Writer {
    pub(crate) fn delete_names(&self, gone: &Gone) -> Result<(), HistoryError> {
        let next = self.shared.registry().next_series;
        self.shared.db.write(
            |c| {
                let mut delete = c.prepare_cached("DELETE FROM series WHERE id = ?1")?;
                for id in &gone.series {
                    delete.execute([id])?;
                }
                let mut delete = c.prepare_cached("DELETE FROM resource WHERE id = ?1")?;
                for id in &gone.resources {
                    delete.execute([id])?;
                }
                set_meta(c, "next_series", i64::from(next))
            },
            || {},
        )
    }

    /// Deletes the names, then every sample of series that have no name. A kill in between is made
    /// good when the file is opened again.
    pub(crate) fn forget(&mut self, gone: &Gone) -> Result<(), HistoryError> {
        if gone.series.is_empty() {
            return Ok(());
        }
        self.shared.db.write(|c| set_meta(c, "purge", 1), || {})?;
        self.delete_names(gone)?;
        self.purge()
    }

    /// Goes on with a purge that a kill interrupted.
    pub(crate) fn resume_purge(&mut self) -> Result<(), HistoryError> {
        let pending = self.shared.db.write(|c| meta(c, "purge"), || {})?;
        if pending.is_some() {
            self.purge()
        } else {
            Ok(())
        }
    }

    fn purge(&mut self) -> Result<(), HistoryError> {
        for table in ["log", "chunk"] {
            let mut after = i64::MIN;
            loop {
                let shared = Arc::clone(&self.shared);
                let last = shared
                    .db
                    .write(|c| purge_step(&shared, c, table, after), || {})?;
                let Some(last) = last else { break };
                after = last;
                shared.db.wrote(STEP as u64 * 4096);
                if self.shared.buffer.is_due() {
                    self.flush_or_note();
                }
            }
        }
        self.shared.db.write(|c| clear_meta(c, "purge"), || {})?;
        self.refresh_log_bytes()
    }
}

/// Looks at the next rows of a table and takes unknown series out of them. Answers the last key.
fn purge_step(
    shared: &Shared,
    connection: &Connection,
    table: &'static str,
    after: i64,
) -> Result<Option<i64>, rusqlite::Error> {
    let sql = format!("SELECT id, n FROM {table} WHERE id > ?1 ORDER BY id LIMIT ?2");
    let found: Vec<(i64, i64)> = connection
        .prepare_cached(&sql)?
        .query_map(params![after, STEP as i64], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let registry = shared.registry();
    for &(key, before) in &found {
        if table == "log" {
            purge_log_row(shared, connection, &registry, key)?;
        } else {
            purge_chunk(shared, connection, &registry, key, before)?;
        }
    }
    Ok(found.last().map(|row| row.0))
}

fn purge_chunk(
    shared: &Shared,
    connection: &Connection,
    registry: &Registry,
    key: i64,
    before: i64,
) -> Result<(), rusqlite::Error> {
    let Some((_, blob)) = chunk(connection, key)? else {
        return Ok(());
    };
    let known = |id: u32| registry.series.contains_key(&id);
    let tiers = Tier::ALL.into_iter();
    let tier = tiers
        .rev()
        .find(|tier| key >= tier.key_range().0)
        .unwrap_or(Tier::Raw);
    if tier == Tier::Raw {
        let decoded = readable(SampleChunk::decode(&blob), &shared.loss, "chunk", key);
        let Some(old) = decoded else { return Ok(()) };
        if old.each().all(|series| known(series.0)) {
            return Ok(());
        }
        let kept: Vec<_> = old.each().filter(|series| known(series.0)).collect();
        let new = SampleChunk {
            scale: old.scale,
            members: Members::gather(kept.iter().map(|s| (s.0, s.1.to_vec()))),
            values: kept.iter().flat_map(|s| s.2.iter().copied()).collect(),
        };
        put_chunk(
            connection,
            tier,
            key,
            before,
            new.values.len(),
            &new.encode(),
        )
    } else {
        let decoded = readable(RollupChunk::decode(&blob), &shared.loss, "chunk", key);
        let Some(old) = decoded else { return Ok(()) };
        if old.each().all(|series| known(series.0)) {
            return Ok(());
        }
        let pairs = |numbers: &[u32], list: &[Bucket]| -> Buckets {
            numbers.iter().copied().zip(list.iter().copied()).collect()
        };
        let kept: BTreeMap<u32, Buckets> = old
            .each()
            .filter(|series| known(series.0))
            .map(|series| (series.0, pairs(series.1, series.2)))
            .collect();
        let new = rollup_chunk(old.scale, &kept);
        put_chunk(
            connection,
            tier,
            key,
            before,
            new.buckets.len(),
            &new.encode(),
        )
    }
}

fn purge_log_row(
    shared: &Shared,
    connection: &Connection,
    registry: &Registry,
    key: i64,
) -> Result<(), rusqlite::Error> {
    let blob: Vec<u8> = connection
        .prepare_cached("SELECT data FROM log WHERE id = ?1")?
        .query_row([key], |row| row.get(0))?;
    let unpacked = readable(unpack(&blob), &shared.loss, "log", key);
    let Some((mut batch, scales)) = unpacked else {
        return Ok(());
    };
    let all = batch.entries.len();
    batch
        .entries
        .retain(|entry| registry.series.contains_key(&entry.series));
    if batch.entries.len() == all {
        return Ok(());
    }
    if batch.entries.is_empty() {
        connection.execute("DELETE FROM log WHERE id = ?1", [key])?;
    } else {
        let scale = |metric| scales.get(&metric).copied().unwrap_or(Scale::Exact);
        let blob = batch.encode(scale);
        let n = batch.entries.len() as i64;
        let sql = "UPDATE log SET n = ?2, data = ?3 WHERE id = ?1";
        connection.execute(sql, params![key, n, blob])?;
    }
    Ok(())
}

/// A log row as it was before it was packed. Ticks of equal time become one.
fn unpack(blob: &[u8]) -> Result<(TickBatch, BTreeMap<u16, Scale>), BlobError> {
    let mut scales = BTreeMap::new();
    let mut found: Vec<(i64, Entry)> = Vec::new();
    for_each_section(blob, |section| {
        let metric = section.metric;
        scales.insert(metric, section.scale);
        let columns = section.decode()?;
        for ((at, series), value) in columns
            .times
            .iter()
            .zip(&columns.series)
            .zip(&columns.values)
        {
            let series = u32::try_from(*series).map_err(|_| BlobError::Damaged)?;
            let value = *value;
            found.push((
                *at,
                Entry {
                    metric,
                    tick: 0,
                    series,
                    value,
                },
            ));
        }
        Ok(())
    })?;
    let times: Vec<i64> = found
        .iter()
        .map(|f| f.0)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut batch = TickBatch {
        times,
        entries: Vec::new(),
    };
    for (at, entry) in found {
        let tick = batch.times.binary_search(&at).unwrap_or(0) as u16;
        batch.entries.push(Entry { tick, ..entry });
    }
    Ok((batch, scales))
}
