//! Counting blobs that could not be read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::db::lock;
use crate::error::BlobError;

/// Distinct blobs remembered, so that each is counted and logged once.
const REMEMBERED: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct BlobLoss {
    count: AtomicU64,
    known: Mutex<Vec<(&'static str, i64)>>,
}

impl BlobLoss {
    /// Counts the blob in table `table` at `key`, unless it was counted before.
    pub(crate) fn note(&self, table: &'static str, key: i64, error: BlobError) {
        let mut known = lock(&self.known);
        if known.contains(&(table, key)) {
            return;
        }
        if known.len() < REMEMBERED {
            known.push((table, key));
        }
        drop(known);
        self.count.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(table, key, %error, "history: unreadable blob skipped");
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
