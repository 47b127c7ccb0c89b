//! Orders: a fault, where, from when and for how long. Nothing ticks: whoever asks the datacenter
//! something first lets it do what has become due.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::datacenter::Inner;
use crate::fault::apply::{apply, undo};
use crate::fault::effect::{Answer, Effect};
use crate::sync::lock;

/// Something that goes wrong, or simply happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Fault {
    /// Powered off: offline in the cluster, `595 No route to host` on its paths, its own address
    /// refuses connections, its guests turn unknown after five minutes.
    NodeDown {
        node: String,
    },
    /// Its API proxy is stopped: `595 Connection refused`, its own address refuses connections.
    NodeRefused {
        node: String,
    },
    /// Its API proxy accepts and never answers: `596 Connection timed out`, the other nodes say so
    /// at once here.
    NodeHang {
        node: String,
    },
    NodeUp {
        node: String,
    },
    /// Bends answers.
    Answer(Answer),
    /// Starts, stops or pauses a guest.
    Power {
        vmid: u32,
        state: PowerState,
    },
    /// Uptime and counters begin anew.
    Restart {
        vmid: u32,
    },
    /// Counters begin anew, uptime goes on.
    ResetCounters {
        vmid: u32,
    },
    /// The guest keeps its number; as a new process it begins with new uptime and counters.
    Migrate {
        vmid: u32,
        to: String,
    },
    CreateGuest {
        vmid: u32,
        kind: GuestKind,
        /// The first node if absent.
        node: Option<String>,
        /// Made up if absent.
        name: Option<String>,
    },
    DeleteGuest {
        vmid: u32,
    },
    /// Sets or removes a lock.
    Lock {
        vmid: u32,
        lock: Option<String>,
    },
    /// The QEMU guest agent of a VM.
    Agent {
        vmid: u32,
        state: AgentState,
    },
    /// Long-term means of CPU and memory use, 0–1; for thresholds.
    Load {
        vmid: u32,
        cpu: Option<f32>,
        memory: Option<f32>,
    },
    /// Serves a new certificate from now on; all nodes of the cluster if none is named.
    NewCertificate {
        node: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerState {
    Running,
    Stopped,
    Paused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestKind {
    Qemu,
    Lxc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    Disabled,
    Silent,
    Answers,
}

/// A fault with its place and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    #[serde(flatten)]
    pub fault: Fault,
    /// Index of the cluster, the first if absent. Answers are bent in all clusters if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<usize>,
    /// Simulated seconds from now; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_seconds: Option<f64>,
    /// Simulated seconds until it is undone; for node faults and bent answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<f64>,
}

impl Order {
    pub fn now(fault: Fault) -> Self {
        Self {
            fault,
            cluster: None,
            in_seconds: None,
            for_seconds: None,
        }
    }

    pub fn on(mut self, cluster: usize) -> Self {
        self.cluster = Some(cluster);
        self
    }

    pub fn after(mut self, seconds: f64) -> Self {
        self.in_seconds = Some(seconds);
        self
    }

    pub fn lasting(mut self, seconds: f64) -> Self {
        self.for_seconds = Some(seconds);
        self
    }
}

/// Names an order.
pub type FaultId = u64;

/// Why an order is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultError {
    UnknownCluster(usize),
    UnknownNode(String),
    UnknownGuest(u32),
    GuestExists(u32),
    NotUndoable,
}

impl std::fmt::Display for FaultError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownCluster(index) => write!(f, "there is no cluster {index}"),
            Self::UnknownNode(name) => write!(f, "there is no node {name} in that cluster"),
            Self::UnknownGuest(vmid) => write!(f, "there is no guest {vmid} in that cluster"),
            Self::GuestExists(vmid) => write!(f, "guest {vmid} exists already"),
            Self::NotUndoable => {
                f.write_str("for_seconds is only for node faults and bent answers")
            }
        }
    }
}

impl std::error::Error for FaultError {}

/// An order and how far it got.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    pub id: FaultId,
    /// `waiting`, `active` or `done`; a thing that simply happened is done at once.
    pub state: &'static str,
    /// Unix milliseconds.
    pub starts: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Millis>,
    /// What went wrong when it became due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub order: Order,
}

const WAITING: &str = "waiting";
const ACTIVE: &str = "active";
const DONE: &str = "done";
/// Finished orders that are kept for the record.
const KEPT: usize = 200;

#[derive(Debug)]
pub(crate) struct Faults {
    list: Mutex<Vec<Status>>,
    next_due: AtomicI64,
    next_id: AtomicU64,
    /// How many bent answers are active: none is the usual case and costs nothing.
    bent: AtomicUsize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            list: Mutex::default(),
            next_due: AtomicI64::new(i64::MAX),
            next_id: AtomicU64::new(1),
            bent: AtomicUsize::new(0),
        }
    }
}

