//! Virtual machines: list, status, configuration, snapshots.

use crate::clock::Millis;
use crate::guest::Reading;
use crate::json::Json;
use crate::model::{Agent, Guest, Kind, State};
use crate::names::SYSTEMS;
use crate::noise::{chance, mix};
use crate::pve::request::Request;
use crate::pve::router::empty_list;
use crate::reply::Reply;

pub(crate) fn find<'a>(
    request: &Request<'_>,
    state: &'a State,
    node: usize,
    vmid: &str,
) -> Result<&'a Guest, Reply> {
    guest(request, state, node, vmid, Kind::Qemu)
}

/// The guest of that kind on that node. Its absence is a missing configuration file.
pub(crate) fn guest<'a>(
    request: &Request<'_>,
    state: &'a State,
    node: usize,
    vmid: &str,
    kind: Kind,
) -> Result<&'a Guest, Reply> {
    let Ok(number) = vmid.parse::<u32>() else {
        return Err(Reply::parameter(
            "vmid",
            &format!("type check ('integer') failed - got '{vmid}'"),
        ));
    };
    request.need(&format!("/vms/{vmid}"), "VM.Audit")?;
    let found = state
        .guests
        .get(&number)
        .filter(|g| g.kind == kind && usize::from(g.node) == node);
    found.ok_or_else(|| {
        let folder = match kind {
            Kind::Qemu => "qemu-server",
            Kind::Lxc => "lxc",
        };
        let node = &request.cluster.nodes[node].name;
        Reply::error(
            500,
            format!("Configuration file 'nodes/{node}/{folder}/{number}.conf' does not exist"),
        )
    })
}

pub(crate) fn list(request: &Request<'_>, state: &State, node: usize) -> Result<Reply, Reply> {
    request.allow(&["full"])?;
    if request.blind() {
        return Ok(empty_list());
    }
    let full = request.flag("full");
    Ok(Reply::ok(Json::data_list(16_384, |l| {
        for guest in state.guests.values() {
            if guest.kind == Kind::Qemu && usize::from(guest.node) == node {
                let now = guest.at(request.now);
                l.object(|o| {
                    listed(o, guest, &now, request.now, full);
                    if full {
                        details(o, guest, &now, request.now);
                    }
                });
            }
        }
    })))
}

pub(crate) fn current(request: &Request<'_>, guest: &Guest) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let now = guest.at(request.now);
    Ok(Reply::ok(Json::data_object(|o| {
        listed(o, guest, &now, request.now, true);
        details(o, guest, &now, request.now);
        if guest.agent != Agent::No {
            o.int("agent", 1);
        }
        if guest.has_display() {
            o.null("clipboard");
        }
        high_availability(o, guest, &now);
    })))
}

pub(crate) fn high_availability(o: &mut Json, guest: &Guest, now: &Reading) {
    o.nested("ha", |o| {
        o.flag("managed", guest.ha);
        if guest.ha {
            o.text("state", if now.running { "started" } else { "stopped" })
                .null("group");
        }
    });
}

/// What the list has for every VM. Without `full`, memory is that of the process and there are
/// no disk counters.
fn listed(o: &mut Json, guest: &Guest, now: &Reading, at: Millis, full: bool) {
    let (mem, read, write) = if full {
        (now.mem, now.disk_read, now.disk_write)
    } else {
        (guest.process_memory(now), 0, 0)
    };
    o.int("vmid", guest.vmid)
        .text("name", &guest.name)
        .text("status", if now.running { "running" } else { "stopped" })
        .float("cpu", now.cpu)
        .int("cpus", guest.cpus)
        .int("mem", mem)
        .int("maxmem", guest.memory)
        .int("disk", 0)
        .int("maxdisk", guest.disk)
        .int("netin", now.net_in)
        .int("netout", now.net_out)
        .int("diskread", read)
        .int("diskwrite", write)
        .int("uptime", now.uptime);
    if !guest.tags.is_empty() {
        o.text("tags", &guest.tags);
    }
    if let Some(lock) = &guest.lock {
        o.text("lock", lock);
    }
    if guest.template {
        o.int("template", 1);
    }
    if let Some(started) = guest.started(at) {
        o.int("pid", guest.pid(started));
    }
    if let Some(least) = guest.balloon_min() {
        o.int("balloon_min", least).int("shares", 1000);
    }
    if guest.has_serial() {
        o.int("serial", 1);
    }
}

