//! Blobs: from numbers to bytes and back, as `docs/history-format.md` lays down.
//!
//! Pure functions. Readers accept any bytes: they answer `BlobError`, never panic, and allocate no
//! more than the limits in the format allow.

mod bytes;
mod column;
mod loss;
mod members;
mod rollups;
mod samples;
mod ticks;

pub(crate) use loss::BlobLoss;
pub(crate) use members::Members;
pub(crate) use rollups::{RollupChunk, RollupView};
pub(crate) use samples::SampleChunk;
pub(crate) use ticks::{Entry, TickBatch, for_each_section};

use bytes::Reader;

use crate::error::BlobError;

const VERSION: u8 = 1;
const HEADER: usize = 6;

/// Which layout a body has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobKind {
    Ticks = 1,
    Samples = 2,
    Rollups = 3,
}

fn checksum(kind: u8, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(body);
    crc.finalize()
}

/// Builds a blob; `body` appends after the header.
fn seal_blob(kind: BlobKind, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![VERSION, kind as u8, 0, 0, 0, 0];
    body(&mut out);
    let crc = checksum(kind as u8, &out[HEADER..]);
    out[2..HEADER].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Checks the header and the checksum.
fn open_blob(kind: BlobKind, blob: &[u8]) -> Result<Reader<'_>, BlobError> {
    let (Some(&[version, found, a, b, c, d]), Some(body)) =
        (blob.first_chunk::<HEADER>(), blob.get(HEADER..))
    else {
        return Err(BlobError::Damaged);
    };
    if version != VERSION {
        return Err(BlobError::Version(version));
    }
    if found != kind as u8 || checksum(found, body) != u32::from_le_bytes([a, b, c, d]) {
        return Err(BlobError::Damaged);
    }
    Ok(Reader::new(body))
}

/// Feeds foreign bytes to every decoder, without and with a valid checksum. For fuzzing.
#[doc(hidden)]
pub fn decode_anything(bytes: &[u8]) {
    let mut blob = bytes.to_vec();
    for _ in 0..2 {
        let _ = for_each_section(&blob, |section| section.decode().map(drop));
        let _ = SampleChunk::decode(&blob);
        let _ = RollupChunk::decode(&blob);
        let _ = RollupView::decode(&blob);
        if blob.len() < HEADER {
            return;
        }
        blob[0] = VERSION;
        let crc = checksum(blob[1], &blob[HEADER..]);
        blob[2..HEADER].copy_from_slice(&crc.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoders_survive_any_bytes(
            kind in 1_u8..4,
            body in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut blob = vec![VERSION, kind, 0, 0, 0, 0];
            blob.extend(body);
            decode_anything(&blob);
        }
    }

    /// Blobs of each kind, with columns of each coding.
    fn good_blobs() -> Vec<Vec<u8>> {
        let axis: Vec<u32> = (0..300).collect();
        let members = Members::gather((0..5).map(|id| (id * 3, axis.clone())));
        let values: Vec<i64> = (0..1500).map(|i: i64| i * 7919 % 1013).collect();
        let buckets = values.iter().map(|v| crate::bucket::Bucket::one(*v));
        let mut blobs = Vec::new();
        for scale in [crate::scale::Scale::Centi, crate::scale::Scale::Exact] {
            let entry = |(i, value): (usize, &i64)| Entry {
                metric: (i % 2) as u16,
                tick: (i % 3) as u16,
                series: i as u32,
                value: *value,
            };
            let mut batch = TickBatch {
                times: vec![0, 10_000, 20_000],
                entries: values.iter().enumerate().map(entry).collect(),
            };
            blobs.push(batch.encode(|_| scale));
            let (members, values) = (members.clone(), values.clone());
            let samples = SampleChunk {
                scale,
                members,
                values,
            };
            let members = samples.members.clone();
            let buckets = buckets.clone().collect();
            blobs.push(samples.encode());
            blobs.push(
                RollupChunk {
                    scale,
                    members,
                    buckets,
                }
                .encode(),
            );
        }
        blobs
    }

    proptest! {
        #[test]
        fn decoders_survive_changed_blobs(
            which in 0_usize..6,
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        ) {
            let mut blob = good_blobs().swap_remove(which);
            for (at, byte) in changes {
                let at = HEADER + at.index(blob.len() - HEADER);
                blob[at] = byte;
            }
            decode_anything(&blob);
        }
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let blob = seal_blob(BlobKind::Ticks, |out| out.extend([1, 2, 3]));
        assert!(open_blob(BlobKind::Ticks, &blob).is_ok());
        for bit in 0..blob.len() * 8 {
            let mut bad = blob.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open_blob(BlobKind::Ticks, &bad).is_err(), "bit {bit}");
        }
        assert_eq!(
            open_blob(BlobKind::Ticks, &[9, 1, 0, 0, 0, 0]).err(),
            Some(BlobError::Version(9))
        );
        assert_eq!(
            open_blob(BlobKind::Ticks, &[]).err(),
            Some(BlobError::Damaged)
        );
    }
}
