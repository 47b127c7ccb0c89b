//! What the collector reports is what the datacenter says.

use std::collections::{BTreeMap, BTreeSet};

use pulse_core::{GuestKind, InstanceHealth, MemorySource, StorageStatus, Unknown};
use pulse_sim::{AgentState, Fault, Fleet, FleetSpec};
use serde_json::Value;

use crate::lab::{Lab, Setup, guest, node};

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|s| s.parse().ok()))
        .unwrap_or(0)
}

#[tokio::test]
async fn a_fleet_is_reported_as_it_is() {
    let mut lab = Setup::of(Fleet::M).build().await;
    let report = lab.run(9).await;
    assert_eq!(report.health, InstanceHealth::Healthy);
    assert_eq!(report.notes, [""; 0]);
    let resources = lab.truth("/cluster/resources");
    let of = |kind: &str| {
        resources
            .iter()
            .filter(|r| r["type"] == kind && r["template"] != 1)
            .collect::<Vec<_>>()
    };

    let nodes = of("node");
    assert_eq!(report.nodes.len(), nodes.len());
    for row in nodes {
        let name = row["node"].as_str().unwrap();
        let found = node(&report, name);
        let cluster = lab.sim.cluster_name(0).unwrap();
        assert_eq!(found.id, format!("{cluster}-{name}"));
        assert!(found.online);
        assert_eq!(found.cpu.get(), row["cpu"].as_f64().unwrap());
        assert_eq!(found.uptime, number(&row["uptime"]));
        let status = lab.sim.get(0, &format!("/nodes/{name}/status"));
        let status: Value = serde_json::from_slice(&status.body).unwrap();
        let memory = &status["data"]["memory"];
        assert_eq!(found.memory.total.get(), number(&memory["total"]));
        assert_eq!(
            found.memory.used.get(),
            number(&memory["used"]),
            "{name} {:?}",
            found.memory.source
        );
        assert_ne!(found.memory.source, MemorySource::NodesEndpoint);
        let disk = &status["data"]["rootfs"];
        assert_eq!(
            found.disk.used.known().unwrap().get(),
            number(&disk["used"])
        );
        assert_eq!(found.pve_version, status["data"]["pveversion"]);
    }

    let guests = report.guests.as_ref().unwrap();
    let (vms, containers) = (of("qemu"), of("lxc"));
    assert_eq!(guests.len(), vms.len() + containers.len());
    let ids: BTreeSet<_> = guests.iter().map(|g| g.id.clone()).collect();
    assert_eq!(ids.len(), guests.len());
    for row in vms.iter().chain(&containers) {
        let found = guest(&report, number(&row["vmid"]) as u32);
        let place = row["node"].as_str().unwrap();
        assert_eq!(found.id, format!("lab:{place}:{}", found.vmid));
        assert_eq!(found.name, row["name"]);
        assert_eq!(found.kind.is_vm(), row["type"] == "qemu");
        assert_eq!(found.status.as_str(), row["status"], "{}", found.id);
        assert_eq!(
            found.memory.total.get(),
            number(&row["maxmem"]),
            "{}",
            found.id
        );
        assert!(found.memory.used <= found.memory.total);
        if found.kind == GuestKind::Lxc {
            assert_eq!(found.memory.used.get(), number(&row["mem"]));
            assert_eq!(found.cpu.get(), row["cpu"].as_f64().unwrap_or(0.0));
        } else if found.status.is_running() {
            assert_ne!(
                found.memory.source,
                MemorySource::ClusterResources,
                "{}",
                found.id
            );
        }
        if found.status.as_str() == "stopped" {
            assert_eq!(
                (found.uptime, found.memory.used.get()),
                (0, 0),
                "{}",
                found.id
            );
        }
    }
    check_details(&lab, &report);
}

