//! Time-series history of everything that is monitored.
//!
//! ```text
//! Tick ─► buffer ─► log row (all series of a flush) ─► raw chunk ─► minute ─► hour ─► day chunks
//!         memory    every few seconds                  after two hours, 64 series a chunk
//! ```
//!
//! * Bytes on disk: `docs/history-format.md`. Codecs, roll-ups and query plans are pure.
//! * A killed process loses at most what the flush interval allows.
//! * A blob that cannot be read is skipped and counted; a damaged file is set aside.
//! * Every cap is in `HistoryConfig`, and what happened at it is in `Stats`.
//! * Memory beside SQLite's page caches (1 MiB each for the writer and two readers): about 100 bytes a
//!   series, 16 bytes a buffered sample, and 4–8 MB while a span is sealed.

mod bucket;
mod buffer;
mod codec;
mod config;
mod db;
mod error;
mod file;
mod history;
mod purge;
mod query;
mod registry;
mod retain;
mod scale;
mod seal;
mod seal_block;
mod stats;
mod store;
mod tables;
mod tier;
mod types;
mod writer;

#[doc(hidden)]
pub use codec::decode_anything;
pub use config::{HistoryConfig, Retention};
pub use error::{BlobError, CardinalityError, HistoryError};
pub use history::History;
pub use query::{DEFAULT_POINTS, Line, Point, Query, QueryResult, Selector};
pub use registry::Offender;
pub use scale::Scale;
pub use stats::Stats;
pub use store::HistoryStore;
pub use tier::Tier;
pub use types::{Metric, ResourceKind, Sample, SeriesId, Tick, UnixMs};
