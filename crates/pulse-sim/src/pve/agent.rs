//! The QEMU guest agent: what the inside of a VM says, or why it says nothing.

use crate::guest::seconds;
use crate::json::Json;
use crate::model::{Agent, Guest, Power};
use crate::names::SYSTEMS;
use crate::noise::{between, chance, mix};
use crate::pve::access::Rights;
use crate::pve::request::{Method, Request};
use crate::reply::Reply;

pub(crate) fn run(request: &Request<'_>, guest: &Guest, command: &str) -> Result<Reply, Reply> {
    const COMMANDS: &[&str] = &[
        "get-fsinfo",
        "network-get-interfaces",
        "get-osinfo",
        "info",
        "get-host-name",
        "get-time",
        "get-timezone",
        "get-users",
        "get-vcpus",
        "ping",
    ];
    let reads = command != "ping";
    if !COMMANDS.contains(&command) || reads != (request.method == Method::Get) {
        return Err(Reply::not_implemented(request.method.word(), request.path));
    }
    request.allow(&[])?;
    if request.rights != Rights::Full {
        return Err(Reply::forbidden(
            &format!("/vms/{}", guest.vmid),
            "VM.Monitor",
        ));
    }
    match (guest.agent, guest.power) {
        (Agent::No, _) => return Err(Reply::error(500, "No QEMU guest agent configured")),
        (_, Power::Stopped) => {
            return Err(Reply::error(
                500,
                format!("VM {} is not running", guest.vmid),
            ));
        }
        (Agent::Silent, _) | (_, Power::Paused { .. }) => {
            return Err(Reply {
                after_agent_wait: true,
                ..Reply::error(500, "QEMU guest agent is not running")
            });
        }
        _ => {}
    }
    Ok(Reply::ok(Json::data_object(|o| {
        o.key("result");
        match command {
            "get-fsinfo" => o.list(|l| file_systems(l, guest, request)),
            "network-get-interfaces" => o.list(|l| interfaces(l, guest, request)),
            "get-osinfo" => o.object(|o| system(o, guest)),
            "info" => o.object(version),
            "get-host-name" => o.object(|o| {
                o.text("host-name", &guest.name);
            }),
            "get-timezone" => o.object(|o| {
                o.text("zone", "UTC").int("offset", 0);
            }),
            "get-users" => o.list(|_| {}),
            "get-vcpus" => o.list(|l| {
                for cpu in 0..guest.cpus {
                    l.object(|o| {
                        o.int("logical-id", cpu)
                            .bool("online", true)
                            .bool("can-offline", cpu > 0);
                    });
                }
            }),
            "get-time" => o.object(|o| {
                o.int("nanoseconds", i128::from(request.now) * 1_000_000);
            }),
            _ => o.object(|_| {}),
        }
    })))
}

fn windows(guest: &Guest) -> bool {
    SYSTEMS[usize::from(guest.os)].id == "mswindows"
}

fn file_systems(l: &mut Json, guest: &Guest, request: &Request<'_>) {
    let root = guest.disk - guest.disk / 40;
    let used = guest.disk_used(seconds(request.now)).min(root);
    if windows(guest) {
        let name = format!("\\\\?\\Volume{{{}}}\\", guest.uuid(2));
        file_system(
            l,
            &name,
            "C:\\",
            "NTFS",
            "\\\\.\\PhysicalDrive0",
            root,
            used,
        );
        file_system(
            l,
            &format!("\\\\?\\Volume{{{}}}\\", guest.uuid(3)),
            "System Reserved",
            "NTFS",
            "\\\\.\\PhysicalDrive0",
            99_610_624,
            32_505_856,
        );
        return;
    }
    file_system(l, "sda1", "/", "ext4", "/dev/sda1", root, used);
    file_system(
        l,
        "sda15",
        "/boot/efi",
        "vfat",
        "/dev/sda15",
        129_718_272,
        12_345_344,
    );
    if chance(guest.key, 120, 0.35) {
        let size = guest.disk * 2;
        let level = between(guest.key, 121, 0.1, 0.93);
        let used = (size as f64 * level) as u64;
        file_system(l, "sdb", "/srv", "xfs", "/dev/sdb", size, used);
    }
    if chance(guest.key, 122, 0.1) {
        // Read-only and always full: not to be counted.
        file_system(
            l,
            "loop0",
            "/snap/core22/1722",
            "squashfs",
            "/dev/loop0",
            77_463_552,
            77_463_552,
        );
    }
}

