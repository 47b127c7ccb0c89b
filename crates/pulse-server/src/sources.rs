//! From stored node records to running pollers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulse_collect::{
    EndpointName, InstanceKey, PbsExtent, PbsSource, PmgSource, PveSource, SkipBackend,
};
use pulse_core::InstanceKind;
use pulse_proxmox::cluster::{Member, plan_endpoints};
use pulse_proxmox::{
    ClusterClient, Credentials, Error, Meter, PbsClient, PmgClient, PveApi as _, PveClient,
    PveOptions, ServerAddress, TlsMode,
};
use pulse_store::{NodeKind, NodeRecord};

use crate::app::App;
use crate::config::Config;

/// Seconds between polls of a backup server.
const PBS_INTERVAL: u32 = 60;
/// Seconds between polls of a mail gateway.
const PMG_INTERVAL: u32 = 60;

/// The runner's name of a stored node.
pub fn key(kind: NodeKind, name: &str) -> InstanceKey {
    InstanceKey::new(instance_kind(kind), name)
}

/// Why a record cannot be polled as it stands.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{0}: {1}")]
    Address(String, String),
    #[error("{0}: {1}")]
    Credentials(String, pulse_proxmox::CredentialsError),
    #[error(
        "{0}: the certificate fingerprint is not 32 bytes in hex; copy it from the node's certificate page"
    )]
    Fingerprint(String),
    #[error(transparent)]
    Client(#[from] Error),
}

/// Makes clients of records and keeps the runner in step with the store.
pub struct Sources {
    interval: u32,
    deadline: Duration,
    meter: Arc<Meter>,
    /// What was asked of each instance; all of it counts in `meter`, too.
    meters: Mutex<BTreeMap<InstanceKey, Arc<Meter>>>,
    changes: tokio::sync::Mutex<()>,
}

impl Sources {
    pub fn new(config: &Config) -> Self {
        Self {
            interval: config.pve_interval,
            deadline: config.connection_timeout,
            meter: Arc::default(),
            meters: Mutex::default(),
            changes: tokio::sync::Mutex::default(),
        }
    }

