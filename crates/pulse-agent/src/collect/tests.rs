//! The collectors on small copies of `/proc`, `/sys`, `/etc` and `/run` under `tests/fixtures`.

use std::path::PathBuf;

use pulse_wire::host_report::{Disk, HostReport};

use super::statfs::Space;
use super::*;
use crate::cli::{Command, Environment};
use crate::identity;

fn tree(name: &str) -> Roots {
    Roots::below(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name),
    )
}

/// The report of a tree. Its mountpoints do not exist here, so `disks` stays with [`disks`].
fn report(name: &str) -> HostReport {
    let environment = Environment::from(&[("PULSE_TOKEN", "t")]);
    let arguments = ["--tag", "lab", "--report-ip", "192.0.2.1"].map(str::to_owned);
    let Ok(Command::Run(mut settings)) = crate::cli::parse(arguments, &environment) else {
        panic!("the settings are valid");
    };
    settings.roots = tree(name);
    let who = identity::resolve(&settings.roots, None, None);
    let tunable = Tunable::of(&settings);
    Collector::new(&settings, who).collect(&tunable)
}

fn disks(name: &str, space: impl Fn(&str) -> (u64, u64)) -> Vec<Disk> {
    let mounts = filesystems::read_mounts(&tree(name).proc).expect("mounts");
    filesystems::collect(
        &mounts,
        &[],
        &mut zfs::Pools::without_zfs_command(),
        |mount, _| {
            let (total, free) = space(mount);
            Some(Space {
                total,
                free,
                available: free,
            })
        },
    )
}

fn places(disks: &[Disk]) -> Vec<(&str, &str)> {
    disks
        .iter()
        .map(|disk| (disk.device.as_str(), disk.mountpoint.as_str()))
        .collect()
}

#[test]
fn a_zfs_host() {
    let report = report("zfs-host");
    let memory = report.metrics.memory;
    // 65764208 − 9344120 kB not available, of which 33285996544 − 2104454656 B are ZFS cache.
    assert_eq!(
        memory.used_bytes,
        (65_764_208 - 9_344_120) * 1024 - (33_285_996_544 - 2_104_454_656)
    );
    assert_eq!(memory.swap_used_bytes, (8_388_604 - 8_126_460) * 1024);
    assert_eq!(
        report.host.machine_id,
        "01234567-89ab-cdef-0123-456789abcdef"
    );
    assert_eq!(
        (report.host.id.as_str(), report.agent.id.as_str()),
        (
            report.host.machine_id.as_str(),
            report.host.machine_id.as_str()
        )
    );
    assert_eq!(
        (
            report.host.hostname.as_str(),
            report.host.os_version.as_str()
        ),
        ("pve1", "12.8")
    );
    assert_eq!(
        (report.host.cpu_count, report.host.uptime_seconds),
        (4, 86_400)
    );
    assert_eq!(report.host.load_average, [0.42, 0.50, 0.61]);
    assert_eq!(report.host.report_ip, "192.0.2.1");
    assert_eq!(report.tags, ["lab"]);
    let io: Vec<&str> = report
        .disk_io
        .iter()
        .map(|disk| disk.device.as_str())
        .collect();
    assert_eq!(io, ["sda", "zd0"]);

    let disks = disks("zfs-host", |mount| match mount {
        "/" => (500, 400),
        "/rpool" => (410, 400),
        "/tank/media" => (900, 300),
        "/tank/media/.zfs/snapshot/daily" => (100, 0),
        _ => (402, 400),
    });
    assert_eq!(
        places(&disks),
        [("rpool", "/rpool"), ("tank", "/tank/media")]
    );
    assert_eq!((disks[0].total_bytes, disks[0].used_bytes), (500, 100));
    assert_eq!((disks[1].total_bytes, disks[1].used_bytes), (900, 600));
}

#[test]
fn a_host_with_many_mounts() {
    let disks = disks("many-mounts", |mount| (1000 + mount.len() as u64, 10));
    assert_eq!(disks.len(), 17, "{:?}", places(&disks));
    let has = |place: &str| disks.iter().any(|disk| disk.mountpoint == place);
    assert!(
        has("/")
            && has("/boot")
            && has("/srv/disk11")
            && has("/mnt/usb stick")
            && has("/development")
    );
    // The bind mount of /dev/sdb1 has another size here, so only a same-size one is folded.
    assert!(has("/export/share"));
    let folded = super::tests::disks("many-mounts", |_| (1000, 10));
    assert_eq!(folded.len(), 16);
    assert!(!folded.iter().any(|disk| disk.mountpoint == "/export/share"));
}

