//! Temperatures and fans from `/sys/class/hwmon`, under the names that v5 servers know.
//!
//! `cpu_package` is the hottest input of the best kind that any CPU chip has; NVMe drives are
//! counted in the order of their place on the bus; whatever else measures a temperature goes to
//! `additional`. Without a CPU chip the first thermal zone stands in (Raspberry Pi).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pulse_wire::host_report::Sensors;

use super::{entries, number, word};

const CPU_CHIPS: [&str; 13] = [
    "coretemp",
    "k10temp",
    "zenpower",
    "k8temp",
    "acpitz",
    "it87",
    "nct6687",
    "nct677",
    "nct679",
    "w83627",
    "f71882",
    "cpu_thermal",
    "rp1_adc",
];
const GPU_CHIPS: [&str; 2] = ["amdgpu", "nouveau"];

struct Chip {
    name: String,
    /// Label (or `temp1`) and degrees Celsius.
    temperatures: Vec<(String, f64)>,
    /// Label (or `fan1`) and revolutions per minute.
    fans: Vec<(String, f64)>,
    /// Where the device is on its bus; orders chips of one kind.
    place: PathBuf,
}

pub fn read(sys: &Path) -> Sensors {
    let folder = sys.join("class/hwmon");
    let mut chips: Vec<Chip> = entries(&folder)
        .iter()
        .filter_map(|name| chip(&folder.join(name)))
        .collect();
    chips.sort_by(|a, b| a.place.cmp(&b.place));
    let mut sensors = arrange(&chips);
    if !sensors.temperature_celsius.contains_key("cpu_package") {
        let zone = number::<f64>(&sys.join("class/thermal/thermal_zone0/temp"));
        if let Some(celsius) = zone.and_then(degrees) {
            sensors
                .temperature_celsius
                .insert("cpu_package".into(), celsius);
        }
    }
    sensors
}

fn chip(folder: &Path) -> Option<Chip> {
    let name = word(&folder.join("name"))?;
    let mut temperatures = Vec::new();
    let mut fans = Vec::new();
    for file in entries(folder) {
        let Some(input) = file.strip_suffix("_input") else {
            continue;
        };
        let label =
            || word(&folder.join(format!("{input}_label"))).unwrap_or_else(|| input.to_owned());
        if input.starts_with("temp") {
            if let Some(celsius) = number(&folder.join(&file)).and_then(degrees) {
                temperatures.push((label(), celsius));
            }
        } else if input.starts_with("fan")
            && let Some(speed) =
                number(&folder.join(&file)).filter(|speed: &f64| *speed > 0.0 && speed.is_finite())
        {
            fans.push((label(), speed));
        }
    }
    let place = folder
        .join("device")
        .canonicalize()
        .unwrap_or_else(|_| folder.to_owned());
    Some(Chip {
        name,
        temperatures,
        fans,
        place,
    })
}

/// Millidegrees to degrees; none for what no thermometer measures.
fn degrees(milli: f64) -> Option<f64> {
    let celsius = milli / 1000.0;
    (celsius > 0.0 && celsius < 150.0).then_some(celsius)
}

fn arrange(chips: &[Chip]) -> Sensors {
    let mut sensors = Sensors::default();
    let mut package: Option<(u8, f64)> = None;
    let mut drives = 0;
    for chip in chips {
        let family = key(chip.name.split('-').next().unwrap_or_default());
        for (label, speed) in &chip.fans {
            put(
                &mut sensors.fan_rpm,
                &format!("{family}_{}", key(label)),
                *speed,
            );
        }
        let is_cpu =
            CPU_CHIPS.iter().any(|name| family.contains(name)) || family.contains("rpitemp");
        if is_cpu {
            for (label, celsius) in &chip.temperatures {
                if label.contains("Core ") {
                    let core = sensors
                        .temperature_celsius
                        .entry(format!("cpu_{}", key(label)))
                        .or_insert(*celsius);
                    *core = core.max(*celsius);
                }
                let rank = package_rank(label);
                let better = package.is_none_or(|(best, hottest)| {
                    rank < best || rank == best && *celsius > hottest
                });
                if better {
                    package = Some((rank, *celsius));
                }
                if rank == OTHER {
                    put(
                        &mut sensors.additional,
                        &format!("{family}_{}", key(label)),
                        *celsius,
                    );
                }
            }
        } else if family.contains("nvme") {
            for (label, celsius) in &chip.temperatures {
                // Old kernels give no label; the first input is the composite.
                if label == "Composite" || label == "temp1" {
                    sensors
                        .temperature_celsius
                        .insert(format!("nvme{drives}"), *celsius);
                } else {
                    put(
                        &mut sensors.additional,
                        &format!("nvme{drives}_{}", key(label)),
                        *celsius,
                    );
                }
            }
            drives += 1;
        } else if GPU_CHIPS.contains(&family.as_str()) {
            for (label, celsius) in &chip.temperatures {
                put(
                    &mut sensors.temperature_celsius,
                    &format!("gpu_{}", key(label)),
                    *celsius,
                );
            }
        } else {
            for (label, celsius) in &chip.temperatures {
                put(
                    &mut sensors.additional,
                    &format!("{family}_{}", key(label)),
                    *celsius,
                );
            }
        }
    }
    if let Some((_, celsius)) = package.filter(|(rank, _)| *rank < OTHER) {
        sensors
            .temperature_celsius
            .insert("cpu_package".into(), celsius);
    }
    sensors
}

