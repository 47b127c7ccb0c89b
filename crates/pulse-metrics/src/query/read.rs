//! Carrying a query out: chunks, log and buffer into one grid of accumulators.
//!
//! Memory: 32 bytes a point, at most `max_points_total` points, plus one blob at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::plan::{Grid, Part, parts};
use super::{DEFAULT_POINTS, Line, Point, Query, QueryResult, Selector};
use crate::buffer::Buffered;
use crate::codec::{RollupView, SampleChunk, for_each_section};
use crate::error::{BlobError, HistoryError};
use crate::registry::{Registry, Resource};
use crate::scale::Scale;
use crate::tables::{meta, readable};
use crate::tier::{BlockId, Tier};
use crate::types::{Metric, ResourceKind, UnixMs};
use crate::writer::Shared;

/// A line being drawn.
struct Output {
    kind: Arc<str>,
    resource_id: Arc<str>,
    metric: Arc<str>,
    scale: Scale,
}

/// A series that is part of a line.
#[derive(Clone, Copy)]
struct Source {
    output: usize,
    block: BlockId,
}

/// What the selector means at this moment.
struct Wanted {
    outputs: Vec<Output>,
    first_id: u32,
    /// By id, from `first_id`.
    sources: Vec<Option<Source>>,
    blocks: BTreeSet<BlockId>,
    metrics: BTreeSet<u16>,
}

impl Wanted {
    fn resolve(registry: &Registry, query: &Query) -> Self {
        let mut resources: Vec<&Resource> = match &query.selector {
            Selector::One(kind, id) => find(registry, kind, id).into_iter().collect(),
            Selector::Many(list) => list
                .iter()
                .filter_map(|(kind, id)| find(registry, kind, id))
                .collect(),
            Selector::Kinds(kinds) => {
                let kinds: Vec<u16> = kinds
                    .iter()
                    .filter_map(|kind| registry.kind(kind.as_str()))
                    .collect();
                registry
                    .resources
                    .values()
                    .filter(|r| kinds.contains(&r.kind))
                    .collect()
            }
            Selector::All => registry.resources.values().collect(),
        };
        let kind_of = |r: &Resource| registry.kinds.get(usize::from(r.kind)).cloned();
        resources.sort_by(|a, b| (kind_of(a), &a.name).cmp(&(kind_of(b), &b.name)));
        resources.dedup_by(|a, b| a.kind == b.kind && a.name == b.name);
        let metrics: Option<Vec<u16>> = query.metrics.as_ref().map(|names| {
            names
                .iter()
                .filter_map(|name| registry.metric(name.as_str()))
                .collect()
        });
        let mut outputs = Vec::new();
        let mut found: Vec<(u32, Source)> = Vec::new();
        for resource in resources {
            let name_of = |metric: u16| registry.metrics.get(usize::from(metric));
            let mut series: Vec<(u16, u32)> = resource.series.clone();
            series.retain(|s| metrics.as_ref().is_none_or(|wanted| wanted.contains(&s.0)));
            series.sort_by_key(|s| (name_of(s.0).map(|m| Arc::clone(&m.name)), s.0, s.1));
            for same in series.chunk_by(|a, b| a.0 == b.0) {
                let Some(metric) = same.first().and_then(|s| name_of(s.0)) else {
                    continue;
                };
                for (_, id) in same {
                    if let Some(series) = registry.series.get(id) {
                        let source = Source {
                            output: outputs.len(),
                            block: series.block(),
                        };
                        found.push((*id, source));
                    }
                }
                outputs.push(Output {
                    kind: kind_of(resource).unwrap_or_else(|| "".into()),
                    resource_id: Arc::clone(&resource.name),
                    metric: Arc::clone(&metric.name),
                    scale: metric.scale,
                });
            }
        }
        let first_id = found.iter().map(|f| f.0).min().unwrap_or(0);
        let last_id = found.iter().map(|f| f.0).max().unwrap_or(0);
        let mut sources = vec![None; (last_id - first_id) as usize + 1];
        for (id, source) in &found {
            if let Some(slot) = sources.get_mut((id - first_id) as usize) {
                *slot = Some(*source);
            }
        }
        let blocks: BTreeSet<BlockId> = found.iter().map(|f| f.1.block).collect();
        let metrics = blocks.iter().map(|block| block.metric()).collect();
        Self {
            outputs,
            first_id,
            sources,
            blocks,
            metrics,
        }
    }

    fn source(&self, id: i64) -> Option<Source> {
        let index = usize::try_from(id - i64::from(self.first_id)).ok()?;
        *self.sources.get(index)?
    }

    /// Ranges of neighbouring blocks, first and last.
    fn runs(&self) -> Vec<(BlockId, BlockId)> {
        let mut runs: Vec<(BlockId, BlockId)> = Vec::new();
        for &block in &self.blocks {
            match runs.last_mut() {
                Some(run) if run.1.0 + 1 == block.0 => run.1 = block,
                _ => runs.push((block, block)),
            }
        }
        runs
    }
}

fn find<'a>(registry: &'a Registry, kind: &ResourceKind, id: &str) -> Option<&'a Resource> {
    let resource = registry.resource(registry.kind(kind.as_str())?, id)?;
    registry.resources.get(&resource)
}

