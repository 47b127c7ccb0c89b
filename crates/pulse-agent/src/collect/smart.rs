//! SMART by `smartctl`, every five minutes, one command per disk beside the reports. The last
//! answer of each disk is reported until the next; a sleeping disk is not woken.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pulse_wire::host_report::SmartDisk;
use serde_json::Value;

use super::entries;
use super::mount_filter::matches_any;
use super::probe::{self, Output, Probe, Progress};

const EVERY: Duration = Duration::from_mins(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// More disks than this are asked in turn.
const AT_ONCE: usize = 8;

pub struct Disks {
    exclude: Vec<String>,
    program: Option<PathBuf>,
    asked: Option<Instant>,
    waiting: Vec<String>,
    running: Vec<(String, Probe)>,
    known: Vec<SmartDisk>,
}

impl Disks {
    pub fn new(exclude: Vec<String>) -> Self {
        let program = probe::find("smartctl");
        Self {
            exclude,
            program,
            asked: None,
            waiting: Vec::new(),
            running: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Takes the answers that have come, starts what is due, returns what is known.
    pub fn poll(&mut self, sys: &Path) -> Vec<SmartDisk> {
        let Some(program) = self.program.clone() else {
            return Vec::new();
        };
        let mut running = std::mem::take(&mut self.running);
        running.retain_mut(|(name, probe)| match probe.poll() {
            Progress::Running => true,
            Progress::Ended(answer) => {
                let disk = answer
                    .filter(|output| output.code.is_some())
                    .and_then(|output| parse(name, &output));
                self.known.retain(|disk| disk.device != *name);
                self.known.extend(disk);
                false
            }
        });
        self.running = running;
        if self.asked.is_none_or(|asked| asked.elapsed() >= EVERY) {
            self.asked = Some(Instant::now());
            self.waiting = self.disks(sys);
            self.known
                .retain(|disk| self.waiting.contains(&disk.device));
            self.waiting
                .retain(|name| !self.running.iter().any(|(running, _)| running == name));
        }
        while self.running.len() < AT_ONCE {
            let Some(name) = self.waiting.pop() else {
                break;
            };
            let arguments = [
                "-n",
                "standby",
                "-i",
                "-A",
                "-H",
                "--json=o",
                &format!("/dev/{name}"),
            ];
            self.running
                .extend(Probe::start(&program, &arguments, PATIENCE).map(|probe| (name, probe)));
        }
        self.known.sort_by(|a, b| a.device.cmp(&b.device));
        self.known.clone()
    }

    /// Physical disks: those with a device behind them, which virtual block devices have not.
    fn disks(&self, sys: &Path) -> Vec<String> {
        let block = sys.join("block");
        let excluded = |name: &String| {
            matches_any(&self.exclude, name) || matches_any(&self.exclude, &format!("/dev/{name}"))
        };
        entries(&block)
            .into_iter()
            .filter(|name| {
                !["sr", "fd", "vd", "xvd", "nbd", "mmcblk"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            })
            .filter(|name| block.join(name).join("device").exists() && !excluded(name))
            .collect()
    }
}

/// One disk's entry; none when smartctl could not read it.
fn parse(name: &str, output: &Output) -> Option<SmartDisk> {
    let answer: Value = serde_json::from_str(&output.text).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    let device = name.to_owned();
    // Bit 1 means asleep, or that the device could not be opened; the messages tell which.
    if output.code.is_some_and(|code| code & 2 != 0) {
        let opened = !answer["smartctl"]["messages"]
            .to_string()
            .to_lowercase()
            .contains("open");
        return opened.then(|| SmartDisk {
            device,
            standby: true,
            ..SmartDisk::default()
        });
    }
    answer.as_object()?;
    let protocol = text(&answer["device"]["protocol"]).to_lowercase();
    let kind = match protocol.as_str() {
        "nvme" => "nvme".to_owned(),
        "scsi" | "sas" => "sas".to_owned(),
        "ata" => "sata".to_owned(),
        _ => Some(text(&answer["device"]["type"]))
            .filter(|kind| !kind.is_empty())
            .unwrap_or_else(|| "sata".into()),
    };
    let wwn = &answer["wwn"];
    let wwn = match (wwn["naa"].as_u64(), wwn["oui"].as_u64(), wwn["id"].as_u64()) {
        (Some(naa), Some(oui), Some(id)) => format!("{naa:x}-{oui:x}-{id:x}"),
        _ => String::new(),
    };
    let temperature = [
        &answer["temperature"]["current"],
        &answer["nvme_smart_health_information_log"]["temperature"],
    ]
    .into_iter()
    .find_map(Value::as_i64)
    .filter(|celsius| (0..=150).contains(celsius));
    let health = match answer["smart_status"]["passed"].as_bool() {
        Some(true) => "PASSED",
        Some(false) => "FAILED",
        None => "UNKNOWN",
    };
    Some(SmartDisk {
        device,
        model: text(&answer["model_name"]),
        serial: text(&answer["serial_number"]),
        wwn,
        kind,
        temperature: temperature.unwrap_or_default(),
        health: health.into(),
        standby: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(code: i32, text: &str) -> Option<SmartDisk> {
        parse(
            "sda",
            &Output {
                code: Some(code),
                text: text.into(),
            },
        )
    }

    #[test]
    fn a_healthy_disk() {
        let disk = check(0, r#"{"device":{"protocol":"ATA"},"model_name":"X","serial_number":"S1","wwn":{"naa":5,"oui":3152,"id":1},"temperature":{"current":34},"smart_status":{"passed":true}}"#).expect("disk");
        assert_eq!(
            (disk.kind.as_str(), disk.wwn.as_str(), disk.temperature),
            ("sata", "5-c50-1", 34)
        );
        assert_eq!(
            (
                disk.health.as_str(),
                disk.model.as_str(),
                disk.serial.as_str()
            ),
            ("PASSED", "X", "S1")
        );
        let disk = check(0, r#"{"device":{"protocol":"NVMe"},"nvme_smart_health_information_log":{"temperature":41},"smart_status":{"passed":false}}"#).expect("disk");
        assert_eq!(
            (disk.kind.as_str(), disk.temperature, disk.health.as_str()),
            ("nvme", 41, "FAILED")
        );
    }

    #[test]
    fn asleep_unreadable_and_unknown() {
        let asleep = check(
            2,
            r#"{"smartctl":{"messages":[{"string":"Device is in STANDBY mode, exit(2)"}]}}"#,
        )
        .expect("disk");
        assert!(asleep.standby && asleep.temperature == 0 && asleep.health.is_empty());
        assert!(check(2, "").is_some_and(|disk| disk.standby));
        assert_eq!(
            check(
                2,
                r#"{"smartctl":{"messages":[{"string":"Smartctl open device: /dev/sda failed"}]}}"#
            ),
            None
        );
        assert_eq!(
            check(4, r#"{"device":{"type":"scsi"}}"#)
                .expect("disk")
                .health,
            "UNKNOWN"
        );
        assert_eq!(check(1, "usage"), None);
    }

    proptest! {
        #[test]
        fn never_panics(code in any::<i32>(), noise in any::<String>(), number in any::<i64>()) {
            let _ = check(code, &noise);
            let _ = check(0, &format!(r#"{{"temperature":{{"current":{number}}},"wwn":{{"naa":{number}}}}}"#));
        }
    }
}
