//! From path to endpoint.

use crate::json::Json;
use crate::model::{Health, State};
use crate::pve::request::{Method, Request, decode};
use crate::pve::{access, agent, cluster, disks, lxc, node, qemu, resources, rrd, storage, tasks};
use crate::reply::Reply;

/// Answers an authenticated request.
pub(crate) fn answer(request: &Request<'_>) -> Reply {
    let segments: Vec<String> = request.path.split('/').skip(1).map(decode).collect();
    let path: Vec<&str> = segments
        .iter()
        .map(String::as_str)
        .filter(|s| !s.is_empty())
        .collect();
    let state = crate::sync::read(&request.cluster.state);
    route(request, &state, &path).unwrap_or_else(|error| error)
}

type Answer = Result<Reply, Reply>;

fn route(request: &Request<'_>, state: &State, path: &[&str]) -> Answer {
    if request.method != Method::Get {
        return write(request, state, path);
    }
    match path {
        [] => Ok(names(
            "subdir",
            &["version", "cluster", "nodes", "storage", "access", "pools"],
        )),
        ["version"] => Ok(node::version()),
        ["access", "permissions"] => access::permissions(request),
        ["nodes"] => node::list(request, state),
        ["nodes", name, rest @ ..] => on_node(request, state, name, rest),
        ["cluster", "status"] => cluster::status(request, state),
        ["cluster", "resources"] => resources::resources(request, state),
        ["cluster", "tasks"] => tasks::cluster(request, state),
        ["cluster", "backup"] => cluster::backup(request),
        ["cluster", "replication"] => cluster::replication(request, state),
        ["cluster", "ha", "status", "current"] => cluster::ha_status(request, state),
        ["cluster", "ha", "resources"] => cluster::ha_resources(request, state),
        ["cluster", "ceph", _] => Err(no_ceph()),
        ["cluster", "options"] => cluster::options(request),
        ["cluster", "nextid"] => Ok(cluster::next_id(state)),
        ["cluster", "config", "nodes"] => cluster::config_nodes(request),
        ["cluster", "backup-info", "not-backed-up"] | ["cluster", "log"] => Ok(empty_list()),
        ["storage"] => storage::definitions(request),
        ["pools"] => cluster::pools(request, state),
        ["pools", id] => cluster::pool(request, state, id),
        _ => Err(unknown(request)),
    }
}

fn on_node(request: &Request<'_>, state: &State, name: &str, rest: &[&str]) -> Answer {
    let Some(index) = request.cluster.node(name) else {
        return Err(Reply::error(
            500,
            format!(
                "hostname lookup '{name}' failed - failed to get address info for: {name}: Temporary failure in name resolution"
            ),
        ));
    };
    // Another node's files in the cluster file system are read where the question arrives.
    let local = matches!(rest, ["rrddata"] | ["qemu" | "lxc", _, "rrddata"]);
    if !local {
        reachable(request, state, index)?;
    }
    match rest {
        [] => Ok(names(
            "name",
            &["lxc", "qemu", "status", "storage", "tasks"],
        )),
        ["status"] => node::status(request, state, index),
        ["version"] => Ok(node::version()),
        ["subscription"] => node::subscription(request, index),
        ["certificates", "info"] => node::certificates(request, state, index),
        ["time"] => node::time(request),
        ["dns"] => node::dns(request),
        ["network"] => node::network(request, state, index),
        ["services"] => node::services(request),
        ["apt", "update"] => node::updates(request, index),
        ["rrddata"] => rrd::node(request, state, index),
        ["storage"] => storage::on_node(request, index),
        ["storage", id, "status"] => storage::status(request, index, id),
        ["storage", id, "content"] => storage::content(request, state, id),
        ["storage", id, "rrddata"] => rrd::storage(request, index, id),
        ["disks", "list"] => disks::list(request, index),
        ["disks", "zfs"] => disks::pools(request, index),
        ["disks", "zfs", pool] => disks::pool(request, index, pool),
        ["disks", "lvm"] => Ok(disks::no_lvm()),
        ["disks", "lvmthin"] => Ok(empty_list()),
        ["replication"] => cluster::node_replication(request, state, index),
        ["replication", id, "status"] => cluster::replication_status(request, state, index, id),
        ["tasks"] => tasks::node(request, state, index),
        ["tasks", upid, "status"] => tasks::status(request, upid),
        ["tasks", upid, "log"] => tasks::log(request, upid),
        ["ceph", ..] => Err(no_ceph()),
        ["qemu"] => qemu::list(request, state, index),
        ["lxc"] => lxc::list(request, state, index),
        ["qemu", vmid, rest @ ..] => on_qemu(request, state, index, vmid, rest),
        ["lxc", vmid, rest @ ..] => on_lxc(request, state, index, vmid, rest),
        _ => Err(unknown(request)),
    }
}

