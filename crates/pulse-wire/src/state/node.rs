//! A node in the state.

use pulse_core::{CpuInfo, Liveness, Node, Snapshot};
use serde::Serialize;
use utoipa::ToSchema;

use super::shared::{DiskJson, MemoryJson};
use super::temperature::TemperatureJson;
use super::upkeep::{CertificateJson, NodeUpdatesJson};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CpuInfoJson<'a> {
    pub model: &'a str,
    pub cores: u32,
    pub sockets: u32,
    pub mhz: &'a str,
}

impl<'a> CpuInfoJson<'a> {
    fn new(info: &'a CpuInfo) -> Self {
        Self {
            model: &info.model,
            cores: info.cores,
            sockets: info.sockets,
            mhz: &info.mhz,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeJson<'a> {
    pub id: &'a str,
    /// Same as `name`.
    pub node: &'a str,
    pub name: &'a str,
    pub display_name: &'a str,
    pub instance: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub host: &'a str,
    #[serde(rename = "guestURL", skip_serializing_if = "str::is_empty")]
    pub guest_url: &'a str,
    /// `online`, `offline` or PVE's own word.
    pub status: &'a str,
    #[schema(value_type = String)]
    pub r#type: &'static str,
    /// Share of all cores, 0–1.
    pub cpu: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryJson>,
    pub mem: u64,
    pub maxmem: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskJson<'static>>,
    pub maxdisk: u64,
    /// Seconds.
    pub uptime: u64,
    /// 1, 5 and 15 minutes; empty when unknown.
    #[schema(value_type = Vec<f64>)]
    pub load_average: &'a [f64],
    pub kernel_version: &'a str,
    pub pve_version: &'a str,
    pub cpu_info: CpuInfoJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<TemperatureJson<'a>>,
    /// Unix ms when PVE last reported it online.
    pub last_seen: i64,
    pub connection_health: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cluster_member: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked_host_agent_id: Option<&'a str>,
    /// How `memory.used` was found.
    #[schema(value_type = String)]
    pub memory_source: &'static str,
    /// Not reported for three poll intervals.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// Absent until they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<NodeUpdatesJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateJson<'a>>,
}

impl<'a> NodeJson<'a> {
    pub fn new(node: &'a Node, snapshot: &'a Snapshot) -> Self {
        let linked = node
            .linked_host
            .as_deref()
            .and_then(|id| snapshot.hosts.iter().find(|host| host.id == id));
        Self {
            id: &node.id,
            node: &node.name,
            name: &node.name,
            display_name: if node.display_name.is_empty() {
                &node.name
            } else {
                &node.display_name
            },
            instance: &node.instance,
            host: &node.host,
            guest_url: &node.guest_url,
            status: if node.online {
                "online"
            } else if node.raw_status.is_empty() || node.raw_status == "online" {
                "offline"
            } else {
                &node.raw_status
            },
            r#type: "node",
            cpu: node.cpu.get(),
            memory: MemoryJson::known(&node.memory),
            mem: node.memory.used.get(),
            maxmem: node.memory.total.get(),
            disk: DiskJson::of_capacity(&node.disk),
            maxdisk: node.disk.total.get(),
            uptime: node.uptime,
            load_average: node.load.as_ref().map_or(&[], |load| load.as_slice()),
            kernel_version: &node.kernel_version,
            pve_version: &node.pve_version,
            cpu_info: CpuInfoJson::new(&node.cpu_info),
            temperature: TemperatureJson::of_node(node, linked.map(|host| &**host)),
            last_seen: node.seen.millis(),
            connection_health: node.health.as_str(),
            is_cluster_member: node.cluster.is_some(),
            cluster_name: node.cluster.as_deref(),
            linked_host_agent_id: node.linked_host.as_deref(),
            memory_source: node.memory.source.as_str(),
            stale: node.liveness == Liveness::Stale,
            updates: node.upkeep.updates.as_ref().map(NodeUpdatesJson::new),
            certificates: node
                .upkeep
                .certificates
                .iter()
                .map(CertificateJson::new)
                .collect(),
        }
    }
}