/// What is asked from the running QEMU process.
fn details(o: &mut Json, guest: &Guest, now: &Reading, at: Millis) {
    let state = match now {
        Reading { paused: true, .. } => "paused",
        Reading { running: true, .. } => "running",
        _ => "stopped",
    };
    o.text("qmpstatus", state);
    if !now.running {
        return;
    }
    o.text("running-machine", "pc-i440fx-9.0+pve0")
        .text("running-qemu", "9.0.2")
        .int("balloon", guest.memory)
        .nested("nics", |o| {
            o.nested(&format!("tap{}i0", guest.vmid), |o| {
                o.int("netin", now.net_in).int("netout", now.net_out);
            });
        })
        .nested("proxmox-support", |o| {
            for feature in [
                "pbs-dirty-bitmap",
                "pbs-dirty-bitmap-savevm",
                "pbs-dirty-bitmap-migration",
                "pbs-masterkey",
                "backup-fleecing",
                "backup-max-workers",
                "query-bitmap-info",
            ] {
                o.bool(feature, true);
            }
            o.text("pbs-library-version", "1.4.1 (UNKNOWN)");
        })
        .nested("ballooninfo", |o| {
            o.int("actual", guest.memory).int("max_mem", guest.memory);
            if guest.reports_memory() {
                let total = guest.visible_memory();
                o.int("total_mem", total)
                    .int("free_mem", total.saturating_sub(now.mem))
                    .int("mem_swapped_in", 0)
                    .int("mem_swapped_out", 0)
                    .int("major_page_faults", now.uptime / 40 + 200)
                    .int("minor_page_faults", now.uptime * 9 + 50_000)
                    .int("last_update", at / 10_000 * 10);
            }
        });
    if guest.reports_memory() {
        o.int("freemem", guest.visible_memory().saturating_sub(now.mem));
    }
    o.nested("blockstat", |o| {
        o.nested("scsi0", |o| block_device(o, now));
    });
}

fn block_device(o: &mut Json, now: &Reading) {
    o.int("rd_bytes", now.disk_read)
        .int("wr_bytes", now.disk_write)
        .int("rd_operations", now.disk_read / 16_384)
        .int("wr_operations", now.disk_write / 8_192)
        .int("rd_total_time_ns", now.disk_read / 40)
        .int("wr_total_time_ns", now.disk_write / 25)
        .int("wr_highest_offset", now.disk_write.min(1 << 40))
        .int("flush_operations", now.disk_write / 131_072)
        .int("flush_total_time_ns", now.disk_write / 60)
        .int("idle_time_ns", 59_666_178_847_u64)
        .nested_list("timed_stats", |_| {})
        .bool("account_failed", true)
        .bool("account_invalid", true);
    for zero in [
        "rd_merged",
        "wr_merged",
        "unmap_merged",
        "unmap_bytes",
        "unmap_operations",
        "unmap_total_time_ns",
        "failed_rd_operations",
        "failed_wr_operations",
        "failed_flush_operations",
        "failed_unmap_operations",
        "failed_zone_append_operations",
        "invalid_rd_operations",
        "invalid_wr_operations",
        "invalid_flush_operations",
        "invalid_unmap_operations",
        "invalid_zone_append_operations",
        "zone_append_bytes",
        "zone_append_merged",
        "zone_append_operations",
        "zone_append_total_time_ns",
    ] {
        o.int(zero, 0);
    }
}