fn on_qemu(request: &Request<'_>, state: &State, node: usize, vmid: &str, rest: &[&str]) -> Answer {
    if let ["rrddata"] = rest {
        return rrd::guest(request, state, crate::model::Kind::Qemu, vmid);
    }
    let guest = qemu::find(request, state, node, vmid);
    match rest {
        ["status", "current"] => qemu::current(request, guest?),
        ["config"] => qemu::config(request, guest?),
        ["pending"] => qemu::pending(request, guest?),
        ["snapshot"] => qemu::snapshots(request, guest?),
        ["agent", command] => agent::run(request, guest?, command),
        _ => Err(unknown(request)),
    }
}

fn on_lxc(request: &Request<'_>, state: &State, node: usize, vmid: &str, rest: &[&str]) -> Answer {
    match rest {
        ["rrddata"] => rrd::guest(request, state, crate::model::Kind::Lxc, vmid),
        // Asked for a container that does not exist this says null, not an error.
        ["interfaces"] => lxc::interfaces(request, lxc::find(request, state, node, vmid).ok()),
        ["status", "current"] => lxc::current(request, lxc::find(request, state, node, vmid)?),
        ["config"] => lxc::config(request, lxc::find(request, state, node, vmid)?),
        ["snapshot"] => qemu::snapshots(request, lxc::find(request, state, node, vmid)?),
        _ => Err(unknown(request)),
    }
}

/// Writes: the guest agent's ping is real, everything else is refused for lack of rights.
fn write(request: &Request<'_>, state: &State, path: &[&str]) -> Answer {
    match (request.method, path) {
        (Method::Post, ["nodes", name, "qemu", vmid, "agent", command]) => {
            let Some(index) = request.cluster.node(name) else {
                return Err(unknown(request));
            };
            reachable(request, state, index)?;
            agent::run(request, qemu::find(request, state, index, vmid)?, command)
        }
        (Method::Post, ["nodes", _, "qemu" | "lxc", vmid, "status", _]) => {
            Err(Reply::forbidden(&format!("/vms/{vmid}"), "VM.PowerMgmt"))
        }
        (Method::Put | Method::Post, ["nodes", _, "qemu" | "lxc", vmid, "config"]) => Err(
            Reply::forbidden(&format!("/vms/{vmid}"), "VM.Config.Options"),
        ),
        _ => Err(unknown(request)),
    }
}

/// Whether the asked node can pass the request on to that node.
fn reachable(request: &Request<'_>, state: &State, index: usize) -> Result<(), Reply> {
    if index == request.asked {
        return Ok(());
    }
    match state.nodes[index].health {
        Health::Up => Ok(()),
        Health::Off(_) => Err(Reply::bare(595, "No route to host")),
        Health::ProxyDown => Err(Reply::bare(595, "Connection refused")),
        Health::Hanging => Err(Reply::bare(596, "Connection timed out")),
    }
}

fn unknown(request: &Request<'_>) -> Reply {
    Reply::not_implemented(request.method.word(), request.path)
}

fn no_ceph() -> Reply {
    Reply::error(
        500,
        "pveceph configuration not initialized - missing '/etc/pve/ceph.conf', missing '/etc/pve/ceph'",
    )
}

pub(crate) fn empty_list() -> Reply {
    Reply::ok(b"{\"data\":[]}".to_vec())
}

fn names(key: &str, values: &[&str]) -> Reply {
    Reply::ok(Json::data_list(256, |l| {
        for value in values {
            l.object(|o| {
                o.text(key, value);
            });
        }
    }))
}

/// The path with its variable parts named, for counting requests:
/// `/nodes/{node}/qemu/{vmid}/status/current`.
pub(crate) fn template(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut before = "";
    for (i, segment) in path.split('/').skip(1).enumerate() {
        let shown = match before {
            "nodes" if i == 1 => "{node}",
            "qemu" | "lxc" => "{vmid}",
            "storage" => "{storage}",
            "tasks" => "{upid}",
            "zfs" => "{pool}",
            "pools" => "{poolid}",
            "replication" => "{id}",
            _ => segment,
        };
        out.push('/');
        out.push_str(shown);
        before = segment;
    }
    out
}
