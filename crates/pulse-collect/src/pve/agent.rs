//! What a guest agent says, as facts about the guest.

use std::collections::BTreeMap;

use pulse_core::filesystems::is_skipped;
use pulse_core::{Bytes, Filesystem, InterfaceAddresses, Unknown};
use pulse_proxmox::Error;
use pulse_proxmox::types::{AgentFilesystem, AgentInterface, AgentOs, GuestConfig, LxcInterface};

use super::details::ContainerConfig;

/// Filesystems that count, or why there are none.
pub(crate) fn filesystems(list: Vec<AgentFilesystem>) -> Result<Vec<Filesystem>, Unknown> {
    if list.is_empty() {
        return Err(Unknown::NoFilesystems);
    }
    // Filesystems on one device are one filesystem mounted several times; ZFS datasets share
    // their pool; Windows names the disk, not the partition, so there the letter decides.
    let mut found: BTreeMap<String, Filesystem> = BTreeMap::new();
    for fs in list {
        let mountpoint = fs.mountpoint.unwrap_or_default();
        let kind = fs.kind.unwrap_or_default();
        let total = fs.total.unwrap_or(0);
        let used = fs.used.unwrap_or(0).min(total);
        if is_skipped(&kind, &mountpoint, total, used) {
            continue;
        }
        let windows = mountpoint.chars().nth(1) == Some(':') && mountpoint.contains('\\');
        let zfs = kind.eq_ignore_ascii_case("zfs");
        let on_disk = fs.disk.first().and_then(|disk| {
            disk.dev
                .clone()
                .or_else(|| disk.serial.clone())
                .or_else(|| {
                    Some(format!(
                        "{}-{}",
                        disk.bus_type.as_deref()?,
                        disk.target.unwrap_or(0)
                    ))
                })
        });
        let device = if windows {
            mountpoint
                .chars()
                .take(2)
                .collect::<String>()
                .to_uppercase()
        } else if let Some(device) = on_disk {
            device
        } else if mountpoint == "/" {
            "root-filesystem".to_owned()
        } else {
            mountpoint.clone()
        };
        if zfs {
            let pool = fs
                .name
                .as_deref()
                .and_then(|name| name.split('/').next())
                .filter(|pool| !pool.is_empty())
                .unwrap_or(&device)
                .to_owned();
            let entry = found
                .entry(format!("zfs:{pool}"))
                .or_insert_with(|| Filesystem {
                    mountpoint: mountpoint.clone(),
                    kind: kind.clone(),
                    device: pool,
                    ..Filesystem::default()
                });
            if mountpoint.len() < entry.mountpoint.len() {
                entry.mountpoint.clone_from(&mountpoint);
            }
            entry.total = entry.total.max(Bytes(total));
            entry.used = Bytes(entry.used.get().saturating_add(used));
            continue;
        }
        let shorter = found
            .get(&device)
            .is_none_or(|other| mountpoint.len() < other.mountpoint.len());
        if shorter {
            found.insert(
                device.clone(),
                Filesystem {
                    mountpoint,
                    kind,
                    device,
                    total: Bytes(total),
                    used: Bytes(used),
                    ..Filesystem::default()
                },
            );
        }
    }
    if found.is_empty() {
        return Err(Unknown::SpecialFilesystemsOnly);
    }
    let mut list: Vec<_> = found
        .into_values()
        .map(|mut fs| {
            fs.used = fs.used.min(fs.total);
            fs.free = fs.total.saturating_sub(fs.used);
            fs.usage = fs.used.percent_of(fs.total).get();
            fs
        })
        .collect();
    list.sort_by(|a, b| a.mountpoint.cmp(&b.mountpoint));
    Ok(list)
}

/// Why a guest agent call failed, in the order of the monitoring chapter §2.7.
pub(crate) fn reason(error: &Error) -> Unknown {
    let text = error
        .status_error()
        .and_then(|status| status.text())
        .unwrap_or_default()
        .to_lowercase();
    if text.contains("no qemu guest agent configured") {
        // The VM list does not carry the option; the refusal does.
        Unknown::AgentDisabled
    } else if text.contains("not running") {
        Unknown::AgentNotRunning
    } else if error.is_timeout() || text.contains("timeout") {
        Unknown::AgentTimeout
    } else if error.is_permission() {
        Unknown::PermissionDenied
    } else if error.status() == Some(500) {
        Unknown::AgentNotRunning
    } else {
        Unknown::AgentError
    }
}

fn is_shown(address: &str) -> bool {
    !(address.is_empty()
        || address.starts_with("127.")
        || address.starts_with("fe80")
        || address == "::1"
        || address.starts_with("0.0.0.0"))
}

