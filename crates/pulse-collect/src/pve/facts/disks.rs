//! Physical disks, ZFS pools and thin pools of a node.

use pulse_core::{Bytes, Liveness, PhysicalDisk, ThinPool, Timestamp, ZfsDevice, ZfsPool, ZfsScan};
use pulse_proxmox::types::{self, Disk, LvmThin, ZfsPoolDetail, ZfsVdev};

/// Devices that are no disks of the machine: volumes, loops, memory, network block devices, media.
const PHANTOMS: &[&str] = &[
    "rbd", "zd", "loop", "dm-", "md", "ram", "zram", "nbd", "sr", "fd", "drbd",
];

fn is_named(text: Option<&str>) -> bool {
    let text = text.map(str::trim).unwrap_or_default();
    !text.is_empty() && !text.eq_ignore_ascii_case("unknown")
}

/// Whether a row is no disk that somebody could pull out.
pub(crate) fn is_phantom(disk: &Disk) -> bool {
    let name = disk.devpath.strip_prefix("/dev/").unwrap_or(&disk.devpath);
    let model = disk.model.as_deref().unwrap_or_default().to_lowercase();
    disk.size.unwrap_or(0) == 0
        || disk.parent.is_some()
        || PHANTOMS.iter().any(|prefix| {
            name.strip_prefix(prefix).is_some_and(|rest| {
                prefix.ends_with('-') || rest.starts_with(|c: char| c.is_ascii_digit())
            })
        })
        || (!is_named(disk.model.as_deref()) && !is_named(disk.serial.as_deref()))
        || [
            "virtual cd",
            "virtual floppy",
            "virtual media",
            "cd-rom",
            "dvd-rom",
        ]
        .iter()
        .any(|medium| model.contains(medium))
}

pub(crate) fn disks(
    instance: &str,
    node: &str,
    rows: Vec<Disk>,
    at: Timestamp,
) -> Vec<PhysicalDisk> {
    let mut disks: Vec<PhysicalDisk> = rows
        .into_iter()
        .filter(|row| !is_phantom(row))
        .map(|row| PhysicalDisk {
            id: format!("{instance}-{node}-{}", row.devpath.replace('/', "-")),
            instance: instance.to_owned(),
            node: node.to_owned(),
            model: row.model.unwrap_or_default(),
            serial: row.serial.unwrap_or_default(),
            vendor: row.vendor.unwrap_or_default().trim().to_owned(),
            wwn: row.wwn.unwrap_or_default(),
            kind: row.kind.unwrap_or_default(),
            size: Bytes(row.size.unwrap_or(0)),
            health: row.health.unwrap_or_default(),
            life_remaining: row.wearout.map(|left| left.0),
            rpm: row.rpm.map_or(0, |rpm| rpm.0),
            used_for: row.used.unwrap_or_default(),
            temperature: None,
            standby: false,
            seen: at,
            liveness: Liveness::Fresh,
            dev_path: row.devpath,
        })
        .collect();
    disks.sort_by(|a, b| a.dev_path.cmp(&b.dev_path));
    disks
}

/// The part of a device's name that decides its role; children inherit it.
fn role_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    if name == "log" || name == "logs" || name.starts_with("slog") {
        Some("log")
    } else if name == "cache" || name.starts_with("l2arc") {
        Some("cache")
    } else if name.starts_with("spare") {
        Some("spare")
    } else {
        None
    }
}

fn device_kind(vdev: &ZfsVdev, role: Option<&'static str>) -> String {
    let name = vdev.name.to_lowercase();
    let is_leaf = vdev.leaf || vdev.children.is_empty();
    if is_leaf {
        return match role {
            Some(role @ ("log" | "cache")) => role.to_owned(),
            _ if name.starts_with("spare") => "spare".to_owned(),
            _ => "disk".to_owned(),
        };
    }
    if name.starts_with("mirror") {
        "mirror".to_owned()
    } else if name.starts_with("raidz") || name.starts_with("draid") {
        name
    } else if name.starts_with("spare") {
        "spare-group".to_owned()
    } else {
        role.unwrap_or("vdev").to_owned()
    }
}

/// Devices that are not plainly fine, depth first.
fn troubled(vdevs: &[ZfsVdev], role: Option<&'static str>, found: &mut Vec<ZfsDevice>) {
    for vdev in vdevs {
        let role = role_of(&vdev.name).or(role);
        let state = vdev
            .state
            .as_deref()
            .unwrap_or_default()
            .trim()
            .to_uppercase();
        let counts = [vdev.read, vdev.write, vdev.cksum].map(|count| count.unwrap_or(0));
        let fine = match state.as_str() {
            "ONLINE" | "SPARE" | "AVAIL" | "INUSE" => true,
            "" | "UNKNOWN" => role.is_some(),
            _ => false,
        };
        if !fine || counts.iter().any(|count| *count > 0) {
            found.push(ZfsDevice {
                name: vdev.name.clone(),
                kind: device_kind(vdev, role),
                state: if state.is_empty() {
                    "UNKNOWN".to_owned()
                } else {
                    state
                },
                read_errors: counts[0],
                write_errors: counts[1],
                checksum_errors: counts[2],
                message: vdev.msg.as_deref().unwrap_or_default().trim().to_owned(),
            });
        }
        troubled(&vdev.children, role, found);
    }
}

