//! Measures the history on a simulated fleet with a fast clock.
//!
//! `cargo run --release -p pulse-metrics --example measure -- [guests] [hours] [folder]`
//!
//! Ingests in one process (which then ends without closing, as if killed) and queries in a second.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pulse_metrics::{
    HistoryConfig, HistoryStore, Metric, Query, ResourceKind, Sample, Selector, SeriesId, Tick,
    UnixMs,
};

type Outcome = Result<(), Box<dyn Error>>;

const START: i64 = 1_766_707_200_000;
const HOUR: i64 = 3_600_000;
const STEP: i64 = 10_000;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().collect();
    let arg = |at: usize, default: &str| args.get(at).cloned().unwrap_or_else(|| default.into());
    if arg(1, "") == "--query" {
        return ask(Path::new(&arg(2, "")), arg(3, "0").parse()?);
    }
    let guests: usize = arg(1, "800").parse()?;
    let hours: i64 = arg(2, "25").parse()?;
    let folder = PathBuf::from(arg(3, "/tmp/pulse-measure"));
    if arg(4, "") == "--ingest" {
        return ingest(guests, hours, &folder.join("metrics.db"));
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let me = std::env::current_exe()?;
    let text = |path: &Path| path.display().to_string();
    let numbers = [guests.to_string(), hours.to_string()];
    let child = |args: &[String]| std::process::Command::new(&me).args(args).status();
    child(&[
        numbers[0].clone(),
        numbers[1].clone(),
        text(&folder),
        "--ingest".into(),
    ])?;
    let end = (START + hours * HOUR).to_string();
    child(&["--query".into(), text(&folder.join("metrics.db")), end])?;
    Ok(())
}

fn ingest(guests: usize, hours: i64, path: &Path) -> Outcome {
    let store = HistoryStore::open(HistoryConfig::file(path))?;
    let mut fleet = Fleet::new(&store, guests)?;
    let io = Io::now()?;
    let mut samples = 0_u64;
    let mut appending = 0.0;
    let mut slowest = 0.0_f64;
    let begun = Instant::now();
    let mut log_size = (0, 0);
    let ticks = hours * HOUR / STEP;
    for tick in 0..ticks {
        let at = START + tick * STEP + fleet.random.below(40) as i64;
        let tick = Tick {
            at: UnixMs(at),
            samples: fleet.sample(),
        };
        samples += tick.samples.len() as u64;
        let before = Instant::now();
        store.append(tick);
        appending += before.elapsed().as_secs_f64();
        store.flush()?;
        if at / 60_000 != (at - STEP) / 60_000 {
            let before = Instant::now();
            if (at - START) % (2 * HOUR) < 60_000 {
                let stats = store.stats()?;
                if stats.log_size > 0 {
                    log_size = (stats.log_size, stats.raw_samples - raw_in_chunks(&stats));
                }
            }
            store.maintain(UnixMs(at))?;
            slowest = slowest.max(before.elapsed().as_secs_f64());
        }
    }
    let wall = begun.elapsed().as_secs_f64();
    let wrote = Io::now()?;
    let per = |bytes: u64| bytes as f64 / samples as f64;
    let simulated = (hours * 3600) as f64;
    let stats = store.stats()?;
    let cpu = thread_cpu("history")?;
    println!(
        "fleet            {guests} guests, {} series, {hours} h, {samples} samples",
        stats.series
    );
    println!(
        "wall             {wall:.1} s, slowest maintain {:.0} ms, append {:.1} µs a tick",
        slowest * 1e3,
        appending * 1e6 / ticks as f64
    );
    println!(
        "written          {:.2} B/sample at the block layer, {:.2} B/sample by write(), {:.1} kB/s",
        per(wrote.blocks - io.blocks),
        per(wrote.calls - io.calls),
        (wrote.calls - io.calls) as f64 / simulated / 1000.0
    );
    println!(
        "log              {:.2} B/sample before sealing",
        log_size.0 as f64 / log_size.1.max(1) as f64
    );
    println!(
        "file             {:.1} MB, {:.1} MB in use, log {:.1} MB; {:.2} B per sample ever written, all tiers",
        mb(stats.db_size),
        mb(stats.used_size),
        mb(stats.log_size),
        per(stats.used_size)
    );
    print_tiers(path)?;
    println!(
        "writer CPU       {:.2} s per 1 M samples",
        cpu / (samples as f64 / 1e6)
    );
    println!(
        "memory           {} peak, {} now",
        status("VmHWM")?,
        status("VmRSS")?
    );
    assert!(
        stats.dropped_samples == 0 && stats.invalid_samples == 0,
        "{stats:?}"
    );
    // Ends without closing the store.
    std::process::exit(0);
}