/// Whether the interface is plumbing inside the guest: its addresses are not the guest's.
fn is_plumbing(name: &str) -> bool {
    name == "lo"
        || ["docker", "br-", "veth", "cni", "flannel", "cali", "virbr"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Interfaces by name, and the guest's addresses.
pub(crate) fn addresses(
    mut interfaces: Vec<InterfaceAddresses>,
) -> (Vec<InterfaceAddresses>, Vec<String>) {
    for interface in &mut interfaces {
        interface.addresses.retain(|a| is_shown(a));
        interface.addresses.sort();
        interface.addresses.dedup();
    }
    interfaces.retain(|i| {
        i.name != "lo" && !(i.addresses.is_empty() && i.rx_bytes == 0 && i.tx_bytes == 0)
    });
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    let mut all: Vec<String> = interfaces
        .iter()
        .filter(|i| !is_plumbing(&i.name))
        .flat_map(|i| i.addresses.iter().cloned())
        .collect();
    all.sort();
    all.dedup();
    (interfaces, all)
}

pub(crate) fn vm_interfaces(list: Vec<AgentInterface>) -> (Vec<InterfaceAddresses>, Vec<String>) {
    let interfaces = list
        .into_iter()
        .map(|interface| InterfaceAddresses {
            addresses: interface.addresses.into_iter().map(|a| a.address).collect(),
            rx_bytes: interface.statistics.get("rx-bytes").copied().unwrap_or(0),
            tx_bytes: interface.statistics.get("tx-bytes").copied().unwrap_or(0),
            name: interface.name,
            mac: interface.mac.unwrap_or_default(),
        })
        .collect();
    addresses(interfaces)
}

/// Without prefix length and zone.
fn bare(address: &str) -> String {
    address
        .split(['/', '%'])
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

pub(crate) fn container_interfaces(
    list: Vec<LxcInterface>,
) -> (Vec<InterfaceAddresses>, Vec<String>) {
    let interfaces = list
        .into_iter()
        .map(|interface| {
            let mut addresses: Vec<String> = interface
                .addresses
                .iter()
                .map(|a| bare(&a.address))
                .collect();
            if addresses.is_empty() {
                addresses.extend(interface.inet.as_deref().map(bare));
                addresses.extend(interface.inet6.as_deref().map(bare));
            }
            InterfaceAddresses {
                name: interface.name,
                mac: interface.hwaddr.unwrap_or_default().to_uppercase(),
                addresses,
                rx_bytes: 0,
                tx_bytes: 0,
            }
        })
        .collect();
    addresses(interfaces)
}

/// Name and version of the operating system, as the agent knows them.
pub(crate) fn os(os: &AgentOs) -> (String, String) {
    let text = |value: &Option<String>| {
        value
            .as_deref()
            .map(str::trim)
            .unwrap_or_default()
            .to_owned()
    };
    let first = |values: &[&Option<String>]| {
        values
            .iter()
            .map(|v| text(v))
            .find(|v| !v.is_empty())
            .unwrap_or_default()
    };
    let name = first(&[&os.name, &os.pretty_name, &os.id]);
    let pretty = text(&os.pretty_name);
    let mut version = first(&[&os.version, &os.version_id]);
    if version.is_empty() {
        version = if pretty.is_empty() || pretty == name {
            text(&os.kernel_release)
        } else {
            pretty
        };
    }
    if version == name {
        version.clear();
    }
    (name, version)
}

/// Operating system of a container, from its configuration.
pub(crate) fn container_os(config: &GuestConfig) -> String {
    let Some(kind) = config.get("ostype") else {
        return String::new();
    };
    match kind {
        "alpine" => "Alpine Linux".to_owned(),
        "archlinux" => "Arch Linux".to_owned(),
        "centos" => "CentOS".to_owned(),
        "nixos" => "NixOS".to_owned(),
        "opensuse" => "openSUSE".to_owned(),
        other => {
            let mut chars = other.chars();
            chars
                .next()
                .map(|c| c.to_uppercase().chain(chars).collect())
                .unwrap_or_default()
        }
    }
}

const REGISTRIES: &[&str] = &[
    "docker.io/",
    "registry-1.docker.io/",
    "hub.docker.com/",
    "ghcr.io/",
    "gcr.io/",
    "quay.io/",
    "mcr.microsoft.com/",
    "public.ecr.aws/",
];

/// The template or image of a container, and whether it is an OCI image.
pub(crate) fn container_template(config: &GuestConfig) -> (String, bool) {
    let template = config
        .get("ostemplate")
        .or_else(|| config.get("template"))
        .filter(|t| !matches!(*t, "0" | "1"))
        .unwrap_or_default();
    let by_name = template.starts_with("oci:")
        || template.starts_with("docker:")
        || template.contains("/oci-")
        || template.contains("/oci_")
        || REGISTRIES
            .iter()
            .any(|registry| template.contains(registry));
    let by_config = config.get("entrypoint").is_some()
        || (config.get("ostype") == Some("unmanaged")
            && config.get("cmode") == Some("console")
            && config
                .get("lxc")
                .is_some_and(|lxc| lxc.contains("lxc.signal.halt")));
    (template.to_owned(), by_name || by_config)
}

/// What a container's configuration tells.
pub(crate) fn container_config(config: &GuestConfig) -> ContainerConfig {
    let (template, oci) = container_template(config);
    let interfaces = config
        .numbered("net")
        .into_iter()
        .map(|(_, value)| configured_interface(value))
        .collect();
    ContainerConfig {
        addresses: configured_addresses(interfaces),
        os_name: container_os(config),
        template,
        oci,
        rootfs: config
            .get("rootfs")
            .and_then(|volume| volume.split(',').next())
            .unwrap_or_default()
            .to_owned(),
    }
}

fn configured_interface(value: &str) -> InterfaceAddresses {
    let mut interface = InterfaceAddresses::default();
    for (key, value) in GuestConfig::properties(value) {
        match key {
            "name" => value.clone_into(&mut interface.name),
            "hwaddr" => interface.mac = value.to_uppercase(),
            "ip" | "ip6" if !matches!(value, "dhcp" | "auto" | "manual" | "static" | "none") => {
                interface.addresses.push(bare(value));
            }
            _ => {}
        }
    }
    interface
}

/// Interfaces by name; one without an address stays: it is configured.
fn configured_addresses(
    mut interfaces: Vec<InterfaceAddresses>,
) -> (Vec<InterfaceAddresses>, Vec<String>) {
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    let mut all: Vec<String> = interfaces
        .iter()
        .flat_map(|i| i.addresses.iter().filter(|a| is_shown(a)).cloned())
        .collect();
    all.sort();
    all.dedup();
    (interfaces, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulse_proxmox::types::AgentFilesystemDisk;

    fn fs(mountpoint: &str, kind: &str, device: &str, total: u64, used: u64) -> AgentFilesystem {
        AgentFilesystem {
            name: Some(device.into()),
            mountpoint: Some(mountpoint.into()),
            kind: Some(kind.into()),
            total: Some(total),
            used: Some(used),
            disk: if kind == "zfs" {
                Vec::new()
            } else {
                vec![AgentFilesystemDisk {
                    dev: Some(device.into()),
                    ..AgentFilesystemDisk::default()
                }]
            },
            ..AgentFilesystem::default()
        }
    }

    #[track_caller]
    fn check(list: Vec<AgentFilesystem>, expect: Result<&[(&str, u64, u64)], Unknown>) {
        let found = filesystems(list).map(|list| {
            list.iter()
                .map(|f| (f.mountpoint.clone(), f.total.get(), f.used.get()))
                .collect::<Vec<_>>()
        });
        let expect = expect.map(|list| {
            list.iter()
                .map(|(m, t, u)| ((*m).to_owned(), *t, *u))
                .collect::<Vec<_>>()
        });
        assert_eq!(found, expect);
    }

    #[test]
    fn a_device_counts_once() {
        check(
            vec![
                fs("/", "btrfs", "/dev/sda2", 100, 40),
                fs("/home", "btrfs", "/dev/sda2", 100, 40),
                fs("/data", "ext4", "/dev/sdb1", 50, 10),
            ],
            Ok(&[("/", 100, 40), ("/data", 50, 10)]),
        );
    }

    #[test]
    fn windows_drives_on_one_disk_are_two() {
        check(
            vec![
                fs("C:\\", "NTFS", "\\\\.\\PhysicalDrive0", 100, 40),
                fs("D:\\", "NTFS", "\\\\.\\PhysicalDrive0", 50, 10),
            ],
            Ok(&[("C:\\", 100, 40), ("D:\\", 50, 10)]),
        );
    }

    #[test]
    fn datasets_of_a_pool_add_up_to_the_pool() {
        check(
            vec![
                fs("/tank", "zfs", "tank", 1000, 10),
                fs("/tank/a", "zfs", "tank/a", 990, 200),
                fs("/tank/b", "zfs", "tank/b", 890, 100),
            ],
            Ok(&[("/tank", 1000, 310)]),
        );
    }

    #[test]
    fn nothing_countable_says_why() {
        check(Vec::new(), Err(Unknown::NoFilesystems));
        check(
            vec![fs("/run", "tmpfs", "tmpfs", 10, 1)],
            Err(Unknown::SpecialFilesystemsOnly),
        );
    }

    #[test]
    fn inner_plumbing_is_not_the_guests_address() {
        let interface = |name: &str, address: &str| InterfaceAddresses {
            name: name.into(),
            addresses: vec![address.into()],
            ..InterfaceAddresses::default()
        };
        let (interfaces, all) = addresses(vec![
            interface("lo", "127.0.0.1"),
            interface("eth0", "10.0.0.5"),
            interface("docker0", "172.17.0.1"),
            interface("eth1", "fe80::1"),
        ]);
        assert_eq!(all, ["10.0.0.5"]);
        let names: Vec<_> = interfaces.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["docker0", "eth0"]);
    }
}
