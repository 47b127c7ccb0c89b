//! A cluster: members, quorum, the external vote, high availability.

use std::collections::BTreeMap;

use pulse_core::{
    ClusterMember, ClusterState, HaNode, HaService, HaState, Liveness, QDevice, Timestamp,
};
use pulse_proxmox::types::{
    ClusterConfigNode, ClusterStatus, HaManagerStatus, HaResource, HaStatus, QDeviceStatus,
};

/// Votes of the members and the external vote, as they were last answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Votes {
    pub of_nodes: BTreeMap<String, u32>,
    pub qdevice: Option<QDevice>,
    /// What is managed, as configured, by service id.
    pub resources: BTreeMap<String, HaResource>,
}

pub(crate) fn votes_of(rows: &[ClusterConfigNode]) -> BTreeMap<String, u32> {
    rows.iter()
        .filter_map(|row| Some((row.node.clone(), row.quorum_votes?)))
        .collect()
}

/// None without an external vote.
pub(crate) fn qdevice(status: &QDeviceStatus) -> Option<QDevice> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let device = QDevice {
        model: text(&status.model),
        host: text(&status.host),
        state: text(&status.state),
        connected: status.state.as_deref().map(str::trim) == Some("Connected"),
        algorithm: text(&status.algorithm),
    };
    (device != QDevice::default()).then_some(device)
}

/// None for a single node.
pub(crate) fn state(
    instance: &str,
    rows: &[ClusterStatus],
    ha: Option<HaState>,
    votes: &Votes,
    at: Timestamp,
) -> Option<ClusterState> {
    let own = rows.iter().find(|row| row.kind == "cluster")?;
    let mut members: Vec<ClusterMember> = rows
        .iter()
        .filter(|row| row.kind == "node")
        .map(|row| ClusterMember {
            node: row.name.clone(),
            node_id: row.nodeid.unwrap_or(0),
            ip: row.ip.clone().unwrap_or_default(),
            online: row.online.unwrap_or(false),
            votes: votes.of_nodes.get(&row.name).copied(),
        })
        .collect();
    members.sort_by(|a, b| (a.node_id, &a.node).cmp(&(b.node_id, &b.node)));
    let known = !members.is_empty() && members.iter().all(|member| member.votes.is_some());
    let sum = |all: bool| -> u32 {
        members
            .iter()
            .filter(|member| all || member.online)
            .filter_map(|member| member.votes)
            .fold(0, u32::saturating_add)
    };
    let device_votes = votes.qdevice.as_ref().map_or(0, |device| {
        // One vote breaks ties; "last man standing" gives one less than there are nodes.
        if device.algorithm.to_lowercase().contains("lms") {
            u32::try_from(members.len()).map_or(0, |count| count.saturating_sub(1))
        } else {
            1
        }
    });
    let device_counts = votes
        .qdevice
        .as_ref()
        .is_some_and(|device| device.connected);
    let (expected, total) = if known {
        (
            sum(true).saturating_add(device_votes),
            sum(false).saturating_add(if device_counts { device_votes } else { 0 }),
        )
    } else {
        (0, 0)
    };
    Some(ClusterState {
        instance: instance.to_owned(),
        name: own.name.clone(),
        quorate: own.quorate,
        members,
        expected_votes: expected,
        total_votes: total,
        quorum: if expected > 0 { expected / 2 + 1 } else { 0 },
        qdevice: votes.qdevice.clone(),
        ha,
        seen: at,
        liveness: Liveness::Fresh,
    })
}

/// The word inside `pve1 (idle, Mon Nov 23 09:20:40 2026)`.
fn state_word(status: &str) -> &str {
    status
        .split_once('(')
        .map_or(status, |(_, rest)| rest)
        .split([',', ')'])
        .next()
        .unwrap_or_default()
        .trim()
}

