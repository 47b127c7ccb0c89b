//! The store through its public door, on real files and a fast clock.

mod common;

use std::time::Duration;

use common::{DAY, HOUR, MINUTE, Rig, START, all, vm};
use pulse_metrics::{
    HistoryConfig, HistoryError, Metric, Query, ResourceKind, Retention, Sample, Selector,
    SeriesId, Tick, Tier, UnixMs,
};

#[test]
fn samples_are_found_in_buffer_log_and_chunks_alike() {
    let mut rig = Rig::on_disk();
    let values = rig.ingest(START, START + HOUR, |at| ((at / 1000) % 97) as f64);
    let end = START + HOUR;
    let query = all(START, end, 500);
    let buffered = rig.store.query(&query).unwrap();
    assert_eq!(buffered.tier, Tier::Raw);
    assert_eq!(buffered.step_ms, 0);
    assert_eq!(buffered.lines.len(), 1);
    let drawn: Vec<(i64, f64)> = buffered.lines[0]
        .points
        .iter()
        .map(|p| (p.at.0, p.value))
        .collect();
    assert_eq!(drawn, values);

    rig.store.flush().unwrap();
    assert_eq!(rig.store.query(&query).unwrap(), buffered);
    rig.restart();
    assert_eq!(rig.store.query(&query).unwrap(), buffered);
    rig.store.maintain(UnixMs(START + 5 * HOUR)).unwrap();
    let stats = rig.store.stats().unwrap();
    assert_eq!((stats.log_size, stats.raw_samples), (0, 360));
    assert_eq!(
        (stats.minute_buckets, stats.hour_buckets, stats.day_buckets),
        (60, 1, 1)
    );
    assert_eq!(rig.store.query(&query).unwrap(), buffered);
    rig.restart();
    assert_eq!(rig.store.query(&query).unwrap(), buffered);
}

#[test]
fn a_day_in_240_points_keeps_extremes_and_averages() {
    let mut rig = Rig::on_disk();
    let end = START + 25 * HOUR;
    let values = rig.ingest_sealing(START, end, |at| {
        let spike = at == START + 7 * HOUR + 10_000;
        if spike {
            99.5
        } else {
            10.0 + ((at / 10_000) % 7) as f64
        }
    });
    let result = rig.store.query(&all(end - DAY, end, 240)).unwrap();
    assert_eq!((result.tier, result.step_ms), (Tier::Minute, 6 * MINUTE));
    let line = &result.lines[0];
    assert_eq!(line.points.len(), 240);
    for point in &line.points {
        let bucket: Vec<f64> = values
            .iter()
            .filter(|(at, _)| (point.at.0..point.at.0 + 6 * MINUTE).contains(at))
            .map(|(_, value)| *value)
            .collect();
        let average = bucket.iter().sum::<f64>() / bucket.len() as f64;
        assert!((point.value - average).abs() < 1e-9, "{point:?} {average}");
        assert_eq!(point.min, bucket.iter().copied().fold(f64::MAX, f64::min));
        assert_eq!(point.max, bucket.iter().copied().fold(f64::MIN, f64::max));
    }
    assert!(line.points.iter().any(|p| p.max == 99.5));
}

#[test]
fn gaps_stay_gaps() {
    let mut rig = Rig::on_disk();
    rig.ingest_sealing(START, START + 6 * HOUR, |_| 1.0);
    rig.ingest_sealing(START + 18 * HOUR, START + DAY, |_| 2.0);
    let line = &rig
        .store
        .query(&all(START, START + DAY, 240))
        .unwrap()
        .lines[0];
    assert_eq!(line.points.len(), 120);
    assert!(
        line.points
            .iter()
            .all(|p| p.value == if p.at.0 < START + 12 * HOUR { 1.0 } else { 2.0 })
    );
}

