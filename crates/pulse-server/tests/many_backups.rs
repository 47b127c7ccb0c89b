//! The Backups page with fifty thousand backups: size of its table and what it costs.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use pulse_core::{
    Attribution, BackupGroup, BackupKind, Bytes, PbsSnapshot, Snapshot, Timestamp, Verification,
};
use pulse_server::api::backups::table;
use pulse_wire::parts::PartsCache;

const GROUPS: u32 = 2500;
const EACH: u32 = 20;

/// A cheap deterministic sequence.
fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn group(number: u32) -> BackupGroup {
    let files: Arc<[Arc<str>]> = Arc::new([
        "qemu-server.conf.blob".into(),
        "drive-scsi0.img.fidx".into(),
        "index.json.blob".into(),
    ]);
    let guest: Arc<str> = format!("cluster{}", number % 10).into();
    let comment: Arc<str> = format!("guest-{number}, pve{}, {}", number % 100, 100 + number).into();
    let snapshot = |day: u32| {
        let dice = mix(u64::from(number * EACH + day));
        PbsSnapshot {
            time: Timestamp::from_secs(
                1_790_000_000 - i64::from(day) * 86_400 + (dice % 7200) as i64,
            ),
            size: Some(Bytes(8_000_000_000 + dice % 40_000_000_000)),
            protected: dice.is_multiple_of(97),
            encrypted: false,
            verification: if dice.is_multiple_of(3) {
                Verification::None
            } else {
                Verification::Ok
            },
            comment: Arc::clone(&comment),
            files: Arc::clone(&files),
        }
    };
    BackupGroup {
        instance: format!("vault{}", number % 5).into(),
        datastore: "main".into(),
        namespace: Arc::clone(&guest),
        kind: BackupKind::Vm,
        backup_id: (100 + number).to_string().into(),
        owner: "backup@pbs".into(),
        attribution: Attribution::Guest {
            instance: guest,
            vmid: 100 + number,
            evidence: "the comment names it".into(),
        },
        snapshots: (0..EACH).map(snapshot).collect(),
    }
}

fn gzip(bytes: &[u8]) -> usize {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(4));
    out.write_all(bytes).unwrap();
    out.finish().unwrap().len()
}

fn fleet() -> Vec<Arc<BackupGroup>> {
    (0..GROUPS).map(|number| Arc::new(group(number))).collect()
}

fn snapshot(version: u64, groups: Vec<Arc<BackupGroup>>) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        version,
        backup_groups: Arc::new(groups),
        ..Snapshot::default()
    })
}

#[test]
fn the_table_of_fifty_thousand_backups_is_small() {
    let snapshot = snapshot(1, fleet());
    let started = Instant::now();
    let body = table::encode(&snapshot);
    let took = started.elapsed();
    let packed = gzip(&body);
    println!(
        "table: {} kB, gzip {} kB, made in {took:?}",
        body.len() / 1000,
        packed / 1000
    );
    assert!(packed < 1_000_000, "{packed} bytes");
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let length = |column: &str| json["rows"][column].as_array().unwrap().len();
    for column in ["group", "older", "size", "flags", "comment"] {
        assert_eq!(length(column), (GROUPS * EACH) as usize, "{column}");
    }
    // The columns give back the times, newest first.
    let mut times: Vec<i64> = snapshot
        .backup_groups
        .iter()
        .flat_map(|g| &g.snapshots)
        .map(|s| s.time.secs())
        .collect();
    times.sort_unstable_by_key(|time| std::cmp::Reverse(*time));
    let mut at = json["newest"].as_i64().unwrap();
    for (want, older) in times.iter().zip(json["rows"]["older"].as_array().unwrap()) {
        at -= older.as_i64().unwrap();
        assert_eq!(at, *want);
    }
}

#[test]
fn a_changed_group_does_not_cost_all_encodings() {
    let mut groups = fleet();
    let mut parts = PartsCache::default();
    let started = Instant::now();
    let first = parts.state(&snapshot(1, groups.clone())).unwrap();
    let cold = started.elapsed();
    Arc::make_mut(&mut groups[7]).owner = "somebody@pbs".into();
    let next = snapshot(2, groups);
    let started = Instant::now();
    let second = parts.state(&next).unwrap();
    let warm = started.elapsed();
    println!(
        "state: {} MB; all groups {cold:?}, one group {warm:?}",
        first.len() / 1_000_000
    );
    assert!(first.len() < second.len());
    assert!(warm * 2 < cold, "{warm:?} against {cold:?}");
}
