//! Time series: 70 rows whose distance depends on the time frame, computed from the past.

use crate::clock::Millis;
use crate::json::Json;
use crate::model::{Guest, Kind, State};
use crate::node::SWAP;
use crate::pve::request::Request;
use crate::reply::Reply;

const ROWS: i64 = 70;

struct Frame {
    /// Seconds between rows.
    step: i64,
    /// The newest row.
    end: i64,
}

impl Frame {
    fn of(request: &Request<'_>) -> Result<Self, Reply> {
        request.allow(&["timeframe", "cf"])?;
        request.one_of("cf", &["AVERAGE", "MAX"])?;
        let frames = ["hour", "day", "week", "month", "year"];
        let step = match request.one_of("timeframe", &frames)? {
            Some("hour") => 60,
            Some("day") => 1_800,
            Some("week") => 10_800,
            Some("month") => 43_200,
            Some(_) => 604_800,
            None => {
                return Err(Reply::parameter(
                    "timeframe",
                    "property is missing and it is not optional",
                ));
            }
        };
        let now = request.now / 1000;
        Ok(Self {
            step,
            end: now.div_euclid(step) * step,
        })
    }

    fn times(&self) -> impl Iterator<Item = i64> {
        let (step, end) = (self.step, self.end);
        (0..ROWS).rev().map(move |row| end - row * step)
    }
}

pub(crate) fn node(request: &Request<'_>, state: &State, index: usize) -> Result<Reply, Reply> {
    let frame = Frame::of(request)?;
    let node = &request.cluster.nodes[index];
    request.need(&format!("/nodes/{}", node.name), "Sys.Audit")?;
    let (until, _) = state.nodes[index].health.last_report(request.now);
    Ok(Reply::ok(Json::data_list(20_000, |l| {
        for time in frame.times() {
            l.object(|o| {
                o.int("time", time);
                if time * 1000 > until {
                    return;
                }
                let now = node.at(state, index, time * 1000);
                o.float("cpu", now.cpu)
                    .int("maxcpu", node.cores)
                    .float("loadavg", now.load)
                    .float("iowait", now.wait)
                    .int("memtotal", node.memory)
                    .float("memused", now.mem as f64 + 0.25)
                    .int("swaptotal", SWAP)
                    .int("swapused", now.swap)
                    .int("roottotal", node.disk)
                    .float("rootused", now.disk as f64 + 0.5)
                    .float("netin", now.net_in)
                    .float("netout", now.net_out);
            });
        }
    })))
}

pub(crate) fn guest(
    request: &Request<'_>,
    state: &State,
    kind: Kind,
    vmid: &str,
) -> Result<Reply, Reply> {
    let Ok(number) = vmid.parse::<u32>() else {
        return Err(Reply::parameter(
            "vmid",
            &format!("type check ('integer') failed - got '{vmid}'"),
        ));
    };
    request.need(&format!("/vms/{vmid}"), "VM.Audit")?;
    let frame = Frame::of(request)?;
    let Some(guest) = state.guests.get(&number).filter(|g| g.kind == kind) else {
        return Err(Reply::error(
            500,
            format!(
                "RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: opening '/var/lib/rrdcached/db/pve2-vm/{number}': No such file or directory"
            ),
        ));
    };
    let health = state.nodes[usize::from(guest.node)].health;
    let (until, _) = health.last_report(request.now);
    Ok(Reply::ok(Json::data_list(16_000, |l| {
        for time in frame.times() {
            l.object(|o| {
                o.int("time", time);
                if time * 1000 <= until {
                    row(o, guest, time * 1000, frame.step);
                }
            });
        }
    })))
}

fn row(o: &mut Json, guest: &Guest, at: Millis, step: i64) {
    o.int("maxcpu", guest.cpus)
        .int("maxmem", guest.memory)
        .int("maxdisk", guest.disk);
    let started = guest.started(at);
    let begun = started.is_some_and(|s| s < at);
    if !begun {
        o.int("disk", 0);
        return;
    }
    let now = guest.at(at);
    // Long steps are averages; over a minute the rate of the moment is close enough.
    let rates = if step > 60 {
        let before = guest.at(at - step * 1000);
        let span = step as f64;
        let mean = |a: u64, b: u64| a.saturating_sub(b) as f64 / span;
        [
            mean(now.net_in, before.net_in),
            mean(now.net_out, before.net_out),
            mean(now.disk_read, before.disk_read),
            mean(now.disk_write, before.disk_write),
        ]
    } else {
        guest.rates(at)
    };
    let disk = if guest.kind == Kind::Lxc { now.disk } else { 0 };
    o.int("disk", disk)
        .float("cpu", now.cpu)
        .int("mem", now.mem)
        .float("netin", rates[0])
        .float("netout", rates[1])
        .float("diskread", rates[2])
        .float("diskwrite", rates[3]);
}

pub(crate) fn storage(request: &Request<'_>, index: usize, id: &str) -> Result<Reply, Reply> {
    let frame = Frame::of(request)?;
    let key = request.cluster.nodes[index].key;
    let Some(storage) = request.cluster.storages.iter().find(|s| s.name == id) else {
        return Err(Reply::error(500, format!("storage '{id}' does not exist")));
    };
    Ok(Reply::ok(Json::data_list(6_000, |l| {
        for time in frame.times() {
            let usage = storage.usage(key, time * 1000);
            l.object(|o| {
                o.int("time", time)
                    .int("total", usage.total)
                    .float("used", usage.used as f64);
            });
        }
    })))
}
