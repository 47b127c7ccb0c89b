//! Settings of the history.

use std::path::PathBuf;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// How long each tier is kept. A tier of zero length is not written (raw is always written and
/// kept for at least one span of two hours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub raw: Duration,
    pub minute: Duration,
    pub hour: Duration,
    pub day: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: HOUR * 24,
            minute: DAY * 7,
            hour: DAY * 90,
            day: DAY * 730,
        }
    }
}

impl Retention {
    /// What fits into memory: two hours of samples, a day of minutes, a week of hours.
    pub fn in_memory() -> Self {
        Self {
            raw: HOUR * 2,
            minute: DAY,
            hour: DAY * 7,
            day: Duration::ZERO,
        }
    }
}

/// Everything that bounds the history. Each cap says what happens at it.
#[derive(Clone, Debug)]
pub struct HistoryConfig {
    /// The file; `None` keeps everything in memory, within `memory_limit`.
    pub path: Option<PathBuf>,
    pub retention: Retention,
    /// New series beyond this are refused and counted.
    pub max_series: u32,
    /// The longest time a tick waits in memory before it is written.
    pub flush_interval: Duration,
    /// Samples that may wait for the disk; beyond it the oldest ticks are dropped and counted.
    /// A sample takes 16 bytes.
    pub max_buffered_samples: usize,
    /// Bytes of logged ticks that start a seal before the span is over.
    pub max_log_bytes: u64,
    /// How long after its end a span waits for late ticks before it is sealed.
    pub seal_grace: Duration,
    /// Page cache of the writer and of each reader, in bytes.
    pub cache_bytes: u32,
    /// Connections kept for queries.
    pub readers: usize,
    /// Points in one answer; a query for more gets fewer points a series. A point
    /// takes 64 bytes while the answer is made, 32 after.
    pub max_points_total: usize,
    /// Without a file: bytes of data at which the oldest is given up.
    pub memory_limit: u64,
}

impl HistoryConfig {
    /// Defaults for a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            retention: Retention::default(),
            max_series: 250_000,
            flush_interval: Duration::from_secs(8),
            max_buffered_samples: 262_144,
            max_log_bytes: 128 << 20,
            seal_grace: Duration::from_secs(300),
            cache_bytes: 1 << 20,
            readers: 2,
            max_points_total: 200_000,
            memory_limit: 24 << 20,
        }
    }

    /// Defaults without a file.
    pub fn in_memory() -> Self {
        Self {
            path: None,
            retention: Retention::in_memory(),
            ..Self::file("")
        }
    }
}