#[test]
fn old_data_thins_out_and_ends() {
    let mut rig = Rig::with(|config| {
        config.retention = Retention {
            raw: Duration::from_secs(6 * 3600),
            minute: Duration::from_secs(2 * 86_400),
            hour: Duration::from_secs(20 * 86_400),
            day: Duration::from_secs(60 * 86_400),
        };
    });
    rig.interval = 60_000;
    let end = START + 120 * DAY;
    rig.ingest_sealing(START, end, |_| 5.0);
    let oldest = |points: usize| {
        let line = rig
            .store
            .query(&all(START, end, points))
            .unwrap()
            .lines
            .remove(0);
        (end - line.points[0].at.0) / DAY
    };
    let within = |from: i64, to: i64| {
        let result = rig
            .store
            .query(&all(end - from, end - to, 100_000))
            .unwrap();
        result.lines.first().map_or(0, |line| line.points.len())
    };
    // Raw at one a minute for six hours, then minutes: the same density.
    assert_eq!(within(5 * HOUR, 4 * HOUR), 60);
    assert_eq!(within(40 * HOUR, 39 * HOUR), 60);
    assert_eq!(within(5 * DAY, 4 * DAY), 24);
    assert_eq!(within(45 * DAY, 40 * DAY), 5);
    assert_eq!(within(119 * DAY, 115 * DAY), 0);
    // A chunk of days goes as a whole: 60 days and up to one window of 32.
    assert!((60..=92).contains(&oldest(500)), "{}", oldest(500));
    let stats = rig.store.stats().unwrap();
    assert!(stats.raw_samples <= 9 * 60, "{}", stats.raw_samples);
    assert!(stats.minute_buckets <= 3 * 1440);
    assert!(stats.hour_buckets <= 25 * 24);
    assert!(stats.day_buckets <= 92);
    // The tiers join without a hole.
    let result = rig.store.query(&all(end - 30 * DAY, end, 1000)).unwrap();
    let points = &result.lines[0].points;
    assert!(
        points
            .windows(2)
            .all(|pair| pair[1].at.0 - pair[0].at.0 <= DAY + result.step_ms)
    );
}

#[test]
fn late_samples_reach_sealed_spans_once() {
    let mut rig = Rig::on_disk();
    rig.ingest_sealing(START, START + 6 * HOUR, |_| 1.0);
    let series = rig.cpu("pve1-101");
    let late = Sample { series, value: 3.0 };
    for _ in 0..2 {
        // The same one twice: the second replaces the first.
        rig.store.append(Tick {
            at: UnixMs(START + HOUR + 5000),
            samples: vec![late],
        });
        rig.store.flush().unwrap();
        rig.store.maintain(UnixMs(START + 6 * HOUR)).unwrap();
    }
    let stats = rig.store.stats().unwrap();
    assert_eq!(stats.raw_samples, 6 * 360 + 1);
    assert_eq!(
        (stats.minute_buckets, stats.hour_buckets, stats.day_buckets),
        (240, 4, 1)
    );
    let line = rig
        .store
        .query(&all(START, START + 6 * HOUR, 6))
        .unwrap()
        .lines
        .remove(0);
    let expected = (360.0 + 3.0) / 361.0;
    assert!((line.points[1].value - expected).abs() < 1e-9);
    assert_eq!((line.points[1].min, line.points[1].max), (1.0, 3.0));
}

#[test]
fn too_old_and_impossible_samples_are_counted() {
    let rig = Rig::on_disk();
    let series = rig.cpu("a");
    rig.store.maintain(UnixMs(START + 10 * DAY)).unwrap();
    let append = |at: i64, series, value| {
        rig.store.append(Tick {
            at: UnixMs(at),
            samples: vec![Sample { series, value }],
        });
    };
    append(START, series, 1.0);
    append(-5, series, 1.0);
    append(i64::MAX, series, 1.0);
    append(START + 10 * DAY, series, f64::NAN);
    append(START + 10 * DAY, SeriesId(4711), 1.0);
    rig.store.flush().unwrap();
    let stats = rig.store.stats().unwrap();
    assert_eq!(stats.too_old_samples, 1);
    assert_eq!(stats.invalid_samples, 3);
    assert_eq!(stats.unknown_samples, 1);
    assert_eq!(stats.raw_samples, 0);
}

#[test]
fn new_series_stop_at_the_limit_and_the_culprit_is_named() {
    let rig = Rig::with(|config| config.max_series = 50);
    let kind = ResourceKind::DOCKER_CONTAINER;
    let refused = (0..100)
        .filter(|i| {
            rig.store
                .intern(&kind, &format!("host7:{i}"), &Metric::CPU)
                .is_err()
        })
        .count();
    assert_eq!(refused, 50);
    assert!(rig.store.intern(&kind, "host7:3", &Metric::CPU).is_ok());
    let stats = rig.store.stats().unwrap();
    assert_eq!((stats.series, stats.refused_series), (50, 50));
    let offender = stats.offender.unwrap();
    assert_eq!(
        (offender.kind, offender.id_prefix.as_str()),
        (kind, "host7")
    );
}

