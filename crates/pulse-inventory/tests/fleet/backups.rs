//! Whose backups are on a backup server, and when a guest was backed up last.
//!
//! Scenario B17 of the monitoring chapter, §5.8 and §5.10.

use std::collections::BTreeMap;

use proptest::prelude::*;
use pulse_core::{
    Attribution, BackupGroup, BackupKind, Bytes, Datastore, InstanceHealth, Liveness, Namespace,
    NamespaceGroups, PbsInstance, PbsReport, PbsSnapshot, PveFact, ReportBody, SourceReport,
    Storage, StorageStatus, Timestamp, Verification,
};

use crate::facts::backups;
use crate::world::World;

pub fn snapshot(time: i64, comment: &str) -> PbsSnapshot {
    PbsSnapshot {
        time: Timestamp::from_secs(time),
        size: Some(Bytes(10)),
        protected: false,
        encrypted: false,
        verification: Verification::None,
        comment: comment.into(),
        files: std::iter::empty::<std::sync::Arc<str>>().collect(),
    }
}

pub fn group(
    kind: BackupKind,
    id: &str,
    namespace: &str,
    owner: &str,
    snapshots: Vec<PbsSnapshot>,
) -> BackupGroup {
    BackupGroup {
        instance: "vault".into(),
        datastore: "main".into(),
        namespace: namespace.into(),
        kind,
        backup_id: id.into(),
        owner: owner.into(),
        attribution: Attribution::None,
        snapshots,
    }
}

/// Clusters with guests named `g<vmid>`, or by [`Fleet::name`], and one backup server.
struct Fleet {
    world: World,
    /// Instance → `server:datastore[/namespace]` of its storages.
    storages: BTreeMap<String, Vec<String>>,
}

impl Fleet {
    /// `("north", "204 ct7")`
    fn new(clusters: &[(&str, &str)]) -> Self {
        let mut world = World::new();
        for (name, guests) in clusters {
            let node = format!("{name}-a");
            let specs: Vec<String> = guests
                .split_whitespace()
                .map(|id| format!("{id}@{node}"))
                .collect();
            let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
            world = world.cluster(name, &[&node]).guests(name, &specs);
        }
        Self {
            world,
            storages: BTreeMap::new(),
        }
    }

    fn storage(mut self, instance: &str, backend: &str) -> Self {
        let list = self.storages.entry(instance.to_owned()).or_default();
        list.push(backend.to_owned());
        self
    }

    fn name(mut self, instance: &str, vmid: u32, name: &str) -> Self {
        let guests = &mut self.world.pve(instance).guests;
        name.clone_into(&mut guests.get_mut(&vmid).unwrap().name);
        self
    }

    fn poll(&mut self, instance: &str) {
        let at = self.world.now;
        let mut report = self.world.pve(instance).report(at);
        if let ReportBody::Pve(pve) = &mut report.body {
            let own = self.storages.get(instance).into_iter().flatten();
            let own = own.map(|backend| pbs_storage(instance, backend, at));
            pve.storages.get_or_insert_default().extend(own);
        }
        self.world.inventory.apply(report);
    }

    fn poll_all(mut self) -> Self {
        let names: Vec<String> = self.world.instances.keys().cloned().collect();
        for name in names {
            self.poll(&name);
        }
        self
    }

    fn vault(&mut self, groups: Vec<BackupGroup>) {
        let mut namespaces: BTreeMap<String, Vec<BackupGroup>> = BTreeMap::new();
        namespaces.entry(String::new()).or_default();
        for group in groups {
            let slot = namespaces.entry(group.namespace.to_string()).or_default();
            slot.push(group);
        }
        let at = self.world.now;
        let report = PbsReport {
            interval_seconds: 60,
            server: server(at, &namespaces),
            datastores_read: true,
            groups: namespaces
                .into_iter()
                .map(|(namespace, groups)| NamespaceGroups {
                    datastore: "main".into(),
                    namespace,
                    groups,
                })
                .collect(),
            ..PbsReport::default()
        };
        self.world.inventory.apply(SourceReport {
            at,
            demo: false,
            body: ReportBody::Pbs(Box::new(report)),
        });
    }

    /// Whose the only group is, in short.
    fn owner(&mut self) -> String {
        let snapshot = self.world.snapshot();
        match &snapshot.backup_groups[0].attribution {
            Attribution::Guest { instance, vmid, .. } => format!("{instance}:{vmid}"),
            Attribution::Ambiguous(names) => format!("{}?", names.join("|")),
            Attribution::None => "none".to_owned(),
        }
    }

