//! What the history says about itself.

use std::path::PathBuf;

use crate::registry::Offender;
use crate::types::UnixMs;

/// Numbers for `GET /api/metrics-store/stats` and the operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Bytes of the file and its WAL; of the data when in memory.
    pub db_size: u64,
    /// Bytes of pages that hold data.
    pub used_size: u64,
    /// Bytes of ticks not sealed yet.
    pub log_size: u64,
    /// Samples in raw chunks and in the log.
    pub raw_samples: u64,
    pub minute_buckets: u64,
    pub hour_buckets: u64,
    pub day_buckets: u64,
    /// Samples written since the file was made (after a crash: since the last seal before it).
    pub total_writes: u64,
    /// Samples that wait for the next flush.
    pub buffered_samples: u64,
    /// Time of the newest sample written; `None` before the first.
    pub last_flush: Option<UnixMs>,
    /// When `maintain` last sealed a span.
    pub last_rollup: Option<UnixMs>,
    /// When `maintain` last applied the retention.
    pub last_retention: Option<UnixMs>,
    pub series: u32,
    pub max_series: u32,
    /// Attempts to add a series beyond the limit.
    pub refused_series: u64,
    /// Who takes most of the series, known once one was refused.
    pub offender: Option<Offender>,
    /// Ticks and samples dropped because the disk did not keep up.
    pub dropped_ticks: u64,
    pub dropped_samples: u64,
    /// Samples that are no number, too large, or at an impossible time.
    pub invalid_samples: u64,
    /// Samples of series that were forgotten.
    pub unknown_samples: u64,
    /// Samples older than the raw retention.
    pub too_old_samples: u64,
    /// In memory: samples or buckets given up before their retention.
    pub evicted: u64,
    pub unreadable_blobs: u64,
    pub write_errors: u64,
    pub last_error: Option<String>,
    /// Damaged or foreign files that were set aside since the start.
    pub files_set_aside: u64,
    /// The one found when opening.
    pub set_aside: Option<PathBuf>,
    pub in_memory: bool,
}