pub(crate) fn config(request: &Request<'_>, guest: &Guest) -> Result<Reply, Reply> {
    request.allow(&["current", "snapshot"])?;
    let os = &SYSTEMS[usize::from(guest.os)];
    let id = guest.vmid;
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("name", &guest.name)
            .shown("memory", guest.memory >> 20)
            .int("cores", guest.cpus)
            .text("cpu", "x86-64-v2-AES")
            .text("ostype", os.vm_type)
            .text("scsihw", "virtio-scsi-single")
            .text("boot", "order=scsi0;net0")
            .shown(
                "scsi0",
                format_args!(
                    "local-zfs:{}-{id}-disk-0,discard=on,iothread=1,size={}G,ssd=1",
                    if guest.template { "base" } else { "vm" },
                    guest.disk >> 30
                ),
            )
            .shown(
                "net0",
                format_args!("virtio={},bridge=vmbr0,firewall=1", guest.mac(0)),
            )
            .shown("smbios1", format_args!("uuid={}", guest.uuid(0)))
            .text("vmgenid", &guest.uuid(1))
            .text("meta", "creation-qemu=9.0.2,ctime=1732000000")
            .text("digest", &guest.digest());
        if guest.agent != Agent::No {
            o.text("agent", "enabled=1,fstrim_cloned_disks=1");
        }
        if let Some(least) = guest.balloon_min() {
            o.int("balloon", least >> 20);
        }
        if guest.has_serial() {
            o.text("serial0", "socket");
        }
        if guest.has_display() {
            o.text("vga", "std");
        }
        if !guest.tags.is_empty() {
            o.text("tags", &guest.tags);
        }
        if let Some(lock) = &guest.lock {
            o.text("lock", lock);
        }
        if guest.template {
            o.int("template", 1);
        } else {
            o.int("onboot", 1);
        }
        if chance(guest.key, 74, 0.5) {
            o.int("sockets", 1);
        }
        if chance(guest.key, 75, 0.05) {
            o.text("cpulimit", "0.5");
        }
        if chance(guest.key, 76, 0.05) {
            o.int("protection", 1);
        }
        if chance(guest.key, 70, 0.3) {
            o.shown(
                "description",
                format_args!("# {}\n\nöffentlich", guest.name),
            );
        }
    })))
}

pub(crate) fn pending(request: &Request<'_>, guest: &Guest) -> Result<Reply, Reply> {
    request.allow(&[])?;
    Ok(Reply::ok(Json::data_list(512, |l| {
        l.object(|o| {
            o.text("key", "memory").shown("value", guest.memory >> 20);
        });
        l.object(|o| {
            o.text("key", "cores").int("value", guest.cpus);
        });
        l.object(|o| {
            o.text("key", "name").text("value", &guest.name);
        });
    })))
}

/// Snapshots of both kinds of guest; the list always ends with the present.
pub(crate) fn snapshots(request: &Request<'_>, guest: &Guest) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let count = if chance(guest.key, 71, 0.6) {
        1 + mix(guest.key, 72) % 3
    } else {
        0
    };
    let vm = guest.kind == Kind::Qemu;
    let names = ["before-upgrade", "weekly", "vor-Umzug"];
    let now = request.now / 1000;
    Ok(Reply::ok(Json::data_list(512, |l| {
        let mut parent = None;
        for (n, name) in names.iter().take(count as usize).enumerate() {
            // Taken on fixed days, so that the list does not move with every request.
            let age = (count as i64 - n as i64) * (3 + (mix(guest.key, 73) % 20) as i64);
            l.object(|o| {
                o.text("name", name)
                    .text(
                        "description",
                        if n == 0 { "before the upgrade" } else { "" },
                    )
                    .int("snaptime", (now / 86_400 - age) * 86_400 + 30_000);
                if vm {
                    o.int("vmstate", 0);
                }
                if let Some(parent) = parent {
                    o.text("parent", parent);
                }
            });
            parent = Some(*name);
        }
        l.object(|o| {
            o.text("name", "current")
                .text("description", "You are here!")
                .text("digest", &guest.digest());
            o.flag("running", guest.is_running());
            if let Some(parent) = parent {
                o.text("parent", parent);
            }
        });
    })))
}

impl Guest {
    /// Whether the balloon driver tells what is free inside.
    pub(crate) fn reports_memory(&self) -> bool {
        self.agent == Agent::Answers || chance(self.key, 80, 0.5)
    }

    /// Memory as the guest's kernel counts it.
    fn visible_memory(&self) -> u64 {
        self.memory / 100 * 96
    }

    /// What the QEMU process takes on the host.
    fn process_memory(&self, now: &Reading) -> u64 {
        if now.running {
            (now.mem + now.mem / 4 + (60 << 20)).min(self.memory)
        } else {
            0
        }
    }

    fn balloon_min(&self) -> Option<u64> {
        chance(self.key, 81, 0.3).then_some(self.memory / 2)
    }

    fn has_serial(&self) -> bool {
        chance(self.key, 82, 0.2)
    }

    fn has_display(&self) -> bool {
        chance(self.key, 83, 0.5)
    }

    pub(crate) fn digest(&self) -> String {
        let (a, b, c) = (mix(self.key, 90), mix(self.key, 91), mix(self.key, 92));
        format!("{a:016x}{b:016x}{:08x}", c >> 32)
    }
}
