//! The host report against recordings of v5 agents and servers, and against malformed input.

#![allow(clippy::expect_used)] // helpers are outside #[test], where clippy.toml allows it

use pulse_wire::host_report::{HostConfigAnswer, HostReport, HostReportAnswer, ReportTime};
use serde_json::{Value, json};

const RECORDED: &str = include_str!("fixtures/host-reports.jsonl");

fn recorded() -> Vec<Value> {
    RECORDED
        .lines()
        .map(|line| serde_json::from_str(line).expect("fixture"))
        .collect()
}

/// Numbers compare by value: v5 writes `1` where we write `1.0`.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn error_of(report: &Value) -> String {
    let text = report.to_string();
    let mut reader = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize::<_, HostReport>(&mut reader)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn every_recorded_report_survives_a_round_trip() {
    let reports = recorded();
    assert_eq!(reports.len(), 60);
    for original in reports {
        let report: HostReport = serde_json::from_value(original.clone()).expect("decodes");
        let again = serde_json::to_value(&report).expect("encodes");
        assert!(same(&original, &again), "{original}\n{again}");
    }
}

#[test]
fn the_documented_example_survives_a_round_trip() {
    let original = json!({
        "agent": {"id": "7d0c", "version": "5.0.14", "type": "unified", "intervalSeconds": 30,
            "hostname": "node-a", "updatedFrom": "5.0.12", "commandsEnabled": true},
        "host": {"id": "7d0c", "hostname": "node-a", "cpuModel": "X", "loadAverage": [0.2, 0.3, 0.4]},
        "metrics": {"cpuUsagePercent": 12.5, "memory": {"swapTotalBytes": 4, "swapUsedBytes": 1}},
        "network": [{"name": "eth0", "speedMbps": 1000}],
        "sensors": {"fanRpm": {"nct6798_fan1": 1180.0}, "powerWatts": {"cpu_package": 22.4},
            "additional": {"jc42_temp1": 41.5},
            "smart": [{"device": "sda", "temperature": 0, "standby": true}]},
        "ceph": {"fsid": "f",
            "health": {"status": "HEALTH_WARN", "checks": {"POOL": {"severity": "HEALTH_WARN", "message": "m", "detail": ["d"]}}},
            "monMap": {"epoch": 1, "numMons": 3, "monitors": [{"name": "a", "rank": 0, "addr": "10.0.0.1"}]},
            "mgrMap": {"available": true, "numMgrs": 2, "activeMgr": "x", "standbys": 1},
            "osdMap": {"epoch": 9, "numOsds": 6, "numUp": 6, "numIn": 6, "numDown": 1},
            "pgMap": {"numPgs": 128, "bytesTotal": 1, "bytesUsed": 1, "bytesAvailable": 1, "usagePercent": 1.0, "dataBytes": 5},
            "pools": [{"id": 1, "name": "p", "bytesUsed": 1, "bytesAvailable": 2, "objects": 3, "percentUsed": 4.0}],
            "services": [{"type": "mon", "running": 3, "total": 3}],
            "collectedAt": "2026-01-02T03:04:05Z"},
        "timestamp": "2026-01-02T03:04:05.123456789Z",
        "sequenceId": "9",
    });
    let report: HostReport = serde_json::from_value(original.clone()).expect("decodes");
    assert_eq!(serde_json::to_value(&report).expect("encodes"), original);
}

#[test]
fn an_empty_report_writes_what_v5_always_writes() {
    let empty = json!({
        "agent": {"id": ""}, "host": {"hostname": ""}, "metrics": {"memory": {}}, "sensors": {},
        "timestamp": "0001-01-01T00:00:00Z",
    });
    assert_eq!(
        serde_json::to_value(HostReport::default()).expect("encodes"),
        empty
    );
    let report: HostReport = serde_json::from_value(json!({})).expect("decodes");
    assert_eq!(report, HostReport::default());
    assert!(report.timestamp.is_none());
}

#[test]
fn unknown_keys_nulls_and_other_case_are_forgiven() {
    let report: HostReport = serde_json::from_value(json!({
        "AGENT": {"ID": "a", "new": {"deep": [1]}},
        "host": {"hostName": "other case", "future": null, "loadAverage": null},
        "metrics": null,
        "disks": [null, {"mountpoint": "/", "inodes": 5}],
        "network": null,
        "sensors": {"fanRpm": {"f": null}, "smart": [{"temperature": null}]},
        "ceph": null,
        "timestamp": null,
        "later": [],
    }))
    .expect("decodes");
    assert_eq!(
        (report.agent.id.as_str(), report.host.hostname.as_str()),
        ("a", "other case")
    );
    assert_eq!(
        (report.disks.len(), report.disks[1].mountpoint.as_str()),
        (2, "/")
    );
    assert_eq!(report.sensors.fan_rpm["f"], 0.0);
    assert!(report.network.is_empty() && report.ceph.is_none() && report.timestamp.is_none());
}

