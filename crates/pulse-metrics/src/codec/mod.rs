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
