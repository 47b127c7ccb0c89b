//! One task per instance of any kind: polls when its schedule says so, never two polls of one
//! instance at a time, and no more polls at once than there are places.

mod activity;
mod job;
mod status;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulse_core::{SourceReport, Timestamp};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::poller::{Hint, Hints, InstanceKey, Poll as _, Source};
use crate::schedule::{Schedule, Timing};
use job::Shared;
use status::Record;
pub use status::{
    BreakerStatus, DeadLetterStatus, Histogram, POLL_BUCKETS, PollStatus, WAIT_BUCKETS,
};

/// Gives the wall time of observations.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where reports go.
pub trait Sink: Clone + Send + Sync + 'static {
    fn report(&self, report: SourceReport) -> impl Future<Output = ()> + Send;
}

/// Polls that run at once; those that take long do not count.
const PLACES: usize = 8;

/// What all tasks share.
struct Core<S> {
    sink: S,
    clock: Clock,
    epoch: Instant,
    timing: Mutex<Timing>,
    places: Arc<Semaphore>,
    chance: AtomicU64,
}

struct Job {
    task: JoinHandle<()>,
    shared: Arc<Shared>,
    hints: Hints,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Owns the polling tasks. Dropping it stops them.
pub struct Runner<S> {
    core: Arc<Core<S>>,
    jobs: Mutex<BTreeMap<InstanceKey, Job>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Sink> Runner<S> {
    pub fn new(sink: S, clock: Clock) -> Self {
        let seed = clock().0 as u64 | 1;
        let core = Core {
            sink,
            clock,
            epoch: Instant::now(),
            timing: Mutex::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            chance: AtomicU64::new(seed),
        };
        Self {
            core: Arc::new(core),
            jobs: Mutex::default(),
        }
    }

    /// Starts polling an instance; replaces one of the same kind and name.
    pub fn start(&self, source: impl Source) {
        let profile = source.profile();
        let key = profile.key.clone();
        let own = Duration::from_secs(u64::from(profile.interval_seconds.max(1)));
        let schedule = Schedule::new(
            key.kind,
            own,
            self.core.epoch.elapsed(),
            &lock(&self.core.timing),
        );
        let shared = Arc::new(Shared {
            profile,
            state: Mutex::new((schedule, Record::default())),
            changed: Notify::new(),
        });
        let poller = source.into_poller();
        let hints = poller.hints();
        let task = tokio::spawn(job::run(
            Arc::clone(&self.core),
            Arc::clone(&shared),
            poller,
        ));
        let job = Job {
            task,
            shared,
            hints,
        };
        lock(&self.jobs).insert(key, job);
    }

    /// Stops polling an instance; a poll under way is abandoned. Returns when no report of it
    /// can arrive any more.
    pub async fn stop(&self, key: &InstanceKey) {
        let job = lock(&self.jobs).remove(key);
        if let Some(mut job) = job {
            job.task.abort();
            // An aborted task ends with an error, as meant.
            let _ = (&mut job.task).await;
        }
    }

    /// Changes a schedule; false when there is no such instance.
    fn change(&self, key: &InstanceKey, change: impl FnOnce(&mut Schedule, Duration)) -> bool {
        let jobs = lock(&self.jobs);
        let Some(job) = jobs.get(key) else {
            return false;
        };
        change(&mut lock(&job.shared.state).0, self.core.epoch.elapsed());
        job.shared.changed.notify_one();
        true
    }

    /// Polls an instance as soon as its running poll is over, whatever breaker or pause there is.
    pub fn poll_now(&self, key: &InstanceKey) -> bool {
        self.change(key, Schedule::hurry)
    }

    /// Forgets the failures of an instance and polls it: its settings were edited, or a test of
    /// its connection worked.
    pub fn reset(&self, key: &InstanceKey) -> bool {
        self.change(key, Schedule::reset)
    }

    /// Says that something changed at an instance: what is asked seldom is asked now, and the
    /// next poll comes sooner unless the instance does not answer anyway.
    pub fn hint(&self, key: &InstanceKey, hint: &Hint) -> bool {
        if let Some(job) = lock(&self.jobs).get(key) {
            (job.hints)(hint, (self.core.clock)());
        }
        self.change(key, Schedule::nudge)
    }

    /// Takes new intervals; polls under way go on.
    pub fn set_timing(&self, timing: Timing) {
        *lock(&self.core.timing) = timing;
        let now = self.core.epoch.elapsed();
        for job in lock(&self.jobs).values() {
            lock(&job.shared.state).0.retime(now, &timing);
            job.shared.changed.notify_one();
        }
    }

    pub fn timing(&self) -> Timing {
        *lock(&self.core.timing)
    }

    pub fn keys(&self) -> Vec<InstanceKey> {
        lock(&self.jobs).keys().cloned().collect()
    }

    /// Every instance that is polled, with how that goes.
    pub fn statuses(&self) -> BTreeMap<InstanceKey, PollStatus> {
        let now = (self.core.epoch.elapsed(), (self.core.clock)());
        let jobs = lock(&self.jobs);
        let shown = jobs.iter().map(|(key, job)| {
            let state = lock(&job.shared.state);
            (
                key.clone(),
                state.1.show(&job.shared.profile, &state.0, now),
            )
        });
        shown.collect()
    }
}
