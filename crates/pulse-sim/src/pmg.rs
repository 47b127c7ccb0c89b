//! A simulated mail gateway: a cluster of a master and a node, with mail that follows the hour.

use serde_json::json;

use crate::datacenter::Datacenter;
use crate::noise::{between, mix};
use crate::pbs::{Answer, data};

const NODES: [&str; 2] = ["mx1", "mx2"];

/// Mails of the hour that begins at `start` (Unix s): all, in, spam, virus.
fn hour(key: u64, start: i64) -> [u64; 4] {
    let of_day = start.rem_euclid(86_400) / 3600;
    // Offices write between eight and six.
    let busy = if (8..18).contains(&of_day) {
        420.0
    } else {
        60.0
    };
    let all = (busy * between(key, start as u64, 0.7, 1.3)) as u64;
    let inbound = all * 7 / 10;
    [all, inbound, inbound / 3, inbound / 90]
}

pub(crate) fn answer(sim: &Datacenter, path: &str, query: &[(String, String)]) -> Answer {
    let key = mix(sim.seed(), 0x9396);
    let now = sim.clock().now() / 1000;
    let this_hour = now.div_euclid(3600) * 3600;
    let day: Vec<[u64; 4]> = (0..24)
        .rev()
        .map(|n| hour(key, this_hour - n * 3600))
        .collect();
    let sum = |place: usize| day.iter().map(|h| h[place]).sum::<u64>();
    let minute = (now / 60) as u64;
    let parts: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    match parts.as_slice() {
        ["version"] => data(json!({"version": "8.1.4", "release": "8.1", "repoid": "9b1f7e35"})),
        ["config", "cluster", "status"] => data(
            NODES
                .iter()
                .enumerate()
                .map(|(n, name)| {
                    json!({"cid": n + 1, "name": name, "type": if n == 0 { "master" } else { "node" },
                           "ip": "127.0.0.1", "fingerprint": ""})
                })
                .collect(),
        ),
        ["nodes", name, "status"] if NODES.contains(name) => data(json!({
            "uptime": now % 3_000_000 + 4_000, "loadavg": ["0.21", "0.18", "0.11"], "cpu": 0.06,
            "memory": {"total": 8_589_934_592_u64, "used": 3_221_225_472_u64, "free": 5_368_709_120_u64},
        })),
        ["nodes", name, "postfix", "queue"] if NODES.contains(name) => {
            let deferred = (between(key, minute / 5, 0.0, 14.0)) as u64;
            data(json!({"active": minute % 3, "deferred": deferred, "hold": 0, "incoming": minute % 2,
                        "oldest_age": if deferred > 0 { 1200 } else { 0 }}))
        }
        ["nodes", name, "postfix", "qshape"] if NODES.contains(name) => data(json!([
            {"domain": "TOTAL", "total": 4, "5m": 2, "10m": 1, "20m": 1, "40m": 0, "80m": 0, "160m": 0, "320m": 0, "640m": 0, "1280m": 0, "1280m+": 0},
        ])),
        ["nodes", name, "backup"] if NODES.contains(name) => data(
            (0..3)
                .map(|n| {
                    let at = now.div_euclid(86_400) * 86_400 - n * 86_400;
                    json!({"filename": format!("pmg-backup_{at}.tgz"), "size": 812_345 + n * 311, "timestamp": at})
                })
                .collect(),
        ),
        ["statistics", "mail"] => data(json!({
            "count": sum(0), "count_in": sum(1), "count_out": sum(0) - sum(1), "spamcount_in": sum(2), "spamcount_out": 1,
            "viruscount_in": sum(3), "viruscount_out": 0, "bounces_in": 12, "bounces_out": 31,
            "bytes_in": sum(1) * 88_000, "bytes_out": (sum(0) - sum(1)) * 140_000, "glcount": 210, "junk_in": sum(2) + sum(3),
            "rbl_rejects": 400, "pregreet_rejects": 55, "avptime": 0.41,
        })),
        ["statistics", "mailcount"] => data(
            day.iter()
                .enumerate()
                .map(|(n, h)| {
                    json!({"index": n, "time": this_hour - (23 - n as i64) * 3600, "count": h[0], "count_in": h[1], "count_out": h[0] - h[1],
                           "spamcount_in": h[2], "spamcount_out": 0, "viruscount_in": h[3], "viruscount_out": 0,
                           "bounces_in": 1, "bounces_out": 2, "rbl_rejects": 16, "pregreet_rejects": 2, "glcount": 9})
                })
                .collect(),
        ),
        ["statistics", "spamscores"] => data(
            (0..11)
                .map(|level: u64| {
                    let count = sum(1) / (level * level + 2);
                    json!({"level": if level == 10 { ">=10".into() } else { level.to_string() }, "count": count, "ratio": 0.1})
                })
                .collect(),
        ),
        ["quarantine", "spamstatus"] => data(json!({"count": sum(2) * 2, "avgbytes": 41_000, "avgspam": 7.2, "mbytes": 33.1})),
        ["quarantine", "virusstatus"] => data(json!({"count": sum(3), "avgbytes": 120_000, "mbytes": 4.2})),
        _ => {
            let _ = query;
            (501, json!({"data": null, "message": format!("Method 'GET {path}' not implemented\n")}).to_string().into_bytes())
        }
    }
}
