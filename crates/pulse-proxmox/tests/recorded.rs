//! Decoding what a real PVE 8.3 answered drops nothing.
//!
//! For every recorded answer of every endpoint that is called: no element is skipped, no value is
//! of an unusable type, every key is a field or in [`ignored`], and every recorded value is found
//! again in what was decoded.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use pulse_proxmox::decode::{self, Element};
use pulse_proxmox::types as t;
use serde_json::Value;
use support::recordings::{Recording, recordings};

/// Keys that are passed over on purpose. `*` stands for one step.
fn ignored(template: &str) -> &'static [&'static str] {
    match template {
        // The row's kind is known from the call.
        "/nodes" => &["type"],
        // Firmware, CPU flags and clock ticks: no use for monitoring.
        "/nodes/*/status" => &[
            "boot-info",
            "cpuinfo.flags",
            "cpuinfo.hvm",
            "cpuinfo.user_hz",
        ],
        // Backup capabilities, the serial console flag and per-disk counters beyond reads, writes and flushes.
        "/nodes/*/qemu" | "/nodes/*/qemu/*/status/current" => &[
            "proxmox-support",
            "serial",
            "clipboard",
            "blockstat.*.timed_stats",
            "blockstat.*.account_failed",
            "blockstat.*.account_invalid",
            "blockstat.*.idle_time_ns",
            "blockstat.*.rd_merged",
            "blockstat.*.wr_merged",
            "blockstat.*.unmap_bytes",
            "blockstat.*.unmap_merged",
            "blockstat.*.unmap_operations",
            "blockstat.*.unmap_total_time_ns",
            "blockstat.*.failed_unmap_operations",
            "blockstat.*.invalid_rd_operations",
            "blockstat.*.invalid_wr_operations",
            "blockstat.*.invalid_flush_operations",
            "blockstat.*.invalid_unmap_operations",
            "blockstat.*.invalid_zone_append_operations",
            "blockstat.*.failed_zone_append_operations",
            "blockstat.*.zone_append_bytes",
            "blockstat.*.zone_append_merged",
            "blockstat.*.zone_append_operations",
            "blockstat.*.zone_append_total_time_ns",
        ],
        // Where the host attaches the disk; the guest's own device name is kept.
        "/nodes/*/qemu/*/agent/get-fsinfo" => &["disk.*.pci-controller"],
        // What the agent could be asked.
        "/nodes/*/qemu/*/agent/info" => &["supported_commands"],
        // Retention, credentials and layout belong to the storage's administration.
        "/storage" => &[
            "prune-backups",
            "username",
            "fingerprint",
            "digest",
            "is_mountpoint",
            "create-base-path",
        ],
        // Ceph OSDs are read from Ceph itself.
        "/nodes/*/disks/list" => &["osdid-list"],
        // How an interface is brought up; only its addresses matter here.
        "/nodes/*/network" => &[
            "method",
            "method6",
            "exists",
            "priority",
            "families",
            "autostart",
            "comments",
            "bridge_stp",
            "bridge_ports",
            "bridge_fd",
        ],
        // Descriptions of packages are long and the same everywhere.
        "/nodes/*/apt/update" => &["Arch", "Description"],
        // Whether the task is in the archive already.
        "/nodes/*/tasks" | "/cluster/tasks" => &["saved"],
        // The certificate itself, and its key's kind: only names, dates and the fingerprint are shown.
        "/nodes/*/certificates/info" => &["pem", "public-key-type", "public-key-bits"],
        // Which try of a service ended how; its state says what matters.
        "/cluster/ha/status/manager_status" => &["lrm_status.*.results"],
        // For writing back.
        "/cluster/ha/resources" => &["digest"],
        // Mail settings of a backup job, and its note template.
        "/cluster/backup" => &["mailto", "mailnotification", "notes-template"],
        _ => &[],
    }
}

#[derive(Clone, Copy)]
enum Shape {
    List,
    Object,
    AgentList,
    AgentObject,
}

