//! Counters of whole disks from `/proc/diskstats`; sysfs knows which entries are partitions.

use std::io;
use std::path::Path;

use pulse_wire::host_report::DiskIo;

use super::text;

const SECTOR: u64 = 512;

pub fn read(proc: &Path, sys: &Path) -> io::Result<Vec<DiskIo>> {
    let table = text(&proc.join("diskstats"))?;
    let block = sys.join("class/block");
    let sysfs = block.is_dir();
    let is_partition = |name: &str| {
        if sysfs {
            block.join(name).join("partition").exists()
        } else {
            looks_like_partition(name)
        }
    };
    let mut disks: Vec<DiskIo> = table
        .lines()
        .filter_map(parse)
        .filter(|disk| {
            *disk
                != DiskIo {
                    device: disk.device.clone(),
                    ..DiskIo::default()
                }
        })
        .filter(|disk| !is_partition(&disk.device))
        .collect();
    disks.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(disks)
}

fn parse(line: &str) -> Option<DiskIo> {
    let mut fields = line.split_ascii_whitespace().skip(2);
    let device = fields.next()?;
    if ["loop", "ram", "dm-"]
        .iter()
        .any(|prefix| device.starts_with(prefix))
    {
        return None;
    }
    let mut numbers = [0_u64; 10];
    for number in &mut numbers {
        *number = fields.next()?.parse().ok()?;
    }
    let [
        read_ops,
        _,
        read_sectors,
        read_time_ms,
        write_ops,
        _,
        write_sectors,
        write_time_ms,
        _,
        io_time_ms,
    ] = numbers;
    Some(DiskIo {
        device: device.to_owned(),
        read_bytes: read_sectors.saturating_mul(SECTOR),
        write_bytes: write_sectors.saturating_mul(SECTOR),
        read_ops,
        write_ops,
        read_time_ms,
        write_time_ms,
        io_time_ms,
    })
}

/// By name, where there is no sysfs: `sda1`, `nvme0n1p2`, `mmcblk0p1`, `zd16p1`.
fn looks_like_partition(name: &str) -> bool {
    let (stem, number) = name.split_at(name.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    if number.is_empty() {
        return false;
    }
    let lettered = ["sd", "hd", "vd", "xvd"].iter().any(|prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|letters| !letters.is_empty())
    });
    let numbered = stem
        .strip_suffix('p')
        .is_some_and(|disk| disk.ends_with(|c: char| c.is_ascii_digit()));
    lettered || numbered
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sectors_become_bytes() {
        let disk = parse(
            " 254 0 vda 52273 6895 3382154 13819 28303 16504 2760896 5265 0 5592 19673 1 2 3",
        )
        .expect("valid");
        assert_eq!((disk.read_ops, disk.write_ops), (52_273, 28_303));
        assert_eq!(
            (disk.read_bytes, disk.write_bytes),
            (3_382_154 * 512, 2_760_896 * 512)
        );
        assert_eq!(
            (disk.read_time_ms, disk.write_time_ms, disk.io_time_ms),
            (13_819, 5265, 5592)
        );
        assert_eq!(parse("7 0 loop0 1 1 1 1 1 1 1 1 1 1 1"), None);
        assert_eq!(parse("8 0 sda 1 2 3"), None);
    }

    #[test]
    fn partitions_by_name() {
        for name in ["sda1", "vdb12", "nvme0n1p2", "mmcblk0p1", "zd16p1", "md0p1"] {
            assert!(looks_like_partition(name), "{name}");
        }
        for name in ["sda", "nvme0n1", "mmcblk0", "md0", "zd16", "sr0", "zram0"] {
            assert!(!looks_like_partition(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(line in "[0-9]{1,3} [0-9] [a-z0-9]{1,6}( [0-9]{0,22}){0,12}", noise in any::<String>()) {
            let _ = (parse(&line), parse(&noise), looks_like_partition(&noise));
        }
    }
}