/// A pool from its row in the list and its detail. Without detail there are no devices.
pub(crate) fn zfs_pool(
    instance: &str,
    node: &str,
    row: &types::ZfsPool,
    detail: Option<&ZfsPoolDetail>,
    at: Timestamp,
) -> ZfsPool {
    let mut devices = Vec::new();
    if let Some(detail) = detail {
        troubled(&detail.children, None, &mut devices);
    }
    let sum = |of: fn(&ZfsDevice) -> u64| devices.iter().map(of).fold(0, u64::saturating_add);
    let scan_text = detail.and_then(|d| d.scan.clone()).unwrap_or_default();
    let state = detail
        .and_then(|d| d.state.clone())
        .filter(|s| !s.is_empty());
    ZfsPool {
        id: format!("{instance}-{node}-{}", row.name),
        instance: instance.to_owned(),
        node: node.to_owned(),
        name: row.name.clone(),
        state: state.or_else(|| row.health.clone()).unwrap_or_default(),
        status: detail.and_then(|d| d.status.clone()).unwrap_or_default(),
        scan: scan(&scan_text),
        scan_text,
        size: Bytes(row.size.unwrap_or(0)),
        allocated: Bytes(row.alloc.unwrap_or(0)),
        fragmentation: row.frag,
        read_errors: sum(|d| d.read_errors),
        write_errors: sum(|d| d.write_errors),
        checksum_errors: sum(|d| d.checksum_errors),
        devices,
        seen: at,
    }
}

/// Reads the line that ZFS prints about the last or the running scan. The date has no zone: it is
/// taken as UTC, so the end may be off by the node's offset.
pub(crate) fn scan(text: &str) -> Option<ZfsScan> {
    let text = text.trim();
    let resilver = text.starts_with("resilver");
    if !(resilver || text.starts_with("scrub")) {
        return None;
    }
    if text.contains("in progress") {
        return Some(ZfsScan {
            resilver,
            progress: Some(
                number_before(text, "% done")
                    .unwrap_or(0.0)
                    .clamp(0.0, 100.0),
            ),
            finished: None,
            errors: 0,
        });
    }
    Some(ZfsScan {
        resilver,
        progress: None,
        finished: text.rsplit_once(" on ").and_then(|(_, date)| date_of(date)),
        errors: number_before(text, " errors").map_or(0, |count| count as u64),
    })
}

fn number_before(text: &str, mark: &str) -> Option<f64> {
    let (before, _) = text.split_once(mark)?;
    let start = before
        .rfind(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    before[start..].parse().ok()
}

/// `Sun Nov  8 03:36:45 2026`.
fn date_of(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, time, year] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let day: i64 = day.parse().ok()?;
    let year: i64 = year.parse().ok()?;
    let clock: Vec<i64> = time
        .split(':')
        .map_while(|part| part.parse().ok())
        .collect();
    let [hour, minute, second] = clock[..] else {
        return None;
    };
    let within = (1..=31).contains(&day)
        && (1970..=9999).contains(&year)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !within {
        return None;
    }
    // Days since 1970 of a date, by shifting the year's start to March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(Timestamp::from_secs(
        days * 86_400 + hour * 3_600 + minute * 60 + second,
    ))
}

