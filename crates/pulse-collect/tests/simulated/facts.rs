//! The slow lane: what is asked of an instance more seldom than its lists.

use std::collections::BTreeMap;

use pulse_collect::pve::Topic;
use pulse_core::{PveFact, Timestamp};
use pulse_sim::Effect;

use crate::lab::Lab;

/// How many facts there are of each kind.
fn kinds(facts: &[PveFact]) -> BTreeMap<&'static str, usize> {
    let mut found = BTreeMap::new();
    for fact in facts {
        let kind = match fact {
            PveFact::Disks { .. } => "disks",
            PveFact::ZfsPools { .. } => "zfs",
            PveFact::ThinPools { .. } => "thin",
            PveFact::Ceph(_) => "ceph",
            PveFact::Cluster(_) => "cluster",
            PveFact::Replication(_) => "replication",
            PveFact::BackupJobs { .. } => "backup jobs",
            PveFact::Tasks { .. } => "tasks",
            PveFact::StorageBackups { .. } => "storage backups",
            PveFact::BackupStorages(_) => "backup storages",
            PveFact::Snapshots { .. } => "snapshots",
            PveFact::Updates { .. } => "updates",
            PveFact::Certificates { .. } => "certificates",
            PveFact::Temperatures { .. } => "temperatures",
            PveFact::Gaps(_) => "gaps",
        };
        *found.entry(kind).or_default() += 1;
    }
    found
}

#[tokio::test]
async fn a_cluster_tells_everything_within_its_first_minutes() {
    let mut lab = Lab::small().await;
    lab.run(66).await;
    let facts = lab.facts();
    let kinds = kinds(&facts);
    for of_nodes in ["disks", "zfs", "thin", "updates", "certificates", "tasks"] {
        assert!(
            kinds.get(of_nodes).is_some_and(|n| *n >= 4),
            "{of_nodes}: {kinds:?}"
        );
    }
    for once in [
        "cluster",
        "replication",
        "backup jobs",
        "storage backups",
        "backup storages",
    ] {
        assert!(kinds.contains_key(once), "{once}: {kinds:?}");
    }
    assert!(kinds["snapshots"] >= 38, "{kinds:?}");
    // A token that may do everything runs into nothing.
    assert!(!kinds.contains_key("gaps"), "{facts:?}");
    let cluster = facts.iter().rev().find_map(|fact| match fact {
        PveFact::Cluster(Some(cluster)) => Some(cluster),
        _ => None,
    });
    let cluster = cluster.unwrap();
    assert_eq!((cluster.members.len(), cluster.quorate), (4, Some(true)));
    assert!(cluster.members.iter().all(|member| member.votes == Some(1)));
}

/// Scenario T20, and the periods of the rest.
#[tokio::test]
async fn questions_keep_their_periods() {
    let mut lab = Lab::small().await;
    lab.run(66).await;
    lab.sim.reset_requests();
    lab.run(30).await;
    // Five minutes, four nodes.
    let check = |part: &str, least: u64, most: u64| {
        let asked = lab.asked(part);
        assert!((least..=most).contains(&asked), "{part}: {asked}");
    };
    check("/cluster/status", 9, 11);
    check("/cluster/tasks", 9, 11);
    check("/cluster/replication", 4, 6);
    check("/disks/list", 3, 5);
    check("/apt/update", 0, 0);
    check("/certificates/info", 0, 0);
    check("/cluster/ceph", 0, 0);
    check("/cluster/backup", 2, 4);
    // Each guest once in about five minutes.
    check("/snapshot", 30, 48);
}

/// Scenarios T13, V34 and §2.19.
#[tokio::test]
async fn what_is_refused_is_told_and_left_alone_for_a_while() {
    let mut lab = Lab::small().await;
    lab.bend("*/disks/list", Effect::Forbidden { privilege: None });
    lab.run(3).await;
    let gaps = |facts: &[PveFact]| {
        facts.iter().rev().find_map(|fact| match fact {
            PveFact::Gaps(gaps) => Some(gaps.clone()),
            _ => None,
        })
    };
    let told = gaps(&lab.facts()).unwrap();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(
        told.iter()
            .all(|gap| gap.capability == "disks" && gap.status == 403)
    );
    let asked = lab.asked("/disks/list");
    lab.run(50).await;
    assert_eq!(lab.asked("/disks/list"), asked);
    lab.sim.heal();
    lab.run(15).await;
    assert_eq!(gaps(&lab.facts()), Some(Vec::new()));
}

/// Scenario B16: not offered is empty, a fault changes nothing.
#[tokio::test]
async fn a_fault_gives_no_fact_and_what_is_not_offered_gives_an_empty_one() {
    let mut lab = Lab::small().await;
    lab.bend(
        "/cluster/replication",
        Effect::Status {
            code: 500,
            reason: "broken".into(),
        },
    );
    lab.run(10).await;
    assert!(!kinds(&lab.facts()).contains_key("replication"));
    lab.sim.heal();
    lab.bend(
        "/cluster/replication",
        Effect::Status {
            code: 501,
            reason: "Method 'GET /cluster/replication' not implemented".into(),
        },
    );
    lab.run(10).await;
    let facts = lab.facts();
    let empty = |fact: &&PveFact| matches!(fact, PveFact::Replication(jobs) if jobs.is_empty());
    assert!(facts.iter().any(|fact| empty(&fact)), "{facts:?}");
}

#[tokio::test]
async fn what_is_hurried_is_asked_at_once() {
    let mut lab = Lab::small().await;
    lab.run(66).await;
    lab.facts();
    lab.sim.reset_requests();
    let (vmid, _) = lab.some("qemu");
    let now = Timestamp(lab.sim.clock().now());
    lab.poller.facts().hurry(&Topic::Snapshots(vmid), now);
    lab.poller
        .facts()
        .hurry(&Topic::Updates(String::new()), now);
    lab.settle().await;
    let of_guest =
        |fact: &&PveFact| matches!(fact, PveFact::Snapshots { vmid: of, .. } if *of == vmid);
    assert_eq!(lab.facts().iter().filter(of_guest).count(), 1);
    assert_eq!(lab.asked("/apt/update"), 4);
}
