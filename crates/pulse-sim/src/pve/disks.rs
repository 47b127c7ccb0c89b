//! Physical disks and ZFS pools of a node.

use crate::json::Json;
use crate::noise::{between, chance, mix, pick};
use crate::pve::request::Request;
use crate::reply::Reply;

pub(crate) fn list(request: &Request<'_>, index: usize) -> Result<Reply, Reply> {
    request.allow(&["include-partitions", "skipsmart", "type"])?;
    let node = &request.cluster.nodes[index];
    request.need(
        &format!("/nodes/{}", node.name),
        "Sys.Audit|Datastore.Audit",
    )?;
    let count = 2 + mix(node.key, 140) % 4;
    Ok(Reply::ok(Json::data_list(2048, |l| {
        for n in 0..count {
            let key = mix(node.key, 141 + n);
            l.object(|o| disk(o, key, n));
        }
    })))
}

fn disk(o: &mut Json, key: u64, n: u64) {
    const HDD: &[(&str, u64)] = &[
        ("WDC_WD40EFRX-68N32N0", 4_000_787_030_016),
        ("ST8000VN004-3CP101", 8_001_563_222_016),
    ];
    const SSD: &[(&str, u64)] = &[
        ("Samsung_SSD_870_EVO_1TB", 1_000_204_886_016),
        ("INTEL_SSDSC2KB960G8", 960_197_124_096),
    ];
    const NVME: &[(&str, u64)] = &[
        ("Samsung SSD 980 PRO 2TB", 2_000_398_934_016),
        ("KIOXIA KCD61LUL1T92", 1_920_383_410_176),
    ];
    let (kind, name, (model, size), vendor) = match n {
        0 | 1 => ("nvme", format!("nvme{n}n1"), pick(key, 1, NVME), "unknown"),
        2 | 3 => (
            "ssd",
            format!("sd{}", letter(n - 2)),
            pick(key, 1, SSD),
            "ATA     ",
        ),
        _ => (
            "hdd",
            format!("sd{}", letter(n - 2)),
            pick(key, 1, HDD),
            "ATA     ",
        ),
    };
    let serial = format!("S{:011X}", mix(key, 2) & 0xfff_ffff_ffff);
    let health = match mix(key, 3) % 100 {
        0..4 => "FAILED!",
        4..7 => "UNKNOWN",
        _ => "PASSED",
    };
    o.shown("devpath", format_args!("/dev/{name}"))
        .shown(
            "by_id_link",
            format_args!(
                "/dev/disk/by-id/{}-{}_{serial}",
                if kind == "nvme" { "nvme" } else { "ata" },
                model.replace(' ', "_")
            ),
        )
        .text("model", model)
        .text("serial", &serial)
        .text("vendor", vendor)
        .text("type", kind)
        .text("health", health)
        .int("size", size)
        .flag("gpt", n == 0)
        .int("osdid", -1)
        .null("osdid-list");
    if kind == "nvme" {
        o.shown("wwn", format_args!("eui.{:016x}", mix(key, 4)));
    } else {
        o.shown("wwn", format_args!("0x5{:015x}", mix(key, 4) >> 4));
    }
    if kind == "hdd" {
        o.text("wearout", "N/A").text("rpm", "7200");
    } else {
        let left = if chance(key, 5, 0.08) {
            between(key, 6, 2.0, 12.0)
        } else {
            between(key, 6, 60.0, 100.0)
        };
        o.int("wearout", left as u64).int("rpm", 0);
    }
    if n != 1 {
        o.text("used", if n == 0 { "ZFS" } else { "LVM" });
    }
}

fn letter(n: u64) -> char {
    char::from(b'a' + (n % 26) as u8)
}

pub(crate) fn pools(request: &Request<'_>, index: usize) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let node = &request.cluster.nodes[index];
    let storage = request
        .cluster
        .storages
        .iter()
        .find(|s| s.plugin == "zfspool");
    Ok(Reply::ok(Json::data_list(256, |l| {
        if let Some(storage) = storage {
            let usage = storage.usage(node.key, request.now);
            l.object(|o| {
                o.text("name", "rpool")
                    .text("health", health(node.key))
                    .int("size", usage.total)
                    .int("alloc", usage.used)
                    .int("free", usage.total - usage.used)
                    .int("frag", mix(node.key, 151) % 40)
                    .int("dedup", 1);
            });
        }
    })))
}

fn health(node_key: u64) -> &'static str {
    if chance(node_key, 150, 0.08) {
        "DEGRADED"
    } else {
        "ONLINE"
    }
}

pub(crate) fn pool(request: &Request<'_>, index: usize, name: &str) -> Result<Reply, Reply> {
    request.allow(&[])?;
    if name != "rpool" {
        return Err(Reply::error(
            500,
            format!("command '/sbin/zpool status -P {name}' failed: exit code 1"),
        ));
    }
    let key = request.cluster.nodes[index].key;
    let state = health(key);
    let bad = state != "ONLINE";
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("name", "rpool")
            .text("state", state)
            .int("leaf", 0)
            .text("errors", "No known data errors")
            .text(
                "scan",
                "scrub repaired 0B in 00:21:05 with 0 errors on Sun Nov  8 00:45:06 2026",
            );
        if bad {
            o.text(
                "status",
                "One or more devices has been removed by the administrator.",
            )
            .text("action", "Online the device or replace it.");
        }
        o.nested_list("children", |l| {
            vdev(l, "rpool", state, "", false, |l| {
                vdev(l, "mirror-0", state, "", false, |l| {
                    vdev(l, "/dev/nvme0n1p3", "ONLINE", "", true, |_| {});
                    let (second, msg) = if bad {
                        ("REMOVED", "was removed")
                    } else {
                        ("ONLINE", "")
                    };
                    vdev(l, "/dev/nvme1n1p3", second, msg, true, |_| {});
                });
            });
        });
    })))
}

fn vdev(
    l: &mut Json,
    name: &str,
    state: &str,
    msg: &str,
    leaf: bool,
    children: impl FnOnce(&mut Json),
) {
    l.object(|o| {
        o.text("name", name)
            .text("state", state)
            .text("msg", msg)
            .flag("leaf", leaf)
            .int("read", 0)
            .int("write", 0)
            .int("cksum", 0);
        if !leaf {
            o.nested_list("children", children);
        }
    });
}

pub(crate) fn no_lvm() -> Reply {
    Reply::ok(b"{\"data\":{\"children\":[],\"leaf\":0}}".to_vec())
}