/// High availability from the current status, the manager's own file and the configuration.
/// None where nothing is managed and nobody manages.
pub(crate) fn ha(
    rows: &[HaStatus],
    manager: Option<&HaManagerStatus>,
    resources: &BTreeMap<String, HaResource>,
) -> Option<HaState> {
    let of_kind = |kind: &'static str| {
        rows.iter()
            .filter(move |row| row.kind.as_deref() == Some(kind))
    };
    let master = of_kind("master").next();
    let mut nodes: Vec<HaNode> = of_kind("lrm").map(|row| lrm(row, manager)).collect();
    nodes.sort_by(|a, b| a.node.cmp(&b.node));
    let mut services: Vec<HaService> = of_kind("service")
        .map(|row| service(row, resources))
        .collect();
    services.sort_by(|a, b| a.sid.cmp(&b.sid));
    if master.is_none() && services.is_empty() {
        return None;
    }
    Some(HaState {
        master: master.and_then(|row| row.node.clone()).unwrap_or_default(),
        master_state: master
            .and_then(|row| row.status.as_deref())
            .map(state_word)
            .unwrap_or_default()
            .to_owned(),
        quorum_ok: of_kind("quorum").next().and_then(|row| row.quorate),
        nodes,
        services,
    })
}

fn lrm(row: &HaStatus, manager: Option<&HaManagerStatus>) -> HaNode {
    let node = row.node.clone().unwrap_or_default();
    let own = manager.and_then(|status| status.lrm_status.get(&node));
    let seen_by_manager = manager
        .and_then(|status| status.manager_status.as_ref())
        .and_then(|status| status.node_status.get(&node))
        .map(String::as_str);
    let said = state_word(row.status.as_deref().unwrap_or_default());
    let in_maintenance = seen_by_manager == Some("maintenance")
        || own.and_then(|lrm| lrm.mode.as_deref()) == Some("maintenance");
    let state = match seen_by_manager {
        _ if in_maintenance => "maintenance",
        Some("fence") => "fence",
        _ if said.contains("old timestamp") => "unknown",
        _ if said.is_empty() => own
            .and_then(|lrm| lrm.state.as_deref())
            .unwrap_or("unknown"),
        _ => said,
    };
    HaNode {
        state: state.to_owned(),
        last_contact: row
            .timestamp
            .or_else(|| own.and_then(|lrm| lrm.timestamp))
            .filter(|at| *at > 0)
            .map(Timestamp::from_secs),
        node,
    }
}

