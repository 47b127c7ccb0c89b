//! Memory from `/proc/meminfo`: used is what is not available. The ZFS cache counts as available
//! down to its minimum, because ZFS gives it back on demand although the kernel counts it as used.

use std::io;
use std::path::Path;

use pulse_wire::host_report::Memory;

use super::{malformed, text};

/// `virtual_meminfo`: the memory is a container's (lxcfs), but the ZFS cache would be the host's.
pub fn read(proc: &Path, virtual_meminfo: bool) -> io::Result<Memory> {
    let meminfo = text(&proc.join("meminfo"))?;
    let arcstats = if virtual_meminfo {
        None
    } else {
        text(&proc.join("spl/kstat/zfs/arcstats")).ok()
    };
    parse(&meminfo, arcstats.as_deref()).ok_or_else(|| malformed("/proc/meminfo"))
}

fn parse(meminfo: &str, arcstats: Option<&str>) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = meminfo
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
        kilobytes.checked_mul(1024)
    };
    let or_zero = |name: &str| field(name).unwrap_or(0);
    let total = field("MemTotal").filter(|total| *total > 0)?;
    let free = field("MemFree")?;
    // Kernels before 3.14 have no MemAvailable.
    let available = field("MemAvailable").unwrap_or_else(|| {
        [
            or_zero("Buffers"),
            or_zero("Cached"),
            or_zero("SReclaimable"),
        ]
        .into_iter()
        .fold(free, u64::saturating_add)
    });
    let used = total.saturating_sub(available);
    let used = used.saturating_sub(arcstats.map_or(0, reclaimable_arc));
    let swap_total = or_zero("SwapTotal");
    Some(Memory {
        total_bytes: i64::try_from(total).ok()?,
        used_bytes: i64::try_from(used).ok()?,
        free_bytes: i64::try_from(free).ok()?,
        usage: used as f64 / total as f64 * 100.0,
        swap_total_bytes: i64::try_from(swap_total).ok()?,
        swap_used_bytes: i64::try_from(swap_total.saturating_sub(or_zero("SwapFree"))).ok()?,
    })
}

/// What ZFS would give back: the cache's size above its minimum.
fn reclaimable_arc(arcstats: &str) -> u64 {
    let value = |name: &str| -> Option<u64> {
        arcstats.lines().find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some(name)).then(|| words.nth(1)?.parse().ok())?
        })
    };
    value("size")
        .unwrap_or(0)
        .saturating_sub(value("c_min").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMINFO: &str = "MemTotal: 1000 kB\nMemFree: 200 kB\nMemAvailable: 400 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n";

    #[test]
    fn used_is_what_is_not_available() {
        let memory = parse(MEMINFO, None).expect("valid");
        assert_eq!(memory.total_bytes, 1000 * 1024);
        assert_eq!(memory.used_bytes, 600 * 1024);
        assert_eq!(memory.free_bytes, 200 * 1024);
        assert_eq!(memory.usage, 60.0);
        assert_eq!(
            (memory.swap_total_bytes, memory.swap_used_bytes),
            (50 * 1024, 30 * 1024)
        );
    }

    #[test]
    fn the_zfs_cache_above_its_minimum_is_not_used() {
        let arc = |size: u64, min: u64| {
            format!("name type data\nc_min 4 {min}\nsize 4 {size}\narc_meta_size 4 9\n")
        };
        let used = |arcstats: &str| parse(MEMINFO, Some(arcstats)).expect("valid").used_bytes;
        assert_eq!(used(&arc(300 * 1024, 100 * 1024)), 400 * 1024);
        assert_eq!(used(&arc(50 * 1024, 100 * 1024)), 600 * 1024);
        assert_eq!(used(&arc(9_000_000, 0)), 0);
        assert_eq!(used("garbage"), 600 * 1024);
    }

    #[test]
    fn old_kernels_and_nonsense() {
        let old = parse(
            "MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 25 kB\n",
            None,
        );
        assert_eq!(old.expect("valid").used_bytes, 60 * 1024);
        assert_eq!(parse("MemTotal: 0 kB\nMemFree: 0 kB\n", None), None);
        assert_eq!(
            parse("MemTotal: 99999999999999999 kB\nMemFree: 1 kB", None),
            None
        );
        assert_eq!(parse("", None), None);
    }

    proptest! {
        #[test]
        fn never_panics(
            meminfo in "((MemTotal|MemFree|MemAvailable|SwapTotal|SwapFree): {0,3}[0-9]{0,22} kB\n){0,6}",
            arcstats in "((size|c_min) 4 [0-9]{0,22}\n){0,3}",
            noise in any::<String>(),
        ) {
            let _ = (parse(&meminfo, Some(&arcstats)), parse(&noise, Some(&noise)));
        }
    }
}
