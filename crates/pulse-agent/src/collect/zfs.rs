//! ZFS: one entry per pool instead of one per data set.
//!
//! Sizes are those of the pool's root data set (`zfs list`), because a pool's raw size counts
//! parity. The command runs beside the reports, at most every five minutes; between two runs the
//! free space comes from the mounted root data set. Without the command the largest mounted data
//! set stands for its pool.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use pulse_wire::host_report::Disk;

use super::filesystems::{percent, signed};
use super::probe::{self, Probe, Progress};
use super::statfs::Space;

const EVERY: Duration = Duration::from_mins(5);
const PATIENCE: Duration = Duration::from_secs(10);

pub fn is_zfs(kind: &str) -> bool {
    matches!(kind, "zfs" | "fuse.zfs")
}

pub struct Dataset<'a> {
    pub name: &'a str,
    pub mountpoint: &'a str,
    pub space: Space,
}

pub struct Pools {
    command: bool,
    /// Total bytes usable in each pool.
    totals: HashMap<String, Usage>,
    asking: Option<Probe>,
    asked: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Usage {
    used: u64,
    available: u64,
}

impl Default for Pools {
    fn default() -> Self {
        Self {
            command: true,
            totals: HashMap::new(),
            asking: None,
            asked: None,
        }
    }
}

impl Pools {
    #[cfg(test)]
    pub fn without_zfs_command() -> Self {
        Self {
            command: false,
            ..Self::default()
        }
    }

    /// One disk per pool that has a mounted data set.
    pub fn summarise(&mut self, datasets: &[Dataset<'_>]) -> Vec<Disk> {
        let mut pools: BTreeMap<&str, Vec<&Dataset<'_>>> = BTreeMap::new();
        for dataset in datasets {
            let pool = dataset.name.split('/').next().unwrap_or_default();
            pools.entry(pool).or_default().push(dataset);
        }
        self.refresh(&pools.keys().copied().collect::<Vec<_>>());
        pools
            .iter()
            .filter_map(|(pool, datasets)| summary(pool, datasets, self.totals.get(*pool).copied()))
            .collect()
    }

    fn refresh(&mut self, pools: &[&str]) {
        if let Some(Progress::Ended(answer)) = self.asking.as_mut().map(Probe::poll) {
            self.asking = None;
            if let Some(output) = answer.filter(|output| output.code == Some(0)) {
                self.totals = parse(&output.text);
            }
        }
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= EVERY);
        if pools.is_empty() || !self.command || !due || self.asking.is_some() {
            return;
        }
        self.asked = Some(Instant::now());
        let mut arguments = vec!["list", "-Hp", "-d", "0", "-o", "name,used,available"];
        arguments.extend(pools);
        self.asking = probe::find("zfs").and_then(|zfs| Probe::start(&zfs, &arguments, PATIENCE));
        self.command = self.asking.is_some();
    }
}

fn parse(list: &str) -> HashMap<String, Usage> {
    list.lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let name = columns.next()?.to_owned();
            let used = columns.next()?.trim().parse().ok()?;
            let available = columns.next()?.trim().parse().ok()?;
            Some((name, Usage { used, available }))
        })
        .collect()
}

fn summary(pool: &str, datasets: &[&Dataset<'_>], usage: Option<Usage>) -> Option<Disk> {
    let root = datasets.iter().find(|dataset| dataset.name == pool);
    let largest = datasets.iter().max_by_key(|dataset| dataset.space.total)?;
    let shallowest = datasets.iter().min_by_key(|dataset| {
        (
            dataset.mountpoint.matches('/').count(),
            dataset.mountpoint.len(),
        )
    })?;
    let (total, used, free) = if let Some(usage) = usage {
        let total = usage.used.saturating_add(usage.available);
        let free = root
            .map_or(usage.available, |root| root.space.available)
            .min(total);
        (total, total - free, free)
    } else {
        let Space {
            total,
            free,
            available,
        } = largest.space;
        (total, total.saturating_sub(free), available)
    };
    Some(Disk {
        device: pool.to_owned(),
        mountpoint: root.unwrap_or(shallowest).mountpoint.to_owned(),
        filesystem: "zfs".into(),
        kind: "zfs".into(),
        total_bytes: signed(total),
        used_bytes: signed(used),
        free_bytes: signed(free),
        usage: percent(used, total),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dataset<'a>(name: &'a str, mountpoint: &'a str, total: u64, free: u64) -> Dataset<'a> {
        Dataset {
            name,
            mountpoint,
            space: Space {
                total,
                free,
                available: free,
            },
        }
    }

    #[test]
    fn the_largest_data_set_stands_for_its_pool_without_the_command() {
        let mut pools = Pools::without_zfs_command();
        let disks = pools.summarise(&[
            dataset("tank/data", "/tank/data", 300, 220),
            dataset("tank", "/tank", 250, 220),
            dataset("plain/ds", "/srv/plainds", 100, 90),
        ]);
        assert_eq!(disks.len(), 2);
        assert_eq!(
            (disks[0].device.as_str(), disks[0].mountpoint.as_str()),
            ("plain", "/srv/plainds")
        );
        let tank = &disks[1];
        assert_eq!(
            (
                tank.mountpoint.as_str(),
                tank.total_bytes,
                tank.used_bytes,
                tank.free_bytes
            ),
            ("/tank", 300, 80, 220)
        );
        assert!((tank.usage - 26.67).abs() < 0.01);
    }

    #[test]
    fn with_the_command_the_root_data_set_counts() {
        let totals = parse("tank\t100\t220\nbroken\t-\t1\n");
        assert!(!totals.contains_key("broken"));
        let data = dataset("tank/data", "/tank/data", 300, 220);
        let disk = summary("tank", &[&data], totals.get("tank").copied()).expect("disk");
        assert_eq!(
            (disk.total_bytes, disk.used_bytes, disk.free_bytes),
            (320, 100, 220)
        );
        // The mounted root data set knows the free space of this moment.
        let root = dataset("tank", "/tank", 300, 200);
        let disk = summary("tank", &[&data, &root], totals.get("tank").copied()).expect("disk");
        assert_eq!((disk.used_bytes, disk.free_bytes), (120, 200));
    }

    proptest! {
        #[test]
        fn never_panics(list in "([a-z]{0,3}\t[0-9]{0,22}\t[0-9]{0,22}\n){0,3}", noise in any::<String>()) {
            let data = dataset("a", "/a", 1, 2);
            for totals in [parse(&list), parse(&noise)] {
                let _ = summary("a", &[&data], totals.get("a").copied());
            }
        }
    }
}
