//! Writes observations into the history.
//!
//! A thread of its own: renaming and forgetting wait for the history's writer, and the
//! inventory must not. Memory: at most [`QUEUE`] applied reports wait; beyond it new ones are
//! dropped, counted and logged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};

use pulse_core::{BytesPerSecond, Guest, Host, Node, Reading, Storage};
use pulse_inventory::Applied;
use pulse_metrics::{
    HistoryConfig, HistoryError, HistoryStore, Metric, ResourceKind, Sample, SeriesId, Tick,
};

use crate::config::Config;

const QUEUE: usize = 256;
/// Resources whose series ids are kept at hand, about 150 bytes each.
const MOST_KNOWN: usize = 100_000;

/// The history as configured.
pub fn history_config(config: &Config) -> HistoryConfig {
    let base = if config.history_in_memory {
        HistoryConfig::in_memory()
    } else {
        HistoryConfig {
            retention: config.retention,
            ..HistoryConfig::file(config.data_dir.join("metrics.db"))
        }
    };
    HistoryConfig {
        max_series: config.max_series,
        ..base
    }
}

/// What the thread is told to do, in order.
enum Order {
    Record(Box<Applied>),
    Forget(Matching, SyncSender<Result<usize, HistoryError>>),
}

/// Tells by its id whether a resource is meant.
type Matching = fn(&str) -> bool;

/// Keeps the thread; it ends when this and the observer are dropped.
pub struct Recorder {
    orders: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts the thread; the observer goes to the inventory.
    pub fn start(history: HistoryStore) -> (Self, impl pulse_inventory::Observer) {
        let (sender, inbox) = mpsc::sync_channel::<Order>(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let mut series = Series::new(history);
                while let Ok(order) = inbox.recv() {
                    match order {
                        Order::Record(applied) => series.record(&applied),
                        Order::Forget(matching, reply) => {
                            // Who asked may have gone away.
                            let _ = reply.send(series.forget(matching));
                        }
                    }
                }
            });
        if let Err(error) = thread {
            tracing::error!(%error, "no thread for the history; nothing is recorded");
        }
        let recorder = Self {
            orders: sender.clone(),
            dropped: Arc::clone(&dropped),
        };
        (recorder, observer(sender, dropped))
    }

    /// Removes the history of resources, after everything that was observed before. Blocks.
    pub fn forget(&self, matching: Matching) -> Result<usize, HistoryError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.orders
            .send(Order::Forget(matching, reply))
            .map_err(|_| HistoryError::Closed)?;
        answer.recv().map_err(|_| HistoryError::Closed)?
    }

    /// Reports that were not recorded because the history did not keep up.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn observer(sender: SyncSender<Order>, dropped: Arc<AtomicU64>) -> impl pulse_inventory::Observer {
    move |applied: &Applied| {
        if let Err(TrySendError::Full(_)) =
            sender.try_send(Order::Record(Box::new(applied.clone())))
            && dropped.fetch_add(1, Ordering::Relaxed).is_multiple_of(100)
        {
            tracing::warn!("the history does not keep up; observations are not recorded");
        }
    }
}

const GUEST_METRICS: [Metric; 7] = [
    Metric::CPU,
    Metric::MEMORY,
    Metric::DISK,
    Metric::NET_IN,
    Metric::NET_OUT,
    Metric::DISK_READ,
    Metric::DISK_WRITE,
];
const NODE_METRICS: [Metric; 4] = [Metric::CPU, Metric::MEMORY, Metric::DISK, Metric::LOAD];
const STORAGE_METRICS: [Metric; 4] = [Metric::USAGE, Metric::USED, Metric::TOTAL, Metric::AVAIL];
const HOST_METRICS: [Metric; 9] = [
    Metric::CPU,
    Metric::MEMORY,
    Metric::DISK,
    Metric::NET_IN,
    Metric::NET_OUT,
    Metric::DISK_READ,
    Metric::DISK_WRITE,
    Metric::LOAD,
    Metric::TEMPERATURE,
];

/// Series ids by resource, so that a tick costs no look-up of names.
struct Series {
    history: HistoryStore,
    known: HashMap<String, Box<[Option<SeriesId>]>>,
    storage_seen: HashMap<String, i64>,
}

fn rate(reading: Reading<BytesPerSecond>) -> Option<f64> {
    reading.known().map(BytesPerSecond::get)
}

impl Series {
    fn new(history: HistoryStore) -> Self {
        Self {
            history,
            known: HashMap::new(),
            storage_seen: HashMap::new(),
        }
    }

    /// The ids of what is forgotten are not used again: a resource that comes back gets new ones.
    fn forget(&mut self, matching: Matching) -> Result<usize, HistoryError> {
        let meant = |key: &str| key.split_once(' ').is_some_and(|(_, id)| matching(id));
        self.known.retain(|key, _| !meant(key));
        self.storage_seen.retain(|id, _| !matching(id));
        self.history.forget_resources(|_, id| matching(id))
    }