impl Faults {
    pub(crate) fn order(&self, world: &Inner, order: Order) -> Result<FaultId, FaultError> {
        self.settle(world);
        if order.for_seconds.is_some() && !order.fault.lasts() {
            return Err(FaultError::NotUndoable);
        }
        let cluster = order.cluster.unwrap_or(0);
        if cluster >= world.clusters.len() {
            return Err(FaultError::UnknownCluster(cluster));
        }
        let millis = |s: f64| (s.max(0.0) * 1000.0) as Millis;
        let starts = world.clock.now() + millis(order.in_seconds.unwrap_or(0.0));
        let ends = order.for_seconds.map(|s| starts + millis(s));
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut status = Status {
            id,
            state: WAITING,
            starts,
            ends,
            error: None,
            order,
        };
        if status.order.in_seconds.is_none_or(|s| s <= 0.0) {
            apply(world, &status.order, starts)?;
            status.state = status.order.fault.state_after();
        }
        let mut list = lock(&self.list);
        if list.len() > KEPT {
            list.retain(|s| s.state != DONE);
        }
        list.push(status);
        self.recount(&list);
        Ok(id)
    }

    /// Does what has become due, in the order of time.
    pub(crate) fn settle(&self, world: &Inner) {
        let now = world.clock.now();
        if now < self.next_due.load(Ordering::Acquire) {
            return;
        }
        let mut list = lock(&self.list);
        loop {
            let due = list
                .iter_mut()
                .filter_map(|s| s.due().filter(|d| *d <= now).map(|d| (d, s)))
                .min_by_key(|(due, status)| (*due, status.id));
            let Some((due, status)) = due else { break };
            if status.state == WAITING {
                match apply(world, &status.order, due) {
                    Ok(()) => status.state = status.order.fault.state_after(),
                    Err(error) => {
                        status.error = Some(error.to_string());
                        status.state = DONE;
                    }
                }
            } else {
                undo(world, &status.order);
                status.state = DONE;
            }
        }
        self.recount(&list);
    }

    fn recount(&self, list: &[Status]) {
        let next = list.iter().filter_map(Status::due).min();
        self.next_due
            .store(next.unwrap_or(i64::MAX), Ordering::Release);
        let bent = list
            .iter()
            .filter(|s| s.state == ACTIVE && matches!(s.order.fault, Fault::Answer(_)))
            .count();
        self.bent.store(bent, Ordering::Release);
    }

    /// The effect on an answer, and one use of it gone.
    pub(crate) fn effect_on(&self, cluster: usize, node: &str, path: &str) -> Option<Effect> {
        if self.bent.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut list = lock(&self.list);
        let mut found = None;
        // The newest order wins.
        for status in list.iter_mut().rev().filter(|s| s.state == ACTIVE) {
            let Fault::Answer(answer) = &mut status.order.fault else {
                continue;
            };
            if status.order.cluster.is_some_and(|c| c != cluster) || !answer.fits(path, node) {
                continue;
            }
            if let Some(left) = &mut answer.times {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    status.state = DONE;
                }
            }
            found = Some(answer.effect.clone());
            break;
        }
        self.recount(&list);
        found
    }

    pub(crate) fn cancel(&self, world: &Inner, id: FaultId) -> bool {
        let mut list = lock(&self.list);
        let Some(status) = list.iter_mut().find(|s| s.id == id) else {
            return false;
        };
        if status.state == ACTIVE {
            undo(world, &status.order);
        }
        status.state = DONE;
        self.recount(&list);
        true
    }

    pub(crate) fn heal(&self, world: &Inner) {
        let mut list = lock(&self.list);
        for status in list.iter_mut().filter(|s| s.state != DONE) {
            status.state = DONE;
        }
        self.recount(&list);
        crate::fault::apply::all_nodes_up(world);
    }

    pub(crate) fn list(&self) -> Vec<Status> {
        lock(&self.list).clone()
    }
}

impl Status {
    fn due(&self) -> Option<Millis> {
        match self.state {
            WAITING => Some(self.starts),
            ACTIVE => self.ends,
            _ => None,
        }
    }
}

impl Fault {
    /// Whether it goes on until it is undone, or just happens.
    fn lasts(&self) -> bool {
        matches!(
            self,
            Self::NodeDown { .. }
                | Self::NodeRefused { .. }
                | Self::NodeHang { .. }
                | Self::Answer(_)
        )
    }

    fn state_after(&self) -> &'static str {
        if self.lasts() { ACTIVE } else { DONE }
    }
}
