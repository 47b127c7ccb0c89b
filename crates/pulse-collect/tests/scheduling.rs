//! The runner with pollers that only take time, on a paused clock.

#![allow(clippy::unwrap_used, clippy::box_default, reason = "helpers of tests")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulse_collect::{
    BreakerState, Clock, InstanceKey, Poll, Profile, Runner, Sink, Source, Timing,
};
use pulse_core::{InstanceKind, PollFailure, PveReport, ReportBody, SourceReport, Timestamp};
use tokio::time::Instant;

/// Begin of each poll, in seconds since the start.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(String, f64)>>>);

impl Sink for Log {
    async fn report(&self, _: SourceReport) {}
}

#[derive(Clone)]
struct Fake {
    name: String,
    kind: InstanceKind,
    interval: u32,
    takes: Duration,
    /// Ends of the first polls; later ones succeed.
    ends: VecDeque<PollFailure>,
    log: Log,
    start: Instant,
    at_once: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Source for Fake {
    type Poller = Self;

    fn profile(&self) -> Profile {
        Profile {
            key: InstanceKey::new(self.kind, self.name.clone()),
            connection: String::new(),
            interval_seconds: self.interval,
            demo: false,
        }
    }

    fn into_poller(self) -> Self {
        self
    }
}

impl Poll for Fake {
    async fn poll(&mut self, _: &Clock) -> Result<ReportBody, PollFailure> {
        let at = self.start.elapsed().as_secs_f64();
        self.log.0.lock().unwrap().push((self.name.clone(), at));
        let now = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        tokio::time::sleep(self.takes).await;
        self.at_once.fetch_sub(1, SeqCst);
        match self.ends.pop_front() {
            Some(failure) => Err(failure),
            None => Ok(ReportBody::Pve(Box::new(PveReport::default()))),
        }
    }
}

struct Lab {
    runner: Runner<Log>,
    log: Log,
    start: Instant,
    most: Arc<AtomicUsize>,
}

impl Lab {
    fn new() -> Self {
        let (log, start) = (Log::default(), Instant::now());
        let clock: Clock = Arc::new(move || Timestamp(start.elapsed().as_millis() as i64));
        let most = Arc::default();
        Self {
            runner: Runner::new(log.clone(), clock),
            log,
            start,
            most,
        }
    }

    fn fake(&self, name: &str, interval: u32, takes_ms: u64) -> Fake {
        Fake {
            name: name.to_owned(),
            kind: InstanceKind::Pve,
            interval,
            takes: Duration::from_millis(takes_ms),
            ends: VecDeque::new(),
            log: self.log.clone(),
            start: self.start,
            at_once: Arc::default(),
            most: Arc::clone(&self.most),
        }
    }

