//! Which filesystems count as storage of a machine.
//!
//! One rule set for guest-agent answers, host agents and the server's own check of reports.
//! Source: the skip table of the monitoring chapter, with mount prefixes matched on whole path
//! components and `fuseblk` (NTFS through FUSE) taken as the local disk that it is.

const READ_ONLY: &[&str] = &[
    "erofs",
    "squashfs",
    "squash-fs",
    "iso9660",
    "cdfs",
    "udf",
    "cramfs",
    "romfs",
];
const VIRTUAL: &[&str] = &[
    "tmpfs",
    "devtmpfs",
    "cgroup",
    "cgroup2",
    "sysfs",
    "proc",
    "devpts",
    "securityfs",
    "debugfs",
    "tracefs",
    "fusectl",
    "configfs",
    "pstore",
    "hugetlbfs",
    "mqueue",
    "bpf",
    "overlay",
    "overlayfs",
    "autofs",
];
const NETWORK: &[&str] = &["fuse", "9p", "nfs", "cifs", "smb"];
const SYSTEM_MOUNTS: &[&str] = &[
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/var/lib/docker",
    "/var/lib/containers",
    "/snap",
];
const LAYERS: &[&str] = &["/overlay2/", "/overlay/", "/diff/", "/merged"];

/// Whether a filesystem is left out of a machine's disks.
///
/// `kind` is the filesystem type as the source names it; `total` and `used` are bytes.
pub fn is_skipped(kind: &str, mountpoint: &str, total: u64, used: u64) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    total == 0
        || READ_ONLY.iter().any(|t| kind.contains(t))
        || VIRTUAL.contains(&kind.as_str())
        || (kind.contains("overlay") && used >= total)
        || (kind != "fuseblk" && NETWORK.iter().any(|t| kind.contains(t)))
        || is_system_mount(mountpoint)
}

/// Whether storage of this type is read-only media that is always full.
pub fn is_read_only_kind(kind: &str) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    READ_ONLY.iter().any(|t| kind.contains(t))
}

fn is_system_mount(mountpoint: &str) -> bool {
    let below = |prefix: &&str| {
        mountpoint
            .strip_prefix(*prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    SYSTEM_MOUNTS.iter().any(below)
        || mountpoint == "/boot/efi"
        || mountpoint.contains("System Reserved")
        || below(&"/mnt/.ix-apps/docker")
        || ((mountpoint.contains("/containers/") || mountpoint.contains("/container_tmp/"))
            && LAYERS.iter().any(|layer| mountpoint.contains(layer)))
}

#[cfg(test)]
mod tests {
    use super::is_skipped;

    #[track_caller]
    fn check(kind: &str, mountpoint: &str, skipped: bool) {
        assert_eq!(
            is_skipped(kind, mountpoint, 100, 50),
            skipped,
            "{kind} on {mountpoint}"
        );
    }

    #[test]
    fn local_disks_count() {
        check("ext4", "/", false);
        check("xfs", "/system", false);
        check("ext4", "/runtime", false);
        check("ext4", "/snapshots", false);
        check("ext4", "/development", false);
        check("fuseblk", "/mnt/windows", false);
        check("NTFS", "C:\\", false);
        check("zfs", "/tank", false);
    }

    #[test]
    fn virtual_network_and_system_mounts_do_not() {
        check("tmpfs", "/tmp", true);
        check("nfs4", "/mnt/nas", true);
        check("fuse.sshfs", "/mnt/x", true);
        check("squashfs", "/snap/core/1", true);
        check("ext4", "/var/lib/docker", true);
        check("ext4", "/var/lib/docker/volumes", true);
        check("vfat", "/boot/efi", true);
        check("CDFS", "D:\\", true);
        check("ext4", "/data/containers/x/overlay2/y", true);
        check("NTFS", "System Reserved", true);
    }

    #[test]
    fn a_size_of_zero_does_not_count() {
        assert!(is_skipped("ext4", "/", 0, 0));
    }
}