    fn last_backup(&mut self, instance: &str, vmid: u32) -> Option<i64> {
        let snapshot = self.world.snapshot();
        let guest = snapshot
            .guests()
            .find(|guest| guest.instance == instance && guest.vmid == vmid);
        guest.unwrap().last_backup.map(Timestamp::secs)
    }
}

fn server(at: Timestamp, namespaces: &BTreeMap<String, Vec<BackupGroup>>) -> PbsInstance {
    PbsInstance {
        id: "pbs-vault".into(),
        name: "vault".into(),
        host: "https://10.0.0.9:8007".into(),
        online: true,
        health: InstanceHealth::Healthy,
        datastores: vec![Datastore {
            name: "main".into(),
            total: Bytes(100),
            used: Bytes(40),
            available: Bytes(55),
            namespaces: namespaces
                .keys()
                .map(|path| Namespace {
                    path: path.clone(),
                    ..Namespace::default()
                })
                .collect(),
            seen: at,
            ..Datastore::default()
        }],
        seen: at,
        ..PbsInstance::default()
    }
}

fn pbs_storage(instance: &str, backend: &str, at: Timestamp) -> Storage {
    Storage {
        id: format!("{instance}-cluster-{backend}"),
        name: "backups".into(),
        node: "cluster".into(),
        instance: instance.into(),
        source: instance.into(),
        nodes: vec![format!("{instance}-a")],
        kind: "pbs".into(),
        status: StorageStatus::Available,
        total: Bytes(100),
        used: Bytes(40),
        free: Bytes(55),
        content: "backup".into(),
        shared: true,
        enabled: true,
        active: true,
        zfs_pool: None,
        thin_pool: None,
        backend: backend.into(),
        seen: at,
        liveness: Liveness::Fresh,
    }
}

fn vm(id: &str, namespace: &str, comment: &str) -> BackupGroup {
    group(
        BackupKind::Vm,
        id,
        namespace,
        "backup@pbs!pve",
        vec![snapshot(500, comment), snapshot(400, "")],
    )
}

/// Whose a backup is in a fleet of two clusters that both have a VM 100.
fn check(fleet: Fleet, backup: BackupGroup, expect: &str) {
    let mut fleet = fleet.poll_all();
    let shown = format!("{backup:?}");
    fleet.vault(vec![backup]);
    assert_eq!(fleet.owner(), expect, "{shown}");
}

fn twins() -> Fleet {
    Fleet::new(&[("cl1", "100 101"), ("north", "100 204 ct7")])
}

#[test]
fn evidence_decides_whose_a_backup_is() {
    // B17: nothing tells.
    check(twins(), vm("100", "", ""), "cl1|north?");
    // The only one with the number, and the kind.
    check(twins(), vm("204", "", ""), "north:204");
    check(twins(), vm("7", "", ""), "none");
    check(twins(), vm("999", "", ""), "none");
    let ct = group(BackupKind::Ct, "7", "", "root@pam", vec![snapshot(1, "")]);
    check(twins(), ct, "north:7");
    let host = group(
        BackupKind::Host,
        "100",
        "",
        "root@pam",
        vec![snapshot(1, "")],
    );
    check(twins(), host, "none");
    // The storage's definition.
    let bound = || twins().storage("cl1", "10.0.0.9:main");
    check(bound(), vm("100", "", ""), "cl1:100");
    check(bound(), vm("100", "other", ""), "cl1|north?");
    // North's 204 is not what cl1 put there: that one is gone.
    check(bound(), vm("204", "", ""), "none");
    // Two clusters in one namespace.
    let both = || bound().storage("north", "10.0.0.9:main");
    check(both(), vm("100", "", ""), "cl1|north?");
    let named = both().name("north", 100, "mail");
    check(named, vm("100", "", "mail"), "north:100");
    // Another server's datastore of the same name.
    let elsewhere = twins().storage("cl1", "10.0.0.8:main");
    check(elsewhere, vm("100", "", ""), "cl1|north?");
    // The same server by another name may be meant.
    let maybe = bound().storage("north", "vault.example:main");
    check(maybe, vm("100", "", ""), "cl1|north?");
}

