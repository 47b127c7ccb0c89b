//! The cluster as a whole: membership, backup jobs, replication, high availability, pools.

use crate::json::Json;
use crate::model::{Guest, Health, Kind, State};
use crate::noise::{chance, mix};
use crate::pve::request::Request;
use crate::pve::resources;
use crate::pve::router::empty_list;
use crate::pve::storage::last_night;
use crate::reply::Reply;

/// Enough members for decisions.
fn quorate(state: &State) -> bool {
    let online = state.nodes.iter().filter(|n| n.health.is_online()).count();
    online * 2 > state.nodes.len()
}

pub(crate) fn status(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let cluster = request.cluster;
    Ok(Reply::ok(Json::data_list(cluster.nodes.len() * 140, |l| {
        if let Some(name) = &cluster.name {
            l.object(|o| {
                o.text("id", "cluster")
                    .text("type", "cluster")
                    .text("name", name)
                    .int("nodes", cluster.nodes.len() as u64)
                    .flag("quorate", quorate(state))
                    .int("version", cluster.nodes.len() as u64);
            });
        }
        for (i, node) in cluster.nodes.iter().enumerate() {
            let id = if cluster.name.is_some() {
                i as u64 + 1
            } else {
                0
            };
            l.object(|o| {
                o.shown("id", format_args!("node/{}", node.name))
                    .text("type", "node")
                    .text("name", &node.name)
                    .shown("ip", state.nodes[i].ip)
                    .int("nodeid", id)
                    .flag("local", i == request.asked)
                    .flag("online", state.nodes[i].health.is_online())
                    .text("level", "");
            });
        }
    })))
}

pub(crate) fn config_nodes(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    if request.cluster.name.is_none() {
        return Ok(empty_list());
    }
    Ok(Reply::ok(Json::data_list(1024, |l| {
        for (i, node) in request.cluster.nodes.iter().enumerate() {
            l.object(|o| {
                o.text("name", &node.name)
                    .text("node", &node.name)
                    .shown("nodeid", i + 1)
                    .text("quorum_votes", "1")
                    .shown("ring0_addr", format_args!("10.10.0.{}", i + 11));
            });
        }
    })))
}

pub(crate) fn options(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("keyboard", "de")
            .text("mac_prefix", "BC:24:11")
            .nested("migration", |o| {
                o.text("type", "secure");
            });
    })))
}

pub(crate) fn next_id(state: &State) -> Reply {
    let mut free = 100_u32;
    while state.guests.contains_key(&free) {
        free += 1;
    }
    Reply::ok(format!("{{\"data\":\"{free}\"}}").into_bytes())
}

pub(crate) fn backup(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    if request.blind() {
        return Ok(empty_list());
    }
    let tonight = last_night(request.now);
    let next = if tonight * 1000 > request.now {
        tonight
    } else {
        tonight + 86_400
    };
    Ok(Reply::ok(Json::data_list(1024, |l| {
        l.object(|o| {
            o.text("id", "backup-nightly")
                .text("type", "vzdump")
                .int("enabled", 1)
                .text("schedule", "02:00")
                .int("next-run", next)
                .text("storage", "pbs-main")
                .text("mode", "snapshot")
                .int("all", 1)
                .text("notes-template", "{{guestname}}")
                .text("mailnotification", "failure")
                .text("mailto", "admin@example.lan")
                .text("comment", "jede Nacht");
        });
        l.object(|o| {
            o.text("id", "backup-nas-weekly")
                .text("type", "vzdump")
                .int("enabled", 1)
                .text("schedule", "sun 04:00")
                .int("next-run", next + 3 * 86_400)
                .text("storage", "nas-backup")
                .text("mode", "snapshot")
                .text("pool", "production")
                .text("compress", "zstd")
                .nested("prune-backups", |o| {
                    o.text("keep-daily", "7").text("keep-weekly", "4");
                });
        });
    })))
}