fn raw_in_chunks(stats: &pulse_metrics::Stats) -> u64 {
    // Minutes are made of the same six samples each.
    (stats.minute_buckets * 6).min(stats.raw_samples)
}

fn print_tiers(path: &Path) -> Outcome {
    let file = rusqlite::Connection::open(path)?;
    for (code, name) in [(1_i64, "raw"), (2, "minute"), (3, "hour"), (4, "day")] {
        let sql = "SELECT count(*), coalesce(sum(n), 0), coalesce(sum(length(data)), 0) FROM chunk WHERE id >> 60 = ?1";
        let (chunks, n, bytes): (i64, i64, i64) = file.query_row(sql, [code], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        println!(
            "  {name:<8}       {chunks} chunks, {n} entries, {:.2} B each, {:.1} MB",
            bytes as f64 / n.max(1) as f64,
            bytes as f64 / 1e6
        );
    }
    Ok(())
}

fn ask(path: &Path, end: i64) -> Outcome {
    let begun = Instant::now();
    let store = HistoryStore::open(HistoryConfig::file(path))?;
    println!(
        "open             {:.1} ms after an unclean end; {} resident",
        begun.elapsed().as_secs_f64() * 1e3,
        status("VmRSS")?
    );
    let cases: [(&str, i64, usize, Option<Metric>); 6] = [
        ("cpu of all, 24 h, 240 points", 24, 240, Some(Metric::CPU)),
        (
            "netin of all, 24 h, 240 points",
            24,
            240,
            Some(Metric::NET_IN),
        ),
        ("cpu of all, 1 h, 500 points", 1, 500, Some(Metric::CPU)),
        ("cpu of all, 4 h, 240 points", 4, 240, Some(Metric::CPU)),
        ("everything, 1 h, 60 points", 1, 60, None),
        ("everything, 24 h, 60 points", 24, 60, None),
    ];
    for (name, hours, max_points, metric) in cases {
        let query = Query {
            selector: Selector::Kinds(vec![ResourceKind::VM]),
            metrics: metric.map(|metric| vec![metric]),
            start: UnixMs(end - hours * HOUR),
            end: UnixMs(end),
            max_points,
        };
        time(&store, name, &query)?;
    }
    let one = Query {
        selector: Selector::One(ResourceKind::VM, "pve0-1000".into()),
        metrics: None,
        start: UnixMs(end - 24 * HOUR),
        end: UnixMs(end),
        max_points: 500,
    };
    time(&store, "all of one guest, 24 h, 500 points", &one)?;
    println!(
        "memory           {} peak, {} now",
        status("VmHWM")?,
        status("VmRSS")?
    );
    Ok(())
}

fn time(store: &HistoryStore, name: &str, query: &Query) -> Outcome {
    let mut times = Vec::new();
    let mut shape = (0, 0);
    for _ in 0..7 {
        let before = Instant::now();
        let result = store.query(query)?;
        times.push(before.elapsed().as_secs_f64() * 1e3);
        shape = (
            result.lines.len(),
            result.lines.iter().map(|line| line.points.len()).sum(),
        );
    }
    let first = times[0];
    times.sort_by(f64::total_cmp);
    println!(
        "query            {:>6.1} ms median, {first:.1} first: {name} ({} lines, {} points)",
        times[3], shape.0, shape.1
    );
    Ok(())
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

struct Io {
    calls: u64,
    blocks: u64,
}

impl Io {
    fn now() -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string("/proc/self/io")?;
        let field = |name: &str| -> Result<u64, Box<dyn Error>> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            Ok(line.ok_or("no such field")?.trim().parse()?)
        };
        Ok(Self {
            calls: field("wchar:")?,
            blocks: field("write_bytes:")?,
        })
    }
}