pub(crate) fn thin_pools(rows: Vec<LvmThin>, at: Timestamp) -> Vec<ThinPool> {
    let mut pools: Vec<ThinPool> = rows
        .into_iter()
        .map(|row| ThinPool {
            volume_group: row.vg.unwrap_or_default(),
            name: row.lv,
            size: Bytes(row.lv_size.unwrap_or(0)),
            used: Bytes(row.used.unwrap_or(0)),
            metadata_size: Bytes(row.metadata_size.unwrap_or(0)),
            metadata_used: Bytes(row.metadata_used.unwrap_or(0)),
            seen: at,
        })
        .collect();
    pools.sort_by(|a, b| (&a.volume_group, &a.name).cmp(&(&b.volume_group, &b.name)));
    pools
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(devpath: &str, model: &str, serial: &str, size: u64) -> Disk {
        Disk {
            devpath: devpath.to_owned(),
            model: Some(model.to_owned()),
            serial: Some(serial.to_owned()),
            size: Some(size),
            ..Disk::default()
        }
    }

    #[test]
    fn what_is_no_disk_is_left_out() {
        let check = |phantom: bool, disk: Disk| {
            assert_eq!(is_phantom(&disk), phantom, "{}", disk.devpath);
        };
        check(false, disk("/dev/sda", "ST4000", "Z1", 1));
        check(false, disk("/dev/nvme0n1", "980 PRO", "S5", 1));
        check(false, disk("/dev/sdb", "unknown", "Z2", 1));
        check(false, disk("/dev/mmcblk0", "SD", "1", 1));
        check(true, disk("/dev/sda", "ST4000", "Z1", 0));
        check(true, disk("/dev/zd16", "x", "y", 1));
        check(true, disk("/dev/rbd0", "x", "y", 1));
        check(true, disk("/dev/loop3", "x", "y", 1));
        check(true, disk("/dev/sdc", "unknown", "", 1));
        check(true, disk("/dev/sdd", "Virtual CDROM0", "A", 1));
        check(true, disk("/dev/sr0", "QEMU DVD-ROM", "QM1", 1));
        check(true, disk("/dev/dm-0", "x", "y", 1));
    }

    #[test]
    fn scans_are_read() {
        let done = scan("scrub repaired 0B in 03:12:44 with 0 errors on Sun Nov  8 03:36:45 2026");
        assert_eq!(
            done,
            Some(ZfsScan {
                finished: Some(Timestamp::from_secs(1_794_109_005)),
                ..ZfsScan::default()
            })
        );
        let running = scan(
            "resilver in progress since Mon Nov 23 09:00:01 2026\n\t1.20T scanned at 500M/s, 812G issued\n\t100G resilvered, 43.21% done, 01:02:03 to go",
        )
        .unwrap();
        assert!(running.resilver);
        assert_eq!((running.progress, running.finished), (Some(43.21), None));
        let bad =
            scan("resilvered 12G in 00:10:00 with 7 errors on Mon Feb 29 00:00:00 2027").unwrap();
        assert_eq!((bad.resilver, bad.errors), (true, 7));
        for nothing in ["", "none requested", "ünexpected % done"] {
            assert_eq!(scan(nothing), None);
        }
        // Broken dates and numbers give no end, and never a panic.
        assert_eq!(scan("scrub x on Sun Nov").unwrap().finished, None);
        assert_eq!(
            scan("scrub in progress ü% done").unwrap().progress,
            Some(0.0)
        );
    }

    /// Scenarios T10, T11, T12.
    #[test]
    fn devices_that_are_not_fine_are_listed() {
        let vdev =
            |name: &str, state: &str, leaf: bool, counts: [u64; 3], children: Vec<ZfsVdev>| {
                ZfsVdev {
                    name: name.to_owned(),
                    state: Some(state.to_owned()),
                    read: Some(counts[0]),
                    write: Some(counts[1]),
                    cksum: Some(counts[2]),
                    leaf,
                    children,
                    ..ZfsVdev::default()
                }
            };
        let detail = ZfsPoolDetail {
            name: "rpool".into(),
            state: Some("DEGRADED".into()),
            children: vec![
                vdev(
                    "rpool",
                    "DEGRADED",
                    false,
                    [0; 3],
                    vec![vdev(
                        "mirror-0",
                        "DEGRADED",
                        false,
                        [0; 3],
                        vec![
                            vdev("sda3", "ONLINE", true, [0; 3], vec![]),
                            vdev("sdb3", "FAULTED", true, [12, 0, 0], vec![]),
                            vdev("sdc3", "ONLINE", true, [0, 0, 3], vec![]),
                        ],
                    )],
                ),
                vdev(
                    "spares",
                    "",
                    false,
                    [0; 3],
                    vec![vdev("sdd", "AVAIL", true, [0; 3], vec![])],
                ),
                vdev(
                    "logs",
                    "",
                    false,
                    [0; 3],
                    vec![vdev("nvme0n1p1", "FAULTED", true, [0; 3], vec![])],
                ),
            ],
            ..ZfsPoolDetail::default()
        };
        let row = types::ZfsPool {
            name: "rpool".into(),
            health: Some("ONLINE".into()),
            ..types::ZfsPool::default()
        };
        let pool = zfs_pool("i", "n", &row, Some(&detail), Timestamp(0));
        let listed: Vec<(&str, &str)> = pool
            .devices
            .iter()
            .map(|d| (d.name.as_str(), d.kind.as_str()))
            .collect();
        assert_eq!(
            listed,
            [
                ("rpool", "vdev"),
                ("mirror-0", "mirror"),
                ("sdb3", "disk"),
                ("sdc3", "disk"),
                ("nvme0n1p1", "log")
            ]
        );
        assert_eq!(
            (pool.state.as_str(), pool.read_errors, pool.checksum_errors),
            ("DEGRADED", 12, 3)
        );
        let plain = zfs_pool("i", "n", &row, None, Timestamp(0));
        assert_eq!((plain.state.as_str(), plain.devices.len()), ("ONLINE", 0));
    }
}
