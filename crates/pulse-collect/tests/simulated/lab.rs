//! A simulated cluster, a poller that watches it, and a clock for both that is moved by hand.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use pulse_collect::pve::Poller;
use pulse_collect::{Clock, EndpointName, PveSource};
use pulse_core::{Guest, Node, PollFailure, PveFact, PveReport, Secret, Timestamp};
use pulse_proxmox::{
    ClusterClient, Credentials, Meter, PveClient, PveOptions, ServerAddress, TlsMode,
};
use pulse_sim::{
    Addresses, Answer, Clock as SimClock, Datacenter, Effect, Fault, FleetSpec, SimServer, Tls,
};
use serde_json::Value;

pub const START: i64 = 1_795_600_000_000;

pub struct Lab {
    pub sim: Datacenter,
    pub server: SimServer,
    pub poller: Poller,
    pub clock: Clock,
    pub meter: Arc<Meter>,
    facts: RefCell<Vec<PveFact>>,
}

/// How a lab is built.
pub struct Setup {
    pub spec: FleetSpec,
    pub addresses: Addresses,
    pub sim_clock: SimClock,
    /// No call takes longer.
    pub deadline: Duration,
    /// `id=secret` other than the token that may read everything.
    pub token: Option<fn(&Datacenter) -> pulse_sim::ApiToken>,
    pub interval: u32,
}

impl Setup {
    pub fn of(spec: impl Into<FleetSpec>) -> Self {
        Self {
            spec: spec.into(),
            addresses: Addresses::PerCluster,
            sim_clock: SimClock::manual(START),
            deadline: Duration::from_secs(60),
            token: None,
            interval: 10,
        }
    }

    pub fn own_addresses(mut self) -> Self {
        self.addresses = Addresses::PerNode;
        self
    }

    pub fn deadline(mut self, millis: u64) -> Self {
        self.deadline = Duration::from_millis(millis);
        self
    }

    /// Datacenter, server and what the collector has to know of them.
    pub async fn serve(self) -> (Datacenter, SimServer, PveSource, Arc<Meter>) {
        let sim = Datacenter::new(self.spec, 1, self.sim_clock);
        let server = sim
            .serve_at(([127, 0, 0, 1], 0).into(), Tls::SelfSigned, self.addresses)
            .await
            .unwrap();
        let token = self
            .token
            .map_or_else(|| server.api_token.clone(), |token| token(&sim));
        let meter = Arc::new(Meter::default());
        let clients = server.nodes.iter().map(|node| {
            let mut options = PveOptions::new(
                ServerAddress::parse(&node.url, 8006).unwrap(),
                TlsMode::resolve(true, &node.fingerprint).unwrap(),
                Credentials::Token {
                    id: token.id.clone(),
                    secret: Secret::new(token.secret.clone()),
                },
            );
            options.max_deadline = self.deadline;
            options.meter = Arc::clone(&meter);
            let name = (self.addresses == Addresses::PerNode).then(|| node.node.clone());
            (name, PveClient::new(options).unwrap())
        });
        let endpoints = server.nodes.iter().map(|node| EndpointName {
            node: node.node.clone(),
            url: node.url.clone(),
            guest_url: String::new(),
        });
        let source = PveSource {
            name: "lab".to_owned(),
            client: ClusterClient::new("lab", clients.collect::<Vec<_>>()),
            host: server.urls[0].clone(),
            guest_url: String::new(),
            cluster: sim.cluster_name(0).map(str::to_owned),
            endpoints: match self.addresses {
                Addresses::PerNode => endpoints.collect(),
                Addresses::PerCluster => Vec::new(),
            },
            vms: true,
            containers: true,
            storage: true,
            extent: pulse_collect::Extent::default(),
            interval_seconds: self.interval,
            demo: false,
        };
        (sim, server, source, meter)
    }

    pub async fn build(self) -> Lab {
        let (sim, server, source, meter) = self.serve().await;
        let simulated = sim.clock().clone();
        Lab {
            poller: Poller::new(source),
            clock: Arc::new(move || Timestamp(simulated.now())),
            sim,
            server,
            meter,
            facts: RefCell::default(),
        }
    }
}

impl Lab {
    /// Four nodes, 40 guests.
    pub async fn small() -> Self {
        Setup::of(FleetSpec::new(1, 4, 40)).build().await
    }

    pub async fn try_poll(&mut self) -> Result<PveReport, PollFailure> {
        let clock = Arc::clone(&self.clock);
        self.poller.poll(&move || clock()).await
    }

    pub async fn poll(&mut self) -> PveReport {
        self.try_poll().await.unwrap()
    }

    pub fn pass(&self, seconds: u64) {
        self.sim.clock().advance(Duration::from_secs(seconds));
    }

    /// Asks guests what is due and affordable now.
    pub async fn settle(&self) {
        let client = self.poller.source().client.clone();
        self.poller.details().settle(&client, &self.clock).await;
        let facts = self.poller.facts().settle(&client, &self.clock).await;
        self.facts.borrow_mut().extend(facts);
    }

    /// The facts that were answered since this was asked last.
    pub fn facts(&self) -> Vec<PveFact> {
        self.facts.take()
    }

    /// Polls each 10 s, and asks guests each second.
    pub async fn run(&mut self, cycles: u32) -> PveReport {
        let mut report = self.poll().await;
        for _ in 0..cycles {
            for _ in 0..10 {
                self.settle().await;
                self.pass(1);
            }
            report = self.poll().await;
        }
        report
    }

    /// What the simulation says itself.
    pub fn truth(&self, path: &str) -> Vec<Value> {
        let reply = self.sim.get(0, path);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        body["data"].as_array().cloned().unwrap_or_default()
    }

    pub fn bend(&self, path: &str, effect: Effect) {
        self.bend_at(path, None, effect);
    }

    pub fn bend_at(&self, path: &str, node: Option<&str>, effect: Effect) {
        self.fault(Fault::Answer(Answer {
            path: path.to_owned(),
            node: node.map(str::to_owned),
            times: None,
            effect,
        }));
    }

    pub fn fault(&self, fault: Fault) {
        self.sim.fault(fault).unwrap();
    }

    /// Requests since the last reset whose path template contains the text.
    pub fn asked(&self, part: &str) -> u64 {
        let counts = self.sim.requests();
        let fitting = counts.iter().filter(|c| c.path.contains(part));
        fitting.map(|c| c.count).sum()
    }

    /// A running guest of that kind, and its node.
    pub fn some(&self, kind: &str) -> (u32, String) {
        let guests = self.sim.guests(0);
        let found = guests
            .iter()
            .find(|g| g.kind == kind && g.running && !g.template);
        let guest = found.unwrap();
        (guest.vmid, guest.node.clone())
    }
}

pub fn guest(report: &PveReport, vmid: u32) -> &Guest {
    let guests = report.guests.as_ref().unwrap();
    guests.iter().find(|g| g.vmid == vmid).unwrap()
}

pub fn node<'a>(report: &'a PveReport, name: &str) -> &'a Node {
    report.nodes.iter().find(|n| n.name == name).unwrap()
}

/// Waits for something that has to happen soon.
pub async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(
            tokio::time::Instant::now() < limit,
            "{what}: not within 20 s"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
