//! What remains after a kill, a bad disk, or somebody else's file.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{DAY, HOUR, MINUTE, Rig, START, all, vm};
use pulse_metrics::{HistoryConfig, HistoryStore, Metric, ResourceKind, Sample, Tick, UnixMs};

const CHILD: &str = "PULSE_METRICS_TEST_CHILD";
const GUESTS: usize = 150;
const FLUSH: Duration = Duration::from_millis(200);
/// What a slow machine may add to the flush interval.
const SLACK: Duration = Duration::from_millis(1500);

fn child_config(path: &Path) -> HistoryConfig {
    HistoryConfig {
        flush_interval: FLUSH,
        ..HistoryConfig::file(path)
    }
}

/// Not a test of its own: the process that gets killed. Ten simulated seconds pass in about one
/// millisecond, so a seal is under way much of the time.
#[test]
fn child() {
    let Ok(spec) = std::env::var(CHILD) else {
        return;
    };
    let (first, path) = spec.split_once(' ').unwrap();
    let store = HistoryStore::open(child_config(Path::new(path))).unwrap();
    let series: Vec<_> = (0..GUESTS)
        .map(|i| {
            store
                .intern(&ResourceKind::VM, &format!("g-{i}"), &Metric::CPU)
                .unwrap()
        })
        .collect();
    let mut out = std::io::stdout();
    for k in first.parse::<i64>().unwrap().. {
        let at = UnixMs(START + k * 10_000);
        let sample = |series: &_| Sample {
            series: *series,
            value: (k % 10_000) as f64 / 100.0,
        };
        store.append(Tick {
            at,
            samples: series.iter().map(sample).collect(),
        });
        writeln!(out, "k {k}").unwrap();
        out.flush().unwrap();
        if k % 60 == 0 {
            let store = store.clone();
            // As the server does: beside the ingest.
            std::thread::spawn(move || store.maintain(at));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_process_loses_the_flush_interval_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.db");
    let mut first = 0_i64;
    let mut confirmed = Vec::new();
    for round in 0..10_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{first} {}", path.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lifetime = Duration::from_millis(1700 + round * 377 % 1100);
        let begun = Instant::now();
        let mut seen: Vec<(Instant, i64)> = Vec::new();
        for line in lines.map_while(Result::ok) {
            if let Some(k) = line.strip_prefix("k ") {
                seen.push((Instant::now(), k.parse().unwrap()));
            }
            if begun.elapsed() > lifetime {
                child.kill().unwrap();
                break;
            }
        }
        let killed = Instant::now();
        child.wait().unwrap();
        let safe = |at: Instant| killed.duration_since(at) > FLUSH + SLACK;
        confirmed.extend(seen.iter().filter(|(at, _)| safe(*at)).map(|(_, k)| *k));
        first = seen.last().unwrap().1 + 1;

        let store = HistoryStore::open(child_config(&path)).unwrap();
        let stats = store.stats().unwrap();
        assert_eq!((stats.unreadable_blobs, stats.set_aside), (0, None));
        check_content(&store, first, &confirmed);
        if round % 3 == 2 {
            // A seal that was interrupted is finished here.
            store.maintain(UnixMs(START + first * 10_000)).unwrap();
            check_content(&store, first, &confirmed);
        }
    }
    assert!(confirmed.len() > 1000, "only {} ticks", confirmed.len());
}

/// Every confirmed tick is there once, and minutes agree with samples.
fn check_content(store: &HistoryStore, first: i64, confirmed: &[i64]) {
    let end = START + first * 10_000;
    let from = confirmed
        .first()
        .map_or(START, |k| START + k * 10_000)
        .max(end - 20 * HOUR);
    for guest in ["g-0", "g-77", "g-149"] {
        let raw = store.query(&vm(guest, from, end, 400_000)).unwrap();
        let Some(line) = raw.lines.first() else {
            continue;
        };
        assert_eq!(raw.step_ms, 0, "a sample counted twice");
        let found: HashMap<i64, f64> = line.points.iter().map(|p| (p.at.0, p.value)).collect();
        assert_eq!(found.len(), line.points.len());
        for k in confirmed.iter().filter(|k| START + **k * 10_000 >= from) {
            let value = found.get(&(START + k * 10_000));
            assert_eq!(
                value,
                Some(&((k % 10_000) as f64 / 100.0)),
                "tick {k} of {guest}"
            );
        }
        let first_minute = (from + MINUTE - 1) / MINUTE * MINUTE;
        let last_minute = end / MINUTE * MINUTE;
        let points = (last_minute - first_minute) / MINUTE;
        let query = vm(guest, first_minute, last_minute, points as usize);
        let minutes = store.query(&query).unwrap();
        assert_eq!(minutes.step_ms, MINUTE);
        for point in &minutes.lines[0].points {
            let bucket: Vec<f64> = (0..6)
                .filter_map(|i| found.get(&(point.at.0 + i * 10_000)))
                .copied()
                .collect();
            let average = bucket.iter().sum::<f64>() / bucket.len() as f64;
            assert!((point.value - average).abs() < 1e-6, "{point:?} {bucket:?}");
        }
    }
}

#[test]
fn unreadable_blobs_are_skipped_and_counted() {
    let mut rig = Rig::on_disk();
    rig.ingest_sealing(START, START + 6 * HOUR, |_| 4.0);
    rig.ingest(START + 6 * HOUR, START + 7 * HOUR, |_| 4.0);
    rig.store.flush().unwrap();
    rig.store.clone().shutdown();
    let file = rusqlite::Connection::open(rig.path()).unwrap();
    // One bit in a raw chunk, a minute chunk cut short, a tick of an unknown version.
    for (sql, change) in [
        ("chunk WHERE id >> 60 = 1 ORDER BY id LIMIT 1", 0),
        ("chunk WHERE id >> 60 = 2 ORDER BY id DESC LIMIT 1", 1),
        ("log ORDER BY id LIMIT 1", 2),
    ] {
        let table = sql.split(' ').next().unwrap();
        let (id, mut blob): (i64, Vec<u8>) = file
            .query_row(&format!("SELECT id, data FROM {sql}"), [], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .unwrap();
        let middle = blob.len() / 2;
        match change {
            0 => blob[middle] ^= 4,
            1 => blob.truncate(middle),
            _ => blob[0] = 9,
        }
        let update = format!("UPDATE {table} SET data = ?2 WHERE id = ?1");
        file.execute(&update, rusqlite::params![id, blob]).unwrap();
    }
    drop(file);
    rig.restart();
    for _ in 0..2 {
        let raw = rig
            .store
            .query(&all(START, START + 7 * HOUR, 5000))
            .unwrap();
        assert_eq!(raw.unreadable, 2);
        let minutes = rig.store.query(&all(START, START + 7 * HOUR, 420)).unwrap();
        assert_eq!(minutes.unreadable, 2);
        assert!(minutes.lines[0].points.iter().all(|p| p.value == 4.0));
        assert!(minutes.lines[0].points.len() >= 240);
        assert_eq!(rig.store.stats().unwrap().unreadable_blobs, 3);
    }
    // Sealing and late data go around them, and roll-ups that know more stay.
    let hours_before = rig.store.query(&all(START, START + 6 * HOUR, 3)).unwrap();
    let series = rig.cpu(rig.guest);
    let late = Tick {
        at: UnixMs(START + 1000),
        samples: vec![Sample {
            series,
            value: 90.0,
        }],
    };
    rig.store.append(late);
    rig.store.maintain(UnixMs(START + 9 * HOUR)).unwrap();
    let hours = rig.store.query(&all(START, START + 6 * HOUR, 3)).unwrap();
    assert_eq!(
        hours.lines[0].points[1..],
        hours_before.lines[0].points[1..]
    );
    assert!(hours.lines[0].points[0].value < 5.0);
}

#[test]
fn files_that_are_no_history_are_set_aside() {
    let v5 = |path: &Path| {
        let file = rusqlite::Connection::open(path).unwrap();
        file.execute_batch("CREATE TABLE metrics (id INTEGER PRIMARY KEY)")
            .unwrap();
    };
    let garbage = |path: &Path| fs::write(path, vec![0x5a; 20_000]).unwrap();
    for make in [&v5 as &dyn Fn(&Path), &garbage] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.db");
        make(&path);
        let store = HistoryStore::open(HistoryConfig::file(&path)).unwrap();
        let stats = store.stats().unwrap();
        let moved = stats.set_aside.unwrap();
        assert!(moved.exists() && moved != path);
        assert_eq!(stats.files_set_aside, 1);
        drop(store);
        let again = HistoryStore::open(HistoryConfig::file(&path)).unwrap();
        assert_eq!(again.stats().unwrap().set_aside, None);
    }
}

#[test]
fn no_damage_to_the_file_makes_it_panic_or_stop() {
    let mut rig = Rig::on_disk();
    for i in 0..40 {
        rig.more.push(rig.cpu(&format!("b-{i}")));
    }
    rig.ingest_sealing(START, START + 30 * HOUR, |at| (at / 7919 % 100) as f64);
    rig.store.clone().shutdown();
    let good = fs::read(rig.path()).unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |n: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % n as u64) as usize
    };
    for round in 0..60 {
        let mut bad = good.clone();
        if round % 4 == 0 {
            bad.truncate(below(good.len()));
        } else {
            for _ in 0..=below(3) {
                // Early pages hold the names and the roots of the trees.
                let reach = if round % 2 == 0 {
                    10 * 4096
                } else {
                    good.len()
                };
                let at = below(reach - 64);
                for byte in &mut bad[at..at + 64] {
                    *byte = below(256) as u8;
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.db");
        fs::write(&path, bad).unwrap();
        let Ok(store) = HistoryStore::open(HistoryConfig::file(&path)) else {
            // Only a version from the future may be refused.
            continue;
        };
        let now = START + 31 * HOUR;
        for points in [100, 5000] {
            let _ = store.query(&all(START, START + 30 * HOUR, points));
        }
        let _ = store.maintain(UnixMs(now));
        let _ = store.forget_resources(|_, id| id == "b-7");
        // New samples are kept, in the old file or in a new one.
        let series = store
            .intern(&ResourceKind::VM, "fresh", &Metric::CPU)
            .unwrap();
        let at = UnixMs(now + DAY);
        for _ in 0..3 {
            store.append(Tick {
                at,
                samples: vec![Sample { series, value: 1.0 }],
            });
            if store.flush().is_ok() {
                break;
            }
        }
        let mut found = false;
        for _ in 0..3 {
            let result = store.query(&vm("fresh", at.0, at.0 + 1, 10));
            found = result.is_ok_and(|r| r.lines.len() == 1);
            if found {
                break;
            }
            let _ = store.flush();
            store.append(Tick {
                at,
                samples: vec![Sample { series, value: 1.0 }],
            });
            let _ = store.flush();
        }
        assert!(found, "round {round}: {:?}", store.stats());
    }
}
