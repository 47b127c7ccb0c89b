//! Tasks: a nightly backup on every node and now and then something else.

use crate::json::Json;
use crate::model::{Node, State};
use crate::noise::{chance, mix, pick};
use crate::pve::request::Request;
use crate::pve::router::empty_list;
use crate::pve::storage::last_night;
use crate::reply::Reply;

struct Task {
    upid: String,
    node: Box<str>,
    kind: &'static str,
    id: String,
    user: &'static str,
    pid: u32,
    pstart: u64,
    start: i64,
    end: i64,
    status: &'static str,
}

/// A node's tasks of the last two weeks, newest first.
fn of_node(request: &Request<'_>, state: &State, node: &Node, index: usize) -> Vec<Task> {
    let own: Vec<u32> = state
        .guests
        .values()
        .filter(|g| usize::from(g.node) == index)
        .map(|g| g.vmid)
        .collect();
    let mut tasks: Vec<Task> = (0..14)
        .flat_map(|day| day_of(node, &own, last_night(request.now) - day * 86_400))
        .filter(|t| t.end * 1000 <= request.now)
        .collect();
    tasks.sort_by_key(|t| std::cmp::Reverse(t.start));
    tasks
}

fn day_of(node: &Node, guests: &[u32], night: i64) -> Vec<Task> {
    let day = (night / 86_400) as u64;
    let key = mix(node.key, day);
    let length = 300 + guests.len() as i64 * 45 + (mix(key, 1) % 600) as i64;
    let status = if chance(key, 2, 0.06) {
        "job errors"
    } else {
        "OK"
    };
    let mut tasks = vec![task(
        node,
        key,
        "vzdump",
        String::new(),
        night + 3,
        length,
        status,
    )];
    for n in 0..mix(key, 3) % 3 {
        let Some(vmid) = guests.get((mix(key, 10 + n) % guests.len().max(1) as u64) as usize)
        else {
            continue;
        };
        let kind = pick(
            key,
            20 + n,
            &["qmsnapshot", "vzstart", "qmstart", "qmreboot"],
        );
        let status = pick(
            key,
            30 + n,
            &["OK", "OK", "OK", "OK", "WARNINGS: 1", "got timeout"],
        );
        let start = night + 14_400 + (mix(key, 40 + n) % 50_000) as i64;
        tasks.push(task(
            node,
            mix(key, n),
            kind,
            vmid.to_string(),
            start,
            4,
            status,
        ));
    }
    tasks
}

fn task(
    node: &Node,
    key: u64,
    kind: &'static str,
    id: String,
    start: i64,
    length: i64,
    status: &'static str,
) -> Task {
    let pid = 1_000 + (mix(key, 51) % 3_000_000) as u32;
    let pstart = mix(key, 52) % 0xffff_ffff;
    let user = "root@pam";
    let upid = format!(
        "UPID:{}:{pid:08X}:{pstart:08X}:{start:08X}:{kind}:{id}:{user}:",
        node.name
    );
    Task {
        upid,
        node: node.name.clone(),
        kind,
        id,
        user,
        pid,
        pstart,
        start,
        end: start + length,
        status,
    }
}

pub(crate) fn node(request: &Request<'_>, state: &State, index: usize) -> Result<Reply, Reply> {
    request.allow(&[
        "errors",
        "vmid",
        "typefilter",
        "source",
        "limit",
        "start",
        "since",
        "until",
        "statusfilter",
        "userfilter",
    ])?;
    if request.blind() {
        return Ok(empty_list());
    }
    let node = &request.cluster.nodes[index];
    let found: Vec<Task> = of_node(request, state, node, index)
        .into_iter()
        .filter(|t| !request.flag("errors") || t.status != "OK")
        .filter(|t| request.param("vmid").is_none_or(|v| v == t.id))
        .filter(|t| request.param("typefilter").is_none_or(|v| v == t.kind))
        .filter(|t| request.number("since").is_none_or(|v| t.start >= v))
        .filter(|t| request.number("until").is_none_or(|v| t.start <= v))
        .filter(|_| request.param("source") != Some("active"))
        .collect();
    let skip = request.number("start").unwrap_or(0).max(0) as usize;
    let limit = request.number("limit").unwrap_or(50).max(0) as usize;
    let mut body = Json::data_list(16_384, |l| {
        for task in found.iter().skip(skip).take(limit) {
            l.object(|o| {
                finished(o, task);
                o.int("pid", task.pid).int("pstart", task.pstart);
            });
        }
    });
    // The only list with a count beside the data.
    body.pop();
    body.extend_from_slice(format!(",\"total\":{}}}", found.len()).as_bytes());
    Ok(Reply::ok(body))
}

fn finished(o: &mut Json, task: &Task) {
    o.text("upid", &task.upid)
        .text("node", &task.node)
        .text("type", task.kind)
        .text("id", &task.id)
        .text("user", task.user)
        .int("starttime", task.start)
        .int("endtime", task.end)
        .text("status", task.status);
}

/// The cluster's task list: the newest of every node.
pub(crate) fn cluster(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&[])?;
    if request.blind() {
        return Ok(empty_list());
    }
    Ok(Reply::ok(Json::data_list(16_384, |l| {
        for (index, node) in request.cluster.nodes.iter().enumerate() {
            for task in of_node(request, state, node, index).iter().take(10) {
                l.object(|o| {
                    finished(o, task);
                    o.text("saved", "1");
                });
            }
        }
    })))
}

/// The parts of a UPID.
fn parts(upid: &str) -> Result<Vec<&str>, Reply> {
    let parts: Vec<&str> = upid.split(':').collect();
    if parts.len() == 9 && parts[0] == "UPID" {
        Ok(parts)
    } else {
        Err(Reply::parameter(
            "upid",
            &format!("unable to parse worker upid '{upid}'"),
        ))
    }
}

pub(crate) fn status(request: &Request<'_>, upid: &str) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let parts = parts(upid)?;
    let hex = |i: usize| i64::from_str_radix(parts[i], 16).unwrap_or_default();
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("upid", upid)
            .text("node", parts[1])
            .int("pid", hex(2))
            .int("pstart", hex(3))
            .int("starttime", hex(4))
            .text("type", parts[5])
            .text("id", parts[6])
            .text("user", parts[7])
            .text("status", "stopped")
            .text("exitstatus", "OK");
    })))
}

pub(crate) fn log(request: &Request<'_>, upid: &str) -> Result<Reply, Reply> {
    request.allow(&["start", "limit", "download"])?;
    parts(upid)?;
    Ok(Reply::ok(Json::data_list(128, |l| {
        l.object(|o| {
            o.int("n", 1).text("t", "TASK OK");
        });
    })))
}
