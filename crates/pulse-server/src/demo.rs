//! Demo mode: a simulated datacenter inside this process, watched through the same door as a
//! real one: its clusters are polled over HTTPS on loopback, its host agents send reports.
//!
//! Real and demo data never mix. Everything of the demo carries the mark `demo` in the inventory
//! and ids that start with [`PREFIX`], a name that real nodes may not take; turning it off
//! removes all of it, history included.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pulse_collect::{InstanceKey, PbsExtent, PbsSource, PmgSource, PveSource};
use pulse_core::{InstanceKind, ReportBody, Secret, SourceReport};
use pulse_proxmox::{
    ClusterClient, Credentials, PbsClient, PmgClient, PveClient, PveOptions, ServerAddress, TlsMode,
};
use pulse_sim::{Appliance, Clock, Datacenter, Fleet, Product, SimServer, Tls};
use pulse_wire::host_report::HostReport;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::app::{App, now};

/// Setting that remembers demo mode over a restart.
pub const SETTING: &str = "demo_mode";
/// Ids and instance names of demo data start with it.
pub const PREFIX: &str = "pulse-demo";
/// The same fleet for everybody: what a guide describes is what people see.
const SEED: u64 = 7;
const HOSTS: usize = 6;
const HOST_INTERVAL: Duration = Duration::from_secs(10);
/// Seconds between polls of the backup server and the mail gateway.
const DEMO_INTERVAL: u32 = 30;

struct Running {
    /// Stops the simulated servers when dropped.
    _server: SimServer,
    _appliances: Vec<Appliance>,
    instances: Vec<InstanceKey>,
    agents: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.agents.abort();
    }
}

/// What runs while demo mode is on.
#[derive(Default)]
pub struct Demo {
    running: Mutex<Option<Running>>,
    on: std::sync::atomic::AtomicBool,
}

impl Demo {
    pub fn is_on(&self) -> bool {
        self.on.load(std::sync::atomic::Ordering::Acquire)
    }
}

/// v5's description of its mock fleet, with the numbers of ours.
pub fn v5_config() -> Value {
    json!({
        "NodeCount": 4,
        "VMsPerNode": 15,
        "LXCsPerNode": 22,
        "DockerHostCount": 0,
        "DockerContainersPerHost": 0,
        "GenericHostCount": HOSTS,
        "K8sClusterCount": 0,
        "K8sNodesPerCluster": 0,
        "K8sPodsPerCluster": 0,
        "K8sDeploymentsPerCluster": 0,
        "RandomMetrics": true,
        "HighLoadNodes": null,
        "StoppedPercent": 0.1,
    })
}

/// Turns demo mode on or off; on return the state shows (none of) it.
pub async fn switch(app: &App, on: bool) -> anyhow::Result<()> {
    let mut running = app.demo.running.lock().await;
    if running.is_some() == on {
        return Ok(());
    }
    if on {
        *running = Some(start(app).await?);
    } else if let Some(demo) = running.take() {
        stop(app, demo).await?;
    }
    app.demo.on.store(on, std::sync::atomic::Ordering::Release);
    app.store
        .settings()
        .put(SETTING, &on, jiff::Timestamp::now())
        .await?;
    tracing::info!(on, "demo mode switched");
    Ok(())
}

async fn start(app: &App) -> anyhow::Result<Running> {
    let datacenter = Datacenter::new(Fleet::M, SEED, Clock::real());
    let server = datacenter
        .serve(([127, 0, 0, 1], 0).into(), Tls::SelfSigned)
        .await
        .context("the simulated datacenter could not listen on loopback")?;
    let mut instances = Vec::new();
    for (cluster, url) in server.urls.iter().enumerate() {
        let name = if cluster == 0 {
            PREFIX.to_owned()
        } else {
            format!("{PREFIX}-{}", cluster + 1)
        };
        let fingerprint = server
            .nodes
            .iter()
            .find(|node| node.cluster == cluster)
            .map(|node| node.fingerprint.clone())
            .unwrap_or_default();
        let options = PveOptions::new(
            ServerAddress::parse(url, 8006).map_err(|e| anyhow::anyhow!("{e}"))?,
            TlsMode::resolve(true, &fingerprint).map_err(|e| anyhow::anyhow!("{e}"))?,
            Credentials::Token {
                id: server.api_token.id.clone(),
                secret: Secret::new(server.api_token.secret.clone()),
            },
        );
        let client = PveClient::new(options)?;
        app.inventory
            .add_instance(&name, InstanceKind::Pve, true)
            .await;
        app.runner.start(PveSource {
            client: ClusterClient::new(name.clone(), [(None, client)]),
            host: url.clone(),
            guest_url: String::new(),
            cluster: datacenter.cluster_name(cluster).map(|_| name.clone()),
            endpoints: Vec::new(),
            vms: true,
            containers: true,
            storage: true,
            extent: pulse_collect::Extent {
                skip_backend: crate::sources::watched_backends(app),
                ..pulse_collect::Extent::default()
            },
            interval_seconds: app.config.pve_interval,
            demo: true,
            name: name.clone(),
        });
        instances.push(InstanceKey::new(InstanceKind::Pve, &name));
    }
    let appliances = datacenter
        .serve_appliances(([127, 0, 0, 1], 0).into())
        .await
        .context("the simulated backup server could not listen on loopback")?;
    for appliance in &appliances {
        instances.push(watch(app, appliance).await?);
    }
    let agents = tokio::spawn(agents(app.downgrade(), datacenter));
    Ok(Running {
        _server: server,
        _appliances: appliances,
        instances,
        agents,
    })
}