#[test]
fn history_follows_a_renamed_resource() {
    let mut rig = Rig::on_disk();
    rig.ingest_sealing(START, START + 3 * HOUR, |_| 1.0);
    let vm_kind = ResourceKind::VM;
    assert!(
        rig.store
            .rename_resource(&vm_kind, "pve1-101", "pve2-101")
            .unwrap()
    );
    assert!(
        !rig.store
            .rename_resource(&vm_kind, "pve1-101", "pve3-101")
            .unwrap()
    );
    // Meanwhile a third id had samples of its own.
    rig.guest = "pve3-101";
    rig.ingest_sealing(START + 3 * HOUR, START + 4 * HOUR, |_| 2.0);
    assert!(
        rig.store
            .rename_resource(&vm_kind, "pve2-101", "pve3-101")
            .unwrap()
    );
    for _ in 0..2 {
        let result = rig
            .store
            .query(&vm("pve3-101", START, START + 4 * HOUR, 4))
            .unwrap();
        let values: Vec<f64> = result.lines[0].points.iter().map(|p| p.value).collect();
        assert_eq!((result.lines.len(), values), (1, vec![1.0, 1.0, 1.0, 2.0]));
        assert!(
            rig.store
                .query(&vm("pve1-101", START, START + DAY, 4))
                .unwrap()
                .lines
                .is_empty()
        );
        rig.restart();
    }
}

#[test]
fn forgotten_resources_leave_no_trace() {
    let mut rig = Rig::on_disk();
    for guest in ["demo-1", "demo-2", "pve1-101"] {
        rig.guest = guest;
        rig.ingest(START, START + 3 * HOUR, |_| 7.0);
    }
    rig.store.maintain(UnixMs(START + 3 * HOUR)).unwrap();
    let before = rig
        .store
        .query(&vm("pve1-101", START, START + 3 * HOUR, 180))
        .unwrap();
    let old_id = rig.cpu("demo-1");
    let gone = rig
        .store
        .forget_resources(|_, id| id.starts_with("demo-"))
        .unwrap();
    assert_eq!(gone, 2);
    rig.store.append(Tick {
        at: UnixMs(START + 3 * HOUR),
        samples: vec![Sample {
            series: old_id,
            value: 7.0,
        }],
    });
    rig.store.flush().unwrap();
    for _ in 0..2 {
        let stats = rig.store.stats().unwrap();
        assert_eq!(stats.series, 1);
        assert_eq!(stats.raw_samples, 3 * 360);
        assert_eq!(
            (stats.minute_buckets, stats.hour_buckets, stats.day_buckets),
            (120, 2, 1)
        );
        let everything = rig.store.query(&all(0, START + DAY, 10)).unwrap();
        assert_eq!(everything.lines.len(), 1);
        let after = rig
            .store
            .query(&vm("pve1-101", START, START + 3 * HOUR, 180))
            .unwrap();
        assert_eq!(after, before);
        rig.restart();
    }
    assert_ne!(rig.cpu("demo-1"), old_id);
}

#[test]
fn memory_only_keeps_within_its_limit() {
    let mut rig = Rig::memory(|config| config.memory_limit = 256 << 10);
    rig.guest = "a";
    for i in 0..200 {
        rig.more.push(rig.cpu(&format!("b-{i}")));
    }
    let end = START + 12 * HOUR;
    rig.ingest_sealing(START, end, |at| {
        ((at / 10_000 * 7919) % 10_000) as f64 / 100.0
    });
    let stats = rig.store.stats().unwrap();
    assert!(stats.in_memory);
    assert!(stats.used_size <= 256 << 10, "{}", stats.used_size);
    assert!(stats.evicted > 0);
    let result = rig.store.query(&vm("a", end - 600_000, end, 500)).unwrap();
    assert_eq!(result.lines[0].points.len(), 60);
}

#[test]
fn memory_only_answers_like_a_file() {
    let mut file = Rig::on_disk();
    let mut memory = Rig::memory(|config| config.retention = Retention::default());
    let wave = |at: i64| (at as f64 / 1e6).sin().abs() * 50.0;
    file.ingest_sealing(START, START + 9 * HOUR, wave);
    memory.ingest_sealing(START, START + 9 * HOUR, wave);
    for points in [1, 10, 100, 1000, 10_000] {
        let query = all(START, START + 9 * HOUR, points);
        assert_eq!(
            file.store.query(&query).unwrap(),
            memory.store.query(&query).unwrap()
        );
    }
}

