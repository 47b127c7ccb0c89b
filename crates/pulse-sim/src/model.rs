//! What the simulated datacenter is made of.
//!
//! Identity and size are fixed when it is generated; what faults can change (where a guest is,
//! whether it runs, whether a node is up) lies in [`State`] behind one lock per cluster. Values
//! that vary are not stored at all: see [`crate::guest`], [`crate::node`] and [`crate::storage`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::RwLock;

use crate::clock::Millis;

/// One cluster, or one standalone node.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub key: u64,
    /// None for a standalone node.
    pub name: Option<Box<str>>,
    pub nodes: Vec<Node>,
    pub storages: Vec<Storage>,
    pub pools: Vec<Pool>,
    /// Datastore and namespace of its backups on a backup server.
    pub backups: (String, String),
    pub state: RwLock<State>,
}

impl Cluster {
    pub(crate) fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|n| &*n.name == name)
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub guests: BTreeMap<u32, Guest>,
    pub nodes: Vec<NodeState>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub name: Box<str>,
    pub key: u64,
    pub cores: u32,
    pub memory: u64,
    pub disk: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeState {
    pub health: Health,
    pub ip: IpAddr,
    /// SHA-256 of the certificate, upper-case hex with colons.
    pub fingerprint: String,
    /// PEM of the certificate; empty until it is served.
    pub pem: String,
}

/// What the other nodes of the cluster see of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Up,
    /// Powered off: paths of it answer `595 No route to host`.
    Off(Millis),
    /// The API proxy is stopped, guests run on: `595 Connection refused`.
    ProxyDown,
    /// The API proxy accepts but never answers: `596 Connection timed out`.
    Hanging,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Qemu,
    Lxc,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// Not enabled in the configuration.
    No,
    /// Enabled, but nothing answers inside the guest.
    Silent,
    Answers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// Since when: None means that it restarts by itself every few weeks.
    Running(Option<Millis>),
    Paused {
        started: Option<Millis>,
        at: Millis,
    },
    Stopped,
}

#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub vmid: u32,
    pub key: u64,
    pub kind: Kind,
    pub name: Box<str>,
    /// Index of the node it is on.
    pub node: u16,
    /// The node whose boots it shares; a migration does not change it.
    pub home_boot: u64,
    pub cpus: u16,
    pub memory: u64,
    pub disk: u64,
    pub tags: Box<str>,
    /// Index into the cluster's pools.
    pub pool: Option<u8>,
    pub template: bool,
    pub lock: Option<Box<str>>,
    pub agent: Agent,
    pub os: u8,
    pub ha: bool,
    pub power: Power,
    /// Counters count from here if it is later than the start.
    pub counters_from: Millis,
    /// What the counters stood at then: net in, net out, disk read, disk write.
    pub carried: [u64; 4],
    /// How busy it is.
    pub load: Load,
}

/// Long-term means of a guest's activity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Share of all its CPUs.
    pub cpu: f32,
    /// Share of its memory.
    pub memory: f32,
    /// Bytes per second.
    pub net_in: f32,
    pub net_out: f32,
    pub disk_read: f32,
    pub disk_write: f32,
}

#[derive(Debug)]
pub(crate) struct Pool {
    pub id: &'static str,
    pub comment: &'static str,
}

#[derive(Debug)]
pub(crate) struct Storage {
    pub name: &'static str,
    pub plugin: &'static str,
    pub content: &'static str,
    pub shared: bool,
    pub size: u64,
    pub key: u64,
    pub disabled: bool,
}
