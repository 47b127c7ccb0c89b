//! Tasks, replication jobs and backup jobs.

use std::collections::BTreeMap;

use pulse_core::{
    BackupJob, BackupSelection, GuestKind, Liveness, ReplicationJob, Task, TaskOutcome, Timestamp,
};
use pulse_proxmox::types;

use super::world::World;

/// A time in seconds; 0 is never.
fn time(seconds: Option<i64>) -> Option<Timestamp> {
    seconds.filter(|at| *at > 0).map(Timestamp::from_secs)
}

pub(crate) fn task(instance: &str, node: &str, row: types::Task) -> Task {
    let ended = time(row.endtime);
    let user = row.user.unwrap_or_default();
    Task {
        instance: instance.to_owned(),
        node: row.node.unwrap_or_else(|| node.to_owned()),
        kind: row.kind.unwrap_or_default(),
        target: row.id.unwrap_or_default(),
        user: match row.tokenid {
            Some(token) if !token.is_empty() => format!("{user}!{token}"),
            _ => user,
        },
        started: time(row.starttime).unwrap_or_default(),
        outcome: TaskOutcome::parse(row.status.as_deref(), ended.is_some()),
        ended,
        upid: row.upid,
    }
}

/// Tasks of one node that are remembered.
const TASKS_KEPT: usize = 300;

/// Tasks of the nodes, from a list that shows the latest and one that reaches further back.
#[derive(Debug, Default)]
pub(crate) struct TaskLog {
    of_nodes: BTreeMap<String, BTreeMap<String, Task>>,
    /// The first list says nothing about what ended just now.
    primed: bool,
}

/// What the latest list brought.
#[derive(Debug, Default)]
pub(crate) struct TaskNews {
    /// Nodes whose tasks changed.
    pub nodes: Vec<String>,
    /// Tasks that ended since the last list.
    pub ended: Vec<Task>,
}

impl TaskLog {
    /// Takes up the latest tasks of all nodes.
    pub fn latest(&mut self, tasks: Vec<Task>) -> TaskNews {
        let mut news = TaskNews::default();
        let mut lists: BTreeMap<String, Vec<Task>> = BTreeMap::new();
        for task in tasks {
            lists.entry(task.node.clone()).or_default().push(task);
        }
        for (node, list) in lists {
            let known = self.of_nodes.entry(node.clone()).or_default();
            // Lists of the latest always show what runs: what they do not show has ended unseen.
            let before = known.len();
            known.retain(|upid, task| {
                task.outcome != TaskOutcome::Running || list.iter().any(|t| t.upid == *upid)
            });
            let mut changed = known.len() != before;
            for task in list {
                let old = known.get(&task.upid);
                if old == Some(&task) {
                    continue;
                }
                let was_running = old.is_none_or(|old| old.ended.is_none());
                if self.primed && was_running && task.ended.is_some() {
                    news.ended.push(task.clone());
                }
                known.insert(task.upid.clone(), task);
                changed = true;
            }
            trim(known);
            if changed {
                news.nodes.push(node);
            }
        }
        self.primed = true;
        news
    }

    /// Takes up older tasks of one node; whether that changed anything.
    pub fn older(&mut self, node: &str, tasks: Vec<Task>) -> bool {
        let known = self.of_nodes.entry(node.to_owned()).or_default();
        let mut changed = false;
        for task in tasks {
            // A running one was listed by the other list, which is asked more often.
            let newer = known.get(&task.upid).is_some_and(|old| old.ended.is_some());
            if !newer && known.get(&task.upid) != Some(&task) {
                known.insert(task.upid.clone(), task);
                changed = true;
            }
        }
        trim(known);
        changed
    }

    /// Newest first.
    pub fn of(&self, node: &str) -> Vec<Task> {
        let mut tasks: Vec<Task> = self
            .of_nodes
            .get(node)
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect();
        tasks.sort_by(|a, b| (b.started, &a.upid).cmp(&(a.started, &b.upid)));
        tasks
    }

