//! Simulated backup servers. What is on them follows from the guests, the seed and the time: a
//! backup appears in its night, gets verified a day later, and is pruned after its time.
//!
//! Server `k` of `n` keeps the backups of every cluster whose index is `k` modulo `n`, in
//! datastore [`datastore`]; several clusters have a namespace each, named like the cluster.

use serde_json::{Value, json};

use crate::clock::Millis;
use crate::datacenter::Datacenter;
use crate::model::{Cluster, Guest, Kind, State};
use crate::noise::{between, chance, mix};
use crate::pve::storage::{backup_moment, verification};
use crate::sync::read;

/// Who writes the backups: the token that the clusters use.
pub(crate) const OWNER: &str = "pve@pbs";
/// Nights that are kept one by one; further ones are kept by the week.
const NIGHTS: i64 = 7;
const WEEKS: i64 = 3;

/// How many servers a datacenter has.
pub(crate) fn servers(clusters: usize) -> usize {
    clusters.div_ceil(2).clamp(1, 5)
}

/// The datastore in which a cluster's backups are.
pub(crate) fn datastore(server: usize) -> String {
    match server {
        0 => "main".to_owned(),
        n => format!("main{}", n + 1),
    }
}

/// Namespace of a cluster: the root while there is only one.
pub(crate) fn namespace(name: Option<&str>, clusters: usize) -> &str {
    if clusters > 1 {
        name.unwrap_or_default()
    } else {
        ""
    }
}

/// What the operator did to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerFault {
    /// Connections are closed without an answer.
    pub down: bool,
    /// Every answer has this status.
    pub status: Option<u16>,
    /// The main datastore is in maintenance mode `offline`.
    pub offline: bool,
    /// Answers come this much later.
    pub slow_ms: u64,
}

/// An answer: status and body.
pub(crate) type Answer = (u16, Vec<u8>);

/// One question to one server.
pub(crate) struct Ask<'a> {
    pub sim: &'a Datacenter,
    pub server: usize,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub offline: bool,
}

/// The body around every answer.
#[derive(serde::Serialize)]
struct Data {
    data: Value,
}

pub(crate) fn data(data: Value) -> Answer {
    // Values always encode.
    let body = serde_json::to_vec(&Data { data }).unwrap_or_default();
    (200, body)
}

/// Errors of this server are plain text.
fn refuse(status: u16, text: impl Into<String>) -> Answer {
    (status, text.into().into_bytes())
}

