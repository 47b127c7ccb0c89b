//! How full a storage is: grows, is cleaned up, and breathes a little.

use crate::clock::Millis;
use crate::guest::seconds;
use crate::model::Storage;
use crate::noise::{between, mix, smooth, unit};

/// Bytes of a storage on one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub total: u64,
    pub used: u64,
    pub avail: u64,
}

impl Storage {
    /// A shared storage is equally full wherever it is asked.
    pub(crate) fn usage(&self, node_key: u64, now: Millis) -> Usage {
        let key = if self.shared {
            self.key
        } else {
            mix(self.key, node_key)
        };
        let t = seconds(now);
        let base = between(key, 1, 0.15, 0.68);
        let growth = between(key, 2, 0.05, 0.22);
        let period = between(key, 3, 15.0, 60.0) * 86_400.0;
        let part = (t / period + unit(key, 4)).fract();
        let level = base + growth * part + 0.004 * smooth(mix(key, 5), t, 600.0);
        // Whole 4 KiB blocks, like a file system.
        let used = (self.size as f64 * level) as u64 & !0xfff;
        let reserved = if self.plugin == "dir" {
            self.size / 20
        } else {
            0
        };
        Usage {
            total: self.size,
            used,
            avail: (self.size - used).saturating_sub(reserved),
        }
    }
}
