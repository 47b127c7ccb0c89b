//! Kind 3: the roll-ups of one block in one window.

use std::ops::Range;

use super::bytes::Reader;
use super::column::{Effort, put_floats, put_ints, read_floats, read_ints};
use super::{BlobKind, Members, open_blob, seal_blob};
use crate::bucket::Bucket;
use crate::error::BlobError;
use crate::scale::Scale;

/// All columns, for sealing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RollupChunk {
    pub scale: Scale,
    pub members: Members,
    pub buckets: Vec<Bucket>,
}

/// What a line needs, for queries: numbers of quanta (plain floats for `Scale::Exact`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub count: f64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
}

/// Without `last`, still in columns.
#[derive(Debug)]
pub(crate) struct RollupView {
    pub members: Members,
    columns: Lines,
}

#[derive(Debug)]
enum Lines {
    Ints(Columns),
    Floats {
        count: Vec<i64>,
        sum: Vec<f64>,
        min: Vec<f64>,
        max: Vec<f64>,
    },
}

/// The columns between members and `last`.
#[derive(Debug)]
struct Columns {
    count: Vec<i64>,
    mean: Vec<i64>,
    below: Vec<i64>,
    above: Vec<i64>,
    rest: Vec<i64>,
}

fn read_columns(reader: &mut Reader<'_>, n: usize) -> Result<Columns, BlobError> {
    Ok(Columns {
        count: read_ints(reader, n)?,
        mean: read_ints(reader, n)?,
        below: read_ints(reader, n)?,
        above: read_ints(reader, n)?,
        rest: read_ints(reader, n)?,
    })
}

fn read_head(blob: &[u8]) -> Result<(Reader<'_>, Scale, Members), BlobError> {
    let mut reader = open_blob(BlobKind::Rollups, blob)?;
    let scale = Scale::from_code(reader.byte()?)?;
    let members = Members::read(&mut reader)?;
    Ok((reader, scale, members))
}

impl RollupChunk {
    pub(crate) fn encode(&self) -> Vec<u8> {
        seal_blob(BlobKind::Rollups, |out| {
            out.push(self.scale.code());
            self.members.write(out);
            let mut ints = |pick: fn(&Bucket) -> i64| {
                let column: Vec<i64> = self.buckets.iter().map(pick).collect();
                put_ints(out, &column, Effort::Thorough);
            };
            ints(|b| b.count);
            if self.scale == Scale::Exact {
                let mut floats = |pick: fn(&Bucket) -> i64| {
                    let bits = self.buckets.iter().map(pick);
                    let column: Vec<f64> = bits.map(|b| f64::from_bits(b as u64)).collect();
                    put_floats(out, &column, Effort::Thorough);
                };
                floats(|b| b.sum);
                floats(|b| b.min);
                floats(|b| b.max);
                floats(|b| b.last);
            } else {
                let mean = |b: &Bucket| b.sum.div_euclid(b.count.max(1));
                let mut ints = |pick: &dyn Fn(&Bucket) -> i64| {
                    let column: Vec<i64> = self.buckets.iter().map(pick).collect();
                    put_ints(out, &column, Effort::Thorough);
                };
                ints(&mean);
                ints(&|b| mean(b).wrapping_sub(b.min));
                ints(&|b| b.max.wrapping_sub(mean(b)));
                ints(&|b| b.sum.wrapping_sub(mean(b).wrapping_mul(b.count)));
                ints(&|b| b.last.wrapping_sub(b.min));
            }
        })
    }

    pub(crate) fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let (mut reader, scale, members) = read_head(blob)?;
        let n = members.entries();
        let mut buckets = Vec::with_capacity(n);
        if scale == Scale::Exact {
            let count = read_ints(&mut reader, n)?;
            let mut floats = || read_floats(&mut reader, n);
            let (sum, min, max, last) = (floats()?, floats()?, floats()?, floats()?);
            for (i, &count) in count.iter().enumerate() {
                let bits = |column: &[f64]| column.get(i).map_or(0, |v| v.to_bits() as i64);
                buckets.push(Bucket {
                    count,
                    sum: bits(&sum),
                    min: bits(&min),
                    max: bits(&max),
                    last: bits(&last),
                });
            }
        } else {
            let columns = read_columns(&mut reader, n)?;
            let last = read_ints(&mut reader, n)?;
            for ((((&count, &mean), &below), &above), (&rest, &last)) in columns
                .count
                .iter()
                .zip(&columns.mean)
                .zip(&columns.below)
                .zip(&columns.above)
                .zip(columns.rest.iter().zip(&last))
            {
                let min = mean.wrapping_sub(below);
                buckets.push(Bucket {
                    count,
                    sum: mean.wrapping_mul(count).wrapping_add(rest),
                    min,
                    max: mean.wrapping_add(above),
                    last: min.wrapping_add(last),
                });
            }
        }
        if !reader.is_empty() || buckets.iter().any(|b| b.count < 1) {
            return Err(BlobError::Damaged);
        }
        Ok(Self {
            scale,
            members,
            buckets,
        })
    }

    /// Series id, bucket numbers and buckets of each series.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u32, &[u32], &[Bucket])> {
        each(&self.members, &self.buckets)
    }
}