fn service(row: &HaStatus, resources: &BTreeMap<String, HaResource>) -> HaService {
    let sid = row.sid.clone().unwrap_or_else(|| {
        row.id
            .strip_prefix("service:")
            .unwrap_or(&row.id)
            .to_owned()
    });
    let configured = resources.get(&sid);
    let vmid = sid
        .rsplit(':')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    HaService {
        vmid,
        node: row.node.clone().unwrap_or_default(),
        state: row
            .state
            .clone()
            .or_else(|| row.crm_state.clone())
            .unwrap_or_default(),
        requested: row
            .request_state
            .clone()
            .or_else(|| configured.and_then(|r| r.state.clone()))
            .unwrap_or_default(),
        group: row
            .group
            .clone()
            .or_else(|| configured.and_then(|r| r.group.clone()))
            .unwrap_or_default(),
        max_restart: row
            .max_restart
            .or_else(|| configured.and_then(|r| r.max_restart)),
        max_relocate: row
            .max_relocate
            .or_else(|| configured.and_then(|r| r.max_relocate)),
        comment: row
            .comment
            .clone()
            .or_else(|| configured.and_then(|r| r.comment.clone()))
            .unwrap_or_default(),
        sid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulse_proxmox::decode::{self, Element};

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/pve");

    fn list<T: Element>(name: &str) -> Vec<T> {
        let body = std::fs::read(format!("{FIXTURES}/{name}.json")).unwrap();
        let decoded = decode::list(&body).unwrap();
        assert!(decoded.skipped.is_empty());
        decoded.items
    }

    fn lab(name: &str, votes: &Votes) -> ClusterState {
        let ha = ha(
            &list(&format!("{name}_cluster_ha_status_current")),
            None,
            &BTreeMap::new(),
        );
        state(
            "lab",
            &list(&format!("{name}_cluster_status")),
            ha,
            votes,
            Timestamp(1),
        )
        .unwrap()
    }

    #[test]
    fn the_recorded_cluster_in_its_states() {
        let votes = Votes {
            of_nodes: votes_of(&list("cluster3_up_cluster_config_nodes")),
            ..Votes::default()
        };
        let up = lab("cluster3_up", &votes);
        assert_eq!((up.name.as_str(), up.quorate), ("lab", Some(true)));
        assert_eq!((up.expected_votes, up.total_votes, up.quorum), (3, 3, 2));
        let names: Vec<_> = up
            .members
            .iter()
            .map(|m| (m.node.as_str(), m.node_id, m.votes))
            .collect();
        assert_eq!(
            names,
            [
                ("pve1", 1, Some(1)),
                ("pve2", 2, Some(1)),
                ("pve3", 3, Some(1))
            ]
        );
        let ha = up.ha.unwrap();
        assert_eq!(
            (ha.master.as_str(), ha.master_state.as_str(), ha.quorum_ok),
            ("pve1", "active", Some(true))
        );
        let states: Vec<_> = ha.nodes.iter().map(|n| n.state.as_str()).collect();
        assert_eq!(states, ["idle", "idle", "active"]);
        assert_eq!(
            (ha.services[0].vmid, ha.services[0].group.as_str()),
            (302, "all")
        );

        let lost = lab("cluster3_noquorum", &votes);
        assert_eq!((lost.quorate, lost.total_votes), (Some(false), 1));
        let gone = lab("cluster3_p3gone_6min", &votes);
        assert_eq!((gone.quorate, gone.total_votes), (Some(true), 2));
        assert!(!gone.members[2].online);
        // Nothing is said about votes before they were read.
        assert_eq!(lab("cluster3_up", &Votes::default()).expected_votes, 0);
    }

    #[test]
    fn a_single_node_is_no_cluster() {
        let rows: Vec<ClusterStatus> = list("cluster_status");
        assert_eq!(
            state("i", &rows, None, &Votes::default(), Timestamp(0)),
            None
        );
    }

    #[test]
    fn the_managers_file_adds_what_the_status_leaves_out() {
        let body = std::fs::read(format!("{FIXTURES}/cluster_ha_manager_status.json")).unwrap();
        let (mut manager, _): (HaManagerStatus, _) = decode::object(&body).unwrap();
        let resources = list::<HaResource>("cluster_ha_resources")
            .into_iter()
            .map(|r| (r.sid.clone(), r))
            .collect();
        let rows = list("cluster_ha_status_current");
        let found = ha(&rows, Some(&manager), &resources).unwrap();
        assert_eq!(found.nodes[0].state, "active");
        let of = |sid: &str| found.services.iter().find(|s| s.sid == sid).unwrap();
        assert_eq!(
            (of("vm:101").requested.as_str(), of("vm:101").state.as_str()),
            ("disabled", "disabled")
        );
        assert_eq!(
            (of("vm:104").group.as_str(), of("vm:104").comment.as_str()),
            ("prefer-pve1", "agent-less VM")
        );
        assert_eq!(of("ct:200").vmid, 200);
        let maintenance = ("pve1".to_owned(), "maintenance".to_owned());
        manager
            .manager_status
            .as_mut()
            .unwrap()
            .node_status
            .extend([maintenance]);
        let found = ha(&rows, Some(&manager), &resources).unwrap();
        assert_eq!(found.nodes[0].state, "maintenance");
    }

    #[test]
    fn an_external_vote_counts_while_it_is_connected() {
        let (status, _) = decode::object(
            br#"{"data":{"Model":"Net","State":"Connected","QNetd host":"10.9.8.9:5403","Algorithm":"Fifty-Fifty split"}}"#,
        )
        .unwrap();
        let device = qdevice(&status).unwrap();
        assert!(device.connected);
        let votes = |connected| Votes {
            of_nodes: [("a".to_owned(), 1), ("b".to_owned(), 1)].into(),
            qdevice: Some(QDevice {
                connected,
                ..device.clone()
            }),
            ..Votes::default()
        };
        let row = |kind: &str, name: &str, online| ClusterStatus {
            kind: kind.into(),
            name: name.into(),
            online: Some(online),
            quorate: Some(true),
            ..ClusterStatus::default()
        };
        let rows = [
            row("cluster", "c", true),
            row("node", "a", true),
            row("node", "b", false),
        ];
        let with = state("i", &rows, None, &votes(true), Timestamp(0)).unwrap();
        assert_eq!(
            (with.expected_votes, with.total_votes, with.quorum),
            (3, 2, 2)
        );
        let without = state("i", &rows, None, &votes(false), Timestamp(0)).unwrap();
        assert_eq!((without.expected_votes, without.total_votes), (3, 1));
        assert_eq!(qdevice(&QDeviceStatus::default()), None);
    }
}
