//! Simulated clusters and backup servers together: every backup belongs to the cluster that made it.

use std::sync::Arc;
use std::time::Duration;

use pulse_collect::pbs::Poller as PbsPoller;
use pulse_collect::pve::Poller;
use pulse_collect::{PbsExtent, PbsSource, PveSource};
use pulse_core::{
    Attribution, InstanceKind, PollFailure, ReportBody, Secret, Snapshot, SourceReport, Timestamp,
};
use pulse_inventory::Inventory;
use pulse_proxmox::{
    ClusterClient, Credentials, PbsClient, PveClient, PveOptions, ServerAddress, TlsMode,
};
use pulse_sim::{
    Addresses, ApiToken, Appliance, Clock as SimClock, Datacenter, FleetSpec, Product, ServerFault,
    SimServer, Tls,
};

use crate::lab::START;

fn options(url: &str, fingerprint: &str, token: &ApiToken) -> PveOptions {
    let address = ServerAddress::parse(url, 8006).unwrap();
    let credentials = Credentials::Token {
        id: token.id.clone(),
        secret: Secret::new(token.secret.clone()),
    };
    let mut options = PveOptions::new(
        address,
        TlsMode::resolve(true, fingerprint).unwrap(),
        credentials,
    );
    options.max_deadline = Duration::from_secs(10);
    options
}

struct Site {
    sim: Datacenter,
    _server: SimServer,
    appliances: Vec<Appliance>,
    clusters: Vec<Poller>,
    vaults: Vec<PbsPoller>,
    inventory: Inventory,
}

impl Site {
    async fn new(spec: FleetSpec) -> Self {
        let sim = Datacenter::new(spec, 1, SimClock::manual(START));
        let at = ([127, 0, 0, 1], 0).into();
        let server = sim
            .serve_at(at, Tls::SelfSigned, Addresses::PerCluster)
            .await
            .unwrap();
        let appliances = sim.serve_appliances(at).await.unwrap();
        let mut inventory = Inventory::default();
        let clusters = server.nodes.iter().enumerate().map(|(number, node)| {
            let client =
                PveClient::new(options(&node.url, &node.fingerprint, &server.api_token)).unwrap();
            let name = format!("site{number}");
            inventory.add_instance(&name, InstanceKind::Pve, false);
            Poller::new(PveSource {
                name,
                client: ClusterClient::single(client),
                host: node.url.clone(),
                guest_url: String::new(),
                cluster: sim.cluster_name(number).map(str::to_owned),
                endpoints: Vec::new(),
                vms: true,
                containers: true,
                storage: true,
                extent: pulse_collect::Extent::default(),
                interval_seconds: 10,
                demo: false,
            })
        });
        let clusters = clusters.collect();
        let vaults = (appliances.iter())
            .filter(|appliance| appliance.product == Product::BackupServer)
            .map(|appliance| {
                inventory.add_instance(&appliance.name, InstanceKind::Pbs, false);
                let token = appliance.api_token.as_ref().unwrap();
                let options = options(&appliance.url, &appliance.fingerprint, token);
                PbsPoller::new(PbsSource {
                    name: appliance.name.clone(),
                    client: Arc::new(PbsClient::new(options).unwrap()),
                    host: appliance.url.clone(),
                    guest_url: String::new(),
                    extent: PbsExtent::default(),
                    interval_seconds: 60,
                    demo: false,
                })
            })
            .collect();
        Self {
            sim,
            _server: server,
            appliances,
            clusters,
            vaults,
            inventory,
        }
    }

    fn apply(&mut self, body: ReportBody) {
        let at = Timestamp(self.sim.clock().now());
        self.inventory.apply(SourceReport {
            at,
            demo: false,
            body,
        });
    }

    async fn poll_clusters(&mut self) {
        let now = self.sim.clock().now();
        let mut reports = Vec::new();
        for poller in &mut self.clusters {
            reports.push(poller.poll(&|| Timestamp(now)).await.unwrap());
        }
        for report in reports {
            self.apply(ReportBody::Pve(Box::new(report)));
        }
    }

    async fn poll_vaults(&mut self) -> Vec<PollFailure> {
        let now = self.sim.clock().now();
        let (mut bodies, mut failures) = (Vec::new(), Vec::new());
        for poller in &mut self.vaults {
            bodies.push(match poller.poll(&|| Timestamp(now)).await {
                Ok(report) => {
                    assert!(report.notes.is_empty(), "{:?}", report.notes);
                    ReportBody::Pbs(Box::new(report))
                }
                Err(failure) => {
                    failures.push(failure.clone());
                    ReportBody::PollFailed {
                        instance: poller.source().name.clone(),
                        kind: InstanceKind::Pbs,
                        failure,
                    }
                }
            });
        }
        for body in bodies {
            self.apply(body);
        }
        failures
    }

    fn snapshot(&mut self) -> Arc<Snapshot> {
        self.inventory.snapshot()
    }
}

#[tokio::test]
async fn backups_of_clusters_with_the_same_numbers_are_told_apart() {
    let mut site = Site::new(FleetSpec::new(4, 2, 20)).await;
    site.poll_clusters().await;
    assert_eq!(site.poll_vaults().await, []);
    let names: Vec<String> = (0..4)
        .map(|n| site.sim.cluster_name(n).unwrap_or_default().to_owned())
        .collect();
    let snapshot = site.snapshot();
    assert!(snapshot.backup_groups.len() > 20);
    let mut attributed = 0;
    for group in &*snapshot.backup_groups {
        match &group.attribution {
            Attribution::Guest { instance, vmid, .. } => {
                let number: usize = instance.trim_start_matches("site").parse().unwrap();
                assert_eq!(*group.namespace, *names[number], "{group:?}");
                assert_eq!(Some(*vmid), group.vmid());
                attributed += 1;
            }
            other => assert_eq!(*other, Attribution::None, "{group:?}"),
        }
    }
    assert!(
        attributed * 10 >= snapshot.backup_groups.len() * 8,
        "{attributed} of {}",
        snapshot.backup_groups.len()
    );
    assert!(snapshot.guests().any(|guest| guest.last_backup.is_some()));
    assert!(snapshot.pbs.iter().all(|pbs| !pbs.jobs.is_empty()));
}

#[tokio::test]
async fn a_backup_server_that_is_down_keeps_its_backups_and_comes_back() {
    let mut site = Site::new(FleetSpec::new(1, 2, 20)).await;
    site.poll_clusters().await;
    site.poll_vaults().await;
    let before = site.snapshot();
    site.appliances[0].break_with(ServerFault {
        down: true,
        ..ServerFault::default()
    });
    for _ in 0..4 {
        site.sim.clock().advance(Duration::from_secs(60));
        let failures = site.poll_vaults().await;
        assert!(failures[0].transient, "{failures:?}");
    }
    let down = site.snapshot();
    assert!(!down.pbs[0].online);
    assert!(Arc::ptr_eq(&before.backup_groups, &down.backup_groups));
    assert_eq!(
        before.pbs[0].datastores[0].used,
        down.pbs[0].datastores[0].used
    );
    assert_eq!(down.connection_health.get("pbs-pbs1"), Some(&false));
    site.appliances[0].break_with(ServerFault::default());
    assert_eq!(site.poll_vaults().await, []);
    assert!(site.snapshot().pbs[0].online);
}