    fn record(&mut self, applied: &Applied) {
        for renamed in &applied.renamed {
            let kind = if renamed.vm {
                ResourceKind::VM
            } else {
                ResourceKind::CONTAINER
            };
            if let Err(error) = self
                .history
                .rename_resource(&kind, &renamed.from, &renamed.to)
            {
                tracing::warn!(%error, guest = renamed.to, "history did not follow the guest");
            }
            self.known.remove(&key(&kind, &renamed.from));
            self.known.remove(&key(&kind, &renamed.to));
        }
        if self.known.len() > MOST_KNOWN {
            // Resources come and go; ids are found again on the next tick.
            self.known.clear();
            self.storage_seen.clear();
        }
        let mut samples = Vec::with_capacity(
            applied.guests.len() * 7 + applied.nodes.len() * 4 + applied.hosts.len() * 9,
        );
        for node in &applied.nodes {
            self.node(node, &mut samples);
        }
        for guest in applied.guests.iter().filter(|g| g.status.is_running()) {
            self.guest(guest, &mut samples);
        }
        for storage in &applied.storages {
            self.storage(storage, &mut samples);
        }
        for host in &applied.hosts {
            self.host(host, &mut samples);
        }
        if !samples.is_empty() {
            self.history.append(Tick {
                at: applied.at.millis().into(),
                samples,
            });
        }
    }

    fn push(
        &mut self,
        kind: &ResourceKind,
        id: &str,
        metrics: &[Metric],
        values: &[Option<f64>],
        samples: &mut Vec<Sample>,
    ) {
        let key = key(kind, id);
        let history = &self.history;
        let series = self
            .known
            .entry(key)
            .or_insert_with(|| vec![None; metrics.len()].into_boxed_slice());
        for ((slot, metric), value) in series.iter_mut().zip(metrics).zip(values) {
            let Some(value) = value.filter(|v| v.is_finite()) else {
                continue;
            };
            // A refused series is asked for again: room may come.
            let Some(series) = slot.or_else(|| history.intern(kind, id, metric).ok()) else {
                continue;
            };
            *slot = Some(series);
            samples.push(Sample { series, value });
        }
    }

    fn node(&mut self, node: &Node, samples: &mut Vec<Sample>) {
        let memory = (node.memory.total.get() > 0)
            .then(|| node.memory.used.percent_of(node.memory.total).get());
        let disk = node
            .disk
            .used
            .known()
            .filter(|_| node.disk.total.get() > 0)
            .map(|used| used.percent_of(node.disk.total).get());
        let values = [
            Some(node.cpu.percent().get()),
            memory,
            disk,
            node.load.map(|load| load[0]),
        ];
        self.push(
            &ResourceKind::NODE,
            &node.id,
            &NODE_METRICS,
            &values,
            samples,
        );
    }

    fn guest(&mut self, guest: &Guest, samples: &mut Vec<Sample>) {
        let kind = if guest.kind.is_vm() {
            ResourceKind::VM
        } else {
            ResourceKind::CONTAINER
        };
        let memory = (guest.memory.total.get() > 0)
            .then(|| guest.memory.used.percent_of(guest.memory.total).get());
        let disk = guest
            .disk
            .used
            .known()
            .filter(|_| guest.disk.total.get() > 0)
            .map(|used| used.percent_of(guest.disk.total).get());
        let values = [
            Some(guest.cpu.percent().get()),
            memory,
            disk,
            rate(guest.rates.net_in),
            rate(guest.rates.net_out),
            rate(guest.rates.disk_read),
            rate(guest.rates.disk_write),
        ];
        self.push(&kind, &guest.id, &GUEST_METRICS, &values, samples);
    }

    fn storage(&mut self, storage: &Storage, samples: &mut Vec<Sample>) {
        // Storages are read once a minute and reported with every poll: record each reading once.
        let seen = storage.seen.millis();
        if self.storage_seen.insert(storage.id.clone(), seen) == Some(seen) {
            return;
        }
        let values = [
            Some(storage.used.percent_of(storage.total).get()),
            Some(storage.used.get() as f64),
            Some(storage.total.get() as f64),
            Some(storage.free.get() as f64),
        ];
        self.push(
            &ResourceKind::STORAGE,
            &storage.id,
            &STORAGE_METRICS,
            &values,
            samples,
        );
    }

    fn host(&mut self, host: &Host, samples: &mut Vec<Sample>) {
        let memory = (host.memory.total.get() > 0)
            .then(|| host.memory.used.percent_of(host.memory.total).get());
        let fullest = host
            .filesystems
            .iter()
            .map(|fs| fs.usage)
            .fold(None, |max: Option<f64>, usage| {
                Some(max.map_or(usage, |m| m.max(usage)))
            });
        let temperature = host.sensors.temperature_celsius.get("cpu_package").copied();
        let values = [
            Some(host.cpu.get()),
            memory,
            fullest,
            rate(host.rates.net_in),
            rate(host.rates.net_out),
            rate(host.rates.disk_read),
            rate(host.rates.disk_write),
            host.load.map(|load| load[0]),
            temperature,
        ];
        self.push(
            &ResourceKind::HOST,
            &host.id,
            &HOST_METRICS,
            &values,
            samples,
        );
    }
}

fn key(kind: &ResourceKind, id: &str) -> String {
    format!("{kind} {id}")
}