#[test]
fn recorded_answers_lose_nothing() {
    let mut seen = 0;
    for recording in recordings()
        .iter()
        .filter(|recording| recording.is_answer())
    {
        let template = recording.template();
        let check: fn(&Recording, &str) = match template.as_str() {
            "/version" => |r, t| check::<t::Version>(r, t, Shape::Object),
            "/access/permissions" => |r, t| check::<t::Permissions>(r, t, Shape::Object),
            "/nodes" => |r, t| check::<t::NodeEntry>(r, t, Shape::List),
            "/nodes/*/status" => |r, t| check::<t::NodeStatus>(r, t, Shape::Object),
            "/cluster/status" => |r, t| check::<t::ClusterStatus>(r, t, Shape::List),
            "/cluster/resources" => |r, t| check::<t::Resource>(r, t, Shape::List),
            "/storage" => |r, t| check::<t::StorageDefinition>(r, t, Shape::List),
            "/nodes/*/storage" => |r, t| check::<t::NodeStorage>(r, t, Shape::List),
            "/nodes/*/storage/*/content" => |r, t| check::<t::StorageContent>(r, t, Shape::List),
            "/nodes/*/qemu" | "/nodes/*/lxc" => |r, t| check::<t::GuestStatus>(r, t, Shape::List),
            "/nodes/*/qemu/*/status/current" | "/nodes/*/lxc/*/status/current" => {
                |r, t| check::<t::GuestStatus>(r, t, Shape::Object)
            }
            "/nodes/*/qemu/*/config" | "/nodes/*/lxc/*/config" => {
                |r, t| check::<t::GuestConfig>(r, t, Shape::Object)
            }
            "/nodes/*/qemu/*/snapshot" | "/nodes/*/lxc/*/snapshot" => {
                |r, t| check::<t::Snapshot>(r, t, Shape::List)
            }
            "/nodes/*/rrddata" | "/nodes/*/qemu/*/rrddata" | "/nodes/*/lxc/*/rrddata" => {
                |r, t| check::<t::RrdPoint>(r, t, Shape::List)
            }
            "/nodes/*/qemu/*/agent/network-get-interfaces" => {
                |r, t| check::<t::AgentInterface>(r, t, Shape::AgentList)
            }
            "/nodes/*/qemu/*/agent/get-fsinfo" => {
                |r, t| check::<t::AgentFilesystem>(r, t, Shape::AgentList)
            }
            "/nodes/*/qemu/*/agent/get-osinfo" => {
                |r, t| check::<t::AgentOs>(r, t, Shape::AgentObject)
            }
            "/nodes/*/qemu/*/agent/info" => |r, t| check::<t::AgentInfo>(r, t, Shape::AgentObject),
            "/nodes/*/lxc/*/interfaces" => |r, t| check::<t::LxcInterface>(r, t, Shape::List),
            "/nodes/*/tasks" | "/cluster/tasks" => |r, t| check::<t::Task>(r, t, Shape::List),
            "/nodes/*/disks/list" => |r, t| check::<t::Disk>(r, t, Shape::List),
            "/nodes/*/disks/zfs" => |r, t| check::<t::ZfsPool>(r, t, Shape::List),
            "/nodes/*/disks/zfs/*" => |r, t| check::<t::ZfsPoolDetail>(r, t, Shape::Object),
            "/nodes/*/network" => |r, t| check::<t::NetworkInterface>(r, t, Shape::List),
            "/nodes/*/apt/update" => |r, t| check::<t::AptUpdate>(r, t, Shape::List),
            "/nodes/*/replication" | "/cluster/replication" => {
                |r, t| check::<t::Replication>(r, t, Shape::List)
            }
            "/nodes/*/replication/*/status" => |r, t| check::<t::Replication>(r, t, Shape::Object),
            "/nodes/*/disks/lvmthin" => |r, t| check::<t::LvmThin>(r, t, Shape::List),
            "/nodes/*/certificates/info" => |r, t| check::<t::Certificate>(r, t, Shape::List),
            "/cluster/ha/status/manager_status" => {
                |r, t| check::<t::HaManagerStatus>(r, t, Shape::Object)
            }
            "/cluster/ha/resources" => |r, t| check::<t::HaResource>(r, t, Shape::List),
            "/cluster/config/nodes" => |r, t| check::<t::ClusterConfigNode>(r, t, Shape::List),
            "/cluster/ha/status/current" => |r, t| check::<t::HaStatus>(r, t, Shape::List),
            "/cluster/backup" => |r, t| check::<t::BackupJob>(r, t, Shape::List),
            "/cluster/backup-info/not-backed-up" => {
                |r, t| check::<t::Unprotected>(r, t, Shape::List)
            }
            other => panic!("no decoder for {other}, recorded in {}", recording.name),
        };
        check(recording, &template);
        seen += 1;
    }
    assert!(seen > 120, "only {seen} recordings found");
}

