//! A Proxmox VE cluster in the state: quorum and high availability. All of it is an addition to v5.

use pulse_core::{ClusterMember, ClusterState, HaNode, HaService, HaState, Liveness, QDevice};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::is_zero;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterMemberJson<'a> {
    pub node: &'a str,
    pub node_id: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ip: &'a str,
    pub online: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub votes: Option<u32>,
}

impl<'a> ClusterMemberJson<'a> {
    fn new(member: &'a ClusterMember) -> Self {
        Self {
            node: &member.node,
            node_id: member.node_id,
            ip: &member.ip,
            online: member.online,
            votes: member.votes,
        }
    }
}

/// The external vote of a cluster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QDeviceJson<'a> {
    pub model: &'a str,
    pub host: &'a str,
    /// As corosync says it.
    pub state: &'a str,
    pub connected: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub algorithm: &'a str,
}

impl<'a> QDeviceJson<'a> {
    fn new(device: &'a QDevice) -> Self {
        Self {
            model: &device.model,
            host: &device.host,
            state: &device.state,
            connected: device.connected,
            algorithm: &device.algorithm,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HaNodeJson<'a> {
    pub node: &'a str,
    /// `active`, `idle`, `maintenance` …
    pub state: &'a str,
    /// Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contact: Option<i64>,
}

impl<'a> HaNodeJson<'a> {
    fn new(node: &'a HaNode) -> Self {
        Self {
            node: &node.node,
            state: &node.state,
            last_contact: node.last_contact.map(pulse_core::Timestamp::millis),
        }
    }
}

/// A managed guest.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HaServiceJson<'a> {
    /// `vm:100` or `ct:105`.
    pub sid: &'a str,
    pub vmid: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub node: &'a str,
    pub state: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub requested: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub group: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_restart: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_relocate: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    /// Needs somebody's attention.
    pub troubled: bool,
}

impl<'a> HaServiceJson<'a> {
    fn new(service: &'a HaService) -> Self {
        Self {
            sid: &service.sid,
            vmid: service.vmid,
            node: &service.node,
            state: &service.state,
            requested: &service.requested,
            group: &service.group,
            max_restart: service.max_restart,
            max_relocate: service.max_relocate,
            comment: &service.comment,
            troubled: service.is_troubled(),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HaStateJson<'a> {
    /// The node that decides; absent when there is none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub master: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub master_state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum_ok: Option<bool>,
    pub nodes: Vec<HaNodeJson<'a>>,
    pub services: Vec<HaServiceJson<'a>>,
}

impl<'a> HaStateJson<'a> {
    fn new(ha: &'a HaState) -> Self {
        Self {
            master: &ha.master,
            master_state: &ha.master_state,
            quorum_ok: ha.quorum_ok,
            nodes: ha.nodes.iter().map(HaNodeJson::new).collect(),
            services: ha.services.iter().map(HaServiceJson::new).collect(),
        }
    }
}

/// What a cluster says about itself; standalone nodes have none.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterJson<'a> {
    /// Same as `instance`: an instance watches at most one cluster.
    pub id: &'a str,
    pub instance: &'a str,
    pub name: &'a str,
    /// Absent when not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorate: Option<bool>,
    pub members: Vec<ClusterMemberJson<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub expected_votes: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub total_votes: u32,
    /// Votes that are needed.
    #[serde(skip_serializing_if = "is_zero")]
    pub quorum: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qdevice: Option<QDeviceJson<'a>>,
    /// Absent where high availability could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ha: Option<HaStateJson<'a>>,
    /// Unix ms.
    pub last_seen: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

impl<'a> ClusterJson<'a> {
    pub fn new(cluster: &'a ClusterState) -> Self {
        Self {
            id: &cluster.instance,
            instance: &cluster.instance,
            name: &cluster.name,
            quorate: cluster.quorate,
            members: cluster.members.iter().map(ClusterMemberJson::new).collect(),
            expected_votes: cluster.expected_votes,
            total_votes: cluster.total_votes,
            quorum: cluster.quorum,
            qdevice: cluster.qdevice.as_ref().map(QDeviceJson::new),
            ha: cluster.ha.as_ref().map(HaStateJson::new),
            last_seen: cluster.seen.millis(),
            stale: cluster.liveness == Liveness::Stale,
        }
    }
}