#[test]
fn a_wrong_value_is_refused_with_its_path() {
    for (report, path) in [
        (
            json!({"diskIO": [{"readBytes": -1}]}),
            "diskIO[0].readBytes",
        ),
        (json!({"host": {"cpuCount": 1.5}}), "host.cpuCount"),
        (
            json!({"metrics": {"memory": {"totalBytes": 1e30}}}),
            "metrics.memory.totalBytes",
        ),
        (
            json!({"metrics": {"cpuUsagePercent": "7"}}),
            "metrics.cpuUsagePercent",
        ),
        (json!({"disks": {}}), "disks"),
        (json!({"tags": [1]}), "tags[0]"),
        (
            json!({"sensors": {"temperatureCelsius": {"x": "hot"}}}),
            "sensors.temperatureCelsius.x",
        ),
        (
            json!({"raid": [{"devices": [{"slot": "one"}]}]}),
            "raid[0].devices[0].slot",
        ),
        (json!({"timestamp": "yesterday"}), "timestamp"),
        (json!({"timestamp": ""}), "timestamp"),
        (json!({"host": []}), "host"),
    ] {
        let error = error_of(&report);
        assert!(error.starts_with(&format!("{path}: ")), "{path}: {error}");
    }
}

#[test]
fn times_are_read_strictly_and_written_in_utc() {
    for (text, written) in [
        (
            "2026-01-02T03:04:05.123456789Z",
            "2026-01-02T03:04:05.123456789Z",
        ),
        ("2026-01-02T03:04:05.1000Z", "2026-01-02T03:04:05.1Z"),
        ("2026-01-02T01:04:05+02:30", "2026-01-01T22:34:05Z"),
        ("2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        (
            "9999-12-31T23:59:59.9999999999Z",
            "9999-12-31T23:59:59.999999999Z",
        ),
    ] {
        assert_eq!(text.parse::<ReportTime>().expect(text).to_string(), written);
    }
    for text in [
        "",
        "2026-01-02",
        "2026-01-02 03:04:05Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+25:00",
        "2026-01-02T03:04:05Zx",
        "２026-01-02T03:04:05Z",
    ] {
        assert!(text.parse::<ReportTime>().is_err(), "{text}");
    }
    assert_eq!(
        "1970-01-01T00:00:01.234Z"
            .parse::<ReportTime>()
            .expect("time")
            .unix_millis(),
        1234
    );
    assert_eq!(
        ReportTime::from_unix(1_767_323_045, 0).to_string(),
        "2026-01-02T03:04:05Z"
    );
}

#[test]
fn answers_have_v5_shape() {
    let recorded = json!({
        "hostId": "4f1c", "lastSeen": "2026-11-24T07:43:24.43450986Z", "osName": "debian",
        "osVersion": "12.11", "platform": "debian", "success": true,
    });
    let answer: HostReportAnswer = serde_json::from_value(recorded.clone()).expect("decodes");
    assert_eq!(serde_json::to_value(&answer).expect("encodes"), recorded);

    let overridden = json!({
        "success": true, "hostId": "", "lastSeen": "0001-01-01T00:00:00Z", "platform": "",
        "osName": "", "osVersion": "", "config": {"commandsEnabled": false},
    });
    let answer: HostReportAnswer = serde_json::from_value(overridden.clone()).expect("decodes");
    assert_eq!(
        answer
            .config
            .as_ref()
            .and_then(|config| config.commands_enabled),
        Some(false)
    );
    assert_eq!(serde_json::to_value(&answer).expect("encodes"), overridden);

    for config in [
        json!({}),
        json!({"commandsEnabled": true, "settings": {"interval": "60s"}}),
    ] {
        let body = json!({"success": true, "hostId": "a", "config": config});
        let answer: HostConfigAnswer<Value> =
            serde_json::from_value(body.clone()).expect("decodes");
        assert_eq!(serde_json::to_value(&answer).expect("encodes"), body);
    }
}

proptest::proptest! {
    #[test]
    fn reading_never_panics_and_times_round_trip(
        text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.Z+-]{0,24}",
        noise in ".{0,40}",
        seconds in -62_135_596_800_i64..253_402_300_800,
        nanos in 0_u32..1_000_000_000,
    ) {
        let _ = (text.parse::<ReportTime>(), noise.parse::<ReportTime>());
        let _ = serde_json::from_str::<HostReport>(&noise);
        let time = ReportTime::from_unix(seconds, nanos);
        proptest::prop_assert_eq!(time.to_string().parse::<ReportTime>(), Ok(time));
    }
}
