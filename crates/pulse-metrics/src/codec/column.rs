//! A column: a list of numbers whose length is known from what precedes it.

use pco::standalone::{simple_compress_into, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

use super::bytes::{Reader, put_varint, put_zigzag};
use crate::error::BlobError;

/// Numbers in one column at most.
pub(crate) const MAX_COLUMN: usize = 1 << 22;

const CONSTANT: u8 = 0;
const DIFFERENCES: u8 = 1;
const PCO_I64: u8 = 2;
const PCO_F64: u8 = 3;
const PLAIN_F64: u8 = 4;
const PCO_I32: u8 = 5;

/// Below this pco's own header costs more than it saves.
const SHORT: usize = 24;
/// Up to here both codings are tried.
const MEDIUM: usize = 512;

/// How hard to look for a short coding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Ticks: written every few seconds, gone after two hours.
    Quick,
    /// Chunks: written once.
    Thorough,
}

fn pco_config(effort: Effort) -> ChunkConfig {
    match effort {
        Effort::Quick => ChunkConfig::default()
            .with_compression_level(4)
            .with_mode_spec(ModeSpec::Classic),
        Effort::Thorough => ChunkConfig::default()
            .with_compression_level(8)
            .with_mode_spec(ModeSpec::Classic)
            .with_delta_spec(DeltaSpec::Auto),
    }
}

fn put(out: &mut Vec<u8>, tag: u8, payload: &[u8]) {
    out.push(tag);
    put_varint(out, payload.len() as u64);
    out.extend_from_slice(payload);
}

fn differences(values: &[i64]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(values.len() * 2);
    let mut before = 0_i64;
    for &value in values {
        put_zigzag(&mut payload, value.wrapping_sub(before));
        before = value;
    }
    payload
}

/// pco's answer, or nothing where it refuses (it does not for these configurations; the caller has
/// another coding anyway).
fn pco<T: pco::data_types::Number>(values: &[T], effort: Effort) -> Option<Vec<u8>> {
    simple_compress_into(values, &pco_config(effort), Vec::new()).ok()
}

pub(crate) fn put_ints(out: &mut Vec<u8>, values: &[i64], effort: Effort) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|value| *value == first) {
        let mut payload = Vec::with_capacity(10);
        put_zigzag(&mut payload, first);
        return put(out, CONSTANT, &payload);
    }
    let by_differences = (values.len() <= MEDIUM).then(|| differences(values));
    let by_pco = if values.len() < SHORT {
        None
    } else {
        let narrow: Option<Vec<i32>> = values.iter().map(|v| i32::try_from(*v).ok()).collect();
        match narrow {
            Some(narrow) => pco(&narrow, effort).map(|bytes| (PCO_I32, bytes)),
            None => pco(values, effort).map(|bytes| (PCO_I64, bytes)),
        }
    };
    match (by_pco, by_differences) {
        (Some((tag, bytes)), Some(other)) if bytes.len() < other.len() => put(out, tag, &bytes),
        (_, Some(other)) => put(out, DIFFERENCES, &other),
        (Some((tag, bytes)), None) => put(out, tag, &bytes),
        (None, None) => put(out, DIFFERENCES, &differences(values)),
    }
}

pub(crate) fn put_floats(out: &mut Vec<u8>, values: &[f64], effort: Effort) {
    if values.len() >= SHORT {
        let config = pco_config(effort).with_mode_spec(ModeSpec::Auto);
        if let Ok(bytes) = simple_compress_into(values, &config, Vec::new())
            && bytes.len() < values.len() * 8
        {
            return put(out, PCO_F64, &bytes);
        }
    }
    let payload: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    put(out, PLAIN_F64, &payload);
}

fn payload<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), BlobError> {
    let tag = reader.byte()?;
    let length = usize::try_from(reader.varint()?).map_err(|_| BlobError::Damaged)?;
    Ok((tag, reader.take(length)?))
}

/// Steps over a column.
pub(crate) fn skip(reader: &mut Reader<'_>) -> Result<(), BlobError> {
    payload(reader).map(drop)
}

