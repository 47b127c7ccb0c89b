//! Names, tags and operating systems as one finds them in real installations.

use crate::noise::{chance, mix, pick};

/// What a guest is for. The weight says how often it occurs.
pub(crate) struct Role {
    pub name: &'static str,
    pub tags: &'static str,
    pub weight: u64,
    /// Only ever a VM.
    pub vm_only: bool,
}

const fn role(name: &'static str, tags: &'static str, weight: u64, vm_only: bool) -> Role {
    Role {
        name,
        tags,
        weight,
        vm_only,
    }
}

const ROLES: &[Role] = &[
    role("web", "prod;web", 14, false),
    role("app", "app;prod", 12, false),
    role("api", "api;prod", 9, false),
    role("db-prod", "db;prod", 8, false),
    role("db-stage", "db;staging", 4, false),
    role("cache", "cache", 4, false),
    role("mail", "mail", 2, false),
    role("dns", "infra", 3, false),
    role("proxy", "infra;web", 4, false),
    role("git", "dev", 2, false),
    role("ci-runner", "ci;dev", 6, false),
    role("nextcloud", "home", 2, false),
    role("jellyfin", "home;media", 2, false),
    role("homeassistant", "home;iot", 1, true),
    role("grafana", "infra;monitoring", 2, false),
    role("backup", "infra", 2, false),
    role("k8s-worker", "k8s", 8, true),
    role("k8s-control", "k8s", 3, true),
    role("win-dc", "windows", 2, true),
    role("win-rds", "windows", 3, true),
    role("test", "", 6, false),
    role("sandbox", "", 4, false),
    role("büro", "office", 1, false),
    role("données", "db", 1, false),
    role("テスト", "", 1, false),
];

/// The role of a guest.
pub(crate) fn role_of(key: u64, vm: bool) -> &'static Role {
    let fits = |r: &&Role| vm || !r.vm_only;
    let sum: u64 = ROLES.iter().filter(fits).map(|r| r.weight).sum();
    let mut at = mix(key, 11) % sum;
    for role in ROLES.iter().filter(fits) {
        if at < role.weight {
            return role;
        }
        at -= role.weight;
    }
    &ROLES[0]
}

/// A guest operating system as the QEMU guest agent describes it.
pub(crate) struct Os {
    pub id: &'static str,
    pub name: &'static str,
    pub pretty: &'static str,
    pub version: &'static str,
    pub version_id: &'static str,
    pub kernel: &'static str,
    /// Proxmox's `ostype` of a VM and of a container.
    pub vm_type: &'static str,
    pub ct_type: &'static str,
}

pub(crate) const SYSTEMS: &[Os] = &[
    Os {
        id: "debian",
        name: "Debian GNU/Linux",
        pretty: "Debian GNU/Linux 12 (bookworm)",
        version: "12 (bookworm)",
        version_id: "12",
        kernel: "6.1.0-28-amd64",
        vm_type: "l26",
        ct_type: "debian",
    },
    Os {
        id: "ubuntu",
        name: "Ubuntu",
        pretty: "Ubuntu 24.04.1 LTS",
        version: "24.04.1 LTS (Noble Numbat)",
        version_id: "24.04",
        kernel: "6.8.0-49-generic",
        vm_type: "l26",
        ct_type: "ubuntu",
    },
    Os {
        id: "almalinux",
        name: "AlmaLinux",
        pretty: "AlmaLinux 9.5 (Teal Serval)",
        version: "9.5 (Teal Serval)",
        version_id: "9.5",
        kernel: "5.14.0-503.15.1.el9_5.x86_64",
        vm_type: "l26",
        ct_type: "centos",
    },
    Os {
        id: "alpine",
        name: "Alpine Linux",
        pretty: "Alpine Linux v3.20",
        version: "",
        version_id: "3.20.3",
        kernel: "6.6.63-0-virt",
        vm_type: "l26",
        ct_type: "alpine",
    },
    Os {
        id: "mswindows",
        name: "Microsoft Windows",
        pretty: "Windows Server 2022 Standard",
        version: "Microsoft Windows Server 2022",
        version_id: "2022",
        kernel: "20348",
        vm_type: "win11",
        ct_type: "unmanaged",
    },
];

/// The system that suits a role; an index into [`SYSTEMS`].
pub(crate) fn system_of(key: u64, role: &Role) -> u8 {
    if role.name.starts_with("win-") {
        4
    } else {
        pick(key, 12, &[0, 0, 0, 1, 1, 2, 3])
    }
}

/// A role's tags, sometimes with the site's own; empty for none.
pub(crate) fn tags_of(key: u64, role: &Role) -> Box<str> {
    let extra = pick(key, 13, &["critical", "pci", "legacy", "Größe-XL"]);
    match (role.tags.is_empty(), chance(key, 14, 0.08)) {
        (true, true) => extra.into(),
        (false, true) => format!("{};{extra}", role.tags).into(),
        _ => role.tags.into(),
    }
}

/// Cluster and node names. A single standalone node is `pve1`, a small cluster `pve1…pve4`, a
/// bigger one `pve01…`, and where there are several clusters the site's code comes first.
pub(crate) fn cluster_name(index: usize, clusters: usize, nodes: usize) -> Option<String> {
    const SITES: &[&str] = &[
        "fra", "ber", "muc", "ham", "cgn", "ams", "vie", "zrh", "par", "lon",
    ];
    match (clusters, nodes) {
        (1, 1) => None,
        (1, 2..=6) => Some("homelab".into()),
        (1, _) => Some("prod".into()),
        _ => Some(format!(
            "{}{}",
            SITES[index % SITES.len()],
            index / SITES.len() + 1
        )),
    }
}

pub(crate) fn node_name(cluster: Option<&str>, clusters: usize, nodes: usize, i: usize) -> String {
    match cluster {
        Some(site) if clusters > 1 => format!("{site}-pve{:02}", i + 1),
        _ if nodes > 6 => format!("pve{:02}", i + 1),
        _ => format!("pve{}", i + 1),
    }
}
