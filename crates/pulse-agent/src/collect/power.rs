//! Power from the energy counters of RAPL: joules between two reports by the measured time.
//! Packages are added up. The counters are readable by root only; without them nothing is said.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use super::{entries, number, word};

#[derive(Default)]
pub struct Meter {
    /// Microjoules by zone, and when they were read.
    before: HashMap<String, u64>,
    read_at: Option<Instant>,
}

impl Meter {
    /// Watts since the last call: `cpu_package`, `cpu_core`, `dram`.
    pub fn read(&mut self, sys: &Path) -> BTreeMap<String, f64> {
        let folder = sys.join("class/powercap");
        let now = Instant::now();
        let elapsed = self
            .read_at
            .map(|before| now.duration_since(before).as_secs_f64());
        let mut watts = BTreeMap::new();
        let mut readings = HashMap::new();
        for zone in entries(&folder)
            .into_iter()
            .filter(|zone| zone.starts_with("intel-rapl:"))
        {
            let zone_folder = folder.join(&zone);
            let Some(energy) = number::<u64>(&zone_folder.join("energy_uj")) else {
                continue;
            };
            let name = word(&zone_folder.join("name")).unwrap_or_default();
            if let (Some(key), Some(before), Some(elapsed)) =
                (key(&name), self.before.get(&zone), elapsed)
            {
                let range = number(&zone_folder.join("max_energy_range_uj"));
                if let Some(power) = power(*before, energy, range, elapsed) {
                    *watts.entry(key.to_owned()).or_default() += power;
                }
            }
            readings.insert(zone, energy);
        }
        self.read_at = (!readings.is_empty()).then_some(now);
        self.before = readings;
        watts
    }
}

fn key(zone: &str) -> Option<&'static str> {
    match zone {
        "core" => Some("cpu_core"),
        "dram" => Some("dram"),
        _ if zone.starts_with("package") => Some("cpu_package"),
        _ => None,
    }
}

/// Watts; the counter starts again at its range.
fn power(before: u64, now: u64, range: Option<u64>, seconds: f64) -> Option<f64> {
    let microjoules = match now.checked_sub(before) {
        Some(difference) => difference,
        None => range?.checked_sub(before)?.checked_add(now)?,
    };
    (seconds > 0.0).then(|| microjoules as f64 / 1e6 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_by_time() {
        assert_eq!(power(1_000_000, 41_000_000, None, 2.0), Some(20.0));
        assert_eq!(
            power(90_000_000, 10_000_000, Some(100_000_000), 1.0),
            Some(20.0)
        );
        assert_eq!(power(9, 1, None, 1.0), None);
        assert_eq!(power(9, 1, Some(5), 1.0), None);
        assert_eq!(power(1, 9, None, 0.0), None);
    }

    #[test]
    fn packages_add_up_and_the_first_reading_says_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let write = |zone: &str, name: &str, energy: u64| {
            let zone = folder.path().join("class/powercap").join(zone);
            std::fs::create_dir_all(&zone).expect("folder");
            std::fs::write(zone.join("name"), name).expect("write");
            std::fs::write(zone.join("energy_uj"), energy.to_string()).expect("write");
        };
        let mut meter = Meter::default();
        for energy in [0, 1_000_000] {
            write("intel-rapl:0", "package-0", energy);
            write("intel-rapl:1", "package-1", energy);
            write("intel-rapl:0:0", "core", energy);
            write("intel-rapl:0:1", "uncore", energy);
            let watts = meter.read(folder.path());
            assert_eq!(watts.len(), if energy == 0 { 0 } else { 2 });
            if energy > 0 {
                assert!(watts["cpu_package"] > watts["cpu_core"] * 1.9);
            }
        }
    }
}
