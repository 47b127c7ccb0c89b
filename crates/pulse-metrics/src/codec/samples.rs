//! Kind 2: the samples of one block in one span.

use super::bytes::Reader;
use super::column::{Effort, put_floats, put_ints, read_floats, read_ints};
use super::{BlobKind, Members, open_blob, seal_blob};
use crate::error::BlobError;
use crate::scale::Scale;

/// Samples of up to 64 series; values as stored integers (float bits for `Scale::Exact`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SampleChunk {
    pub scale: Scale,
    pub members: Members,
    pub values: Vec<i64>,
}

impl SampleChunk {
    pub(crate) fn encode(&self) -> Vec<u8> {
        seal_blob(BlobKind::Samples, |out| {
            out.push(self.scale.code());
            self.members.write(out);
            put_values(out, self.scale, &self.values, Effort::Thorough);
        })
    }

    pub(crate) fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let mut reader = open_blob(BlobKind::Samples, blob)?;
        let scale = Scale::from_code(reader.byte()?)?;
        let members = Members::read(&mut reader)?;
        let values = read_values(&mut reader, scale, members.entries())?;
        if !reader.is_empty() {
            return Err(BlobError::Damaged);
        }
        Ok(Self {
            scale,
            members,
            values,
        })
    }

    /// Series id, offsets and values of each series.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u32, &[u32], &[i64])> {
        let mut rest = self.values.as_slice();
        self.members
            .series
            .iter()
            .enumerate()
            .map(move |(i, &(id, _))| {
                let axis = self.members.axis(i);
                let (mine, others) = rest.split_at_checked(axis.len()).unwrap_or((&[], &[]));
                rest = others;
                (id, axis, mine)
            })
    }
}

/// Stored values in the column type of their scale.
pub(super) fn put_values(out: &mut Vec<u8>, scale: Scale, values: &[i64], effort: Effort) {
    if scale == Scale::Exact {
        let floats: Vec<f64> = values.iter().map(|v| f64::from_bits(*v as u64)).collect();
        put_floats(out, &floats, effort);
    } else {
        put_ints(out, values, effort);
    }
}

pub(super) fn read_values(
    reader: &mut Reader<'_>,
    scale: Scale,
    n: usize,
) -> Result<Vec<i64>, BlobError> {
    if scale == Scale::Exact {
        let floats = read_floats(reader, n)?;
        Ok(floats.into_iter().map(|v| v.to_bits() as i64).collect())
    } else {
        read_ints(reader, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_axes_are_written_once() {
        let axis: Vec<u32> = (0..720).map(|i| i * 10_000).collect();
        let odd: Vec<u32> = axis.iter().copied().skip(300).collect();
        let lists = (0..64).map(|id| (id * 7, if id == 5 { odd.clone() } else { axis.clone() }));
        let members = Members::gather(lists);
        assert_eq!(members.axes.len(), 2);
        let chunk = SampleChunk {
            scale: Scale::Centi,
            values: (0..members.entries() as i64).map(|i| i % 720).collect(),
            members,
        };
        let blob = chunk.encode();
        assert!(blob.len() < 1500, "{} bytes", blob.len());
        assert_eq!(SampleChunk::decode(&blob).as_ref(), Ok(&chunk));
        let odd_one = chunk.each().find(|s| s.0 == 35).unwrap();
        assert_eq!((odd_one.1.len(), odd_one.2.len()), (420, 420));
        for cut in 0..blob.len() {
            assert!(SampleChunk::decode(&blob[..cut]).is_err());
        }
    }
}