fn check<T: Element + std::fmt::Debug>(recording: &Recording, template: &str, shape: Shape) {
    let body = recording.body();
    let json: Value = serde_json::from_slice(&body).unwrap();
    let name = &recording.name;
    let (items, odd): (Vec<T>, u64) = match shape {
        Shape::List | Shape::AgentList => {
            let decoded = match shape {
                Shape::List => decode::list::<T>(&body),
                _ => decode::agent_list::<T>(&body),
            }
            .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(decoded.skipped, [], "{name}");
            (decoded.items, decoded.odd_values)
        }
        Shape::Object | Shape::AgentObject => {
            let (item, odd) = match shape {
                Shape::Object => decode::object::<T>(&body),
                _ => decode::agent_object::<T>(&body),
            }
            .unwrap_or_else(|error| panic!("{name}: {error}"));
            (vec![item], odd)
        }
    };
    assert_eq!(odd, 0, "{name}: values of an unusable type");
    let data = match shape {
        Shape::List | Shape::Object => &json["data"],
        Shape::AgentList | Shape::AgentObject => &json["data"]["result"],
    };
    let elements: Vec<&Value> = match data {
        Value::Array(elements) => elements.iter().collect(),
        Value::Null => Vec::new(),
        object => vec![object],
    };
    assert_eq!(items.len(), elements.len(), "{name}: elements");
    for (item, element) in items.iter().zip(elements) {
        check_keys::<T>(name, template, element);
        let shown = format!("{item:?}");
        check_values(name, template, element, &mut Vec::new(), &shown);
    }
}

/// Every key is a field, or written down as passed over.
fn check_keys<T: Element>(name: &str, template: &str, element: &Value) {
    let mut unknown = Vec::new();
    let _: T = serde_ignored::deserialize(element, |path| {
        let path: Vec<String> = path
            .to_string()
            .split('.')
            .filter(|step| *step != "?")
            .map(ToOwned::to_owned)
            .collect();
        if !is_ignored(template, &path) {
            unknown.push(path.join("."));
        }
    })
    .unwrap();
    assert_eq!(
        unknown, [""; 0],
        "{name}: neither a field nor listed as ignored"
    );
}

/// Every recorded value shows up in the decoded one. (Small numbers may have become switches.)
fn check_values(name: &str, template: &str, value: &Value, path: &mut Vec<String>, shown: &str) {
    if is_ignored(template, path) {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                path.push(key.clone());
                check_values(name, template, value, path, shown);
                path.pop();
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                path.push(index.to_string());
                check_values(name, template, value, path, shown);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            let text = number
                .as_f64()
                .filter(|float| float.fract() != 0.0)
                .map_or(number.to_string(), |f| format!("{f:?}"));
            let is_switch = number.as_u64().is_some_and(|number| number < 2);
            // The only negative sentinel in use: rpm and osdid of disks.
            let is_sentinel = number.as_i64() == Some(-1);
            assert!(
                is_switch || is_sentinel || shown.contains(&text),
                "{name}: {} = {text} is lost in {shown}",
                path.join(".")
            );
        }
        Value::String(text) => {
            let is_number = text.trim_end_matches('0').trim_end_matches('.');
            let is_kind = path.last().is_some_and(|key| key == "type");
            let found = shown.contains(&format!("{text:?}"))
                || text.parse::<f64>().is_ok() && shown.contains(is_number)
                || is_kind
                || text == "N/A";
            assert!(
                found,
                "{name}: {} = {text:?} is lost in {shown}",
                path.join(".")
            );
        }
    }
}

fn is_ignored(template: &str, path: &[String]) -> bool {
    ignored(template).iter().any(|rule| {
        let steps: Vec<&str> = rule.split('.').collect();
        steps.len() <= path.len()
            && steps
                .iter()
                .zip(path)
                .all(|(step, at)| *step == "*" || step == at)
    })
}
