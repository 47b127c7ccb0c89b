//! Where values become points: a grid of accumulators, one row a line. Pure.

use super::plan::Grid;
use super::wanted::Output;
use super::{Line, Point};
use crate::scale::Scale;
use crate::types::{Metric, ResourceKind, UnixMs};

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
pub(super) struct Canvas {
    pub(super) grid: Grid,
    cells: Vec<Acc>,
    pub(super) adds: u64,
    pub(super) occupied: u64,
}

/// Adds ascending values to one line, without a division for each.
pub(super) struct Pen<'a> {
    cells: &'a mut [Acc],
    grid: Grid,
    index: usize,
    begin: i64,
    adds: u64,
    occupied: u64,
}

impl Canvas {
    pub(super) fn new(grid: Grid, lines: usize) -> Self {
        Self {
            grid,
            cells: vec![EMPTY; grid.len * lines],
            adds: 0,
            occupied: 0,
        }
    }

    pub(super) fn draw(&mut self, line: usize, draw: impl FnOnce(&mut Pen<'_>)) {
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
    pub(super) fn halve(&mut self) {
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
    pub(super) fn add(&mut self, at: i64, count: f64, sum: f64, min: f64, max: f64) {
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

    pub(super) fn sample(&mut self, at: i64, stored: i64, scale: Scale) {
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

pub(super) fn emit(outputs: Vec<Output>, canvas: &Canvas, exact_times: bool) -> Vec<Line> {
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
