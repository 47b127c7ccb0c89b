//! The simulated datacenter: a handle to everything.

use std::sync::Arc;

use crate::auth::{ApiToken, Auth, USER};
use crate::clock::Clock;
use crate::fault::{Fault, FaultError, FaultId, Faults, Order};
use crate::fleet::FleetSpec;
use crate::generate;
use crate::model::Cluster;
use crate::pve::{Method, Request, Rights, answer, pairs};
use crate::reply::Reply;
use crate::requests::{RequestCount, RequestLog};
use crate::server::Certificates;

/// A simulated datacenter. Cheap to clone; clones are the same datacenter.
#[derive(Clone, Debug)]
pub struct Datacenter(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub seed: u64,
    pub spec: FleetSpec,
    pub clock: Clock,
    pub clusters: Vec<Cluster>,
    pub auth: Auth,
    pub faults: Faults,
    pub requests: RequestLog,
    pub certificates: Certificates,
    pub appliances: std::sync::Mutex<Vec<crate::server::Known>>,
}

impl Datacenter {
    /// Builds the datacenter of that seed. Nothing runs and nothing listens yet.
    pub fn new(spec: impl Into<FleetSpec>, seed: u64, clock: Clock) -> Self {
        let spec = spec.into();
        Self(Arc::new(Inner {
            clusters: generate::clusters(&spec, seed),
            auth: Auth::new(seed),
            faults: Faults::default(),
            requests: RequestLog::default(),
            certificates: Certificates::default(),
            appliances: std::sync::Mutex::default(),
            seed,
            spec,
            clock,
        }))
    }

    /// The clock all values follow.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// A token that may read all that monitoring needs, guest agents and backups included.
    pub fn api_token(&self) -> &ApiToken {
        self.0.auth.full()
    }

    /// A token with the role PVEAuditor alone: no guest agents, no backups.
    pub fn auditor_token(&self) -> &ApiToken {
        self.0.auth.auditor()
    }

    /// A valid token without any permission.
    pub fn no_acl_token(&self) -> &ApiToken {
        self.0.auth.no_acl()
    }

    /// `user@realm` for password logins.
    pub fn user(&self) -> &'static str {
        USER
    }

    pub fn password(&self) -> &str {
        self.0.auth.password()
    }

    /// Number of clusters; standalone nodes count as one.
    pub fn clusters(&self) -> usize {
        self.0.clusters.len()
    }

    /// A cluster's name, None for a standalone node or an unknown index.
    pub fn cluster_name(&self, cluster: usize) -> Option<&str> {
        self.0.clusters.get(cluster)?.name.as_deref()
    }

    /// The names of a cluster's nodes.
    pub fn nodes(&self, cluster: usize) -> Vec<String> {
        self.0
            .clusters
            .get(cluster)
            .map(|c| c.nodes.iter().map(|n| n.name.to_string()).collect())
            .unwrap_or_default()
    }

    /// The guests of a cluster: VMID, kind (`qemu` or `lxc`), node, name.
    pub fn guests(&self, cluster: usize) -> Vec<GuestInfo> {
        self.settle();
        let Some(cluster) = self.0.clusters.get(cluster) else {
            return Vec::new();
        };
        let state = crate::sync::read(&cluster.state);
        state
            .guests
            .values()
            .map(|g| GuestInfo {
                vmid: g.vmid,
                kind: g.kind.word(),
                node: cluster.nodes[usize::from(g.node)].name.to_string(),
                name: g.name.to_string(),
                running: g.is_running(),
                template: g.template,
            })
            .collect()
    }

    /// Answers `GET /api2/json{path}` with full rights, as the first node of that cluster would.
    /// Faults that bend answers do not apply; faults that change the datacenter do.
    pub fn get(&self, cluster: usize, path_and_query: &str) -> Reply {
        self.ask(cluster, 0, Method::Get, path_and_query, Rights::Full)
    }

    pub(crate) fn ask(
        &self,
        cluster: usize,
        node: usize,
        method: Method,
        path_and_query: &str,
        rights: Rights,
    ) -> Reply {
        self.settle();
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let Some(cluster) = self.0.clusters.get(cluster) else {
            return Reply::not_implemented(method.word(), path);
        };
        answer(&Request {
            cluster,
            asked: node,
            now: self.0.clock.now(),
            method,
            path,
            query: pairs(query),
            rights,
        })
    }

    /// Applies a fault now.
    pub fn fault(&self, fault: Fault) -> Result<FaultId, FaultError> {
        self.order(Order::now(fault))
    }

    /// Applies a fault in a cluster, at a time, for a time.
    pub fn order(&self, order: Order) -> Result<FaultId, FaultError> {
        self.0.faults.order(&self.0, order)
    }

    /// Ends every fault that bends answers, heals every node and forgets what was scheduled.
    /// Guests stay where they are.
    pub fn heal(&self) {
        self.0.faults.heal(&self.0);
    }

    /// Does what was scheduled until now.
    pub(crate) fn settle(&self) {
        self.0.faults.settle(&self.0);
    }

    /// Requests so far, per method and path template.
    pub fn requests(&self) -> Vec<RequestCount> {
        self.0.requests.counts()
    }

    pub fn reset_requests(&self) {
        self.0.requests.reset();
    }
}

/// A guest as tests and tools want to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestInfo {
    pub vmid: u32,
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    pub node: String,
    pub name: String,
    pub running: bool,
    pub template: bool,
}
