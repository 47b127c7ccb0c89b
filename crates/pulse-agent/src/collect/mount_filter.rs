//! Which mounts are worth reporting. The server applies the same rules to what it receives.

/// True when a mount of this type, at this place, is left out.
pub fn left_out(kind: &str, mountpoint: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    is_read_only_type(&kind)
        || is_virtual_type(&kind)
        || is_network_type(&kind)
        || is_odd_place(mountpoint)
}

fn is_read_only_type(kind: &str) -> bool {
    [
        "erofs",
        "squashfs",
        "squash-fs",
        "iso9660",
        "cdfs",
        "udf",
        "cramfs",
        "romfs",
    ]
    .iter()
    .any(|name| kind.contains(name))
}

fn is_virtual_type(kind: &str) -> bool {
    matches!(
        kind,
        "tmpfs"
            | "devtmpfs"
            | "cgroup"
            | "cgroup2"
            | "sysfs"
            | "proc"
            | "devpts"
            | "securityfs"
            | "debugfs"
            | "tracefs"
            | "fusectl"
            | "configfs"
            | "pstore"
            | "hugetlbfs"
            | "mqueue"
            | "bpf"
            | "overlay"
            | "overlayfs"
            | "autofs"
    )
}

/// File systems that can hang when a server is away. `fuseblk` (NTFS, exFAT) is on a local disk.
pub fn is_network_type(kind: &str) -> bool {
    kind != "fuseblk"
        && (["fuse", "9p", "nfs", "cifs", "smb"]
            .iter()
            .any(|name| kind.contains(name))
            || matches!(
                kind,
                "ceph" | "lustre" | "beegfs" | "afs" | "coda" | "ncpfs"
            ))
}

fn is_odd_place(mountpoint: &str) -> bool {
    const BELOW: [&str; 7] = [
        "/dev",
        "/proc",
        "/sys",
        "/run",
        "/var/lib/docker",
        "/var/lib/containers",
        "/snap",
    ];
    let layer = || {
        ["/containers/", "/container_tmp/"]
            .iter()
            .any(|part| mountpoint.contains(part))
            && ["/overlay2/", "/overlay/", "/diff/", "/merged"]
                .iter()
                .any(|part| mountpoint.contains(part))
    };
    BELOW
        .iter()
        .any(|folder| is_at_or_below(mountpoint, folder))
        || mountpoint == "/boot/efi"
        || mountpoint.contains("System Reserved")
        || is_at_or_below(mountpoint, "/mnt/.ix-apps/docker")
        || layer()
}

/// Whole path components: `/development` is not below `/dev`.
pub fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `*part*`, `prefix*`, `*suffix`, or the exact text; a lone star is everything.
pub fn matches_any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(
        |pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            _ if pattern == "*" => true,
            (Some(rest), Some(_)) => {
                let part = rest.trim_end_matches('*');
                !part.is_empty() && text.contains(part)
            }
            (None, Some(prefix)) => text.starts_with(prefix),
            (Some(suffix), None) => text.ends_with(suffix),
            (None, None) => text == pattern,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_places() {
        for (kind, place) in [
            ("tmpfs", "/mnt/ram"),
            ("squashfs", "/x"),
            ("nfs4", "/mnt/n"),
            ("fuse.sshfs", "/mnt/s"),
            ("9p", "/mnt/9"),
            ("ceph", "/mnt/pve/cephfs"),
            ("overlay", "/x"),
            ("ext4", "/run/x"),
            ("ext4", "/var/lib/docker"),
            ("vfat", "/boot/efi"),
            ("ext4", "/mnt/.ix-apps/docker/overlay2/x"),
            ("zfs", "/data/containers/a/overlay2/b"),
            ("ntfs", "/mnt/System Reserved"),
            ("UDF", "/cd"),
        ] {
            assert!(left_out(kind, place), "{kind} {place}");
        }
        for (kind, place) in [
            ("ext4", "/"),
            ("fuseblk", "/mnt/usb"),
            ("xfs", "/development"),
            ("btrfs", "/runner"),
            ("vfat", "/boot"),
            ("ext4", "/home/containers/x"),
            ("rootfs", "/"),
            ("ext4", "/snapshots"),
        ] {
            assert!(!left_out(kind, place), "{kind} {place}");
        }
    }

    #[test]
    fn patterns() {
        let is = |pattern: &str, text: &str| matches_any(&[pattern.to_owned()], text);
        assert!(is("*pbs*", "/mnt/pbs-1") && !is("*pbs*", "/mnt/pb"));
        assert!(is("/mnt/x*", "/mnt/x1") && !is("/mnt/x*", "/srv/mnt/x"));
        assert!(is("*-old", "/srv/a-old") && !is("*-old", "/srv/a-old/b"));
        assert!(is("/srv", "/srv") && !is("/srv", "/srv/a"));
        assert!(is("*", "anything") && !is("**", "anything"));
    }
}