    /// Held while nodes are added, changed or removed: one change at a time.
    pub async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changes.lock().await
    }

    /// What was asked of all Proxmox servers.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn meters(&self) -> MutexGuard<'_, BTreeMap<InstanceKey, Arc<Meter>>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The meter of an instance; it stays the same when the instance is edited.
    pub fn meter_of(&self, key: InstanceKey) -> Arc<Meter> {
        let new = || Arc::new(Meter::within(Arc::clone(&self.meter)));
        Arc::clone(self.meters().entry(key).or_insert_with(new))
    }

    /// How one address is asked with a record's credentials.
    pub fn options(
        &self,
        record: &NodeRecord,
        host: &str,
        fingerprint: &str,
    ) -> Result<PveOptions, SourceError> {
        let address = ServerAddress::parse(host, record.kind.default_port())
            .map_err(|error| SourceError::Address(record.name.clone(), error.to_string()))?;
        let tls = TlsMode::resolve(record.verify_ssl, fingerprint)
            .map_err(|_| SourceError::Fingerprint(record.name.clone()))?;
        let realm = match record.kind {
            NodeKind::Pmg => pulse_proxmox::pmg::REALM,
            NodeKind::Pbs => pulse_proxmox::pbs::REALM,
            NodeKind::Pve => "pam",
        };
        let credentials = Credentials::resolve_in(
            realm,
            &record.user,
            &record.password,
            &record.token_name,
            &record.token_value,
        )
        .map_err(|error| SourceError::Credentials(record.name.clone(), error))?;
        let mut options = PveOptions::new(address, tls, credentials);
        options.max_deadline = self.deadline;
        options.meter = self.meter_of(key(record.kind, &record.name));
        Ok(options)
    }

    /// A client of one address with a record's credentials.
    pub fn client(
        &self,
        record: &NodeRecord,
        host: &str,
        fingerprint: &str,
    ) -> Result<PveClient, SourceError> {
        Ok(PveClient::new(self.options(record, host, fingerprint)?)?)
    }

    /// What the collector polls for a backup server.
    pub fn pbs_source(&self, record: &NodeRecord) -> Result<PbsSource, SourceError> {
        let options = self.options(record, &record.host, &record.fingerprint)?;
        let switches = &record.monitor;
        Ok(PbsSource {
            name: record.name.clone(),
            client: Arc::new(PbsClient::new(options)?),
            host: record.host.clone(),
            guest_url: record.guest_url.clone(),
            extent: PbsExtent {
                datastores: switches.datastores,
                backups: switches.backups,
                sync_jobs: switches.sync_jobs,
                verify_jobs: switches.verify_jobs,
                prune_jobs: switches.prune_jobs,
                garbage_jobs: switches.garbage_jobs,
                ..PbsExtent::default()
            },
            interval_seconds: PBS_INTERVAL,
            demo: false,
        })
    }

    /// What the collector polls for a mail gateway.
    pub fn pmg_source(&self, record: &NodeRecord) -> Result<PmgSource, SourceError> {
        let options = self.options(record, &record.host, &record.fingerprint)?;
        Ok(PmgSource {
            name: record.name.clone(),
            client: Arc::new(PmgClient::new(options)?),
            host: record.host.clone(),
            guest_url: record.guest_url.clone(),
            mail_stats: record.monitor.mail_stats,
            queues: record.monitor.queues,
            quarantine: record.monitor.quarantine,
            interval_seconds: PMG_INTERVAL,
            demo: false,
        })
    }

    /// What the collector polls for a record.
    pub fn source(&self, record: &NodeRecord) -> Result<PveSource, SourceError> {
        let own = ServerAddress::parse(&record.host, record.kind.default_port())
            .map_err(|error| SourceError::Address(record.name.clone(), error.to_string()))?;
        let members: Vec<Member> = record
            .cluster_endpoints
            .iter()
            // The last detection found these silent or foreign.
            .filter(|endpoint| endpoint.pulse_reachable != Some(false))
            .map(|endpoint| Member {
                node: endpoint.node_name.clone(),
                host: endpoint.host.clone(),
                ip: endpoint.ip.clone(),
                ip_override: endpoint.ip_override.clone(),
            })
            .collect();
        let by_name = record.verify_ssl && record.fingerprint.is_empty();
        let mut clients = Vec::new();
        let mut endpoints = Vec::new();
        for planned in plan_endpoints(&own, &members, by_name) {
            let member = record
                .cluster_endpoints
                .iter()
                .find(|e| Some(&e.node_name) == planned.node.as_ref());
            let fingerprint = match member {
                // Each member shows a certificate of its own.
                Some(member) if planned.address != own => &member.fingerprint,
                _ => &record.fingerprint,
            };
            // The cluster's ports are those of the server that was entered.
            let address = if member.is_some_and(|m| m.ip_override.contains(':')) {
                planned.address.clone()
            } else {
                planned.address.with_port(own.port())
            };
            let url = address.to_string();
            clients.push((
                planned.node.clone(),
                self.client(record, &url, fingerprint)?,
            ));
            if let Some(member) = member {
                endpoints.push(EndpointName {
                    node: member.node_name.clone(),
                    url,
                    guest_url: member.guest_url.clone(),
                });
            }
        }
        let clustered = record.is_cluster && !record.cluster_name.is_empty();
        Ok(PveSource {
            name: record.name.clone(),
            client: ClusterClient::new(record.name.clone(), clients),
            host: record.host.clone(),
            guest_url: record.guest_url.clone(),
            cluster: clustered.then(|| record.cluster_name.clone()),
            endpoints,
            vms: record.monitor.vms,
            containers: record.monitor.containers,
            storage: record.monitor.storage,
            extent: pulse_collect::Extent {
                backups: record.monitor.backups,
                disks: record.monitor.physical_disks != Some(false),
                ..pulse_collect::Extent::default()
            },
            interval_seconds: self.interval,
            demo: false,
        })
    }

    /// Starts polling a record; a record that cannot be polled is shown with its reason.
    pub async fn start(&self, app: &App, record: &NodeRecord) {
        let kind = instance_kind(record.kind);
        app.inventory.add_instance(&record.name, kind, false).await;
        let runner = &app.runner;
        let started = match record.kind {
            NodeKind::Pve => self.source(record).map(|mut source| {
                source.extent.skip_backend = watched_backends(app);
                runner.start(source);
            }),
            NodeKind::Pbs => self.pbs_source(record).map(|source| runner.start(source)),
            NodeKind::Pmg => self.pmg_source(record).map(|source| runner.start(source)),
        };
        if let Err(error) = started {
            tracing::warn!(node = record.name, %error, "node is not polled");
            let body = pulse_core::ReportBody::PollFailed {
                instance: record.name.clone(),
                kind,
                failure: pulse_core::PollFailure {
                    message: error.to_string(),
                    auth: false,
                    transient: false,
                },
            };
            let (at, demo) = (crate::app::now(), false);
            app.inventory
                .report(pulse_core::SourceReport { at, demo, body })
                .await;
        }
    }

    /// Polls with changed settings; what is known stays until the first answer.
    pub async fn restart(&self, app: &App, record: &NodeRecord) {
        app.runner.stop(&key(record.kind, &record.name)).await;
        self.start(app, record).await;
    }

    /// Stops polling and forgets what came from a node.
    pub async fn stop(&self, app: &App, kind: NodeKind, name: &str) {
        app.runner.stop(&key(kind, name)).await;
        self.meters().remove(&key(kind, name));
        app.inventory
            .remove_instance(instance_kind(kind), name)
            .await;
    }

    /// Starts everything that is stored.
    pub async fn load(&self, app: &App) -> anyhow::Result<()> {
        for record in app.store.nodes().all().await? {
            self.start(app, &record).await;
        }
        Ok(())
    }
}

/// Backups on a backup server that is watched itself are listed by that one.
pub(crate) fn watched_backends(app: &App) -> SkipBackend {
    let inventory = app.inventory.clone();
    SkipBackend::new(move |backend| inventory.snapshot().watches_backend(backend))
}

/// What asking a server for its cluster tells.
#[derive(Clone, Debug, Default)]
pub struct ClusterFacts {
    pub is_cluster: bool,
    pub name: String,
    /// Node names with the addresses that the cluster uses.
    pub members: Vec<(String, String, bool)>,
    pub node_count: usize,
}

/// Asks a server whether it is part of a cluster.
pub async fn cluster_facts(client: &PveClient) -> Result<ClusterFacts, Error> {
    let rows = client.cluster_status().await?.items;
    let cluster = rows.iter().find(|row| row.kind == "cluster");
    let members: Vec<_> = rows
        .iter()
        .filter(|row| row.kind == "node")
        .map(|row| {
            (
                row.name.clone(),
                row.ip.clone().unwrap_or_default(),
                row.online.unwrap_or(false),
            )
        })
        .collect();
    Ok(ClusterFacts {
        is_cluster: cluster.is_some(),
        name: cluster.map(|row| row.name.clone()).unwrap_or_default(),
        node_count: members.len(),
        members,
    })
}

/// The model's word for a kind of stored node.
pub fn instance_kind(kind: NodeKind) -> InstanceKind {
    match kind {
        NodeKind::Pve => InstanceKind::Pve,
        NodeKind::Pbs => InstanceKind::Pbs,
        NodeKind::Pmg => InstanceKind::Pmg,
    }
}