const OTHER: u8 = 5;

/// How well an input stands for the whole processor; 0 is best.
fn package_rank(label: &str) -> u8 {
    match label {
        _ if label.starts_with("Package id") || label == "Tdie" || label == "Tctl" => 0,
        _ if label.starts_with("Tccd") => 1,
        _ if label.to_ascii_lowercase().contains("cpu") => 2,
        "temp1" => 3,
        _ if label.contains("Core ") => 4,
        _ => OTHER,
    }
}

fn key(text: &str) -> String {
    text.trim().to_lowercase().replace([' ', '-'], "_")
}

/// A second input of the same name gets a number.
fn put(map: &mut BTreeMap<String, f64>, name: &str, value: f64) {
    let mut free = name.to_owned();
    let mut number = 2;
    while map.contains_key(&free) {
        free = format!("{name}_{number}");
        number += 1;
    }
    map.insert(free, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chip(name: &str, temperatures: &[(&str, f64)]) -> Chip {
        Chip {
            name: name.into(),
            temperatures: temperatures
                .iter()
                .map(|(label, celsius)| ((*label).into(), *celsius))
                .collect(),
            fans: Vec::new(),
            place: PathBuf::new(),
        }
    }

    fn check(chips: &[Chip], expect: &[(&str, f64)]) {
        let sensors = arrange(chips);
        let expect: BTreeMap<String, f64> = expect
            .iter()
            .map(|(name, value)| ((*name).into(), *value))
            .collect();
        assert_eq!(sensors.temperature_celsius, expect);
    }

    #[test]
    fn the_package_is_the_hottest_of_the_best_kind() {
        check(
            &[
                chip(
                    "coretemp",
                    &[("Package id 0", 51.0), ("Core 0", 60.0), ("Core 1", 49.0)],
                ),
                chip("coretemp", &[("Package id 1", 55.0), ("Core 0", 40.0)]),
                chip("nct6798", &[("CPUTIN", 90.0), ("SYSTIN", 33.0)]),
            ],
            &[
                ("cpu_package", 55.0),
                ("cpu_core_0", 60.0),
                ("cpu_core_1", 49.0),
            ],
        );
        check(
            &[chip("k10temp", &[("Tccd1", 70.0), ("Tctl", 62.5)])],
            &[("cpu_package", 62.5)],
        );
        check(
            &[chip("k10temp", &[("Tccd1", 70.0), ("Tccd2", 71.0)])],
            &[("cpu_package", 71.0)],
        );
        check(
            &[chip("acpitz", &[("temp1", 30.0)])],
            &[("cpu_package", 30.0)],
        );
        check(
            &[chip("coretemp", &[("Core 0", 45.0)])],
            &[("cpu_core_0", 45.0), ("cpu_package", 45.0)],
        );
    }

    #[test]
    fn drives_graphics_and_the_rest() {
        let chips = [
            chip("nvme", &[("Composite", 49.85), ("Sensor 1", 52.0)]),
            chip("nvme", &[("Composite", 40.85)]),
            chip("amdgpu", &[("edge", 45.0), ("junction", 50.0)]),
            chip("jc42", &[("temp1", 41.5)]),
            chip("jc42", &[("temp1", 42.5)]),
        ];
        check(
            &chips,
            &[
                ("nvme0", 49.85),
                ("nvme1", 40.85),
                ("gpu_edge", 45.0),
                ("gpu_junction", 50.0),
            ],
        );
        let additional = arrange(&chips).additional;
        assert_eq!(additional["nvme0_sensor_1"], 52.0);
        assert_eq!(
            (additional["jc42_temp1"], additional["jc42_temp1_2"]),
            (41.5, 42.5)
        );
    }

    #[test]
    fn only_plausible_temperatures() {
        assert_eq!(degrees(49_850.0), Some(49.85));
        for milli in [0.0, -5000.0, 255_000.0, f64::NAN, f64::INFINITY] {
            assert_eq!(degrees(milli), None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(name in any::<String>(), label in any::<String>(), celsius in any::<f64>()) {
            let _ = arrange(&[chip(&name, &[(&label, celsius)]), chip(&name, &[(&label, celsius)])]);
        }
    }
}