#[test]
fn an_answer_has_a_most_of_points() {
    let mut rig = Rig::with(|config| config.max_points_total = 1000);
    for i in 0..100 {
        rig.more.push(rig.cpu(&format!("b-{i}")));
    }
    rig.ingest(START, START + HOUR, |_| 1.0);
    let result = rig.store.query(&all(START, START + HOUR, 500)).unwrap();
    assert_eq!(result.lines.len(), 101);
    assert!(
        result
            .lines
            .iter()
            .map(|line| line.points.len())
            .sum::<usize>()
            <= 1000
    );
}

#[test]
fn selectors_and_metrics_choose() {
    let rig = Rig::on_disk();
    let names = [
        (ResourceKind::VM, "a", Metric::CPU),
        (ResourceKind::VM, "a", Metric::MEMORY),
        (ResourceKind::CONTAINER, "a", Metric::CPU),
        (ResourceKind::NODE, "n", Metric::new("temperature.cpu0")),
    ];
    let samples = names.iter().map(|(kind, id, metric)| Sample {
        series: rig.store.intern(kind, id, metric).unwrap(),
        value: 40.0,
    });
    rig.store.append(Tick {
        at: UnixMs(START),
        samples: samples.collect(),
    });
    let count = |selector: Selector, metrics: Option<Vec<Metric>>| {
        let query = Query {
            selector,
            metrics,
            start: UnixMs(START),
            end: UnixMs(START + 1),
            max_points: 0,
        };
        rig.store.query(&query).unwrap().lines.len()
    };
    let vm = (ResourceKind::VM, "a".to_owned());
    assert_eq!(count(Selector::All, None), 4);
    assert_eq!(count(Selector::One(vm.0.clone(), vm.1.clone()), None), 2);
    assert_eq!(count(Selector::Many(vec![vm.clone(), vm.clone()]), None), 2);
    assert_eq!(
        count(
            Selector::Kinds(vec![ResourceKind::VM, ResourceKind::CONTAINER]),
            None
        ),
        3
    );
    assert_eq!(count(Selector::All, Some(vec![Metric::CPU])), 2);
    assert_eq!(count(Selector::All, Some(vec![Metric::new("nothing")])), 0);
    assert_eq!(
        count(Selector::One(ResourceKind::HOST, "a".into()), None),
        0
    );
}

#[test]
fn a_newer_file_is_refused_and_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.db");
    drop(pulse_metrics::HistoryStore::open(HistoryConfig::file(&path)).unwrap());
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA user_version = 2").unwrap();
    drop(raw);
    let refused = pulse_metrics::HistoryStore::open(HistoryConfig::file(&path));
    assert!(matches!(
        refused.err(),
        Some(HistoryError::NewerFormat { found: 2, .. })
    ));
}

#[test]
fn after_shutdown_nothing_is_lost_and_nothing_hangs() {
    let mut rig = Rig::on_disk();
    rig.ingest(START, START + HOUR, |_| 1.0);
    let other = rig.store.clone();
    rig.store.clone().shutdown();
    assert!(matches!(other.flush(), Err(HistoryError::Closed)));
    other.append(Tick {
        at: UnixMs(START),
        samples: vec![],
    });
    assert_eq!(other.stats().unwrap().raw_samples, 360);
}

#[test]
fn readers_see_every_tick_once_while_it_moves() {
    let mut rig = Rig::with(|config| config.flush_interval = Duration::from_millis(1));
    for i in 0..60 {
        rig.more.push(rig.cpu(&format!("b-{i}")));
    }
    let reader = {
        let store = rig.store.clone();
        std::thread::spawn(move || {
            let mut seen = 0;
            let mut asked = 0;
            while seen < 5 * 360 {
                let query = vm("pve1-101", START, START + 5 * HOUR, 18_000);
                let result = store.query(&query).unwrap();
                let points = result.lines.first().map_or(0, |line| line.points.len());
                assert!(result.step_ms == 0 || points == 0, "a tick seen twice");
                assert!(points >= seen, "a tick vanished: {points} < {seen}");
                seen = points;
                asked += 1;
            }
            asked
        })
    };
    for minute in 0..5 * 60 {
        let from = START + minute * MINUTE;
        rig.ingest(from, from + MINUTE, |_| 1.0);
        rig.store.maintain(UnixMs(from + MINUTE)).unwrap();
    }
    assert!(reader.join().unwrap() > 20);
}