/// Guests that are replicated, with source, target and job number.
fn replicated<'a>(
    request: &'a Request<'_>,
    state: &'a State,
) -> impl Iterator<Item = (&'a Guest, &'a str, &'a str)> {
    let nodes = &request.cluster.nodes;
    let alone = nodes.len() < 2;
    state
        .guests
        .values()
        .filter(move |g| !alone && !g.template && chance(g.key, 160, 0.02))
        .take(8)
        .map(move |g| {
            let source = usize::from(g.node);
            let target = (source + 1) % nodes.len();
            (g, &*nodes[source].name, &*nodes[target].name)
        })
}

fn job(o: &mut Json, guest: &Guest, source: &str, target: &str) {
    o.shown("id", format_args!("{}-0", guest.vmid))
        .text("type", "local")
        .int("guest", guest.vmid)
        .int("jobnum", 0)
        .text("source", source)
        .text("target", target)
        .text("schedule", "*/15");
}

pub(crate) fn replication(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&[])?;
    if request.blind() {
        return Ok(empty_list());
    }
    Ok(Reply::ok(Json::data_list(1024, |l| {
        for (guest, source, target) in replicated(request, state) {
            l.object(|o| job(o, guest, source, target));
        }
    })))
}

fn job_state(o: &mut Json, request: &Request<'_>, guest: &Guest, source: &str, target: &str) {
    job(o, guest, source, target);
    let last = request.now / 900_000 * 900;
    let fails = chance(guest.key, 161, 0.1);
    o.text("vmtype", guest.kind.word())
        .int("last_try", last)
        .int("last_sync", if fails { last - 7_200 } else { last })
        .int("next_sync", last + 900)
        .float("duration", 3.0 + (mix(guest.key, 162) % 900) as f64 / 100.0)
        .int("fail_count", if fails { 8 } else { 0 });
    if fails {
        o.text("error", "command 'zfs snapshot' failed: exit code 1");
    }
}

pub(crate) fn node_replication(
    request: &Request<'_>,
    state: &State,
    index: usize,
) -> Result<Reply, Reply> {
    request.allow(&["guest"])?;
    Ok(Reply::ok(Json::data_list(1024, |l| {
        for (guest, source, target) in replicated(request, state) {
            if usize::from(guest.node) == index {
                l.object(|o| job_state(o, request, guest, source, target));
            }
        }
    })))
}

pub(crate) fn replication_status(
    request: &Request<'_>,
    state: &State,
    index: usize,
    id: &str,
) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let found = replicated(request, state)
        .find(|(g, ..)| usize::from(g.node) == index && id == format!("{}-0", g.vmid));
    let Some((guest, source, target)) = found else {
        return Err(Reply::error(500, format!("no such replication job '{id}'")));
    };
    Ok(Reply::ok(Json::data_object(|o| {
        job_state(o, request, guest, source, target);
    })))
}

fn sid(guest: &Guest) -> String {
    let kind = match guest.kind {
        Kind::Qemu => "vm",
        Kind::Lxc => "ct",
    };
    format!("{kind}:{}", guest.vmid)
}