fn file_system(
    l: &mut Json,
    name: &str,
    mountpoint: &str,
    kind: &str,
    device: &str,
    total: u64,
    used: u64,
) {
    l.object(|o| {
        o.text("name", name)
            .text("mountpoint", mountpoint)
            .text("type", kind)
            .int("total-bytes", total)
            .int("used-bytes", used)
            .nested_list("disk", |l| {
                l.object(|o| {
                    o.text("dev", device)
                        .text("serial", "0QEMU_QEMU_HARDDISK_drive-scsi0")
                        .text("bus-type", "scsi")
                        .int("bus", 0)
                        .int("target", 0)
                        .int("unit", 0)
                        .nested("pci-controller", |o| {
                            o.int("bus", 1)
                                .int("domain", 0)
                                .int("slot", 1)
                                .int("function", 0);
                        });
                });
            });
    });
}

fn interfaces(l: &mut Json, guest: &Guest, request: &Request<'_>) {
    let now = guest.at(request.now);
    let (first, loopback) = if windows(guest) {
        ("Ethernet", "Loopback Pseudo-Interface 1")
    } else {
        ("eth0", "lo")
    };
    let (v4, v6, local) = (guest.ipv4(), guest.ipv6(), guest.link_local(0));
    interface(
        l,
        loopback,
        "00:00:00:00:00:00",
        &[("127.0.0.1", 8), ("::1", 128)],
        (0, 0),
    );
    let mut addresses = vec![(v4.as_str(), 16), (local.as_str(), 64)];
    if chance(guest.key, 125, 0.5) {
        addresses.insert(1, (v6.as_str(), 64));
    }
    interface(
        l,
        first,
        &guest.mac(0).to_lowercase(),
        &addresses,
        (now.net_in, now.net_out),
    );
    if guest.name.starts_with("k8s") {
        let pod = format!("10.244.{}.1", mix(guest.key, 126) % 256);
        interface(
            l,
            "cni0",
            &guest.mac(1).to_lowercase(),
            &[(pod.as_str(), 24)],
            (now.net_in / 3, now.net_out / 3),
        );
    }
}

fn interface(l: &mut Json, name: &str, mac: &str, addresses: &[(&str, u8)], bytes: (u64, u64)) {
    l.object(|o| {
        o.text("name", name)
            .text("hardware-address", mac)
            .nested_list("ip-addresses", |l| {
                for (address, prefix) in addresses {
                    let kind = if address.contains(':') {
                        "ipv6"
                    } else {
                        "ipv4"
                    };
                    l.object(|o| {
                        o.text("ip-address", address)
                            .text("ip-address-type", kind)
                            .int("prefix", *prefix);
                    });
                }
            })
            .nested("statistics", |o| {
                o.int("rx-bytes", bytes.0)
                    .int("tx-bytes", bytes.1)
                    .int("rx-packets", bytes.0 / 700)
                    .int("tx-packets", bytes.1 / 700)
                    .int("rx-errs", 0)
                    .int("tx-errs", 0)
                    .int("rx-dropped", 0)
                    .int("tx-dropped", 0);
            });
    });
}

fn system(o: &mut Json, guest: &Guest) {
    let os = &SYSTEMS[usize::from(guest.os)];
    o.text("id", os.id)
        .text("name", os.name)
        .text("pretty-name", os.pretty)
        .text("version-id", os.version_id)
        .text("kernel-release", os.kernel)
        .text("kernel-version", "#1 SMP PREEMPT_DYNAMIC")
        .text("machine", "x86_64");
    if !os.version.is_empty() {
        o.text("version", os.version);
    }
}

fn version(o: &mut Json) {
    o.text("version", "8.2.2")
        .nested_list("supported_commands", |l| {
            for name in [
                "guest-ping",
                "guest-info",
                "guest-get-osinfo",
                "guest-get-fsinfo",
                "guest-network-get-interfaces",
                "guest-shutdown",
            ] {
                l.object(|o| {
                    o.text("name", name)
                        .bool("enabled", true)
                        .bool("success-response", true);
                });
            }
        });
}