impl RollupView {
    pub(crate) fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let (mut reader, scale, members) = read_head(blob)?;
        let n = members.entries();
        let columns = if scale == Scale::Exact {
            Lines::Floats {
                count: read_ints(&mut reader, n)?,
                sum: read_floats(&mut reader, n)?,
                min: read_floats(&mut reader, n)?,
                max: read_floats(&mut reader, n)?,
            }
        } else {
            Lines::Ints(read_columns(&mut reader, n)?)
        };
        Ok(Self { members, columns })
    }

    /// Series id, bucket numbers and the positions of the lines of each series.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u32, &[u32], Range<usize>)> {
        let mut begin = 0;
        let series = self.members.series.iter().enumerate();
        series.map(move |(i, &(id, _))| {
            let axis = self.members.axis(i);
            let mine = begin..begin + axis.len();
            begin = mine.end;
            (id, axis, mine)
        })
    }

    /// The lines at these positions.
    pub(crate) fn lines(&self, at: Range<usize>) -> impl Iterator<Item = Line> {
        at.map_while(|i| match &self.columns {
            Lines::Ints(columns) => {
                let count = *columns.count.get(i)?;
                let mean = *columns.mean.get(i)?;
                Some(Line {
                    count: count as f64,
                    sum: mean.wrapping_mul(count).wrapping_add(*columns.rest.get(i)?) as f64,
                    min: mean.wrapping_sub(*columns.below.get(i)?) as f64,
                    max: mean.wrapping_add(*columns.above.get(i)?) as f64,
                })
            }
            Lines::Floats {
                count,
                sum,
                min,
                max,
            } => Some(Line {
                count: *count.get(i)? as f64,
                sum: *sum.get(i)?,
                min: *min.get(i)?,
                max: *max.get(i)?,
            }),
        })
    }
}

fn each<'a, T>(
    members: &'a Members,
    all: &'a [T],
) -> impl Iterator<Item = (u32, &'a [u32], &'a [T])> {
    let mut rest = all;
    members.series.iter().enumerate().map(move |(i, &(id, _))| {
        let axis = members.axis(i);
        let (mine, others) = rest.split_at_checked(axis.len()).unwrap_or((&[], &[]));
        rest = others;
        (id, axis, mine)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bucket() -> impl Strategy<Value = Bucket> {
        (
            1_i64..10,
            any::<i32>(),
            any::<i32>(),
            any::<i32>(),
            any::<i32>(),
        )
            .prop_map(|(count, sum, min, max, last)| Bucket {
                count,
                sum: i64::from(sum),
                min: i64::from(min),
                max: i64::from(max),
                last: i64::from(last),
            })
    }

    fn ranges(chunk: &RollupChunk) -> impl Iterator<Item = Range<usize>> {
        let mut end = 0;
        chunk.each().map(move |(_, numbers, _)| {
            let begin = end;
            end += numbers.len();
            begin..end
        })
    }

    proptest! {
        #[test]
        fn rollups_come_back(
            lists in proptest::collection::btree_map(
                any::<u32>(),
                proptest::collection::btree_map(0_u32..120, bucket(), 1..60),
                0..5,
            ),
            exact in any::<bool>(),
        ) {
            let members = Members::gather(
                lists.iter().map(|(id, list)| (*id, list.keys().copied().collect())),
            );
            let chunk = RollupChunk {
                scale: if exact { Scale::Exact } else { Scale::Centi },
                members,
                buckets: lists.values().flat_map(|list| list.values().copied()).collect(),
            };
            let blob = chunk.encode();
            let back = RollupChunk::decode(&blob).unwrap();
            prop_assert_eq!(&back.members, &chunk.members);
            let view = RollupView::decode(&blob).unwrap();
            let lines: Vec<Line> = view.lines(0..chunk.buckets.len()).collect();
            prop_assert_eq!(lines.len(), chunk.buckets.len());
            prop_assert!(view.each().map(|s| s.2).eq(ranges(&chunk)));
            if !exact {
                prop_assert_eq!(&back, &chunk);
                for (line, bucket) in lines.iter().zip(&chunk.buckets) {
                    prop_assert_eq!(line.sum, bucket.sum as f64);
                    prop_assert_eq!(line.min, bucket.min as f64);
                    prop_assert_eq!(line.max, bucket.max as f64);
                }
            }
            for cut in [blob.len() / 2, blob.len() - 1] {
                prop_assert!(RollupChunk::decode(&blob[..cut]).is_err());
            }
        }
    }
}
