//! The encoded state: JSON once per version, and once per content encoding that somebody asks for.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pulse_core::Snapshot;
use pulse_wire::parts::PartsCache;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    /// The best one that a client accepts.
    pub fn accepted(header: Option<&str>) -> Self {
        let Some(header) = header else {
            return Self::Identity;
        };
        let accepts = |name: &str| {
            header.split(',').any(|entry| {
                let mut parts = entry.split(';').map(str::trim);
                parts.next() == Some(name)
                    && !parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        };
        if accepts("zstd") {
            Self::Zstd
        } else if accepts("br") {
            Self::Brotli
        } else if accepts("gzip") {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    pub(crate) fn compress(self, bytes: &Bytes) -> std::io::Result<Bytes> {
        use std::io::Write as _;
        Ok(match self {
            Self::Identity => bytes.clone(),
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(4));
                encoder.write_all(bytes)?;
                encoder.finish()?.into()
            }
            Self::Brotli => {
                let mut out = Vec::new();
                {
                    let mut encoder = brotli::CompressorWriter::new(&mut out, 32 * 1024, 4, 20);
                    encoder.write_all(bytes)?;
                }
                out.into()
            }
            Self::Zstd => zstd::bulk::compress(bytes, 3)?.into(),
        })
    }
}

#[derive(Default)]
struct Cached {
    parts: PartsCache,
    version: u64,
    plain: Option<Bytes>,
    encoded: [Option<Bytes>; 3],
}

/// Cheap to share; a version is encoded by the first who asks.
#[derive(Default)]
pub struct StateCache(Mutex<Cached>);

impl StateCache {
    /// Something that is put together from the state's parts, each encoded once.
    pub fn with_parts<T>(&self, read: impl FnOnce(&mut PartsCache) -> T) -> T {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read(&mut cached.parts)
    }

    /// The body of `GET /api/state`.
    pub fn body(&self, snapshot: &Arc<Snapshot>, encoding: Encoding) -> std::io::Result<Bytes> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.version != snapshot.version || cached.plain.is_none() {
            if cached.version > snapshot.version {
                // A reader with an older snapshot: newer is as good.
                if let Some(plain) = &cached.plain {
                    return encoding.compress(plain);
                }
            }
            let plain = cached.parts.state(snapshot)?;
            cached.version = snapshot.version;
            cached.plain = Some(plain);
            cached.encoded = Default::default();
        }
        let plain = cached.plain.clone().unwrap_or_default();
        let slot = match encoding {
            Encoding::Identity => return Ok(plain),
            Encoding::Gzip => 0,
            Encoding::Brotli => 1,
            Encoding::Zstd => 2,
        };
        if let Some(encoded) = &cached.encoded[slot] {
            return Ok(encoded.clone());
        }
        let encoded = encoding.compress(&plain)?;
        cached.encoded[slot] = Some(encoded.clone());
        Ok(encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn picks_the_best_accepted_encoding() {
        let check = |header, expect| assert_eq!(Encoding::accepted(header), expect);
        check(None, Encoding::Identity);
        check(Some("gzip, deflate, br"), Encoding::Brotli);
        check(Some("gzip;q=0.8"), Encoding::Gzip);
        check(Some("br;q=0, gzip"), Encoding::Gzip);
        check(Some("gzip, zstd"), Encoding::Zstd);
        check(Some("identity"), Encoding::Identity);
    }
}