/// Polls a simulated backup server or mail gateway.
async fn watch(app: &App, appliance: &Appliance) -> anyhow::Result<InstanceKey> {
    let (kind, port) = match appliance.product {
        Product::BackupServer => (InstanceKind::Pbs, 8007),
        Product::MailGateway => (InstanceKind::Pmg, 8006),
    };
    let name = format!("{PREFIX}-{}", appliance.name);
    let credentials = match &appliance.api_token {
        Some(token) => Credentials::Token {
            id: token.id.clone(),
            secret: Secret::new(token.secret.clone()),
        },
        None => Credentials::Password {
            user: appliance.user.clone(),
            password: Secret::new(appliance.password.clone()),
        },
    };
    let options = PveOptions::new(
        ServerAddress::parse(&appliance.url, port).map_err(|e| anyhow::anyhow!("{e}"))?,
        TlsMode::resolve(true, &appliance.fingerprint).map_err(|e| anyhow::anyhow!("{e}"))?,
        credentials,
    );
    app.inventory.add_instance(&name, kind, true).await;
    let key = InstanceKey::new(kind, &name);
    let (host, guest_url) = (appliance.url.clone(), String::new());
    match appliance.product {
        Product::BackupServer => app.runner.start(PbsSource {
            client: Arc::new(PbsClient::new(options)?),
            host,
            guest_url,
            extent: PbsExtent::default(),
            interval_seconds: DEMO_INTERVAL,
            demo: true,
            name,
        }),
        Product::MailGateway => app.runner.start(PmgSource {
            client: Arc::new(PmgClient::new(options)?),
            host,
            guest_url,
            mail_stats: true,
            queues: true,
            quarantine: true,
            interval_seconds: DEMO_INTERVAL,
            demo: true,
            name,
        }),
    }
    Ok(key)
}

/// Reports of the simulated hosts, one after the other over the interval.
async fn agents(app: std::sync::Weak<crate::app::Parts>, datacenter: Datacenter) {
    let fleet = pulse_sim::HostFleet::of(&datacenter, HOSTS);
    let mut turn = tokio::time::interval(HOST_INTERVAL / HOSTS as u32);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut next = 0;
    loop {
        turn.tick().await;
        let Some(app) = app.upgrade().map(App::from) else {
            return;
        };
        let report = fleet.host_report(next, now().millis());
        match serde_json::from_value::<HostReport>(report) {
            Ok(report) => take(&app, report).await,
            Err(error) => tracing::error!(%error, "a simulated report is not readable"),
        }
        next = (next + 1) % HOSTS;
    }
}

async fn take(app: &App, mut report: HostReport) {
    report.host.id = format!("{PREFIX}-{}", report.host.hostname);
    report.agent.interval_seconds = HOST_INTERVAL.as_secs() as i64;
    let received = now();
    let snapshot = app.inventory.snapshot();
    match app.ingest.host(&report, None, &snapshot, received, true) {
        Ok(host) => {
            app.inventory
                .report(SourceReport {
                    at: received,
                    demo: true,
                    body: ReportBody::Host(Box::new(host)),
                })
                .await;
        }
        Err(error) => tracing::error!(%error, "a simulated report was refused"),
    }
}

async fn stop(app: &App, mut demo: Running) -> anyhow::Result<()> {
    for key in &demo.instances {
        app.runner.stop(key).await;
    }
    demo.agents.abort();
    // A report under way must not arrive after everything was forgotten. The task ends with an
    // error, as meant.
    let _ = (&mut demo.agents).await;
    drop(demo);
    app.inventory.forget_demo().await;
    app.forget_history(is_demo_id).await.context("history")?;
    Ok(())
}

/// Whether an id belongs to demo data.
pub fn is_demo_id(id: &str) -> bool {
    // Datastores are stored under the id of their server.
    let id = id
        .strip_prefix("pbs-")
        .or_else(|| id.strip_prefix("pmg-"))
        .unwrap_or(id);
    id.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
}

/// Whether a real node may have this name.
pub fn is_reserved(name: &str) -> bool {
    is_demo_id(&name.trim().to_lowercase())
}

impl From<Arc<crate::app::Parts>> for App {
    fn from(parts: Arc<crate::app::Parts>) -> Self {
        Self::of(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_demo_id, is_reserved};

    #[test]
    fn demo_ids_are_told_from_real_ones() {
        assert!(is_demo_id("pulse-demo:pve1:100"));
        assert!(is_demo_id("pulse-demo-2-pve1"));
        assert!(is_demo_id("pbs-pulse-demo-pbs1-main"));
        assert!(!is_demo_id("pbs-main-pulse-demo"));
        assert!(!is_demo_id("pulse-demonstration"));
        assert!(!is_demo_id("pve1"));
        assert!(is_reserved(" Pulse-Demo "));
    }
}
