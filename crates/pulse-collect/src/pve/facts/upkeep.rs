//! Package updates, certificates, and a node's memory as its history knows it.

use pulse_core::{Certificate, NodeUpdates, Timestamp};
use pulse_proxmox::types::{self, AptUpdate, AptVersion, RrdPoint};

/// Packages that are named.
const NAMED: usize = 20;

fn is_security(update: &AptUpdate) -> bool {
    [&update.origin, &update.section]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains("security"))
}

/// How much a package matters: kernel and Proxmox before the rest.
fn rank(update: &AptUpdate) -> u8 {
    let name = update.package.as_str();
    if is_security(update) {
        0
    } else if name.starts_with("proxmox-kernel") || name.starts_with("pve-kernel") {
        1
    } else if update.origin.as_deref() == Some("Proxmox") || name.starts_with("pve-") {
        2
    } else {
        3
    }
}

/// `running` is the kernel that runs, as the node's status tells it.
pub(crate) fn updates(
    mut pending: Vec<AptUpdate>,
    versions: &[AptVersion],
    running: &str,
    at: Timestamp,
) -> NodeUpdates {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    pending.sort_by(|a, b| (rank(a), &a.package).cmp(&(rank(b), &b.package)));
    let running = versions
        .iter()
        .find_map(|v| v.running_kernel.clone())
        .unwrap_or_else(|| running_release(running).to_owned());
    let installed = newest_kernel(versions).unwrap_or_default();
    let security = pending.iter().filter(|update| is_security(update)).count();
    NodeUpdates {
        pending: count(pending.len()),
        security: count(security),
        // Most versions give one origin for all that Debian publishes.
        security_known: security > 0 || pending.is_empty(),
        reboot_needed: reboot_needed(&running, &installed),
        packages: pending
            .into_iter()
            .take(NAMED)
            .map(|update| update.package)
            .collect(),
        running_kernel: running,
        installed_kernel: installed,
        read: at,
    }
}

/// The release in `Linux 6.8.12-4-pve #1 SMP …`.
pub(crate) fn running_release(kernel: &str) -> &str {
    kernel
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or_default()
}

/// Newest installed kernel, such as `6.8.12-5-pve`.
fn newest_kernel(versions: &[AptVersion]) -> Option<String> {
    versions
        .iter()
        .filter(|v| v.state.as_deref().is_none_or(|state| state == "Installed"))
        .filter_map(|v| {
            let release = v
                .package
                .strip_prefix("proxmox-kernel-")
                .or_else(|| v.package.strip_prefix("pve-kernel-"))?;
            let release = release.strip_suffix("-signed").unwrap_or(release);
            release.ends_with("-pve").then(|| release.to_owned())
        })
        .max_by(|a, b| numbers(a).cmp(&numbers(b)))
}

fn numbers(release: &str) -> Vec<u64> {
    release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn reboot_needed(running: &str, installed: &str) -> Option<bool> {
    if running.is_empty() || installed.is_empty() {
        return None;
    }
    Some(numbers(installed) > numbers(running))
}

pub(crate) fn certificates(rows: Vec<types::Certificate>) -> Vec<Certificate> {
    let time = |seconds: Option<i64>| seconds.map(Timestamp::from_secs);
    rows.into_iter()
        .map(|row| Certificate {
            file: row.filename,
            subject: row.subject.unwrap_or_default(),
            issuer: row.issuer.unwrap_or_default(),
            names: row.san,
            not_before: time(row.notbefore),
            not_after: time(row.notafter),
            fingerprint: row.fingerprint.unwrap_or_default(),
        })
        .collect()
}

/// The newest point of a series, not older than `most_seconds` before the answer's newest row.
pub(crate) fn newest(points: &[RrdPoint], series: &str, most_seconds: i64) -> Option<(u64, i64)> {
    let last = points.iter().map(|point| point.time).max()?;
    points
        .iter()
        .filter_map(|point| Some((point.time, point.get(series)?)))
        .filter(|(time, value)| {
            value.is_finite() && *value > 0.0 && last.saturating_sub(*time) <= most_seconds
        })
        .max_by_key(|(time, _)| *time)
        .map(|(time, value)| (value as u64, last - time))
}

/// Points older than this say nothing about now.
pub(crate) const NEWEST_WITHIN_SECONDS: i64 = 180;

/// Memory of a node or guest as its history has it, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MemoryHistory {
    pub available: Option<u64>,
    pub used: Option<u64>,
    /// Size of the ZFS cache.
    pub arc: Option<u64>,
    /// When the newest of them was measured.
    pub at: Timestamp,
}

