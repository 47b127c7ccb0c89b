//! Kind 1: the ticks of one flush, one section a metric, so that a reader unpacks only what it asks for.

use super::bytes::{Reader, put_varint};
use super::column::{Effort, put_ints, read_ints, skip};
use super::samples::{put_values, read_values};
use super::{BlobKind, open_blob, seal_blob};
use crate::error::BlobError;
use crate::scale::Scale;

const MAX_TICKS: usize = 65_536;
const MAX_SECTIONS: usize = 65_536;
const MAX_SAMPLES: usize = 1 << 20;

/// One stored sample on its way into a log row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub metric: u16,
    pub tick: u16,
    pub series: u32,
    pub value: i64,
}

/// Ticks of one span, gathered for one log row.
#[derive(Debug, Default)]
pub(crate) struct TickBatch {
    pub times: Vec<i64>,
    pub entries: Vec<Entry>,
}

impl TickBatch {
    pub(crate) fn is_full(&self) -> bool {
        self.times.len() >= MAX_TICKS || self.entries.len() >= MAX_SAMPLES / 4
    }

    /// Sorts by metric and writes. `scale_of` names the scale of a metric.
    pub(crate) fn encode(&mut self, scale_of: impl Fn(u16) -> Scale) -> Vec<u8> {
        // By metric, tick and series; equal keys keep their order, so the later one stays last.
        self.entries.sort_by_key(|e| (e.metric, e.tick, e.series));
        seal_blob(BlobKind::Ticks, |out| {
            put_varint(out, self.times.len() as u64);
            put_ints(out, &self.times, Effort::Quick);
            let sections = self.entries.chunk_by(|a, b| a.metric == b.metric);
            put_varint(out, sections.clone().count() as u64);
            for section in sections {
                let Some(first) = section.first() else {
                    continue;
                };
                let scale = scale_of(first.metric);
                put_varint(out, u64::from(first.metric));
                out.push(scale.code());
                put_varint(out, section.len() as u64);
                let mut body = Vec::new();
                let column = |pick: fn(&Entry) -> i64| section.iter().map(pick).collect::<Vec<_>>();
                if self.times.len() > 1 {
                    put_ints(&mut body, &column(|e| i64::from(e.tick)), Effort::Quick);
                }
                put_ints(&mut body, &column(|e| i64::from(e.series)), Effort::Quick);
                put_values(&mut body, scale, &column(|e| e.value), Effort::Quick);
                put_varint(out, body.len() as u64);
                out.extend_from_slice(&body);
            }
        })
    }
}

/// One metric of a log row, still packed.
pub(crate) struct Section<'a> {
    pub metric: u16,
    pub scale: Scale,
    samples: usize,
    times: &'a [i64],
    body: Reader<'a>,
}

/// The samples of a section. `times` has one element for every sample.
pub(crate) struct Unpacked {
    pub times: Vec<i64>,
    pub series: Vec<i64>,
    pub values: Vec<i64>,
}

impl Section<'_> {
    /// Only the series ids, one for every sample.
    pub(crate) fn series(mut self) -> Result<Vec<i64>, BlobError> {
        if self.times.len() != 1 {
            skip(&mut self.body)?;
        }
        read_ints(&mut self.body, self.samples)
    }

    pub(crate) fn decode(mut self) -> Result<Unpacked, BlobError> {
        let times = if let [only] = self.times {
            vec![*only; self.samples]
        } else {
            let ticks = read_ints(&mut self.body, self.samples)?;
            let time = |tick: i64| self.times.get(usize::try_from(tick).ok()?).copied();
            let times: Option<Vec<i64>> = ticks.into_iter().map(time).collect();
            times.ok_or(BlobError::Damaged)?
        };
        let series = read_ints(&mut self.body, self.samples)?;
        let values = read_values(&mut self.body, self.scale, self.samples)?;
        if !self.body.is_empty() {
            return Err(BlobError::Damaged);
        }
        Ok(Unpacked {
            times,
            series,
            values,
        })
    }
}

/// Calls `each` with every section; it decides which to unpack. The first error ends the walk.
pub(crate) fn for_each_section(
    blob: &[u8],
    mut each: impl FnMut(Section<'_>) -> Result<(), BlobError>,
) -> Result<(), BlobError> {
    let mut reader = open_blob(BlobKind::Ticks, blob)?;
    let ticks = reader.count(MAX_TICKS)?;
    let times = read_ints(&mut reader, ticks)?;
    let sections = reader.count(MAX_SECTIONS)?;
    for _ in 0..sections {
        let metric = u16::try_from(reader.varint()?).map_err(|_| BlobError::Damaged)?;
        let scale = Scale::from_code(reader.byte()?)?;
        let samples = reader.count(MAX_SAMPLES)?;
        let length = usize::try_from(reader.varint()?).map_err(|_| BlobError::Damaged)?;
        let section = Section {
            metric,
            scale,
            samples,
            times: &times,
            body: Reader::new(reader.take(length)?),
        };
        each(section)?;
    }
    if reader.is_empty() {
        Ok(())
    } else {
        Err(BlobError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpack(blob: &[u8]) -> Result<Vec<(u16, i64, u32, i64)>, BlobError> {
        let mut all = Vec::new();
        for_each_section(blob, |section| {
            let metric = section.metric;
            let columns = section.decode()?;
            for i in 0..columns.values.len() {
                let series = columns.series[i] as u32;
                all.push((metric, columns.times[i], series, columns.values[i]));
            }
            Ok(())
        })?;
        Ok(all)
    }

    proptest! {
        #[test]
        fn ticks_come_back(
            times in proptest::collection::vec(0_i64..7_200_000, 1..4),
            samples in proptest::collection::vec((0_u16..5, 0_usize..4, 0_u32..300, -5000_i64..5000), 0..400),
        ) {
            let mut batch = TickBatch { times: times.clone(), entries: Vec::new() };
            let mut expected = Vec::new();
            for (metric, tick, series, value) in samples {
                let tick = tick % times.len();
                batch.entries.push(Entry { metric, tick: tick as u16, series, value });
                expected.push((metric, tick, series, times[tick], value));
            }
            expected.sort_by_key(|e| (e.0, e.1, e.2));
            let blob = batch.encode(|metric| if metric == 3 { Scale::Exact } else { Scale::One });
            let expected: Vec<_> = expected.into_iter().map(|(m, _, s, t, v)| (m, t, s, v)).collect();
            prop_assert_eq!(unpack(&blob), Ok(expected));
            for cut in [blob.len() / 3, blob.len() / 2, blob.len() - 1] {
                prop_assert!(unpack(&blob[..cut]).is_err());
            }
        }
    }
}