fn status(field: &str) -> Result<String, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find(|line| line.starts_with(field))
        .unwrap_or("");
    let kb: u64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(format!("{:.1} MB", kb as f64 / 1024.0))
}

/// CPU seconds of the thread of this name.
fn thread_cpu(name: &str) -> Result<f64, Box<dyn Error>> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        if stat.contains(&format!("({name})")) {
            let rest = stat.rsplit(')').next().unwrap_or("");
            let ticks = |at: usize| {
                rest.split_whitespace()
                    .nth(at)
                    .and_then(|t| t.parse::<f64>().ok())
            };
            return Ok((ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0);
        }
    }
    Ok(0.0)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Roughly normal, mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        (0..6).map(|_| self.unit()).sum::<f64>() * 1.414 - 4.243
    }
}

struct Guest {
    series: [SeriesId; 7],
    busy: f64,
    cpu: f64,
    memory: f64,
    disk: f64,
    traffic: f64,
}

struct Fleet {
    guests: Vec<Guest>,
    random: Random,
}

impl Fleet {
    fn new(store: &HistoryStore, count: usize) -> Result<Self, Box<dyn Error>> {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let metrics = [
            Metric::CPU,
            Metric::MEMORY,
            Metric::DISK,
            Metric::NET_IN,
            Metric::NET_OUT,
            Metric::DISK_READ,
            Metric::DISK_WRITE,
        ];
        let mut guests = Vec::new();
        for i in 0..count {
            let id = format!("pve{}-{}", i / 40, 1000 + i);
            let mut series = [SeriesId(0); 7];
            for (slot, metric) in series.iter_mut().zip(&metrics) {
                *slot = store.intern(&ResourceKind::VM, &id, metric)?;
            }
            // A third does real work, the rest idles.
            let busy = if i % 3 == 0 { 1.0 } else { 0.08 };
            guests.push(Guest {
                series,
                busy,
                cpu: 2.0 + 30.0 * random.unit() * busy,
                memory: 15.0 + 75.0 * random.unit(),
                disk: 5.0 + 85.0 * random.unit(),
                traffic: 200_000.0 * random.unit() * busy + 300.0,
            });
        }
        Ok(Self { guests, random })
    }

    fn sample(&mut self) -> Vec<Sample> {
        let r = &mut self.random;
        let mut samples = Vec::with_capacity(self.guests.len() * 7);
        for guest in &mut self.guests {
            let busy = guest.busy;
            let target = 2.0 + 25.0 * busy;
            guest.cpu += (target - guest.cpu) * 0.05 + r.normal() * 2.0 * busy;
            guest.cpu = guest.cpu.clamp(0.2, 100.0);
            guest.memory =
                (guest.memory + r.normal() * 0.05 * busy + r.normal() * 0.003).clamp(3.0, 99.0);
            if r.below(200) == 0 {
                guest.disk = (guest.disk + 0.01 * r.normal()).clamp(1.0, 99.0);
            }
            let traffic = guest.traffic * (1.0 + 0.3 * r.normal()).max(0.1);
            let reads = if r.unit() < 0.3 * busy {
                r.unit() * 500_000.0
            } else {
                0.0
            };
            let writes = if r.unit() < 0.2 + 0.7 * busy {
                (r.unit() * 60.0 * busy + 1.0).round() * 409.6
            } else {
                0.0
            };
            let cpu = guest.cpu + r.normal() * (0.1 + busy);
            let values = [
                cpu.clamp(0.0, 100.0),
                guest.memory,
                guest.disk,
                traffic,
                traffic * 0.6 + 50.0 * r.unit(),
                reads,
                writes,
            ];
            samples.extend(
                guest
                    .series
                    .iter()
                    .zip(values)
                    .map(|(series, value)| Sample {
                        series: *series,
                        value,
                    }),
            );
        }
        samples
    }
}