impl Ask<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn now(&self) -> Millis {
        self.sim.clock().now()
    }

    fn key(&self) -> u64 {
        mix(self.sim.seed(), 0xB500 + self.server as u64)
    }

    /// The clusters whose backups are here.
    fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        let count = servers(self.sim.clusters());
        let all = self.sim.0.clusters.iter().enumerate();
        all.filter(move |(index, _)| index % count == self.server)
            .map(|(_, cluster)| cluster)
    }

    fn namespaces(&self) -> Vec<String> {
        let many = self.sim.clusters();
        let mut list = vec![String::new()];
        let named = self
            .clusters()
            .map(|c| namespace(c.name.as_deref(), many).to_owned());
        list.extend(named.filter(|name| !name.is_empty()));
        list.sort();
        list
    }

    /// The cluster of a namespace, and its guests' state.
    fn in_namespace<T>(&self, ns: &str, read_it: impl FnOnce(&State) -> T) -> Option<T> {
        let many = self.sim.clusters();
        let cluster = self
            .clusters()
            .find(|c| namespace(c.name.as_deref(), many) == ns)?;
        Some(read_it(&read(&cluster.state)))
    }

    pub(crate) fn answer(&self) -> Answer {
        let path: Vec<&str> = self.path.split('/').filter(|s| !s.is_empty()).collect();
        match path.as_slice() {
            ["version"] => data(
                json!({"version": "3.2", "release": "4", "repoid": "4940514b0f05d6cd6a5f711edfdd47c1fa41b537"}),
            ),
            ["nodes", _, "status"] => self.node_status(),
            ["nodes", _, "tasks"] => self.tasks(),
            ["admin", "datastore"] => self.datastores(),
            ["status", "datastore-usage"] => self.usage(),
            ["admin", "datastore", store, rest @ ..] => self.on_datastore(store, rest),
            ["admin", "gc"] => data(json!([self.garbage()])),
            ["admin", "sync"] => data(json!([])),
            ["admin", "verify"] => data(json!([self.job("verify", "v-main")])),
            ["admin", "prune"] => data(json!([self.job("prune", "p-main")])),
            _ => refuse(
                404,
                "Path '/api2/json/".to_owned() + self.path + "' not found.",
            ),
        }
    }

    fn node_status(&self) -> Answer {
        let key = self.key();
        let total = 34_359_738_368_u64;
        let used = (total as f64 * between(key, 1, 0.15, 0.5)) as u64;
        let seconds = self.now() / 1000;
        data(json!({
            "cpu": between(key, (seconds / 60) as u64, 0.01, 0.2),
            "wait": 0.002,
            "loadavg": [between(key, (seconds / 60) as u64, 0.1, 2.0), 0.7, 0.6],
            "uptime": seconds % 6_000_000 + 90_000,
            "memory": {"total": total, "used": used, "free": total - used},
            "swap": {"total": 8_589_934_592_u64, "used": 0, "free": 8_589_934_592_u64},
            "root": {"total": 98_000_000_000_u64, "used": 21_000_000_000_u64, "avail": 72_000_000_000_u64},
            "cpuinfo": {"model": "Intel(R) Xeon(R) Silver 4210", "sockets": 1, "cpus": 20},
            "kversion": "Linux 6.8.12-4-pve #1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4",
            "info": {"fingerprint": ""},
        }))
    }

    fn datastores(&self) -> Answer {
        let mut main =
            json!({"store": datastore(self.server), "comment": "Primary backup storage"});
        if self.offline {
            main["maintenance"] = "offline,message=disks are being replaced".into();
        }
        data(json!([main, {"store": "archive", "comment": "Copy of the important groups"}]))
    }

    /// Total and used bytes of a datastore.
    fn sizes(&self, store: &str) -> (u64, u64) {
        let guests: usize = self.clusters().map(|c| read(&c.state).guests.len()).sum();
        let need = guests as f64 * 6.0e10 + 5.0e11;
        let share = between(self.key(), 7, 0.4, 0.82);
        let main = store == datastore(self.server);
        let total = if main { need / share } else { need / 4.0 };
        // It grows by a percent a month.
        let growth = 1.0 + (self.now() as f64 / 1000.0 / 86_400.0 % 30.0) / 3000.0;
        let used = if main { need * growth } else { need / 12.0 };
        (total as u64, used as u64)
    }

    fn usage(&self) -> Answer {
        let row = |store: String| {
            let (total, used) = self.sizes(&store);
            if self.offline && store == datastore(self.server) {
                let error = "datastore is in offline maintenance mode: disks are being replaced";
                return json!({"store": store, "error": error});
            }
            json!({
                "store": store, "total": total, "used": used, "avail": total - used,
                "gc-status": self.garbage(),
                "estimated-full-date": self.now() / 1000 + 86_400 * 150,
            })
        };
        data(json!([row(datastore(self.server)), row("archive".into())]))
    }

    fn on_datastore(&self, store: &str, rest: &[&str]) -> Answer {
        let main = store == datastore(self.server);
        if !main && store != "archive" {
            return refuse(400, format!("no such datastore '{store}'"));
        }
        if main && self.offline {
            return refuse(
                400,
                "datastore is in offline maintenance mode: disks are being replaced",
            );
        }
        let ns = self.param("ns").unwrap_or_default();
        match rest {
            ["status"] => {
                let (total, used) = self.sizes(store);
                data(
                    json!({"total": total, "used": used, "avail": total - used, "gc-status": self.garbage()}),
                )
            }
            ["namespace"] if main => data(
                self.namespaces()
                    .into_iter()
                    .map(|ns| json!({ "ns": ns }))
                    .collect(),
            ),
            ["namespace"] => data(json!([{"ns": ""}])),
            ["gc"] => data(self.garbage()),
            ["groups" | "snapshots"] if !main => data(json!([])),
            [list @ ("groups" | "snapshots")] => {
                if !self.namespaces().iter().any(|known| known == ns) {
                    return refuse(400, "ENOENT: No such file or directory");
                }
                let wanted = |guest: &Guest| {
                    let id = guest.vmid.to_string();
                    self.param("backup-id").is_none_or(|v| v == id)
                        && self.param("backup-type").is_none_or(|v| v == kind(guest))
                };
                let rows = self.in_namespace(ns, |state| {
                    let kept = state.guests.values().filter(|g| is_kept(g) && wanted(g));
                    if *list == "groups" {
                        kept.map(|guest| self.group(guest)).collect()
                    } else {
                        kept.flat_map(|guest| self.snapshots(guest)).collect()
                    }
                });
                data(Value::Array(rows.unwrap_or_default()))
            }
            _ => refuse(404, "Path not found."),
        }
    }

    /// The times of a guest's backups, newest first, in seconds.
    fn times(&self, guest: &Guest) -> Vec<(i64, i64)> {
        let nights = (0..NIGHTS).chain((1..=WEEKS).map(|week| NIGHTS - 1 + week * 7));
        nights
            .map(|night| (night, backup_moment(guest, self.now(), night)))
            .collect()
    }

    fn group(&self, guest: &Guest) -> Value {
        let times = self.times(guest);
        json!({
            "backup-type": kind(guest), "backup-id": guest.vmid.to_string(),
            "backup-count": times.len(), "last-backup": times.first().map(|(_, at)| at),
            "owner": OWNER, "comment": "", "files": files(guest),
        })
    }

    fn snapshots(&self, guest: &Guest) -> Vec<Value> {
        let rows = self.times(guest).into_iter().map(|(night, at)| {
            let size = (guest.disk_used(at as f64) as f64 * 1.02) as u64;
            let files: Vec<Value> = files(guest)
                .into_iter()
                .map(|name| json!({"filename": name, "crypt-mode": "none", "size": size / 3}))
                .collect();
            let mut row = json!({
                "backup-type": kind(guest), "backup-id": guest.vmid.to_string(), "backup-time": at,
                "size": size, "owner": OWNER, "comment": guest.name, "files": files,
                "protected": night == 2 && chance(guest.key, 132, 0.05),
            });
            // The newest was not looked at yet.
            if night > 0 && let Some(state) = verification(guest, night) {
                row["verification"] = json!({
                    "state": state,
                    "upid": "UPID:pbs:0000ABCD:00112233:00000001:67400000:verificationjob:main:root@pam:",
                });
            }
            row
        });
        rows.collect()
    }

    fn last_run(&self) -> i64 {
        (self.now() / 1000).div_euclid(86_400) * 86_400 - 86_400 + 6 * 3600
    }

    fn garbage(&self) -> Value {
        let (_, used) = self.sizes(&datastore(self.server));
        json!({
            "store": datastore(self.server), "schedule": "daily",
            "upid": "UPID:pbs:00002F79:000408C0:0000000D:6B03FE42:garbage_collection:main:root@pam:",
            "index-data-bytes": used * 14, "index-file-count": 1000, "disk-bytes": used, "disk-chunks": used / 4_000_000,
            "pending-bytes": used / 200, "pending-chunks": 10, "removed-bytes": used / 90, "removed-chunks": 100,
            "removed-bad": 0, "still-bad": 0, "duration": 340,
            "last-run-endtime": self.last_run() + 340, "last-run-state": "OK", "next-run": self.last_run() + 2 * 86_400,
        })
    }

    fn job(&self, what: &str, id: &str) -> Value {
        let worker = if what == "verify" {
            "verificationjob"
        } else {
            "prunejob"
        };
        let failed = what == "verify" && chance(self.key(), 31, 0.3);
        json!({
            "id": id, "store": datastore(self.server), "schedule": "daily", "comment": "",
            "last-run-endtime": self.last_run() + 900,
            "last-run-state": if failed { "verification failed - please check the log for details" } else { "OK" },
            "last-run-upid": format!("UPID:pbs:00002F79:000408C0:00000001:6B03FE05:{worker}:main:root@pam:"),
            "next-run": self.last_run() + 2 * 86_400,
        })
    }

    fn tasks(&self) -> Answer {
        let row = |n: i64, worker: &str, id: String, status: Option<&str>| {
            let start = self.last_run() + n * 60;
            let mut row = json!({
                "upid": format!("UPID:pbs:00002F79:000408C0:{n:08X}:{start:08X}:{worker}:{id}:root@pam:"),
                "node": "pbs", "pid": 4000 + n, "pstart": 1, "starttime": start,
                "worker_type": worker, "worker_id": id, "user": "root@pam",
            });
            if let Some(status) = status {
                row["endtime"] = (start + 50).into();
                row["status"] = status.into();
            }
            row
        };
        let store = datastore(self.server);
        let mut list = vec![
            row(0, "garbage_collection", store.clone(), Some("OK")),
            row(5, "verificationjob", format!("{store}:v-main"), Some("OK")),
            row(9, "prunejob", format!("{store}:p-main"), Some("OK")),
        ];
        if self.param("running").is_some() {
            list.retain(|task| task.get("status").is_none());
        }
        data(Value::Array(list))
    }
}

