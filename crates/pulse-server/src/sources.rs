//! From stored node records to running pollers.

use std::sync::Arc;
use std::time::Duration;

use pulse_collect::{EndpointName, PveSource};
use pulse_core::{InstanceKind, Secret};
use pulse_proxmox::{
    ClusterClient, Credentials, Error, Meter, PveApi as _, PveClient, PveOptions, ServerAddress,
    TlsMode,
};
use pulse_store::{NodeKind, NodeRecord};

use crate::app::App;
use crate::config::Config;

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
}

impl Sources {
    pub fn new(config: &Config) -> Self {
        Self {
            interval: config.pve_interval,
            deadline: config.connection_timeout,
            meter: Arc::default(),
        }
    }

    /// What was asked of all Proxmox servers.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// A client of one address with a record's credentials.
    pub fn client(
        &self,
        record: &NodeRecord,
        host: &str,
        fingerprint: &str,
    ) -> Result<PveClient, SourceError> {
        let address = ServerAddress::parse(host, record.kind.default_port())
            .map_err(|error| SourceError::Address(record.name.clone(), error.to_string()))?;
        let tls = TlsMode::resolve(record.verify_ssl, fingerprint)
            .map_err(|_| SourceError::Fingerprint(record.name.clone()))?;
        let credentials = Credentials::resolve(
            &record.user,
            &record.password,
            &record.token_name,
            &record.token_value,
        )
        .map_err(|error| SourceError::Credentials(record.name.clone(), error))?;
        let mut options = PveOptions::new(address, tls, credentials);
        options.max_deadline = self.deadline;
        options.meter = Arc::clone(&self.meter);
        Ok(PveClient::new(options)?)
    }

    /// What the collector polls for a record.
    pub fn source(&self, record: &NodeRecord) -> Result<PveSource, SourceError> {
        let mut clients = Vec::new();
        let mut endpoints = Vec::new();
        for endpoint in &record.cluster_endpoints {
            let host = if endpoint.ip_override.is_empty() {
                &endpoint.host
            } else {
                &endpoint.ip_override
            };
            let address = ServerAddress::parse(host, 8006).map_err(|error| {
                SourceError::Address(endpoint.node_name.clone(), error.to_string())
            })?;
            let client = self.client(record, host, &endpoint.fingerprint)?;
            clients.push((Some(endpoint.node_name.clone()), client));
            endpoints.push(EndpointName {
                node: endpoint.node_name.clone(),
                url: format!("https://{}", address.authority()),
                guest_url: endpoint.guest_url.clone(),
            });
        }
        if clients.is_empty() {
            clients.push((
                None,
                self.client(record, &record.host, &record.fingerprint)?,
            ));
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
            interval_seconds: self.interval,
            demo: false,
        })
    }

    /// Starts polling a record; a record that cannot be polled is shown with its reason.
    pub async fn start(&self, app: &App, record: &NodeRecord) {
        if record.kind != NodeKind::Pve {
            return;
        }
        app.inventory
            .add_instance(&record.name, InstanceKind::Pve, false)
            .await;
        match self.source(record) {
            Ok(source) => app.runner.start(source),
            Err(error) => {
                tracing::warn!(node = record.name, %error, "node is not polled");
                app.inventory
                    .report(pulse_core::SourceReport {
                        at: crate::app::now(),
                        demo: false,
                        body: pulse_core::ReportBody::PollFailed {
                            instance: record.name.clone(),
                            kind: InstanceKind::Pve,
                            failure: pulse_core::PollFailure {
                                message: error.to_string(),
                                auth: false,
                                transient: false,
                            },
                        },
                    })
                    .await;
            }
        }
    }

    /// Stops polling and forgets what came from a node.
    pub async fn stop(&self, app: &App, name: &str) {
        app.runner.stop(name).await;
        app.inventory.remove_instance(name).await;
    }

    /// Starts everything that is stored.
    pub async fn load(&self, app: &App) -> anyhow::Result<()> {
        for record in app.store.nodes().all().await? {
            self.start(app, &record).await;
        }
        Ok(())
    }
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

/// A secret that a request gave, or the stored one when it gave none.
pub fn given_or(given: Option<String>, stored: &Secret) -> Secret {
    match given {
        Some(text) if !text.is_empty() => Secret::new(text),
        _ => stored.clone(),
    }
}
