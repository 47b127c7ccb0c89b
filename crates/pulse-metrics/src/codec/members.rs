//! Who has entries where: series and the axes they share.

use std::collections::HashMap;

use super::bytes::{Reader, put_varint};
use super::column::{Effort, MAX_COLUMN, put_ints, read_ints};
use crate::error::BlobError;

const MAX_SERIES: usize = 65_536;

/// Series of a chunk and the offsets at which each has an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// Distinct ascending offset lists.
    pub axes: Vec<Vec<u32>>,
    /// Series id and the index of its axis, ascending by id.
    pub series: Vec<(u32, u32)>,
}

impl Members {
    /// Shares equal axes. Expects the series in ascending order.
    pub(crate) fn gather(lists: impl IntoIterator<Item = (u32, Vec<u32>)>) -> Self {
        let mut members = Self::default();
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        for (series, axis) in lists {
            let next = known.len() as u32;
            let index = *known.entry(axis).or_insert(next);
            members.series.push((series, index));
        }
        members.axes = vec![Vec::new(); known.len()];
        for (axis, index) in known {
            members.axes[index as usize] = axis;
        }
        members
    }

    /// The axis of a series (by position in `series`).
    pub(crate) fn axis(&self, position: usize) -> &[u32] {
        let axis = self.series.get(position).map_or(0, |s| s.1 as usize);
        self.axes.get(axis).map_or(&[], Vec::as_slice)
    }

    /// Entries of all series together.
    pub(crate) fn entries(&self) -> usize {
        (0..self.series.len()).map(|i| self.axis(i).len()).sum()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.axes.len() as u64);
        let lengths: Vec<i64> = self.axes.iter().map(|axis| axis.len() as i64).collect();
        put_ints(out, &lengths, Effort::Thorough);
        let mut steps = Vec::with_capacity(self.axes.iter().map(Vec::len).sum());
        for axis in &self.axes {
            let mut before = 0;
            for &offset in axis {
                steps.push(i64::from(offset) - before);
                before = i64::from(offset);
            }
        }
        put_ints(out, &steps, Effort::Thorough);
        put_varint(out, self.series.len() as u64);
        let ids: Vec<i64> = self.series.iter().map(|s| i64::from(s.0)).collect();
        put_ints(out, &ids, Effort::Thorough);
        let axis_of: Vec<i64> = self.series.iter().map(|s| i64::from(s.1)).collect();
        put_ints(out, &axis_of, Effort::Thorough);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, BlobError> {
        let axes = reader.count(MAX_SERIES)?;
        let lengths = read_ints(reader, axes)?;
        let mut total = 0_usize;
        for &length in &lengths {
            let length = usize::try_from(length).map_err(|_| BlobError::Damaged)?;
            total = total.saturating_add(length);
        }
        let steps = read_ints(reader, total)?;
        let mut steps = steps.into_iter();
        let mut all = Vec::with_capacity(axes);
        for &length in &lengths {
            let mut offset = 0_i64;
            let mut axis: Vec<u32> = Vec::with_capacity(length as usize);
            for step in steps.by_ref().take(length as usize) {
                if step < i64::from(!axis.is_empty()) {
                    return Err(BlobError::Damaged);
                }
                offset = offset.checked_add(step).ok_or(BlobError::Damaged)?;
                axis.push(u32::try_from(offset).map_err(|_| BlobError::Damaged)?);
            }
            all.push(axis);
        }
        let count = reader.count(MAX_SERIES)?;
        let ids = read_ints(reader, count)?;
        let axis_of = read_ints(reader, count)?;
        let mut series: Vec<(u32, u32)> = Vec::with_capacity(count);
        let mut entries = 0_usize;
        for (id, axis) in ids.into_iter().zip(axis_of) {
            let id = u32::try_from(id).map_err(|_| BlobError::Damaged)?;
            let axis = u32::try_from(axis).map_err(|_| BlobError::Damaged)?;
            if series.last().is_some_and(|last| last.0 >= id) {
                return Err(BlobError::Damaged);
            }
            entries += all.get(axis as usize).ok_or(BlobError::Damaged)?.len();
            if entries > MAX_COLUMN {
                return Err(BlobError::Damaged);
            }
            series.push((id, axis));
        }
        Ok(Self { axes: all, series })
    }
}
