//! Carrying a query out: chunks, log and buffer into one grid of accumulators.
//!
//! Memory: 32 bytes a point, at most `max_points_total` points, plus one blob at a time.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::canvas::{Canvas, emit};
use super::plan::{Grid, Part, parts};
use super::wanted::Wanted;
use super::{DEFAULT_POINTS, Query, QueryResult};
use crate::buffer::Buffered;
use crate::codec::{RollupView, SampleChunk, for_each_section};
use crate::error::{BlobError, HistoryError};
use crate::tables::{meta, readable};
use crate::tier::{BlockId, Tier};
use crate::writer::Shared;

pub(crate) fn run(shared: &Shared, query: &Query) -> Result<QueryResult, HistoryError> {
    let (start, end) = (query.start.0.max(0), query.end.0);
    let wanted = Wanted::resolve(&shared.registry(), query);
    let lines = wanted.outputs.len();
    let asked = if query.max_points == 0 {
        DEFAULT_POINTS
    } else {
        query.max_points
    };
    let share = (shared.config.max_points_total / lines.max(1)).max(2);
    let retention = &shared.config.retention;
    let grid = Grid::choose(start, end.max(start + 1), asked.min(share), |tier| {
        tier.kept_ms(retention) > 0
    });
    let empty = QueryResult {
        start: query.start,
        end: query.end,
        step_ms: grid.step,
        tier: grid.tier,
        lines: Vec::new(),
        unreadable: 0,
    };
    if lines == 0 || start >= end {
        return Ok(empty);
    }
    let mut canvas = Canvas::new(grid, lines);
    let mut unreadable = 0;
    shared.db.snapshot(
        || shared.buffer.peek(),
        |connection, buffered| {
            let from = start.max(grid.start());
            let mut reading = Reading {
                shared,
                connection,
                wanted: &wanted,
                canvas: &mut canvas,
                unreadable: &mut unreadable,
            };
            reading.chunks(&grid, from, end)?;
            reading.log(from, end)?;
            reading.buffer(&buffered, from, end);
            Ok(())
        },
    )?;
    let mut exact_times = false;
    if grid.tier == Tier::Raw {
        exact_times = canvas.adds == canvas.occupied;
        if !exact_times && canvas.adds < canvas.occupied * 2 {
            canvas.halve();
        }
    }
    Ok(QueryResult {
        step_ms: if exact_times { 0 } else { canvas.grid.step },
        lines: emit(wanted.outputs, &canvas, exact_times),
        unreadable,
        ..empty
    })
}

struct Reading<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    wanted: &'a Wanted,
    canvas: &'a mut Canvas,
    unreadable: &'a mut u64,
}