#[test]
fn btrfs_subvolumes_are_one_file_system() {
    let disks = disks("btrfs", |mount| {
        if mount.starts_with("/srv") {
            (4000, 1000)
        } else {
            (500, 100)
        }
    });
    assert_eq!(
        places(&disks),
        [
            ("/dev/nvme0n1p2", "/"),
            ("/dev/nvme0n1p1", "/boot"),
            ("/dev/sda", "/srv/pool")
        ]
    );
}

#[test]
fn software_raid_reads_like_mdadm() {
    let raid = report("md-raid").raid;
    let recorded: Vec<HostReport> =
        include_str!("../../../pulse-wire/tests/fixtures/host-reports.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).expect("fixture"))
            .collect();
    let recorded = recorded
        .iter()
        .find(|report| {
            report
                .raid
                .first()
                .is_some_and(|array| array.state == "clean, degraded, recovering")
        })
        .expect("a recovering array was recorded");
    assert_eq!(raid.len(), recorded.raid.len());
    for (ours, theirs) in raid.iter().zip(&recorded.raid) {
        assert_eq!(
            (&ours.device, &ours.level, &ours.state, &ours.uuid),
            (&theirs.device, &theirs.level, &theirs.state, &theirs.uuid)
        );
        assert!(theirs.name.starts_with(&ours.name) && !ours.name.is_empty());
        let counts = |array: &pulse_wire::host_report::RaidArray| {
            [
                array.total_devices,
                array.active_devices,
                array.working_devices,
                array.failed_devices,
                array.spare_devices,
            ]
        };
        assert_eq!(counts(ours), counts(theirs), "{}", ours.device);
        let states = |array: &pulse_wire::host_report::RaidArray| -> Vec<(String, String)> {
            array
                .devices
                .iter()
                .map(|device| (device.device.clone(), device.state.clone()))
                .collect()
        };
        assert_eq!(states(ours), states(theirs));
    }
    // The place in the array, where v5 gave mdadm's device number; the percentage of a resync too.
    assert_eq!(
        raid[0]
            .devices
            .iter()
            .map(|device| device.slot)
            .collect::<Vec<_>>(),
        [0, 1, 2, -1]
    );
    assert_eq!(
        (raid[0].rebuild_percent, raid[0].rebuild_speed.as_str()),
        (5.4, "2752K/sec")
    );
    assert_eq!(raid[1].rebuild_percent, 18.4);
}

#[test]
fn temperatures_and_fans() {
    let sensors = report("hwmon").sensors;
    let map = |entries: &[(&str, f64)]| {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    };
    assert_eq!(
        sensors.temperature_celsius,
        map(&[
            ("cpu_package", 52.5),
            ("gpu_edge", 44.0),
            ("nvme0", 38.85),
            ("nvme1", 35.85)
        ])
    );
    assert_eq!(sensors.fan_rpm, map(&[("nct6798_fan1", 1180.0)]));
    assert_eq!(sensors.additional["nvme0_sensor_1"], 41.85);
    assert!(!sensors.additional.values().any(|celsius| *celsius > 150.0));
}

#[test]
fn a_container_without_sysfs() {
    let report = report("container");
    // The ZFS cache belongs to the host.
    assert_eq!(
        report.metrics.memory.used_bytes,
        (65_764_208 - 9_344_120) * 1024
    );
    assert!(report.sensors.temperature_celsius.is_empty() && report.raid.is_empty());
    // Partitions are told by their names.
    let io: Vec<&str> = report
        .disk_io
        .iter()
        .map(|disk| disk.device.as_str())
        .collect();
    assert_eq!(io, ["sda", "zd0"]);
    let disks = disks("container", |_| (100, 50));
    assert_eq!(
        places(&disks),
        [("rpool", "/"), ("/dev/mapper/pve-root", "/mnt/data")]
    );
}

#[test]
fn an_empty_tree_still_gives_a_report() {
    let folder = tempfile::tempdir().expect("folder");
    let environment = Environment::from(&[("PULSE_TOKEN", "t")]);
    let Ok(Command::Run(mut settings)) = crate::cli::parse(Vec::new(), &environment) else {
        panic!("the settings are valid");
    };
    settings.roots = Roots::below(folder.path());
    let who = identity::resolve(&settings.roots, Some("me"), Some("box"));
    let mut collector = Collector::new(&settings, who);
    let report = collector.collect(&Tunable::of(&settings));
    assert_eq!(
        (report.host.hostname.as_str(), report.agent.id.as_str()),
        ("box", "me")
    );
    assert_eq!(report.metrics.cpu_usage_percent, None);
    assert!(report.disks.is_empty() && report.host.load_average.is_empty());
    assert!(collector.complaints.0.contains("memory"));
}