/// After ninety seconds every agent was asked, and every container's configuration was read.
fn check_details(lab: &Lab, report: &pulse_core::PveReport) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for found in report
        .guests
        .iter()
        .flatten()
        .filter(|g| g.status.is_running())
    {
        if !found.kind.is_vm() {
            assert_ne!(found.os_name, "", "{}", found.id);
            assert!(!found.ip_addresses.is_empty(), "{}", found.id);
            continue;
        }
        let path = format!("/nodes/{}/qemu/{}/agent/get-fsinfo", found.node, found.vmid);
        let truth = lab.sim.get(0, &path);
        let kind = match (truth.status, truth.reason.as_str()) {
            (200, _) => {
                let used = found.disk.used.known();
                assert!(
                    used.is_some_and(|u| u.get() > 0 && u <= found.disk.total),
                    "{found:?}"
                );
                assert!(!found.filesystems.is_empty());
                assert_ne!(found.os_name, "");
                assert_ne!(found.agent_version, "");
                assert!(!found.ip_addresses.is_empty());
                "answers"
            }
            (_, reason) if reason.contains("No QEMU guest agent configured") => {
                assert_eq!(
                    found.disk.used.reason(),
                    Some(Unknown::AgentDisabled),
                    "{found:?}"
                );
                "disabled"
            }
            _ => {
                assert_eq!(
                    found.disk.used.reason(),
                    Some(Unknown::AgentNotRunning),
                    "{found:?}"
                );
                "silent"
            }
        };
        *seen.entry(kind).or_default() += 1;
    }
    assert_eq!(seen.len(), 3, "the fleet has all kinds of agents: {seen:?}");
}

#[tokio::test]
async fn storages_are_as_the_nodes_list_them_and_shared_ones_are_one() {
    let mut lab = Lab::small().await;
    let report = lab.poll().await;
    let storages = report.storages.as_ref().unwrap();
    let mut expected = BTreeSet::new();
    for name in lab.sim.nodes(0) {
        for row in lab.truth(&format!("/nodes/{name}/storage")) {
            let storage = row["storage"].as_str().unwrap();
            let shared = row["shared"] == 1;
            expected.insert((
                storage.to_owned(),
                if shared {
                    "cluster".to_owned()
                } else {
                    name.clone()
                },
            ));
        }
    }
    let found: BTreeSet<_> = storages
        .iter()
        .map(|s| (s.name.clone(), s.node.clone()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), storages.len());
    for storage in storages
        .iter()
        .filter(|s| s.status == StorageStatus::Available)
    {
        assert!(
            storage.total.get() > 0 && storage.used <= storage.total,
            "{storage:?}"
        );
    }
    assert!(storages.iter().any(|s| s.shared && s.nodes.len() == 4));
}

#[tokio::test]
async fn switches_choose_what_is_watched() {
    let (sim, _server, mut source, _) = Setup::of(FleetSpec::new(1, 2, 30)).serve().await;
    source.vms = false;
    source.storage = false;
    let mut poller = pulse_collect::pve::Poller::new(source);
    let report = poller
        .poll(&|| pulse_core::Timestamp(crate::lab::START))
        .await
        .unwrap();
    let guests = report.guests.unwrap();
    assert!(!guests.is_empty() && guests.iter().all(|g| !g.kind.is_vm()));
    assert!(report.storages.is_none());
    let asked: Vec<_> = sim.requests().into_iter().map(|c| c.path).collect();
    assert!(
        !asked
            .iter()
            .any(|path| path.ends_with("/qemu") || path.contains("storage")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn an_agent_that_is_switched_on_and_off_is_followed() {
    let mut lab = Lab::small().await;
    let (vmid, _) = lab.some("qemu");
    let set = |lab: &Lab, state| lab.fault(Fault::Agent { vmid, state });
    set(&lab, AgentState::Disabled);
    let report = lab.run(9).await;
    assert_eq!(
        guest(&report, vmid).disk.used.reason(),
        Some(Unknown::AgentDisabled)
    );
    set(&lab, AgentState::Answers);
    let report = lab.run(15).await;
    assert!(guest(&report, vmid).disk.used.known().is_some());
    assert_ne!(guest(&report, vmid).agent_version, "");
    set(&lab, AgentState::Silent);
    let report = lab.run(9).await;
    assert_eq!(
        guest(&report, vmid).disk.used.reason(),
        Some(Unknown::AgentNotRunning)
    );
}
