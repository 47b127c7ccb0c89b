//! One store, one guest, one clock that runs as fast as the test.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::Duration;

use pulse_metrics::{
    HistoryConfig, HistoryStore, Metric, Query, ResourceKind, Sample, Selector, SeriesId, Tick,
    UnixMs,
};

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// A window boundary of every tier.
pub const START: i64 = 20_448 * DAY;

pub struct Rig {
    pub store: HistoryStore,
    pub config: HistoryConfig,
    pub guest: &'static str,
    pub interval: i64,
    /// Further series that get similar values.
    pub more: Vec<SeriesId>,
    folder: tempfile::TempDir,
}

impl Rig {
    pub fn on_disk() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut HistoryConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = HistoryConfig::file(folder.path().join("metrics.db"));
        config.flush_interval = Duration::from_secs(3600);
        change(&mut config);
        Self::open(config, folder)
    }

    pub fn memory(change: impl FnOnce(&mut HistoryConfig)) -> Self {
        let mut config = HistoryConfig::in_memory();
        config.flush_interval = Duration::from_secs(3600);
        change(&mut config);
        Self::open(config, tempfile::tempdir().unwrap())
    }

    fn open(config: HistoryConfig, folder: tempfile::TempDir) -> Self {
        let store = HistoryStore::open(config.clone()).unwrap();
        Self {
            store,
            config,
            guest: "pve1-101",
            interval: 10_000,
            more: Vec::new(),
            folder,
        }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.config.path.clone().unwrap()
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn restart(&mut self) {
        self.store.clone().shutdown();
        self.store = HistoryStore::open(self.config.clone()).unwrap();
    }

    pub fn cpu(&self, guest: &str) -> SeriesId {
        self.store
            .intern(&ResourceKind::VM, guest, &Metric::CPU)
            .unwrap()
    }

    /// A tick every interval; answers what was appended.
    pub fn ingest(&mut self, from: i64, to: i64, value: impl Fn(i64) -> f64) -> Vec<(i64, f64)> {
        let series = self.cpu(self.guest);
        let mut appended = Vec::new();
        for at in (from..to).step_by(self.interval as usize) {
            let value = value(at);
            let ids = std::iter::once(series).chain(self.more.iter().copied());
            // The first gets the value itself, the others something like noise around it.
            let noise = |i: i64| ((at / 10_000 + i * 31) * i * 7919 % 1009) as f64 / 100.0;
            let samples = ids
                .zip(0..)
                .map(|(series, i)| Sample {
                    series,
                    value: value + noise(i),
                })
                .collect();
            self.store.append(Tick {
                at: UnixMs(at),
                samples,
            });
            appended.push((at, value));
        }
        appended
    }

    /// The same, an hour at a time with maintenance in between.
    pub fn ingest_sealing(
        &mut self,
        from: i64,
        to: i64,
        value: impl Fn(i64) -> f64,
    ) -> Vec<(i64, f64)> {
        let mut appended = Vec::new();
        let mut at = from;
        while at < to {
            let next = (at + HOUR).min(to);
            appended.extend(self.ingest(at, next, &value));
            at = next;
            self.store.maintain(UnixMs(at)).unwrap();
        }
        appended
    }
}

pub fn all(start: i64, end: i64, max_points: usize) -> Query {
    Query {
        selector: Selector::All,
        metrics: None,
        start: UnixMs(start),
        end: UnixMs(end),
        max_points,
    }
}

pub fn vm(id: &str, start: i64, end: i64, max_points: usize) -> Query {
    Query {
        selector: Selector::One(ResourceKind::VM, id.to_owned()),
        ..all(start, end, max_points)
    }
}