fn unpco<T: pco::data_types::Number + Default>(
    bytes: &[u8],
    n: usize,
) -> Result<Vec<T>, BlobError> {
    let mut values = vec![T::default(); n];
    let progress = simple_decompress_into(bytes, &mut values).map_err(|_| BlobError::Damaged)?;
    if progress.n_processed != n || !progress.finished {
        return Err(BlobError::Damaged);
    }
    Ok(values)
}

pub(crate) fn read_ints(reader: &mut Reader<'_>, n: usize) -> Result<Vec<i64>, BlobError> {
    if n > MAX_COLUMN {
        return Err(BlobError::Damaged);
    }
    let (tag, bytes) = payload(reader)?;
    match tag {
        CONSTANT => {
            let mut payload = Reader::new(bytes);
            let value = payload.zigzag()?;
            if !payload.is_empty() {
                return Err(BlobError::Damaged);
            }
            Ok(vec![value; n])
        }
        DIFFERENCES => {
            // Each takes at least a byte, so a small blob cannot ask for a large allocation.
            if bytes.len() < n {
                return Err(BlobError::Damaged);
            }
            let mut payload = Reader::new(bytes);
            let mut value = 0_i64;
            let mut values = Vec::with_capacity(n);
            for _ in 0..n {
                value = value.wrapping_add(payload.zigzag()?);
                values.push(value);
            }
            if !payload.is_empty() {
                return Err(BlobError::Damaged);
            }
            Ok(values)
        }
        PCO_I64 => unpco(bytes, n),
        PCO_I32 => Ok(unpco::<i32>(bytes, n)?.into_iter().map(i64::from).collect()),
        _ => Err(BlobError::Damaged),
    }
}

pub(crate) fn read_floats(reader: &mut Reader<'_>, n: usize) -> Result<Vec<f64>, BlobError> {
    if n > MAX_COLUMN {
        return Err(BlobError::Damaged);
    }
    let (tag, bytes) = payload(reader)?;
    match tag {
        PCO_F64 => unpco(bytes, n),
        PLAIN_F64 => {
            let (chunks, rest) = bytes.as_chunks::<8>();
            if chunks.len() != n || !rest.is_empty() {
                return Err(BlobError::Damaged);
            }
            Ok(chunks
                .iter()
                .map(|bytes| f64::from_le_bytes(*bytes))
                .collect())
        }
        _ => Err(BlobError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[i64]) -> usize {
        let mut out = Vec::new();
        put_ints(&mut out, values, Effort::Thorough);
        let mut reader = Reader::new(&out);
        assert_eq!(read_ints(&mut reader, values.len()).as_deref(), Ok(values));
        assert!(reader.is_empty());
        for wrong in [values.len() + 1, values.len().saturating_sub(1)] {
            let result = read_ints(&mut Reader::new(&out), wrong);
            assert!(wrong == values.len() || out[0] == CONSTANT || result.is_err());
        }
        out.len()
    }

    #[test]
    fn integers_come_back_and_stay_small() {
        assert_eq!(check(&[]), 3);
        assert_eq!(check(&vec![7; 5000]), 3);
        assert!(check(&[1, 2, 3, 4, 5]) <= 7);
        check(&[i64::MIN, i64::MAX, 0, -1]);
        let steps: Vec<i64> = (0..5000).map(|i| 1_764_000_000_000 + i * 10_000).collect();
        assert!(check(&steps) < 60);
        let noisy: Vec<i64> = (0..5000).map(|i: i64| (i * 7919) % 128).collect();
        assert!(check(&noisy) < 5000 * 9 / 8);
    }

    #[test]
    fn floats_come_back_bit_by_bit() {
        for n in [0, 1, 23, 24, 1000] {
            let values: Vec<f64> = (0..n).map(|i| (f64::from(i) * 0.37).sin()).collect();
            let mut out = Vec::new();
            put_floats(&mut out, &values, Effort::Quick);
            let back = read_floats(&mut Reader::new(&out), values.len()).unwrap();
            assert_eq!(back, values);
        }
    }

    proptest! {
        #[test]
        fn any_integers_come_back(values in proptest::collection::vec(any::<i64>(), 0..700)) {
            check(&values);
        }

        #[test]
        fn small_integers_come_back(values in proptest::collection::vec(-300_i64..300, 0..700)) {
            check(&values);
        }
    }
}
