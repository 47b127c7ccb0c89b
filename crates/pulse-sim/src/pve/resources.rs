//! `/cluster/resources`: one list of guests, nodes, storages, pools and networks.

use crate::guest::Reading;
use crate::json::Json;
use crate::model::{Guest, State};
use crate::pve::node;
use crate::pve::request::Request;
use crate::reply::Reply;

pub(crate) fn resources(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&["type"])?;
    let kind = request.one_of("type", &["vm", "storage", "node", "sdn"])?;
    let wants = |k: &str| kind.is_none_or(|wanted| wanted == k);
    let see = !request.blind();
    let capacity = state.guests.len() * 360 + request.cluster.nodes.len() * 2_000;
    Ok(Reply::ok(Json::data_list(capacity, |l| {
        if kind.is_none() && see {
            pools(l, request, state);
        }
        if wants("vm") && see {
            for guest in state.guests.values() {
                l.object(|o| self::guest(o, request, state, guest, true));
            }
        }
        if wants("node") {
            nodes(l, request, state);
        }
        if wants("storage") && see {
            storages(l, request, state);
        }
        if wants("sdn") && see {
            for node in &request.cluster.nodes {
                l.object(|o| {
                    o.text("sdn", "localnetwork")
                        .text("status", "ok")
                        .shown("id", format_args!("sdn/{}/localnetwork", node.name))
                        .text("type", "sdn")
                        .text("node", &node.name);
                });
            }
        }
    })))
}

/// A guest as the cluster's status shows it; `with_membership` adds pool and HA state.
pub(crate) fn guest(
    o: &mut Json,
    request: &Request<'_>,
    state: &State,
    guest: &Guest,
    with_membership: bool,
) {
    let kind = guest.kind.word();
    let node = usize::from(guest.node);
    let (at, stale) = state.nodes[node].health.last_report(request.now);
    o.shown("id", format_args!("{kind}/{}", guest.vmid))
        .text("type", kind)
        .int("vmid", guest.vmid)
        .text("node", &request.cluster.nodes[node].name);
    if !guest.tags.is_empty() {
        o.text("tags", &guest.tags);
    }
    if stale {
        o.text("status", "unknown");
        return;
    }
    let now = guest.at(at);
    o.text("name", &guest.name)
        .text("status", status(&now))
        .flag("template", guest.template)
        .int("maxcpu", guest.cpus)
        .int("maxmem", guest.memory)
        .int("maxdisk", guest.disk)
        .float("cpu", now.cpu)
        .int("mem", now.mem)
        .int("disk", disk(guest, &now))
        .int("uptime", now.uptime)
        .int("netin", now.net_in)
        .int("netout", now.net_out)
        .int("diskread", now.disk_read)
        .int("diskwrite", now.disk_write);
    if let Some(lock) = &guest.lock {
        o.text("lock", lock);
    }
    if with_membership {
        if let Some(pool) = guest.pool {
            o.text("pool", request.cluster.pools[usize::from(pool)].id);
        }
        if guest.ha {
            o.text("hastate", if now.running { "started" } else { "stopped" });
        }
    }
}

fn status(now: &Reading) -> &'static str {
    match now {
        Reading { paused: true, .. } => "paused",
        Reading { running: true, .. } => "running",
        _ => "stopped",
    }
}

/// Proxmox VE does not know what is used inside a VM's disks.
fn disk(guest: &Guest, now: &Reading) -> u64 {
    match guest.kind {
        crate::model::Kind::Qemu => 0,
        crate::model::Kind::Lxc => now.disk,
    }
}

fn pools(l: &mut Json, request: &Request<'_>, state: &State) {
    for (i, pool) in request.cluster.pools.iter().enumerate() {
        let (mut cpu, mut cpus, mut mem, mut maxmem, mut uptime) = (0.0, 0u64, 0, 0, 0);
        for guest in state.guests.values() {
            if guest.pool.map(usize::from) == Some(i) && guest.is_running() {
                let (share, used) = guest.cpu_and_mem(request.now);
                cpu += share * f64::from(guest.cpus);
                cpus += u64::from(guest.cpus);
                mem += used;
                maxmem += guest.memory;
                let started = guest.started(request.now).unwrap_or(request.now);
                uptime = uptime.max((request.now - started) / 1000);
            }
        }
        l.object(|o| {
            o.shown("id", format_args!("/pool/{}", pool.id))
                .text("type", "pool")
                .text("pool", pool.id)
                .float("cpu", if cpus > 0 { cpu / cpus as f64 } else { 0.0 })
                .int("maxcpu", cpus)
                .int("mem", mem)
                .int("maxmem", maxmem)
                .int("uptime", uptime);
        });
    }
}

fn nodes(l: &mut Json, request: &Request<'_>, state: &State) {
    for (i, node) in request.cluster.nodes.iter().enumerate() {
        let stale = state.nodes[i].health.last_report(request.now).1;
        l.object(|o| {
            o.shown("id", format_args!("node/{}", node.name))
                .text("type", "node")
                .text("node", &node.name);
            if !request.blind() {
                o.int("cgroup-mode", 2)
                    .text("hastate", if stale { "unknown" } else { "online" });
            }
            node::figures(o, request, state, i);
        });
    }
}

fn storages(l: &mut Json, request: &Request<'_>, state: &State) {
    for storage in request.cluster.storages.iter().filter(|s| !s.disabled) {
        for (i, node) in request.cluster.nodes.iter().enumerate() {
            let (at, stale) = state.nodes[i].health.last_report(request.now);
            l.object(|o| {
                o.shown("id", format_args!("storage/{}/{}", node.name, storage.name))
                    .text("type", "storage")
                    .text("storage", storage.name)
                    .text("node", &node.name)
                    .text("plugintype", storage.plugin)
                    .text("content", storage.content)
                    .flag("shared", storage.shared)
                    .text("status", if stale { "unknown" } else { "available" });
                if !stale {
                    let usage = storage.usage(node.key, at);
                    o.int("disk", usage.used).int("maxdisk", usage.total);
                }
            });
        }
    }
}
