//! Storages: definitions, usage on a node, backups.

use crate::clock::Millis;
use crate::json::Json;
use crate::model::{Guest, Kind, State, Storage};
use crate::noise::{chance, mix};
use crate::pve::access::Rights;
use crate::pve::request::Request;
use crate::pve::router::empty_list;
use crate::reply::Reply;

pub(crate) fn definitions(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&["type"])?;
    if request.blind() {
        return Ok(empty_list());
    }
    let digest = format!(
        "{:016x}{:016x}{:08x}",
        mix(request.cluster.key, 1),
        mix(request.cluster.key, 2),
        7
    );
    Ok(Reply::ok(Json::data_list(1024, |l| {
        for storage in &request.cluster.storages {
            l.object(|o| {
                o.text("storage", storage.name)
                    .text("type", storage.plugin)
                    .text("content", storage.content)
                    .text("digest", &digest);
                if storage.shared {
                    o.int("shared", 1);
                }
                if storage.disabled {
                    o.int("disable", 1);
                }
                match storage.plugin {
                    "dir" => o
                        .text("path", "/var/lib/vz")
                        .text("prune-backups", "keep-all=1"),
                    "zfspool" => o.text("pool", "rpool/data").int("sparse", 1),
                    "nfs" => o
                        .text("server", "10.0.0.40")
                        .text("export", "/export/backup")
                        .text("path", "/mnt/pve/nas-backup"),
                    "cifs" => o
                        .text("server", "10.0.0.39")
                        .text("share", "backup")
                        .text("path", "/mnt/pve/old-nas"),
                    "pbs" => {
                        o.text("server", "127.0.0.1")
                            .text("datastore", &request.cluster.backups.0)
                            .text("username", crate::pbs::OWNER)
                            .text("prune-backups", "keep-all=1");
                        if !request.cluster.backups.1.is_empty() {
                            o.text("namespace", &request.cluster.backups.1);
                        }
                        o
                    }
                    _ => o.text("vgname", "vmdata"),
                };
            });
        }
    })))
}

pub(crate) fn on_node(request: &Request<'_>, index: usize) -> Result<Reply, Reply> {
    request.allow(&["content", "enabled", "format", "storage", "target"])?;
    if request.blind() {
        return Ok(empty_list());
    }
    let node = &request.cluster.nodes[index];
    let wanted = request.param("content");
    Ok(Reply::ok(Json::data_list(2048, |l| {
        for storage in &request.cluster.storages {
            let fits = wanted.is_none_or(|c| storage.content.split(',').any(|s| s == c));
            if !fits || (request.flag("enabled") && storage.disabled) {
                continue;
            }
            l.object(|o| {
                o.text("storage", storage.name);
                figures(o, storage, node.key, request.now, true);
            });
        }
    })))
}

fn figures(o: &mut Json, storage: &Storage, node_key: u64, now: Millis, with_fraction: bool) {
    o.text("type", storage.plugin)
        .text("content", storage.content)
        .flag("shared", storage.shared)
        .flag("enabled", !storage.disabled)
        .flag("active", !storage.disabled);
    if storage.disabled {
        o.int("total", 0).int("used", 0).int("avail", 0);
        return;
    }
    let usage = storage.usage(node_key, now);
    o.int("total", usage.total)
        .int("used", usage.used)
        .int("avail", usage.avail);
    if with_fraction {
        o.float("used_fraction", usage.used as f64 / usage.total as f64);
    }
}

fn find<'a>(request: &Request<'a>, id: &str) -> Option<&'a Storage> {
    request.cluster.storages.iter().find(|s| s.name == id)
}

pub(crate) fn status(request: &Request<'_>, index: usize, id: &str) -> Result<Reply, Reply> {
    request.allow(&[])?;
    request.need(
        &format!("/storage/{id}"),
        "Datastore.Audit|Datastore.AllocateSpace",
    )?;
    let storage =
        find(request, id).ok_or_else(|| Reply::parameter("storage", "No such storage."))?;
    let key = request.cluster.nodes[index].key;
    Ok(Reply::ok(Json::data_object(|o| {
        figures(o, storage, key, request.now, false);
    })))
}

