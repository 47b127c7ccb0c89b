//! Tiers, windows and the keys of chunks. See "Tiers and keys" in `docs/history-format.md`.

use crate::config::Retention;

/// Length of a span (a window of the raw tier), milliseconds.
pub(crate) const SPAN_MS: i64 = 7_200_000;
/// Times from here on do not fit into a key.
pub(crate) const END_OF_TIME: i64 = (1 << 24) * SPAN_MS;
/// Series in a block.
pub(crate) const BLOCK: u32 = 64;

/// How fine data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    Raw,
    Minute,
    Hour,
    Day,
}

impl Tier {
    pub(crate) const ALL: [Self; 4] = [Self::Raw, Self::Minute, Self::Hour, Self::Day];

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    fn code(self) -> i64 {
        self as i64 + 1
    }

    /// Length of a bucket in milliseconds; 1 for raw.
    pub(crate) fn bucket_ms(self) -> i64 {
        match self {
            Self::Raw => 1,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// Length of a chunk's window in milliseconds.
    pub(crate) fn window_ms(self) -> i64 {
        match self {
            Self::Raw | Self::Minute => SPAN_MS,
            Self::Hour => 4 * 86_400_000,
            Self::Day => 32 * 86_400_000,
        }
    }

    pub(crate) fn window_of(self, at: i64) -> i64 {
        at.div_euclid(self.window_ms())
    }

    /// First key of a window; `window + 1` gives the key after its last.
    pub(crate) fn first_key(self, window: i64) -> i64 {
        (self.code() << 60) | (window << 36)
    }

    pub(crate) fn key(self, window: i64, block: BlockId) -> i64 {
        self.first_key(window) | block.0
    }

    /// All keys of the tier, first and last.
    pub(crate) fn key_range(self) -> (i64, i64) {
        (self.first_key(0), self.first_key(0) | ((1_i64 << 60) - 1))
    }

    /// The window in a key of any tier.
    pub(crate) fn window_in(key: i64) -> i64 {
        (key >> 36) & 0xff_ffff
    }

    /// How long the tier is kept, milliseconds; 0 when it is not written.
    pub(crate) fn kept_ms(self, retention: &Retention) -> i64 {
        let kept = match self {
            Self::Raw => retention.raw,
            Self::Minute => retention.minute,
            Self::Hour => retention.hour,
            Self::Day => retention.day,
        };
        let ms = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX / 4);
        if self == Self::Raw {
            ms.max(SPAN_MS)
        } else {
            ms
        }
    }
}

/// Metric and block number: the low 36 bits of a chunk's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockId(pub i64);

impl BlockId {
    pub(crate) fn new(metric: u16, place: u32) -> Self {
        Self((i64::from(metric) << 20) | i64::from(place / BLOCK))
    }

    pub(crate) fn metric(self) -> u16 {
        (self.0 >> 20) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_tier_window_metric_block() {
        let keys = [
            Tier::Raw.key(0, BlockId::new(0, 0)),
            Tier::Raw.key(0, BlockId::new(0, 64)),
            Tier::Raw.key(0, BlockId::new(1, 0)),
            Tier::Raw.key(1, BlockId::new(0, 0)),
            Tier::Minute.key(0, BlockId::new(0, 0)),
            Tier::Day.key((1 << 24) - 1, BlockId::new(u16::MAX, (1 << 26) - 1)),
        ];
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|key| *key > 0));
        assert_eq!(Tier::window_in(keys[3]), 1);
        assert_eq!(BlockId::new(1, 0).metric(), 1);
    }
}