fn kind(guest: &Guest) -> &'static str {
    match guest.kind {
        Kind::Qemu => "vm",
        Kind::Lxc => "ct",
    }
}

/// Templates are not backed up, and a few guests were forgotten.
pub(crate) fn is_kept(guest: &Guest) -> bool {
    !guest.template && !chance(guest.key, 135, 0.04)
}

fn files(guest: &Guest) -> Vec<&'static str> {
    match guest.kind {
        Kind::Qemu => vec![
            "drive-scsi0.img.fidx",
            "index.json.blob",
            "qemu-server.conf.blob",
        ],
        Kind::Lxc => vec![
            "catalog.pcat1.didx",
            "index.json.blob",
            "pct.conf.blob",
            "root.pxar.didx",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::fleet::Fleet;

    fn ask(sim: &Datacenter, server: usize, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let query: Vec<_> = query
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let ask = Ask {
            sim,
            server,
            path,
            query: &query,
            offline: false,
        };
        let (status, body) = ask.answer();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, value["data"].clone())
    }

    fn rows(sim: &Datacenter, server: usize, list: &str, ns: &str) -> Vec<Value> {
        let path = format!("/admin/datastore/{}/{list}", datastore(server));
        match ask(sim, server, &path, &[("ns", ns)]) {
            (200, Value::Array(rows)) => rows,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn groups_count_what_is_in_them() {
        let sim = Datacenter::new(Fleet::S, 1, Clock::real());
        let groups = rows(&sim, 0, "groups", "");
        let snapshots = rows(&sim, 0, "snapshots", "");
        let counted: u64 = groups
            .iter()
            .filter_map(|g| g["backup-count"].as_u64())
            .sum();
        assert!(groups.len() > 10);
        assert_eq!(counted, snapshots.len() as u64);
        for group in &groups {
            let newest = snapshots
                .iter()
                .filter(|s| s["backup-id"] == group["backup-id"])
                .filter_map(|s| s["backup-time"].as_i64())
                .max();
            assert_eq!(newest, group["last-backup"].as_i64());
        }
    }

    #[test]
    fn a_large_fleet_has_fifty_thousand_backups_and_the_same_vmids_apart() {
        let sim = Datacenter::new(Fleet::Xl, 1, Clock::real());
        let mut snapshots = 0;
        let mut same = 0;
        for server in 0..servers(sim.clusters()) {
            let (_, namespaces) = ask(
                &sim,
                server,
                &format!("/admin/datastore/{}/namespace", datastore(server)),
                &[],
            );
            for ns in namespaces.as_array().unwrap() {
                let rows = rows(&sim, server, "snapshots", ns["ns"].as_str().unwrap());
                snapshots += rows.len();
                same += usize::from(rows.iter().any(|r| r["backup-id"] == "110"));
            }
        }
        assert!((40_000..60_000).contains(&snapshots), "{snapshots}");
        assert!(same > 1, "{same} clusters have a guest 110");
    }

    #[test]
    fn errors_are_those_of_the_product() {
        let sim = Datacenter::new(Fleet::S, 1, Clock::real());
        let status = |path: &str, query: &[(&str, &str)]| ask(&sim, 0, path, query).0;
        assert_eq!(status("/admin/datastore/none/status", &[]), 400);
        assert_eq!(status("/admin/datastore/main/groups", &[("ns", "x")]), 400);
        assert_eq!(status("/none", &[]), 404);
    }
}