pub(crate) fn content(request: &Request<'_>, state: &State, id: &str) -> Result<Reply, Reply> {
    request.allow(&["content", "vmid"])?;
    let storage = find(request, id)
        .ok_or_else(|| Reply::error(500, format!("storage '{id}' does not exist")))?;
    if storage.disabled {
        return Err(Reply::error(500, format!("storage '{id}' is disabled")));
    }
    if request.blind() {
        return Ok(empty_list());
    }
    let wanted = |kind: &str| request.param("content").is_none_or(|c| c == kind);
    let vmid = request.param("vmid").and_then(|v| v.parse::<u32>().ok());
    Ok(Reply::ok(Json::data_list(65_536, |l| {
        if storage.name == "local" {
            if wanted("iso") && vmid.is_none() {
                file(
                    l,
                    "local:iso/debian-12.7.0-amd64-netinst.iso",
                    "iso",
                    "iso",
                    661_651_456,
                );
            }
            if wanted("vztmpl") && vmid.is_none() {
                let volid = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
                file(l, volid, "vztmpl", "tzst", 126_515_062);
            }
            return;
        }
        // A role without these rights silently sees no backups.
        if !wanted("backup") || request.rights != Rights::Full {
            return;
        }
        let nights = match storage.plugin {
            "nfs" => 3,
            "pbs" => 7,
            _ => return,
        };
        for guest in state.guests.values() {
            let pbs = storage.plugin == "pbs";
            let backed_up = if pbs {
                crate::pbs::is_kept(guest)
            } else {
                chance(guest.key, 130, 0.5)
            };
            if !backed_up || guest.template || vmid.is_some_and(|v| v != guest.vmid) {
                continue;
            }
            for night in 0..nights {
                backup(l, storage, guest, request.now, night);
            }
        }
    })))
}

fn file(l: &mut Json, volid: &str, content: &str, format: &str, size: u64) {
    l.object(|o| {
        o.text("volid", volid)
            .text("content", content)
            .text("format", format)
            .int("size", size)
            .int("ctime", 1_731_000_000);
    });
}

/// The backup of a guest `night` nights ago.
fn backup(l: &mut Json, storage: &Storage, guest: &Guest, now: Millis, night: i64) {
    let at = backup_moment(guest, now, night);
    let Ok(time) = jiff::Timestamp::from_second(at) else {
        return;
    };
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let pbs = storage.plugin == "pbs";
    let vm = guest.kind == Kind::Qemu;
    let (subtype, format) = match (vm, pbs) {
        (true, true) => ("qemu", "pbs-vm"),
        (false, true) => ("lxc", "pbs-ct"),
        (true, false) => ("qemu", "vma.zst"),
        (false, false) => ("lxc", "tar.zst"),
    };
    let (name, id) = (storage.name, guest.vmid);
    let volid = if pbs {
        let kind = if vm { "vm" } else { "ct" };
        format!(
            "{name}:backup/{kind}/{id}/{}",
            time.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    } else {
        let stamp = time.strftime("%Y_%m_%d-%H_%M_%S");
        format!("{name}:backup/vzdump-{subtype}-{id}-{stamp}.{format}")
    };
    let used = guest.disk_used(at as f64);
    l.object(|o| {
        o.text("volid", &volid)
            .text("content", "backup")
            .text("subtype", subtype)
            .text("format", format)
            .int("vmid", id)
            .int("ctime", at)
            .int("size", if pbs { guest.disk } else { used / 2 })
            .text("notes", &guest.name);
        if night == 2 && chance(guest.key, 132, 0.05) {
            o.int("protected", 1);
        }
        if pbs && let Some(state) = verification(guest, night) {
            o.nested("verification", |o| {
                o.text("state", state).text(
                    "upid",
                    "UPID:pbs:0000ABCD:00112233:00000001:67400000:verificationjob:main:root@pam:",
                );
            });
        }
    });
}

/// When the backup of `night` nights ago was made, in seconds.
pub(crate) fn backup_moment(guest: &Guest, now: Millis, night: i64) -> i64 {
    let minute = (mix(guest.key, 131) % 240) as i64;
    let tonight = last_night(now) + minute * 60;
    // Tonight's may not have been made yet.
    let last = if tonight * 1000 > now {
        tonight - 86_400
    } else {
        tonight
    };
    last - night * 86_400
}

/// What verifying that backup found; None when it was not verified.
pub(crate) fn verification(guest: &Guest, night: i64) -> Option<&'static str> {
    chance(guest.key, 133, 0.8).then(|| {
        if chance(mix(guest.key, 134), night as u64, 0.01) {
            "failed"
        } else {
            "ok"
        }
    })
}

/// Two o'clock UTC of the present day, in seconds.
pub(crate) fn last_night(now: Millis) -> i64 {
    (now / 1000).div_euclid(86_400) * 86_400 + 7_200
}
