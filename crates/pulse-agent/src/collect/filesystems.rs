//! Mounted file systems: PID 1's mount table, filtered, one entry per device, ZFS by pool.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use pulse_wire::host_report::Disk;

use super::mount_filter::{is_at_or_below, is_network_type, left_out, matches_any};
use super::statfs::{Risk, Space};
use super::text;
use super::zfs::{self, Pools};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub mountpoint: String,
    pub kind: String,
    pub source: String,
    pub read_only: bool,
    /// `major:minor`.
    device: String,
}

/// The mounts of PID 1 (the host's, also from inside a service's own namespace); this process's if
/// those are not for us to read.
pub fn read_mounts(proc: &Path) -> io::Result<Vec<Mount>> {
    let table = text(&proc.join("1/mountinfo"))
        .ok()
        .filter(|table| !table.is_empty())
        .map_or_else(|| text(&proc.join("self/mountinfo")), Ok)?;
    Ok(table.lines().filter_map(parse_mount).collect())
}

/// `36 35 98:0 /root /mountpoint rw,noatime shared:1 - ext3 /dev/root rw`
fn parse_mount(line: &str) -> Option<Mount> {
    let (place, system) = line.split_once(" - ")?;
    let mut place = place.split(' ');
    let device = place.nth(2)?.to_owned();
    let mountpoint = unescape(place.nth(1)?);
    let read_only = place.next()?.split(',').any(|option| option == "ro");
    let mut system = system.split(' ');
    let kind = system.next()?.to_owned();
    let source = unescape(system.next()?);
    Some(Mount {
        mountpoint,
        kind,
        source,
        read_only,
        device,
    })
}

/// The kernel writes blank, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escape = part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = escape.filter(u8::is_ascii) {
            plain.push(char::from(byte));
            plain.push_str(part.get(3..).unwrap_or_default());
        } else {
            plain.push('\\');
            plain.push_str(part);
        }
    }
    plain
}

/// The file systems worth reporting, sorted by mountpoint.
pub fn collect(
    mounts: &[Mount],
    exclude: &[String],
    pools: &mut Pools,
    mut ask: impl FnMut(&str, Risk) -> Option<Space>,
) -> Vec<Disk> {
    let network: Vec<&str> = mounts
        .iter()
        .filter(|mount| is_network_type(&mount.kind) && !zfs::is_zfs(&mount.kind))
        .map(|mount| mount.mountpoint.as_str())
        .collect();
    let risk = |mount: &Mount| {
        let through_network = network
            .iter()
            .any(|folder| is_at_or_below(&mount.mountpoint, folder));
        if through_network || mount.kind.starts_with("fuse") {
            Risk::MayHang
        } else {
            Risk::None
        }
    };

    let mut datasets = Vec::new();
    let mut disks: Vec<Disk> = Vec::new();
    let mut by_device: HashMap<(&str, u64), usize> = HashMap::new();
    let mut seen: HashSet<&str> = HashSet::with_capacity(mounts.len());
    for mount in mounts {
        let excluded = matches_any(exclude, &mount.mountpoint);
        if excluded || !seen.insert(&mount.mountpoint) {
            continue;
        }
        let is_zfs = zfs::is_zfs(&mount.kind);
        if !is_zfs && left_out(&mount.kind, &mount.mountpoint) {
            continue;
        }
        let Some(space) = ask(&mount.mountpoint, risk(mount)).filter(|space| space.total > 0)
        else {
            continue;
        };
        if is_zfs {
            // A mounted snapshot or image: nothing to watch.
            if !(mount.read_only && space.available == 0) {
                datasets.push(zfs::Dataset {
                    name: &mount.source,
                    mountpoint: &mount.mountpoint,
                    space,
                });
            }
            continue;
        }
        let disk = entry(mount, space);
        // Subvolumes and bind mounts share a device: the shortest mountpoint stands for it.
        let device = if mount.source.starts_with('/') {
            &mount.source
        } else {
            &mount.device
        };
        match by_device
            .get(&(device.as_str(), space.total))
            .and_then(|at| disks.get_mut(*at))
        {
            Some(known) if known.mountpoint.len() <= disk.mountpoint.len() => {}
            Some(known) => *known = disk,
            None => {
                by_device.insert((device, space.total), disks.len());
                disks.push(disk);
            }
        }
    }
    disks.extend(pools.summarise(&datasets));
    disks.sort_by(|a, b| a.mountpoint.cmp(&b.mountpoint));
    disks
}

