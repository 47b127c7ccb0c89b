//! Containers: list, status, configuration, interfaces.

use crate::clock::Millis;
use crate::guest::Reading;
use crate::json::Json;
use crate::model::{Guest, Kind, State};
use crate::names::SYSTEMS;
use crate::noise::{chance, mix, smooth};
use crate::pve::qemu::{guest, high_availability};
use crate::pve::request::Request;
use crate::pve::router::empty_list;
use crate::reply::Reply;

pub(crate) fn find<'a>(
    request: &Request<'_>,
    state: &'a State,
    node: usize,
    vmid: &str,
) -> Result<&'a Guest, Reply> {
    guest(request, state, node, vmid, Kind::Lxc)
}

pub(crate) fn list(request: &Request<'_>, state: &State, node: usize) -> Result<Reply, Reply> {
    request.allow(&[])?;
    if request.blind() {
        return Ok(empty_list());
    }
    Ok(Reply::ok(Json::data_list(16_384, |l| {
        for guest in state.guests.values() {
            if guest.kind == Kind::Lxc && usize::from(guest.node) == node {
                let now = guest.at(request.now);
                l.object(|o| listed(o, guest, &now, request.now));
            }
        }
    })))
}

pub(crate) fn current(request: &Request<'_>, guest: &Guest) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let now = guest.at(request.now);
    Ok(Reply::ok(Json::data_object(|o| {
        listed(o, guest, &now, request.now);
        high_availability(o, guest, &now);
    })))
}

fn listed(o: &mut Json, guest: &Guest, now: &Reading, at: Millis) {
    let swap = guest.swap();
    let swapped = if now.running {
        let level = smooth(mix(guest.key, 95), crate::guest::seconds(at), 20_000.0);
        (swap as f64 * 0.3 * level) as u64 & !0xfff
    } else {
        0
    };
    o.int("vmid", guest.vmid)
        .text("name", &guest.name)
        .text("type", "lxc")
        .text("status", if now.running { "running" } else { "stopped" })
        .float("cpu", now.cpu)
        .int("cpus", guest.cpus)
        .int("mem", now.mem)
        .int("maxmem", guest.memory)
        .int("swap", swapped)
        .int("maxswap", swap)
        .int("disk", now.disk)
        .int("maxdisk", guest.disk)
        .int("netin", now.net_in)
        .int("netout", now.net_out)
        .int("diskread", now.disk_read)
        .int("diskwrite", now.disk_write)
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
}

pub(crate) fn config(request: &Request<'_>, guest: &Guest) -> Result<Reply, Reply> {
    request.allow(&["current", "snapshot"])?;
    let os = &SYSTEMS[usize::from(guest.os)];
    let id = guest.vmid;
    let disk = if guest.template { "basevol" } else { "subvol" };
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("hostname", &guest.name)
            .text("arch", "amd64")
            .text("ostype", os.ct_type)
            .int("cores", guest.cpus)
            .int("memory", guest.memory >> 20)
            .int("swap", guest.swap() >> 20)
            .shown(
                "rootfs",
                format_args!("local-zfs:{disk}-{id}-disk-0,size={}G", guest.disk >> 30),
            )
            .shown(
                "net0",
                format_args!(
                    "name=eth0,bridge=vmbr0,gw=10.30.0.1,hwaddr={},ip={}/16,type=veth",
                    guest.mac(0),
                    guest.ipv4()
                ),
            )
            .text("digest", &guest.digest());
        if chance(guest.key, 96, 0.85) {
            o.int("unprivileged", 1);
        }
        if chance(guest.key, 99, 0.1) {
            o.text("cpulimit", "1");
        }
        if chance(guest.key, 97, 0.4) {
            o.text("features", "nesting=1");
        }
        if chance(guest.key, 98, 0.15) {
            o.shown(
                "mp0",
                format_args!("local-zfs:subvol-{id}-disk-1,mp=/srv/data,backup=1,size=8G"),
            );
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
        if chance(guest.key, 70, 0.3) {
            o.shown("description", format_args!("{}\n", guest.name));
        }
    })))
}

/// Null for a container that does not run or does not exist.
pub(crate) fn interfaces(request: &Request<'_>, guest: Option<&Guest>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let Some(guest) = guest.filter(|g| g.is_running()) else {
        return Ok(Reply::ok(b"{\"data\":null}".to_vec()));
    };
    Ok(Reply::ok(Json::data_list(512, |l| {
        l.object(|o| {
            o.text("name", "lo")
                .text("hwaddr", "00:00:00:00:00:00")
                .text("inet", "127.0.0.1/8")
                .text("inet6", "::1/128");
        });
        l.object(|o| {
            o.text("name", "eth0")
                .text("hwaddr", &guest.mac(0).to_lowercase())
                .shown("inet", format_args!("{}/16", guest.ipv4()))
                .shown("inet6", format_args!("{}/64", guest.link_local(0)));
        });
    })))
}

impl Guest {
    fn swap(&self) -> u64 {
        if chance(self.key, 94, 0.3) {
            0
        } else {
            512 << 20
        }
    }
}