#[derive(Clone, Copy)]
struct Acc {
    sum: f64,
    min: f64,
    max: f64,
    count: f32,
    /// Offset from the start of the bucket to what was added first.
    at: u32,
}

const EMPTY: Acc = Acc {
    sum: 0.0,
    min: f64::INFINITY,
    max: f64::NEG_INFINITY,
    count: 0.0,
    at: 0,
};

/// All lines side by side.
struct Canvas {
    grid: Grid,
    cells: Vec<Acc>,
    adds: u64,
    occupied: u64,
}

/// Adds ascending values to one line, without a division for each.
struct Pen<'a> {
    cells: &'a mut [Acc],
    grid: Grid,
    index: usize,
    begin: i64,
    adds: u64,
    occupied: u64,
}

impl Canvas {
    fn new(grid: Grid, lines: usize) -> Self {
        Self {
            grid,
            cells: vec![EMPTY; grid.len * lines],
            adds: 0,
            occupied: 0,
        }
    }

    fn draw(&mut self, line: usize, draw: impl FnOnce(&mut Pen<'_>)) {
        let from = line * self.grid.len;
        let Some(cells) = self.cells.get_mut(from..from + self.grid.len) else {
            return;
        };
        let mut pen = Pen {
            cells,
            grid: self.grid,
            index: 0,
            begin: self.grid.start(),
            adds: 0,
            occupied: 0,
        };
        draw(&mut pen);
        self.adds += pen.adds;
        self.occupied += pen.occupied;
    }

    /// Too few samples for so many buckets: joins them in pairs, so that none stays empty by chance.
    fn halve(&mut self) {
        let grid = self.grid.halved();
        let lines = self.cells.len() / self.grid.len.max(1);
        let mut halved = Self::new(grid, lines);
        for (line, cells) in self.cells.chunks(self.grid.len.max(1)).enumerate() {
            for (i, cell) in cells.iter().enumerate().filter(|c| c.1.count > 0.0) {
                let index = (self.grid.first + i as i64).div_euclid(2) - grid.first;
                let target = line * grid.len + index as usize;
                if let Some(target) = halved.cells.get_mut(target) {
                    target.sum += cell.sum;
                    target.min = target.min.min(cell.min);
                    target.max = target.max.max(cell.max);
                    target.count += cell.count;
                }
            }
        }
        *self = halved;
    }
}

impl Pen<'_> {
    fn add(&mut self, at: i64, count: f64, sum: f64, min: f64, max: f64) {
        let offset = at - self.begin;
        if !(0..self.grid.step).contains(&offset) {
            let index = at.div_euclid(self.grid.step) - self.grid.first;
            let Ok(index) = usize::try_from(index) else {
                return;
            };
            self.index = index;
            self.begin = (self.grid.first + index as i64) * self.grid.step;
        }
        let Some(cell) = self.cells.get_mut(self.index) else {
            return;
        };
        self.adds += 1;
        if cell.count == 0.0 {
            self.occupied += 1;
            cell.at = u32::try_from(at - self.begin).unwrap_or(0);
        }
        cell.sum += sum;
        cell.min = cell.min.min(min);
        cell.max = cell.max.max(max);
        cell.count += count as f32;
    }

    fn sample(&mut self, at: i64, stored: i64, scale: Scale) {
        let value = plain(stored, scale);
        self.add(at, 1.0, value, value, value);
    }
}

/// Quanta, or the float itself.
fn plain(stored: i64, scale: Scale) -> f64 {
    if scale == Scale::Exact {
        f64::from_bits(stored as u64)
    } else {
        stored as f64
    }
}

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

fn emit(outputs: Vec<Output>, canvas: &Canvas, exact_times: bool) -> Vec<Line> {
    let grid = canvas.grid;
    let mut lines = Vec::with_capacity(outputs.len());
    for (output, cells) in outputs
        .into_iter()
        .zip(canvas.cells.chunks(grid.len.max(1)))
    {
        let filled = cells.iter().filter(|cell| cell.count > 0.0).count();
        if filled == 0 {
            continue;
        }
        let mut points = Vec::with_capacity(filled);
        for (i, cell) in cells.iter().enumerate().filter(|c| c.1.count > 0.0) {
            let begin = (grid.first + i as i64) * grid.step;
            let offset = if exact_times { i64::from(cell.at) } else { 0 };
            points.push(Point {
                at: UnixMs(begin + offset),
                value: output.scale.units(cell.sum / f64::from(cell.count)),
                min: output.scale.units(cell.min),
                max: output.scale.units(cell.max),
            });
        }
        lines.push(Line {
            kind: ResourceKind::from(&*output.kind),
            resource_id: output.resource_id,
            metric: Metric::from(&*output.metric),
            points,
        });
    }
    lines
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
        for (id, numbers, lines) in chunk.each() {
            let Some(source) = self.wanted.source(i64::from(id)) else {
                continue;
            };
            self.canvas.draw(source.output, |pen| {
                for (&number, line) in numbers.iter().zip(lines) {
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