    /// Whole seconds at which polls of `name` began.
    fn begun(&self, name: &str) -> Vec<u64> {
        let log = self.log.0.lock().unwrap();
        let own = log.iter().filter(|(of, _)| of == name);
        own.map(|(_, at)| at.round() as u64).collect()
    }
}

fn failure(auth: bool, transient: bool) -> PollFailure {
    PollFailure {
        message: "no".to_owned(),
        auth,
        transient,
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn key(name: &str) -> InstanceKey {
    InstanceKey::new(InstanceKind::Pve, name)
}

#[tokio::test(start_paused = true)]
async fn intervals_are_kept_per_kind_and_change_while_running() {
    let lab = Lab::new();
    let mut vault = lab.fake("vault", 10, 5);
    vault.kind = InstanceKind::Pbs;
    lab.runner.set_timing(Timing {
        pbs: Some(Duration::from_secs(60)),
        ..Timing::default()
    });
    lab.runner.start(vault);
    lab.runner.start(lab.fake("north", 10, 5));
    pass(600).await;
    let (pbs, pve) = (lab.begun("vault").len(), lab.begun("north").len());
    assert!(
        (10..=11).contains(&pbs) && (58..=63).contains(&pve),
        "{pbs} {pve}"
    );
    lab.runner.set_timing(Timing {
        pve: Some(Duration::from_secs(100)),
        ..Timing::default()
    });
    pass(1000).await;
    let later = lab.begun("north").len() - pve;
    assert!((9..=12).contains(&later), "{later}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_longer_than_its_interval_is_alone() {
    let lab = Lab::new();
    lab.runner.start(lab.fake("north", 10, 25_000));
    for _ in 0..20 {
        pass(10).await;
        lab.runner.poll_now(&key("north"));
    }
    assert_eq!(lab.most.load(SeqCst), 1);
    assert_eq!(lab.begun("north")[..4], [0, 25, 50, 75]);
}

#[tokio::test(start_paused = true)]
async fn hung_servers_hold_nobody_up() {
    let lab = Lab::new();
    for number in 0..40 {
        lab.runner
            .start(lab.fake(&format!("hung-{number}"), 10, 100_000_000));
    }
    lab.runner.start(lab.fake("zulu", 10, 50));
    pass(600).await;
    let begun = lab.begun("zulu");
    // Forty that hang take turns of 10 s in eight places, once.
    assert!(begun.len() > 40, "{begun:?}");
    let gaps = begun.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.max().unwrap() <= 62, "{begun:?}");
    let hung = &lab.runner.statuses()[&key("hung-7")];
    assert!(hung.consecutive_failures >= 1);
    assert!(hung.errors.contains_key("timeout"), "{:?}", hung.errors);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_half_opens_and_closes() {
    let lab = Lab::new();
    let mut north = lab.fake("north", 10, 0);
    north.ends = vec![failure(false, true); 3].into();
    lab.runner.start(north);
    pass(20).await;
    let status = &lab.runner.statuses()[&key("north")];
    assert_eq!(status.breaker.state, BreakerState::Open);
    let retry = status.breaker.retry_at.unwrap();
    let failed = status.last_error.as_ref().unwrap().0;
    assert_eq!(retry.since(failed), 40_000);
    let polls = lab.begun("north").len();
    // An event does not break in.
    lab.runner
        .hint(&key("north"), &pulse_collect::Hint::Backups);
    pass(30).await;
    assert_eq!(lab.begun("north").len(), polls);
    pass(20).await;
    let status = &lab.runner.statuses()[&key("north")];
    assert_eq!(status.breaker.state, BreakerState::Closed);
    assert_eq!(status.consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_come_back_and_a_reset_brings_them_back_at_once() {
    let lab = Lab::new();
    let mut north = lab.fake("north", 10, 0);
    north.ends = vec![failure(false, true); 8].into();
    let mut south = lab.fake("south", 10, 0);
    south.ends = vec![failure(false, false)].into();
    lab.runner.start(north);
    lab.runner.start(south);
    pass(1000).await;
    let statuses = lab.runner.statuses();
    assert!(statuses[&key("north")].dead_letter.is_some());
    let last = lab.begun("north").windows(2).last().map(|p| p[1] - p[0]);
    assert!(last.unwrap() <= 300);
    assert_eq!(lab.begun("south").len(), 1);
    lab.runner.reset(&key("south"));
    pass(1).await;
    assert!(lab.runner.statuses()[&key("south")].dead_letter.is_none());
    pass(1000).await;
    assert!(lab.runner.statuses()[&key("north")].dead_letter.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_name_may_stand_for_two_kinds() {
    let lab = Lab::new();
    let mut other = lab.fake("north", 10, 0);
    other.kind = InstanceKind::Pmg;
    lab.runner.start(lab.fake("north", 10, 0));
    lab.runner.start(other);
    lab.runner.stop(&key("north")).await;
    let left = lab.runner.keys();
    assert_eq!(left, [InstanceKey::new(InstanceKind::Pmg, "north")]);
}