#[test]
fn names_are_evidence_too() {
    check(twins(), vm("100", "North", ""), "north:100");
    check(twins(), vm("100", "sites/cl1/daily", ""), "cl1:100");
    check(twins(), vm("204", "cl1", ""), "none");
    check(twins(), vm("100", "", "cl1, g100, 100"), "cl1:100");
    let named = || twins().name("north", 100, "mail").name("cl1", 100, "web");
    check(named(), vm("100", "", "Web (weekly)"), "cl1:100");
    check(named(), vm("100", "", "webmail"), "cl1|north?");
    let mut owned = vm("100", "", "");
    owned.owner = "backup@pbs!north".into();
    check(twins(), owned, "north:100");
    // Evidence that contradicts itself decides nothing.
    check(named(), vm("100", "cl1", "mail"), "cl1|north?");
}

#[test]
fn an_instance_that_never_answered_may_have_the_same_number() {
    let mut fleet = twins();
    let kind = pulse_core::InstanceKind::Pve;
    fleet.world.inventory.add_instance("cl1", kind, false);
    fleet.poll("north");
    fleet.vault(vec![vm("100", "", "")]);
    assert_eq!(fleet.owner(), "north?");
    fleet.poll("cl1");
    assert_eq!(fleet.owner(), "cl1|north?");
}

#[test]
fn the_last_backup_follows_the_backups() {
    let mut fleet = twins().storage("cl1", "10.0.0.9:main").poll_all();
    fleet.vault(vec![vm("100", "", "")]);
    assert_eq!(fleet.last_backup("cl1", 100), Some(500));
    assert_eq!(fleet.last_backup("north", 100), None);
    // Polls of the cluster keep it.
    fleet.world.now = fleet.world.now.plus_millis(10_000);
    fleet.poll("cl1");
    assert_eq!(fleet.last_backup("cl1", 100), Some(500));
    // One that is being written does not count yet.
    let mut writing = vm("100", "", "");
    writing.snapshots.insert(
        0,
        PbsSnapshot {
            size: None,
            ..snapshot(600, "")
        },
    );
    fleet.vault(vec![writing]);
    assert_eq!(fleet.last_backup("cl1", 100), Some(500));
    // The newer of both kinds.
    let local = |of: &[(u32, i64)]| -> Vec<PveFact> { vec![backups("nas", None, of)] };
    fleet.world.facts("cl1", local(&[(100, 700)]));
    assert_eq!(fleet.last_backup("cl1", 100), Some(700));
    fleet.world.facts("cl1", local(&[]));
    assert_eq!(fleet.last_backup("cl1", 100), Some(500));
    // Pruned: there is none any more.
    fleet.vault(vec![]);
    assert_eq!(fleet.last_backup("cl1", 100), None);
    assert!(fleet.world.snapshot().backup_groups.is_empty());
}

#[test]
fn backups_that_stay_the_same_are_not_sent_again() {
    let mut fleet = twins().storage("cl1", "10.0.0.9:main").poll_all();
    fleet.vault(vec![vm("100", "", "")]);
    let before = fleet.world.snapshot();
    fleet.vault(vec![vm("100", "", "")]);
    fleet.poll("north");
    let after = fleet.world.snapshot();
    assert!(std::sync::Arc::ptr_eq(
        &before.backup_groups,
        &after.backup_groups
    ));
    assert!(std::sync::Arc::ptr_eq(
        &before
            .storages
            .iter()
            .find(|s| s.id == "pbs-vault-main")
            .unwrap()
            .clone(),
        after
            .storages
            .iter()
            .find(|s| s.id == "pbs-vault-main")
            .unwrap(),
    ));
}

#[test]
fn a_removed_backup_server_takes_its_backups_along() {
    let mut fleet = twins().storage("cl1", "10.0.0.9:main").poll_all();
    fleet.vault(vec![vm("100", "", "")]);
    assert_eq!(fleet.last_backup("cl1", 100), Some(500));
    let kind = pulse_core::InstanceKind::Pbs;
    fleet.world.inventory.remove_instance(kind, "vault");
    assert_eq!(fleet.last_backup("cl1", 100), None);
}