fn entry(mount: &Mount, space: Space) -> Disk {
    let used = space.total.saturating_sub(space.free);
    Disk {
        device: mount.source.clone(),
        mountpoint: mount.mountpoint.clone(),
        filesystem: mount.kind.clone(),
        kind: mount.kind.clone(),
        total_bytes: signed(space.total),
        used_bytes: signed(used),
        free_bytes: signed(space.available),
        usage: percent(used, used.saturating_add(space.available)),
    }
}

pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64 * 100.0).min(100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(table: &str, exclude: &[&str], space: impl Fn(&str) -> u64) -> Vec<(String, i64)> {
        let mounts: Vec<Mount> = table.lines().filter_map(parse_mount).collect();
        let exclude: Vec<String> = exclude.iter().map(|text| (*text).to_owned()).collect();
        let disks = collect(
            &mounts,
            &exclude,
            &mut Pools::without_zfs_command(),
            |mount, _| {
                let total = space(mount);
                Some(Space {
                    total,
                    free: total / 2,
                    available: total / 4,
                })
            },
        );
        disks
            .into_iter()
            .map(|disk| (disk.mountpoint, disk.total_bytes))
            .collect()
    }

    #[test]
    fn one_entry_per_device_at_the_shortest_mountpoint() {
        let table = "\
1 1 8:1 / /volume1/docker rw - btrfs /dev/sda1 rw
2 1 8:1 / /volume1 rw - btrfs /dev/sda1 rw
3 1 0:50 /sub /volume1/subvolume/x rw shared:1 - btrfs /dev/sda1 rw
4 1 8:2 / /other rw - ext4 /dev/sda2 rw";
        assert_eq!(
            check(table, &[], |_| 800),
            [("/other".into(), 800), ("/volume1".into(), 800)]
        );
    }

    #[test]
    fn exclusion_duplicates_and_empty_file_systems() {
        let table = "\
1 1 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:2 / /mnt/pbs-1 rw - xfs /dev/sdb1 rw
3 1 8:3 / / rw - ext4 /dev/sdc1 rw
4 1 8:4 / /empty rw - ext4 /dev/sdd1 rw";
        let space = |mount: &str| if mount == "/empty" { 0 } else { 100 };
        assert_eq!(check(table, &["*pbs*"], space), [("/".into(), 100)]);
    }

    #[test]
    fn network_mounts_are_never_asked_and_paths_through_them_carefully() {
        let table = "\
1 1 0:40 / /mnt/nas rw - nfs4 nas:/x rw
2 1 8:1 / /mnt/nas/usb rw - ext4 /dev/sda1 rw
3 1 8:2 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
4 1 8:3 / / rw - ext4 /dev/sdc1 rw";
        let mounts: Vec<Mount> = table.lines().filter_map(parse_mount).collect();
        let mut asked = Vec::new();
        collect(
            &mounts,
            &[],
            &mut Pools::without_zfs_command(),
            |mount, risk| {
                asked.push((mount.to_owned(), risk));
                None
            },
        );
        assert_eq!(
            asked,
            [
                ("/mnt/nas/usb".into(), Risk::MayHang),
                ("/mnt/ntfs".into(), Risk::MayHang),
                ("/".into(), Risk::None),
            ]
        );
    }

    #[test]
    fn reserved_blocks_do_not_count() {
        let mount = parse_mount("1 1 8:1 / / rw - ext4 /dev/sda1 rw").expect("valid");
        let disk = entry(
            &mount,
            Space {
                total: 100,
                free: 60,
                available: 55,
            },
        );
        assert_eq!((disk.used_bytes, disk.free_bytes), (40, 55));
        assert!((disk.usage - 42.105).abs() < 0.001);
    }

    #[test]
    fn escapes() {
        let mount = parse_mount(r"1 1 8:1 / /mnt/my\040disk\134 ro,noatime a:1 b - ext4 /dev/x rw")
            .expect("valid");
        assert_eq!(
            (mount.mountpoint.as_str(), mount.read_only),
            (r"/mnt/my disk\", true)
        );
        assert_eq!(unescape(r"a\9b\"), r"a\9b\");
    }

    proptest! {
        #[test]
        fn never_panics(line in r"[0-9 :/a-z\\,ü-]{0,60}", noise in any::<String>()) {
            let _ = (parse_mount(&line), parse_mount(&noise), unescape(&noise), unescape(&line));
        }
    }
}
