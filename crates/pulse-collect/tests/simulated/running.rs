//! The runner: one poll at a time, pauses after failures, stopping for good.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulse_collect::{InstanceKey, Runner, Sink};
use pulse_core::{InstanceKind, ReportBody, SourceReport, Timestamp};
use pulse_sim::{Answer, Clock as SimClock, Effect, Fault, FleetSpec};

use crate::lab::{Setup, until};

#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<SourceReport>>>);

impl Sink for Reports {
    async fn report(&self, report: SourceReport) {
        // What is asked beside the polls comes at its own times.
        if matches!(report.body, ReportBody::PveFacts { .. }) {
            return;
        }
        self.0.lock().unwrap().push(report);
    }
}

impl Reports {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn failures(&self) -> usize {
        let reports = self.0.lock().unwrap();
        let failed = |r: &&SourceReport| matches!(r.body, ReportBody::PollFailed { .. });
        reports.iter().filter(failed).count()
    }
}

fn key() -> InstanceKey {
    InstanceKey::new(InstanceKind::Pve, "lab")
}

struct Lab {
    sim: pulse_sim::Datacenter,
    _server: pulse_sim::SimServer,
    runner: Runner<Reports>,
    reports: Reports,
    source: pulse_collect::PveSource,
}

async fn lab() -> Lab {
    let mut setup = Setup::of(FleetSpec::new(1, 2, 12));
    setup.sim_clock = SimClock::real();
    setup.interval = 1;
    let (sim, server, source, _) = setup.serve().await;
    let reports = Reports::default();
    let clock = sim.clock().clone();
    let runner = Runner::new(reports.clone(), Arc::new(move || Timestamp(clock.now())));
    Lab {
        sim,
        _server: server,
        runner,
        reports,
        source,
    }
}

impl Lab {
    fn bend(&self, path: &str, effect: Effect) {
        let answer = Answer {
            path: path.to_owned(),
            node: None,
            times: None,
            effect,
        };
        self.sim.fault(Fault::Answer(answer)).unwrap();
    }

    fn polls_begun(&self) -> usize {
        let counts = self.sim.requests();
        let lists = counts.iter().find(|c| c.path == "/cluster/resources");
        lists.map_or(0, |c| c.count as usize)
    }

    fn requests(&self) -> u64 {
        self.sim.requests().iter().map(|c| c.count).sum()
    }
}

#[tokio::test]
async fn polls_of_an_instance_never_overlap() {
    let lab = lab().await;
    // Slower than the interval.
    lab.bend("/cluster/resources", Effect::Slow { ms: 1_300 });
    lab.runner.start(lab.source.clone());
    let mut most = 0;
    until("three polls", || {
        // Whatever is asked for: the poll under way is the only one.
        lab.runner.poll_now(&key());
        most = most.max(lab.polls_begun().saturating_sub(lab.reports.count()));
        lab.reports.count() >= 3
    })
    .await;
    // Lists that were read, and no report yet.
    assert!(most <= 1, "{most}");
    let times: Vec<i64> = lab
        .reports
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|r| r.at.0)
        .collect();
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] >= 1_300),
        "{times:?}"
    );
}

#[tokio::test]
async fn a_refused_login_pauses_everything() {
    let lab = lab().await;
    lab.bend("*", Effect::Unauthorized);
    lab.runner.start(lab.source.clone());
    until("the first failure", || lab.reports.failures() == 1).await;
    let status = lab.runner.statuses().remove(&key()).unwrap();
    let pause = status
        .next_poll
        .unwrap()
        .since(status.last_error.unwrap().0);
    // Two clocks are rounded.
    assert!(pause >= 59_900, "{pause}");
    assert_eq!(lab.requests(), 1);
    // Meanwhile nothing is sent; three intervals would have passed.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(lab.requests(), 1);
    // The operator who fixed it need not wait.
    lab.sim.heal();
    lab.runner.poll_now(&key());
    until("a good poll", || {
        lab.reports.count() > lab.reports.failures()
    })
    .await;
    let status = lab.runner.statuses().remove(&key()).unwrap();
    assert_eq!(status.consecutive_failures, 0);
}

#[tokio::test]
async fn other_failures_are_tried_again_and_recover() {
    let lab = lab().await;
    lab.runner.start(lab.source.clone());
    until("a good poll", || lab.reports.count() >= 1).await;
    lab.bend("*", Effect::Drop);
    until("failures", || lab.reports.failures() >= 2).await;
    let status = lab.runner.statuses().remove(&key()).unwrap();
    assert!(status.consecutive_failures >= 2);
    assert!(status.first_failure.unwrap() >= status.last_success.unwrap());
    lab.sim.heal();
    let before = lab.reports.count() - lab.reports.failures();
    until("recovery", || {
        lab.reports.count() - lab.reports.failures() > before
    })
    .await;
}

#[tokio::test]
async fn a_stopped_instance_reports_and_asks_nothing_any_more() {
    let lab = lab().await;
    lab.runner.start(lab.source.clone());
    until("a good poll", || lab.reports.count() >= 1).await;
    // In the middle of a poll.
    lab.bend("/cluster/resources", Effect::Slow { ms: 600 });
    let begun = lab.polls_begun();
    until("a slow poll", || lab.polls_begun() > begun).await;
    lab.runner.stop(&key()).await;
    let (reports, requests) = (lab.reports.count(), lab.requests());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(lab.reports.count(), reports);
    assert!(lab.requests() <= requests + 1, "only what was under way");
    assert!(lab.runner.keys().is_empty());
    assert!(!lab.runner.poll_now(&key()));
}

#[tokio::test]
async fn details_of_guests_come_in_while_the_runner_polls() {
    let lab = lab().await;
    lab.runner.start(lab.source.clone());
    until("an agent's filesystems", || {
        let reports = lab.reports.0.lock().unwrap();
        reports.iter().any(|report| {
            let ReportBody::Pve(report) = &report.body else {
                return false;
            };
            report
                .guests
                .iter()
                .flatten()
                .any(|g| g.kind.is_vm() && !g.filesystems.is_empty())
        })
    })
    .await;
}