/// None when no series says anything about memory now.
pub(crate) fn memory_history(points: &[RrdPoint], now: Timestamp) -> Option<MemoryHistory> {
    let of = |series| newest(points, series, NEWEST_WITHIN_SECONDS);
    let (available, used, arc) = (of("memavailable"), of("memused"), of("arcsize"));
    let age = [available, used, arc]
        .iter()
        .flatten()
        .map(|(_, age)| *age)
        .min()?;
    Some(MemoryHistory {
        available: available.map(|(value, _)| value),
        used: used.map(|(value, _)| value),
        arc: arc.map(|(value, _)| value),
        at: now.plus_millis(-age * 1000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_installed_kernel_asks_for_a_reboot() {
        let version = |package: &str, state: &str| AptVersion {
            package: package.into(),
            state: Some(state.into()),
            ..AptVersion::default()
        };
        let versions = [
            version("proxmox-kernel-6.8.12-4-pve-signed", "Installed"),
            version("proxmox-kernel-6.8.12-10-pve-signed", "Installed"),
            version("proxmox-kernel-6.11.0-1-pve-signed", "NotInstalled"),
            version("proxmox-kernel-6.8", "Installed"),
            version("pve-manager", "Installed"),
        ];
        let read = |running: &str| updates(Vec::new(), &versions, running, Timestamp(1));
        let old = read("Linux 6.8.12-4-pve #1 SMP PREEMPT_DYNAMIC");
        assert_eq!(
            (
                old.running_kernel.as_str(),
                old.installed_kernel.as_str(),
                old.reboot_needed
            ),
            ("6.8.12-4-pve", "6.8.12-10-pve", Some(true))
        );
        assert_eq!(read("Linux 6.8.12-10-pve #1").reboot_needed, Some(false));
        assert_eq!(read("").reboot_needed, None);
        assert_eq!(
            updates(Vec::new(), &[], "Linux 6.8.12-4-pve", Timestamp(1)).reboot_needed,
            None
        );
    }

    #[test]
    fn updates_that_matter_are_named_first() {
        let update = |package: &str, origin: &str| AptUpdate {
            package: package.into(),
            origin: Some(origin.into()),
            ..AptUpdate::default()
        };
        let list = vec![
            update("zlib1g", "Debian"),
            update("pve-manager", "Proxmox"),
            update("openssl", "Debian-Security"),
            update("proxmox-kernel-6.8", "Proxmox"),
        ];
        let read = updates(list, &[], "", Timestamp(1));
        assert_eq!(
            (read.pending, read.security, read.security_known),
            (4, 1, true)
        );
        let untold = updates(vec![update("zlib1g", "Debian")], &[], "", Timestamp(1));
        assert_eq!((untold.security, untold.security_known), (0, false));
        assert!(updates(Vec::new(), &[], "", Timestamp(1)).security_known);
        assert_eq!(
            read.packages,
            ["openssl", "proxmox-kernel-6.8", "pve-manager", "zlib1g"]
        );
    }

    fn point(time: i64, values: &[(&str, f64)]) -> RrdPoint {
        RrdPoint {
            time,
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
        }
    }

    /// Scenario L2: the newest point that says something, if it is not too old.
    #[test]
    fn empty_points_are_passed_over() {
        let points = [
            point(60, &[("memavailable", 5.0)]),
            point(120, &[("memavailable", 700.0), ("memused", f64::NAN)]),
            point(180, &[]),
        ];
        let now = Timestamp::from_secs(1_000);
        let read = memory_history(&points, now).unwrap();
        assert_eq!((read.available, read.used), (Some(700), None));
        assert_eq!(read.at, Timestamp::from_secs(940));
        let old = [points[1].clone(), point(400, &[])];
        assert_eq!(memory_history(&old, now), None);
        assert_eq!(memory_history(&[], now), None);
    }
}
