//! `cargo bench -p pulse-metrics`: what a tick, a seal and a query cost. For whole fleets see
//! `examples/measure.rs`.

#![allow(clippy::expect_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use pulse_metrics::{
    HistoryConfig, HistoryStore, Metric, Query, ResourceKind, Sample, Selector, SeriesId, Tick,
    UnixMs,
};

const START: i64 = 1_766_707_200_000;
const HOUR: i64 = 3_600_000;
const METRICS: [Metric; 3] = [Metric::CPU, Metric::MEMORY, Metric::NET_IN];

fn main() {
    divan::main();
}

fn series(store: &HistoryStore, guests: usize) -> Vec<SeriesId> {
    let id = |i: usize| format!("pve-{i}");
    (0..guests)
        .flat_map(|i| METRICS.map(|metric| store.intern(&ResourceKind::VM, &id(i), &metric)))
        .filter_map(Result::ok)
        .collect()
}

fn tick(ids: &[SeriesId], k: i64) -> Tick {
    let value = |i: usize| ((k * 7919 + i as i64 * 104_729) % 1000) as f64 / 10.0;
    let samples = ids.iter().enumerate().map(|(i, id)| Sample {
        series: *id,
        value: value(i),
    });
    Tick {
        at: UnixMs(START + k * 10_000),
        samples: samples.collect(),
    }
}

/// Twenty-five hours of a fleet, sealed.
fn filled(guests: usize) -> (HistoryStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = HistoryConfig::file(folder.path().join("metrics.db"));
    let store = HistoryStore::open(config).expect("a store");
    let ids = series(&store, guests);
    for k in 0..9000 {
        store.append(tick(&ids, k));
        if k % 180 == 0 {
            store
                .maintain(UnixMs(START + k * 10_000))
                .expect("maintenance");
        }
    }
    store.flush().expect("a flush");
    (store, folder)
}

#[divan::bench(args = [100, 800])]
fn one_tick_to_disk(bencher: Bencher<'_, '_>, guests: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = HistoryConfig::file(folder.path().join("metrics.db"));
    let store = HistoryStore::open(config).expect("a store");
    let ids = series(&store, guests);
    let mut k = 0;
    bencher.counter(ItemsCount::new(ids.len())).bench_local(|| {
        k += 1;
        store.append(tick(&ids, k % 700));
        store.flush()
    });
}

#[divan::bench]
fn intern_known(bencher: Bencher<'_, '_>) {
    let store = HistoryStore::open(HistoryConfig::in_memory()).expect("a store");
    series(&store, 800);
    bencher.bench(|| store.intern(&ResourceKind::VM, "pve-417", &Metric::NET_IN));
}

#[divan::bench(args = [1, 24])]
fn cpu_of_all(bencher: Bencher<'_, '_>, hours: i64) {
    let (store, _folder) = filled(800);
    let end = START + 25 * HOUR;
    let query = Query {
        selector: Selector::Kinds(vec![ResourceKind::VM]),
        metrics: Some(vec![Metric::CPU]),
        start: UnixMs(end - hours * HOUR),
        end: UnixMs(end),
        max_points: 240,
    };
    bencher.bench(|| store.query(&query));
}

#[divan::bench]
fn one_guest_for_a_day(bencher: Bencher<'_, '_>) {
    let (store, _folder) = filled(100);
    let end = START + 25 * HOUR;
    let query = Query {
        selector: Selector::One(ResourceKind::VM, "pve-42".to_owned()),
        metrics: None,
        start: UnixMs(end - 24 * HOUR),
        end: UnixMs(end),
        max_points: 0,
    };
    bencher.bench(|| store.query(&query));
}