pub(crate) fn ha_status(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let nodes = &request.cluster.nodes;
    let asked = &*nodes[request.asked].name;
    let managed: Vec<&Guest> = state.guests.values().filter(|g| g.ha).collect();
    let first = state
        .nodes
        .iter()
        .position(|n| n.health.is_online())
        .unwrap_or(0);
    Ok(Reply::ok(Json::data_list(2048, |l| {
        let good = quorate(state) || request.cluster.name.is_none();
        l.object(|o| {
            o.text("id", "quorum")
                .text("type", "quorum")
                .text("node", asked)
                .flag("quorate", good)
                .text(
                    "status",
                    &if good {
                        "OK".into()
                    } else {
                        format!("No quorum on node '{asked}'!")
                    },
                );
        });
        if managed.is_empty() {
            return;
        }
        let master = &*nodes[first].name;
        l.object(|o| {
            o.text("id", "master")
                .text("type", "master")
                .text("node", master)
                .int("timestamp", request.now / 1000)
                .shown(
                    "status",
                    format_args!("{master} (active, {})", words(request.now)),
                );
        });
        for (i, node) in nodes.iter().enumerate() {
            let (at, word) = match state.nodes[i].health {
                Health::Off(at) => (at, "old timestamp - dead?"),
                _ if managed.iter().any(|g| usize::from(g.node) == i) => (request.now, "active"),
                _ => (request.now, "idle"),
            };
            l.object(|o| {
                o.shown("id", format_args!("lrm:{}", node.name))
                    .text("type", "lrm")
                    .text("node", &node.name)
                    .int("timestamp", at / 1000)
                    .shown(
                        "status",
                        format_args!("{} ({word}, {})", node.name, words(at)),
                    );
            });
        }
        for guest in &managed {
            let node = &*nodes[usize::from(guest.node)].name;
            let wanted = if guest.is_running() {
                "started"
            } else {
                "stopped"
            };
            let sid = sid(guest);
            l.object(|o| {
                o.shown("id", format_args!("service:{sid}"))
                    .text("type", "service")
                    .text("sid", &sid)
                    .text("node", node)
                    .text("state", wanted)
                    .text("crm_state", wanted)
                    .text("request_state", wanted)
                    .int("max_restart", 1)
                    .int("max_relocate", 1)
                    .shown("status", format_args!("{sid} ({node}, {wanted})"));
            });
        }
    })))
}

pub(crate) fn ha_resources(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&["type"])?;
    Ok(Reply::ok(Json::data_list(1024, |l| {
        for guest in state.guests.values().filter(|g| g.ha) {
            let sid = sid(guest);
            l.object(|o| {
                o.text("sid", &sid)
                    .text("type", &sid[..2])
                    .text(
                        "state",
                        if guest.is_running() {
                            "started"
                        } else {
                            "stopped"
                        },
                    )
                    .text("digest", &guest.digest());
            });
        }
    })))
}

/// `Mon Nov 23 09:26:57 2026`.
fn words(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|t| t.strftime("%a %b %e %H:%M:%S %Y").to_string())
        .unwrap_or_default()
}

pub(crate) fn pools(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&["poolid", "type"])?;
    if let Some(id) = request.param("poolid") {
        let index = pool_index(request, id)?;
        return Ok(Reply::ok(Json::data_list(16_384, |l| {
            l.object(|o| members(o, request, state, index));
        })));
    }
    if request.blind() {
        return Ok(empty_list());
    }
    Ok(Reply::ok(Json::data_list(512, |l| {
        for pool in &request.cluster.pools {
            l.object(|o| {
                o.text("poolid", pool.id);
                if !pool.comment.is_empty() {
                    o.text("comment", pool.comment);
                }
            });
        }
    })))
}

pub(crate) fn pool(request: &Request<'_>, state: &State, id: &str) -> Result<Reply, Reply> {
    request.allow(&["type"])?;
    let index = pool_index(request, id)?;
    Ok(Reply::ok(Json::data_object(|o| {
        members(o, request, state, index);
    })))
}

fn pool_index(request: &Request<'_>, id: &str) -> Result<usize, Reply> {
    let found = request.cluster.pools.iter().position(|p| p.id == id);
    found.ok_or_else(|| Reply::error(500, format!("pool '{id}' does not exist")))
}

fn members(o: &mut Json, request: &Request<'_>, state: &State, index: usize) {
    let pool = &request.cluster.pools[index];
    o.text("poolid", pool.id);
    if !pool.comment.is_empty() {
        o.text("comment", pool.comment);
    }
    o.nested_list("members", |l| {
        for guest in state.guests.values() {
            if guest.pool.map(usize::from) == Some(index) {
                l.object(|o| resources::guest(o, request, state, guest, false));
            }
        }
    });
}