    pub fn forget(&mut self, is_known: impl Fn(&str) -> bool) {
        self.of_nodes.retain(|node, _| is_known(node));
    }
}

/// Drops the oldest beyond what is kept.
fn trim(known: &mut BTreeMap<String, Task>) {
    if known.len() <= TASKS_KEPT {
        return;
    }
    let mut starts: Vec<Timestamp> = known.values().map(|task| task.started).collect();
    starts.sort_unstable();
    let oldest = starts[starts.len() - TASKS_KEPT];
    known.retain(|_, task| task.started >= oldest);
}

/// Nodes that know how the jobs' last runs went.
pub(crate) fn replication_sources(jobs: &[types::Replication], world: &World) -> Vec<String> {
    let mut nodes: Vec<String> = jobs
        .iter()
        .map(|job| source_node(job, world))
        .filter(|node| world.is_online(node))
        .collect();
    nodes.sort();
    nodes.dedup();
    nodes
}

/// A job starts where its guest is.
fn source_node(job: &types::Replication, world: &World) -> String {
    job.source
        .clone()
        .filter(|node| !node.is_empty())
        .or_else(|| world.guests.get(&job.guest).map(|guest| guest.node.clone()))
        .unwrap_or_default()
}

/// Jobs as configured with their last runs. A job whose node did not answer has none.
pub(crate) fn replication(
    instance: &str,
    jobs: &[types::Replication],
    runs: &[types::Replication],
    world: &World,
    at: Timestamp,
) -> Vec<ReplicationJob> {
    let mut list: Vec<ReplicationJob> = jobs
        .iter()
        .map(|job| {
            let run = runs.iter().find(|run| run.id == job.id);
            replication_job(instance, job, run, world, at)
        })
        .collect();
    list.sort_by_key(|job| (job.guest, job.job_number));
    list
}

fn replication_job(
    instance: &str,
    job: &types::Replication,
    run: Option<&types::Replication>,
    world: &World,
    at: Timestamp,
) -> ReplicationJob {
    let guest = world.guests.get(&job.guest);
    let source = source_node(job, world);
    let (_, number) = job.id.rsplit_once('-').unwrap_or_default();
    let fail_count = run.and_then(|run| run.fail_count).unwrap_or(0);
    let error = run.and_then(|run| run.error.clone()).unwrap_or_default();
    let last_sync = run.and_then(|run| time(run.last_sync));
    let outcome = if run.is_some_and(|run| run.pid.is_some()) {
        "syncing"
    } else if fail_count > 0 || !error.is_empty() {
        "error"
    } else if last_sync.is_some() {
        "ok"
    } else {
        ""
    };
    ReplicationJob {
        id: format!("{instance}-{}", job.id),
        instance: instance.to_owned(),
        job_id: job.id.clone(),
        job_number: job.jobnum.or_else(|| number.parse().ok()).unwrap_or(0),
        guest: job.guest,
        guest_name: guest.map(|guest| guest.name.clone()).unwrap_or_default(),
        guest_kind: guest.map_or_else(
            || run.and_then(|run| run.vmtype.clone()).unwrap_or_default(),
            |guest| if guest.kind.is_vm() { "qemu" } else { "lxc" }.to_owned(),
        ),
        guest_node: guest.map_or_else(|| source.clone(), |guest| guest.node.clone()),
        source_node: source,
        target_node: job.target.clone().unwrap_or_default(),
        schedule: job.schedule.clone().unwrap_or_default(),
        kind: job.kind.clone().unwrap_or_default(),
        enabled: !job.disable,
        state: run.and_then(|run| run.state.clone()).unwrap_or_default(),
        last_sync_status: outcome.to_owned(),
        last_sync,
        last_try: run.and_then(|run| time(run.last_try)),
        next_sync: run.and_then(|run| time(run.next_sync)),
        duration: run.and_then(|run| run.duration),
        fail_count,
        error,
        comment: job.comment.clone().unwrap_or_default(),
        remove_job: job.remove_job.clone().unwrap_or_default(),
        rate_limit: job.rate,
        polled: at,
        liveness: Liveness::Fresh,
        ..ReplicationJob::default()
    }
}