impl Reading<'_> {
    fn chunks(&mut self, grid: &Grid, start: i64, end: i64) -> Result<(), HistoryError> {
        let mut oldest = [None; 4];
        for tier in Tier::ALL {
            let (first, last) = tier.key_range();
            let key: Option<i64> = self
                .connection
                .prepare_cached("SELECT min(id) FROM chunk WHERE id BETWEEN ?1 AND ?2")?
                .query_row([first, last], |row| row.get(0))?;
            if let Some(slot) = oldest.get_mut(tier.index()) {
                *slot = key.map(|key| Tier::window_in(key) * tier.window_ms());
            }
        }
        let runs = self.wanted.runs();
        let oldest = |tier: Tier| oldest.get(tier.index()).copied().flatten();
        for part in parts(grid, start, end, oldest) {
            let windows = part.tier.window_of(part.from)..=part.tier.window_of(part.to - 1);
            for window in windows {
                for (first, last) in &runs {
                    self.range(
                        part,
                        part.tier.key(window, *first),
                        part.tier.key(window, *last),
                    )?;
                }
            }
        }
        Ok(())
    }

    fn range(&mut self, part: Part, first: i64, last: i64) -> Result<(), HistoryError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, data FROM chunk WHERE id BETWEEN ?1 AND ?2")?;
        let mut rows = query.query([first, last])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            let blob = row.get_ref(1)?.as_blob().unwrap_or(&[]);
            let begin = Tier::window_in(key) * part.tier.window_ms();
            let drawn = if part.tier == Tier::Raw {
                self.samples(part, begin, blob)
            } else {
                self.rollups(part, begin, blob)
            };
            self.check(drawn, "chunk", key);
        }
        Ok(())
    }

    fn check(&mut self, result: Result<(), BlobError>, table: &'static str, key: i64) {
        if readable(result, &self.shared.loss, table, key).is_none() {
            *self.unreadable += 1;
        }
    }

    fn samples(&mut self, part: Part, begin: i64, blob: &[u8]) -> Result<(), BlobError> {
        let chunk = SampleChunk::decode(blob)?;
        for (id, offsets, values) in chunk.each() {
            let Some(source) = self.wanted.source(i64::from(id)) else {
                continue;
            };
            self.canvas.draw(source.output, |pen| {
                for (&offset, &value) in offsets.iter().zip(values) {
                    let at = begin + i64::from(offset);
                    if at >= part.from && at < part.to {
                        pen.sample(at, value, chunk.scale);
                    }
                }
            });
        }
        Ok(())
    }

    fn rollups(&mut self, part: Part, begin: i64, blob: &[u8]) -> Result<(), BlobError> {
        let chunk = RollupView::decode(blob)?;
        let length = part.tier.bucket_ms();
        for (id, numbers, at) in chunk.each() {
            let Some(source) = self.wanted.source(i64::from(id)) else {
                continue;
            };
            self.canvas.draw(source.output, |pen| {
                for (&number, line) in numbers.iter().zip(chunk.lines(at)) {
                    let at = begin + i64::from(number) * length;
                    if at + length > part.from && at < part.to {
                        // A coarse bucket that began before the range is shown at its start.
                        pen.add(at.max(part.from), line.count, line.sum, line.min, line.max);
                    }
                }
            });
        }
        Ok(())
    }

    /// Ticks that are not sealed yet.
    fn log(&mut self, start: i64, end: i64) -> Result<(), HistoryError> {
        let c = self.connection;
        let sealing = (
            meta(c, "seal_span")?,
            meta(c, "seal_upto")?,
            meta(c, "seal_next")?,
        );
        let sealed = |span: i64, id: i64| match sealing {
            (Some(of), Some(upto), Some(next)) if span == of && id <= upto => Some(BlockId(next)),
            _ => None,
        };
        let mut query = c.prepare_cached(
            "SELECT id, span, data FROM log WHERE last >= ?1 AND first < ?2 ORDER BY id",
        )?;
        let mut rows = query.query(params![start, end])?;
        while let Some(row) = rows.next()? {
            let (id, span) = (row.get(0)?, row.get(1)?);
            let blob = row.get_ref(2)?.as_blob().unwrap_or(&[]);
            let before = sealed(span, id);
            let walked = for_each_section(blob, |section| {
                if !self.wanted.metrics.contains(&section.metric) {
                    return Ok(());
                }
                let scale = section.scale;
                let columns = section.decode()?;
                let columns = columns
                    .times
                    .iter()
                    .zip(&columns.series)
                    .zip(&columns.values);
                for ((&at, &series), &value) in columns {
                    let Some(source) = self.wanted.source(series) else {
                        continue;
                    };
                    let is_sealed = before.is_some_and(|next| source.block < next);
                    if at >= start && at < end && !is_sealed {
                        self.canvas
                            .draw(source.output, |pen| pen.sample(at, value, scale));
                    }
                }
                Ok(())
            });
            self.check(walked, "log", id);
        }
        Ok(())
    }

    /// Ticks that are not written yet.
    fn buffer(&mut self, buffered: &[Arc<Buffered>], start: i64, end: i64) {
        let oldest = self.shared.oldest_accepted();
        for buffered in buffered {
            let at = buffered.tick.at.0;
            if at < start.max(oldest) || at >= end {
                continue;
            }
            for sample in &buffered.tick.samples {
                let Some(source) = self.wanted.source(i64::from(sample.series.0)) else {
                    continue;
                };
                let scale = self
                    .wanted
                    .outputs
                    .get(source.output)
                    .map(|output| output.scale);
                let Some(scale) = scale else { continue };
                if let Some(stored) = scale.store(sample.value) {
                    self.canvas
                        .draw(source.output, |pen| pen.sample(at, stored, scale));
                }
            }
        }
    }
}
