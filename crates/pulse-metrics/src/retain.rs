//! Giving data up: past its retention, or past the memory limit.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, params};

use crate::error::HistoryError;
use crate::tables::{add_meta, count_key, set_meta};
use crate::tier::Tier;
use crate::types::UnixMs;
use crate::writer::{Gone, Writer};

/// Rows deleted or rewritten in one transaction.
pub(crate) const STEP: usize = 128;
const DAY_MS: i64 = 86_400_000;

impl Writer {
    /// Deletes whole chunks that are past their tier's retention, and series without any data left.
    pub(crate) fn retain(&mut self, now: UnixMs) -> Result<(), HistoryError> {
        for tier in Tier::ALL {
            let kept = tier.kept_ms(&self.shared.config.retention);
            let end = tier.window_of(now.0.saturating_sub(kept).max(0));
            loop {
                let gone = self
                    .shared
                    .db
                    .write(|c| delete_before(c, tier, end, now), || {})?;
                if gone < STEP {
                    break;
                }
                if self.shared.buffer.is_due() {
                    self.flush_or_note();
                }
            }
        }
        self.drop_dead_series(now)?;
        self.shared
            .counters
            .last_retention
            .store(now.0, Ordering::Relaxed);
        Ok(())
    }

    fn drop_dead_series(&mut self, now: UnixMs) -> Result<(), HistoryError> {
        let retention = &self.shared.config.retention;
        let longest = Tier::ALL
            .iter()
            .map(|tier| tier.kept_ms(retention).saturating_add(tier.window_ms()))
            .max()
            .unwrap_or(0);
        let horizon = now.0.saturating_sub(longest).div_euclid(DAY_MS) - 1;
        let dead = |seen: u32| seen > 0 && i64::from(seen) < horizon;
        let registry = self.shared.registry();
        let series: HashSet<u32> = registry
            .series
            .iter()
            .filter(|(_, series)| dead(series.seen))
            .map(|(id, _)| *id)
            .collect();
        drop(registry);
        if series.is_empty() {
            return Ok(());
        }
        let resources = self.shared.registry_mut().remove_series(&series);
        tracing::info!(
            series = series.len(),
            "history: series without data removed"
        );
        self.delete_names(&Gone { series, resources })
    }

    /// In memory: gives up the oldest data until the limit holds.
    pub(crate) fn evict(&mut self) -> Result<(), HistoryError> {
        let limit = self.shared.config.memory_limit;
        while self.shared.db.used()? > limit {
            let gone = self.shared.db.write(evict_step, || {})?;
            if gone == 0 {
                break;
            }
            self.shared
                .counters
                .evicted
                .fetch_add(gone, Ordering::Relaxed);
            self.refresh_log_bytes()?;
        }
        Ok(())
    }
}

/// Deletes up to `STEP` chunks of windows before `end`.
fn delete_before(
    connection: &Connection,
    tier: Tier,
    end: i64,
    now: UnixMs,
) -> Result<usize, rusqlite::Error> {
    let (first, end) = (tier.key_range().0, tier.first_key(end));
    let (chunks, _) = delete_range(connection, tier, first, end)?;
    if chunks > 0 {
        set_meta(connection, "retained_at", now.0)?;
    }
    Ok(chunks)
}

/// Deletes up to `STEP` chunks with keys in `from..to`; answers their number and their entries.
fn delete_range(
    connection: &Connection,
    tier: Tier,
    from: i64,
    to: i64,
) -> Result<(usize, i64), rusqlite::Error> {
    let mut query = connection.prepare_cached(
        "SELECT id, n FROM chunk WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    )?;
    let found: Vec<(i64, i64)> = query
        .query_map(params![from, to, STEP as i64], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let Some(last) = found.last() else {
        return Ok((0, 0));
    };
    connection
        .prepare_cached("DELETE FROM chunk WHERE id >= ?1 AND id <= ?2")?
        .execute([from, last.0])?;
    let entries: i64 = found.iter().map(|row| row.1).sum();
    add_meta(connection, count_key(tier), -entries)?;
    Ok((found.len(), entries))
}

/// Deletes the oldest window of samples, else of a roll-up, else the oldest ticks. Answers how many entries.
fn evict_step(connection: &Connection) -> Result<u64, rusqlite::Error> {
    for tier in Tier::ALL {
        let (first, last) = tier.key_range();
        let oldest: Option<i64> = connection
            .prepare_cached("SELECT min(id) FROM chunk WHERE id BETWEEN ?1 AND ?2")?
            .query_row([first, last], |row| row.get(0))?;
        if let Some(oldest) = oldest {
            let end = tier.first_key(Tier::window_in(oldest) + 1);
            let (_, entries) = delete_range(connection, tier, oldest, end)?;
            return Ok(u64::try_from(entries).unwrap_or(0).max(1));
        }
    }
    let sql = "SELECT id, n FROM log ORDER BY id LIMIT 16";
    let found: Vec<(i64, i64)> = connection
        .prepare_cached(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, _) in &found {
        connection.execute("DELETE FROM log WHERE id = ?1", [id])?;
    }
    Ok(found
        .iter()
        .map(|row| u64::try_from(row.1).unwrap_or(0))
        .sum())
}