fn numbers(list: Option<&str>) -> Vec<u32> {
    let mut found: Vec<u32> = list
        .unwrap_or_default()
        .split([',', ' ', ';'])
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

pub(crate) fn backup_job(instance: &str, row: types::BackupJob) -> BackupJob {
    let text = |value: Option<String>| value.unwrap_or_default();
    let selection = if row.all {
        BackupSelection::All {
            except: numbers(row.exclude.as_deref()),
        }
    } else if let Some(pool) = row.pool.filter(|pool| !pool.is_empty()) {
        BackupSelection::Pool(pool)
    } else {
        let vmids = numbers(row.vmid.as_deref());
        if vmids.is_empty() {
            BackupSelection::None
        } else {
            BackupSelection::Vmids(vmids)
        }
    };
    let enabled = row.enabled.unwrap_or(true);
    BackupJob {
        id: row.id,
        instance: instance.to_owned(),
        enabled,
        schedule: text(row.schedule),
        storage: text(row.storage),
        node: text(row.node),
        mode: text(row.mode),
        comment: text(row.comment),
        // Proxmox computes one for jobs that are off, too.
        next_run: time(row.next_run).filter(|_| enabled),
        selection,
    }
}

/// The kind in a type word of Proxmox.
pub(crate) fn kind_of(word: &str) -> Option<GuestKind> {
    match word {
        "qemu" | "vm" => Some(GuestKind::Qemu),
        "lxc" | "ct" => Some(GuestKind::Lxc),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::{WorldGuest, WorldNode};
    use super::*;

    fn row(upid: &str, ended: Option<i64>, status: Option<&str>) -> Task {
        task(
            "i",
            "n",
            types::Task {
                upid: upid.into(),
                node: Some("n".into()),
                kind: Some("vzdump".into()),
                id: Some("204".into()),
                starttime: Some(100),
                endtime: ended,
                status: status.map(str::to_owned),
                ..types::Task::default()
            },
        )
    }

    /// Scenario B13.
    #[test]
    fn a_task_tells_how_it_ended() {
        let good = row("a", Some(200), Some("OK"));
        assert_eq!((good.vmid(), good.outcome), (Some(204), TaskOutcome::Ok));
        let bad = row("b", Some(200), Some("job errors"));
        assert_eq!(bad.outcome, TaskOutcome::Failed("job errors".into()));
        assert_eq!(row("c", None, None).outcome, TaskOutcome::Running);
    }

    #[test]
    fn what_ended_since_the_last_list_is_told_once() {
        let mut log = TaskLog::default();
        let first = log.latest(vec![row("a", Some(1), Some("OK")), row("b", None, None)]);
        assert_eq!((first.nodes.len(), first.ended.len()), (1, 0));
        let next = log.latest(vec![
            row("a", Some(1), Some("OK")),
            row("b", Some(9), Some("OK")),
        ]);
        assert_eq!(
            next.ended
                .iter()
                .map(|t| t.upid.as_str())
                .collect::<Vec<_>>(),
            ["b"]
        );
        let same = log.latest(vec![
            row("a", Some(1), Some("OK")),
            row("b", Some(9), Some("OK")),
        ]);
        assert!(same.nodes.is_empty() && same.ended.is_empty());
        // Scrolled out of the short list: still known.
        log.latest(vec![row("c", Some(10), Some("OK"))]);
        assert_eq!(log.of("n").len(), 3);
        // A running one that is not listed any more did end, nobody knows how.
        log.latest(vec![row("d", None, None)]);
        log.latest(vec![row("c", Some(10), Some("OK"))]);
        assert!(log.of("n").iter().all(|t| t.upid != "d"));
    }

    #[test]
    fn the_log_of_a_node_is_bounded() {
        let mut log = TaskLog::default();
        let many = (0..1_000).map(|i| Task {
            started: Timestamp::from_secs(i),
            ..row(&format!("{i}"), Some(i + 1), Some("OK"))
        });
        assert!(log.older("n", many.collect()));
        let kept = log.of("n");
        assert_eq!(kept.len(), TASKS_KEPT);
        assert_eq!(kept[0].started, Timestamp::from_secs(999));
    }

    fn world() -> World {
        let guest = |kind, name: &str| WorldGuest {
            kind,
            node: "alpha".into(),
            name: name.into(),
            locked: false,
        };
        World {
            nodes: vec![WorldNode {
                name: "alpha".into(),
                online: true,
                kernel: String::new(),
            }],
            guests: [
                (204, guest(GuestKind::Qemu, "mail")),
                (105, guest(GuestKind::Lxc, "dns")),
            ]
            .into(),
            ..World::default()
        }
    }

    /// Scenarios B14, B15.
    #[test]
    fn replication_jobs_carry_their_last_run() {
        let job = |id: &str, guest, source: Option<&str>, disable| types::Replication {
            id: id.into(),
            guest,
            source: source.map(str::to_owned),
            target: Some("beta".into()),
            disable,
            ..types::Replication::default()
        };
        let jobs = [
            job("204-0", 204, Some("alpha"), false),
            job("105-1", 105, None, true),
        ];
        let runs = [types::Replication {
            id: "204-0".into(),
            last_sync: Some(1_900_000_000),
            duration: Some(12.4),
            fail_count: Some(2),
            error: Some("x".into()),
            ..types::Replication::default()
        }];
        assert_eq!(replication_sources(&jobs, &world()), ["alpha"]);
        let list = replication("north", &jobs, &runs, &world(), Timestamp(5));
        let dns = &list[0];
        assert_eq!(
            (dns.id.as_str(), dns.job_number, dns.enabled),
            ("north-105-1", 1, false)
        );
        assert_eq!(
            (
                dns.guest_name.as_str(),
                dns.guest_kind.as_str(),
                dns.source_node.as_str()
            ),
            ("dns", "lxc", "alpha")
        );
        assert_eq!((dns.last_sync, dns.last_sync_status.as_str()), (None, ""));
        let mail = &list[1];
        assert_eq!(
            (
                mail.id.as_str(),
                mail.guest_name.as_str(),
                mail.guest_kind.as_str()
            ),
            ("north-204-0", "mail", "qemu")
        );
        assert_eq!(mail.last_sync, Some(Timestamp::from_secs(1_900_000_000)));
        assert_eq!(
            (
                mail.fail_count,
                mail.error.as_str(),
                mail.last_sync_status.as_str()
            ),
            (2, "x", "error")
        );
    }

    #[test]
    fn a_backup_jobs_selection_is_read() {
        let read = |row| backup_job("i", row).selection;
        let plain = types::BackupJob {
            id: "a".into(),
            ..types::BackupJob::default()
        };
        assert_eq!(read(plain.clone()), BackupSelection::None);
        assert_eq!(
            read(types::BackupJob {
                vmid: Some("200,100, 100,x".into()),
                ..plain.clone()
            }),
            BackupSelection::Vmids(vec![100, 200])
        );
        assert_eq!(
            read(types::BackupJob {
                all: true,
                exclude: Some("7".into()),
                ..plain.clone()
            }),
            BackupSelection::All { except: vec![7] }
        );
        let off = backup_job(
            "i",
            types::BackupJob {
                pool: Some("p".into()),
                enabled: Some(false),
                next_run: Some(9),
                ..plain
            },
        );
        assert_eq!(
            (off.selection, off.next_run),
            (BackupSelection::Pool("p".into()), None)
        );
    }
}