/// 5,000 guests in 10 clusters with one numbering, 50,000 backups in a namespace each.
#[test]
fn attribution_of_a_large_fleet_is_cheap() {
    let names: Vec<String> = (0..10).map(|n| format!("c{n}")).collect();
    let ids: Vec<String> = (100..600).map(|id| id.to_string()).collect();
    let ids = ids.join(" ");
    let clusters: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), ids.as_str())).collect();
    let mut fleet = Fleet::new(&clusters);
    for name in &names {
        fleet = fleet.storage(name, &format!("10.0.0.9:main/ns-{name}"));
    }
    let mut fleet = fleet.poll_all();
    let groups = names.iter().flat_map(|name| {
        (100..600).map(move |id: u32| {
            let mut group = vm(&id.to_string(), &format!("ns-{name}"), "");
            group.snapshots = (0..10).rev().map(|n| snapshot(n * 86_400, "")).collect();
            group
        })
    });
    fleet.vault(groups.collect());
    let began = std::time::Instant::now();
    let all = fleet.world.snapshot();
    let first = began.elapsed();
    let sure = |group: &&std::sync::Arc<BackupGroup>| {
        matches!(&group.attribution, Attribution::Guest { instance, .. }
            if *group.namespace == *format!("ns-{instance}"))
    };
    assert_eq!(all.backup_groups.iter().filter(sure).count(), 5_000);
    // A poll that changes nothing but load.
    fleet.world.now = fleet.world.now.plus_millis(10_000);
    fleet.poll("c0");
    let began = std::time::Instant::now();
    fleet.world.snapshot();
    let later = began.elapsed();
    eprintln!("attributed in {first:?}; nothing changed: {later:?}");
    // Without optimisation, on a busy machine.
    assert!(later < std::time::Duration::from_millis(500), "{later:?}");
}

#[derive(Clone, Debug)]
struct Backup {
    cluster: usize,
    vmid: u32,
    noted: bool,
}

fn backup() -> impl Strategy<Value = Backup> {
    (0usize..3, 100u32..104, any::<bool>()).prop_map(|(cluster, vmid, noted)| Backup {
        cluster,
        vmid,
        noted,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Clusters write into namespaces of their own or into a shared one, with or without notes,
    /// and their definitions may or may not be readable: a backup is attributed to the cluster
    /// that made it, or to nobody.
    #[test]
    fn two_clusters_never_mix(
        shared in prop::collection::vec(any::<bool>(), 3),
        readable: bool,
        guests in prop::collection::vec(prop::collection::btree_set(100u32..104, 0..4), 3),
        backups in prop::collection::vec(backup(), 1..12),
    ) {
        let clusters = ["alpha", "beta", "gamma"];
        let lists: Vec<String> = guests
            .iter()
            .map(|ids| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
            .collect();
        let specs: Vec<(&str, &str)> =
            clusters.iter().copied().zip(lists.iter().map(String::as_str)).collect();
        let mut fleet = Fleet::new(&specs);
        let namespace = |cluster: usize| if shared[cluster] { "" } else { clusters[cluster] };
        for (number, name) in clusters.iter().enumerate() {
            for vmid in &guests[number] {
                fleet = fleet.name(name, *vmid, &format!("{name}-{vmid}"));
            }
            let place = match namespace(number) {
                "" => "10.0.0.9:main".to_owned(),
                namespace => format!("10.0.0.9:main/{namespace}"),
            };
            if readable {
                fleet = fleet.storage(name, &place);
            }
        }
        let mut fleet = fleet.poll_all();
        // One group per namespace and number: its maker is who wrote first.
        let mut made: BTreeMap<(String, u32), (usize, bool)> = BTreeMap::new();
        for backup in backups.iter().filter(|b| guests[b.cluster].contains(&b.vmid)) {
            let key = (namespace(backup.cluster).to_owned(), backup.vmid);
            made.entry(key).or_insert((backup.cluster, backup.noted));
        }
        let groups = made.iter().map(|((namespace, vmid), (maker, noted))| {
            let note = if *noted { format!("{}-{vmid}", clusters[*maker]) } else { String::new() };
            vm(&vmid.to_string(), namespace, &note)
        });
        fleet.vault(groups.collect());
        let snapshot = fleet.world.snapshot();
        for group in snapshot.backup_groups.iter() {
            let key = (group.namespace.to_string(), group.vmid().unwrap());
            let (maker, noted) = made[&key];
            match &group.attribution {
                Attribution::Guest { instance, .. } => prop_assert_eq!(&**instance, clusters[maker]),
                // Who has a namespace of his own, or a note, or a number of his own, is known.
                other => {
                    let alone = guests.iter().filter(|ids| ids.contains(&key.1)).count() == 1;
                    prop_assert!(shared[maker] && !noted && !alone, "{:?}", other);
                }
            }
        }
    }
}
