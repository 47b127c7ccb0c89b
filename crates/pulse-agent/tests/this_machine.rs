//! The real program on the machine that runs the tests, and its report beside recorded v5 reports.

#![allow(clippy::expect_used, clippy::panic)] // helpers are outside #[test], where clippy.toml allows it

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use pulse_wire::host_report::HostReport;
use serde_json::Value;
use support::{Agent, accepted, server};

const RECORDED: &str = include_str!("../../pulse-wire/tests/fixtures/host-reports.jsonl");
/// Written by us and not by v5: all are part of the documented shape.
const ADDED: [&str; 3] = ["host.cpuModel", "network[].speedMbps", "sensors.powerWatts"];

/// Key paths and the JSON types seen there; maps of sensors count as one key.
fn shape(value: &Value, path: &str, into: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    into.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(list) => list
            .iter()
            .for_each(|item| shape(item, &format!("{path}[]"), into)),
        Value::Object(_) if path.starts_with("sensors.") && !path.contains("[]") => {}
        Value::Object(object) => {
            for (key, item) in object {
                shape(
                    item,
                    &if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    },
                    into,
                );
            }
        }
        _ => {}
    }
}

#[test]
fn the_report_of_this_machine_is_true_and_has_v5_shape() {
    let sink = server(|_, request| accepted(request));
    let agent = Agent::start(
        &sink.url(),
        &[
            "--tag",
            "lab",
            "--report-ip",
            "192.0.2.1",
            "--interval",
            "1s",
        ],
    );
    let body = sink.reports(2)[1].body.clone();
    drop(agent);

    let mut known = BTreeMap::new();
    for line in RECORDED.lines() {
        shape(
            &serde_json::from_str(line).expect("fixture"),
            "",
            &mut known,
        );
    }
    let mut ours = BTreeMap::new();
    shape(&body, "", &mut ours);
    for (path, kinds) in &ours {
        let added = ADDED.contains(&path.as_str()) || path.starts_with("sensors.");
        assert!(
            added || known.get(path) == Some(kinds),
            "{path}: {kinds:?}, v5 {:?}",
            known.get(path)
        );
    }

    let report: HostReport = serde_json::from_value(body).expect("decodes");
    let read = |path: &str| {
        std::fs::read_to_string(path)
            .expect("readable")
            .trim()
            .to_owned()
    };
    assert_eq!(report.host.hostname, read("/proc/sys/kernel/hostname"));
    assert_eq!(
        report.host.kernel_version,
        read("/proc/sys/kernel/osrelease")
    );
    assert_eq!(report.agent.kind, "unified");
    assert_eq!(
        (
            report.agent.interval_seconds,
            report.host.report_ip.as_str()
        ),
        (1, "192.0.2.1")
    );
    assert_eq!(report.tags, ["lab"]);
    assert!(
        report.host.cpu_count >= 1
            && report.host.uptime_seconds > 0
            && report.host.load_average.len() == 3
    );
    let memory = &report.metrics.memory;
    assert!(
        memory.total_bytes > memory.used_bytes && memory.used_bytes > 0 && memory.free_bytes > 0
    );
    assert!(
        report
            .metrics
            .cpu_usage_percent
            .is_some_and(|percent| (0.0..=100.0).contains(&percent))
    );
    let kernel_total: i64 = read("/proc/meminfo")
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse().ok())
        .expect("MemTotal");
    assert_eq!(memory.total_bytes, kernel_total * 1024);
    for disk in &report.disks {
        assert!(
            disk.total_bytes > 0 && (0.0..=100.0).contains(&disk.usage),
            "{disk:?}"
        );
    }
    assert!(
        report
            .disks
            .is_sorted_by_key(|disk| disk.mountpoint.clone())
    );
    assert!(
        report
            .network
            .iter()
            .all(|interface| interface.name != "lo" && !interface.addresses.is_empty())
    );
}

fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pulse-agent"))
        .args(arguments)
        .env_clear()
        .env("PULSE_STATE_DIR", "/nowhere")
        .output()
        .expect("the agent starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(text).expect("utf-8"),
    )
}

#[test]
fn version_help_self_test_and_mistakes() {
    assert_eq!(
        run(&["--version"]),
        (true, format!("pulse-agent {}\n", env!("CARGO_PKG_VERSION")))
    );
    assert!(run(&["-help"]).1.contains("--token-file"));
    assert_eq!(run(&["--self-test"]), (true, String::new()));
    let (success, text) = run(&[]);
    assert!(
        !success && text.starts_with("Error: ") && text.contains("--token-file"),
        "{text}"
    );
    let (success, text) = run(&["--token", "t", "--interval", "abc"]);
    assert!(!success && text.starts_with("Error: --interval"), "{text}");
}

#[test]
fn flags_of_missing_modules_warn_and_the_host_is_reported_anyway() {
    let sink = server(|_, request| accepted(request));
    let agent = Agent::start(
        &sink.url(),
        &["--enable-docker", "--token", "on-the-command-line"],
    );
    sink.reports(1);
    agent.wait_for_log("--enable-docker has no effect");
    agent.wait_for_log("every local user can read it");
}
