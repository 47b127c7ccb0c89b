//! Cluster-wide answers.

use std::collections::BTreeMap;

use serde::de::Deserializer;

use crate::decode::{Field as _, Lenient, Scalar, tolerant};

tolerant! {
    /// `/version`.
    pub struct Version {
        /// Such as `8.3.0`.
        pub version: String,
        pub release: Option<String>,
        pub repoid: Option<String>,
    }

    /// One row of `/nodes`. Offline nodes carry no figures.
    pub struct NodeEntry {
        pub node: String,
        pub id: Option<String>,
        /// `online`, `offline` or `unknown`.
        pub status: Option<String>,
        /// Fraction of all cores in use, 0–1.
        pub cpu: Option<f64>,
        pub maxcpu: Option<u32>,
        pub mem: Option<u64>,
        pub maxmem: Option<u64>,
        pub disk: Option<u64>,
        pub maxdisk: Option<u64>,
        pub uptime: Option<u64>,
        /// Subscription level; empty without one.
        pub level: Option<String>,
        pub ssl_fingerprint: Option<String>,
    }

    /// One row of `/cluster/status`: the cluster itself, or a node. A single node has no row of
    /// type `cluster`.
    pub struct ClusterStatus {
        /// `cluster` or `node`.
        #[serde(rename = "type")]
        pub kind: String,
        pub id: Option<String>,
        pub name: String,
        pub ip: Option<String>,
        pub nodeid: Option<u32>,
        /// The node that answered.
        pub local: bool,
        pub online: Option<bool>,
        pub level: Option<String>,
        pub quorate: Option<bool>,
        /// Number of nodes, on the cluster's row.
        pub nodes: Option<u32>,
        /// Configuration version, on the cluster's row.
        pub version: Option<u64>,
    }

    /// One row of `/cluster/resources`. What is set depends on the kind.
    pub struct Resource {
        #[serde(rename = "type")]
        pub kind: ResourceKind,
        pub id: String,
        pub node: Option<String>,
        pub status: Option<String>,
        pub name: Option<String>,
        /// 0 for what is not a guest.
        pub vmid: u32,
        pub cpu: Option<f64>,
        /// May be a fraction for containers with a CPU limit.
        pub maxcpu: Option<f64>,
        pub mem: Option<u64>,
        pub maxmem: Option<u64>,
        /// Always 0 for virtual machines: their usage is unknown.
        pub disk: Option<u64>,
        pub maxdisk: Option<u64>,
        pub netin: Option<u64>,
        pub netout: Option<u64>,
        pub diskread: Option<u64>,
        pub diskwrite: Option<u64>,
        pub uptime: Option<u64>,
        pub template: bool,
        /// As stored; separated by `;`, `,` or blanks.
        pub tags: Option<String>,
        pub lock: Option<String>,
        pub pool: Option<String>,
        pub hastate: Option<String>,
        pub level: Option<String>,
        #[serde(rename = "cgroup-mode")]
        pub cgroup_mode: Option<u32>,
        pub storage: Option<String>,
        pub plugintype: Option<String>,
        /// Kinds of content, separated by commas, in no fixed order.
        pub content: Option<String>,
        pub shared: bool,
        pub sdn: Option<String>,
        /// Memory of the host process behind a guest (PVE 9).
        pub memhost: Option<u64>,
    }

    /// One row of `/cluster/ha/status/current`.
    pub struct HaStatus {
        pub id: String,
        /// `quorum`, `master`, `lrm` or `service`.
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub node: Option<String>,
        pub status: Option<String>,
        pub timestamp: Option<i64>,
        pub quorate: Option<bool>,
        pub sid: Option<String>,
        pub state: Option<String>,
        pub crm_state: Option<String>,
        pub request_state: Option<String>,
        pub group: Option<String>,
        pub comment: Option<String>,
        pub max_restart: Option<u32>,
        pub max_relocate: Option<u32>,
        pub failback: Option<bool>,
    }

    /// `/cluster/ha/status/manager_status`.
    pub struct HaManagerStatus {
        pub manager_status: Option<HaManager>,
        /// The nodes' local resource managers, by node.
        pub lrm_status: BTreeMap<String, HaLrm>,
        pub quorum: Option<HaQuorum>,
    }

    pub struct HaManager {
        pub master_node: Option<String>,
        pub timestamp: Option<i64>,
        /// `online`, `maintenance`, `unknown`, `fence` or `gone`, by node.
        pub node_status: BTreeMap<String, String>,
        /// By service id.
        pub service_status: BTreeMap<String, HaServiceState>,
    }

    pub struct HaServiceState {
        pub node: Option<String>,
        pub state: Option<String>,
        pub uid: Option<String>,
        /// Where it is going to.
        pub target: Option<String>,
        pub running: Option<bool>,
    }

    pub struct HaLrm {
        /// `active`, `wait_for_agent_lock` or `lost_agent_lock`.
        pub state: Option<String>,
        /// `active`, `restart`, `maintenance` or `shutdown`.
        pub mode: Option<String>,
        pub timestamp: Option<i64>,
    }

    pub struct HaQuorum {
        pub node: Option<String>,
        pub quorate: Option<bool>,
    }

    /// One row of `/cluster/ha/resources`: what is managed, as configured.
    pub struct HaResource {
        pub sid: String,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// What is requested.
        pub state: Option<String>,
        pub group: Option<String>,
        pub comment: Option<String>,
        pub max_restart: Option<u32>,
        pub max_relocate: Option<u32>,
    }

    /// One row of `/cluster/config/nodes`: corosync's members.
    pub struct ClusterConfigNode {
        pub node: String,
        pub name: Option<String>,
        pub nodeid: Option<u32>,
        pub quorum_votes: Option<u32>,
        pub ring0_addr: Option<String>,
    }

    /// `/cluster/config/qdevice`; empty without an external vote. As the node that answers sees it.
    pub struct QDeviceStatus {
        #[serde(rename = "Model")]
        pub model: Option<String>,
        /// `Connected`, `Connect failed` …
        #[serde(rename = "State")]
        pub state: Option<String>,
        /// Address and port of the daemon that votes.
        #[serde(rename = "QNetd host")]
        pub host: Option<String>,
        #[serde(rename = "Algorithm")]
        pub algorithm: Option<String>,
    }
}

/// What a resource is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ResourceKind {
    Qemu,
    Lxc,
    Node,
    Storage,
    Pool,
    Sdn,
    /// A kind newer than this code.
    Other(String),
    /// The row says none.
    #[default]
    Missing,
}

impl Lenient for ResourceKind {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(String::read(deserializer)?.map(|kind| match kind.as_str() {
            "qemu" => Self::Qemu,
            "lxc" => Self::Lxc,
            "node" => Self::Node,
            "storage" => Self::Storage,
            "pool" => Self::Pool,
            "sdn" => Self::Sdn,
            "" => Self::Missing,
            _ => Self::Other(kind),
        }))
    }
}

impl crate::decode::Field for ResourceKind {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(<Option<Self>>::read_field(deserializer)?.unwrap_or_default())
    }
}

impl Resource {
    pub fn is_guest(&self) -> bool {
        matches!(self.kind, ResourceKind::Qemu | ResourceKind::Lxc)
    }

    pub(super) fn is_usable(&self) -> bool {
        match self.kind {
            ResourceKind::Missing => false,
            ResourceKind::Qemu | ResourceKind::Lxc => {
                self.vmid > 0 && self.node.as_deref().is_some_and(|node| !node.is_empty())
            }
            ResourceKind::Node => self.node.as_deref().is_some_and(|node| !node.is_empty()),
            ResourceKind::Storage => self
                .storage
                .as_deref()
                .is_some_and(|storage| !storage.is_empty()),
            _ => true,
        }
    }
}

/// `/access/permissions`: path → privilege → whether it also holds below the path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(pub BTreeMap<String, BTreeMap<String, bool>>);

impl Permissions {
    /// No privilege anywhere: lists will be empty although things exist.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    /// Whether `privilege` holds on `path`. PVE lists every path that has an own access rule, so
    /// the nearest listed one whose privileges reach down decides.
    pub fn allows(&self, path: &str, privilege: &str) -> bool {
        if let Some(own) = self.0.get(path) {
            return own.contains_key(privilege);
        }
        let mut at = path;
        while let Some(end) = at.rfind('/').filter(|_| at.len() > 1) {
            at = if end == 0 { "/" } else { &at[..end] };
            if let Some(above) = self.0.get(at)
                && above.values().any(|reaches_down| *reaches_down)
            {
                return above.get(privilege) == Some(&true);
            }
        }
        false
    }
}

impl<'de> serde::Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <BTreeMap<String, BTreeMap<String, bool>>>::read_field(deserializer).map(Self)
    }
}

/// All scalars of an object, as text; structures are passed over.
pub(super) fn read_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    <BTreeMap<String, String>>::read_field(deserializer)
}

/// All numbers of an object; gaps and other values are passed over.
pub(super) fn read_numbers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Number>, D::Error> {
    <BTreeMap<String, Number>>::read_field(deserializer)
}

/// A number where texts are no mistake worth counting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(pub f64);

impl Lenient for Number {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(match Scalar::read(deserializer)?.as_f64() {
            crate::decode::Reading::Value(value) => Some(Self(value)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_come_from_the_nearest_path_that_reaches_down() {
        let (permissions, _) = crate::decode::object::<Permissions>(
            br#"{"data":{"/":{"Sys.Audit":1,"VM.Audit":1},"/vms":{"VM.Audit":0},"/vms/100":{"VM.Monitor":1},
                "/nodes":{"Sys.Modify":"1"}}}"#,
        )
        .unwrap();
        let check = |path: &str, privilege: &str, expect: bool| {
            assert_eq!(
                permissions.allows(path, privilege),
                expect,
                "{path} {privilege}"
            );
        };
        check("/", "Sys.Audit", true);
        check("/storage/local", "Sys.Audit", true);
        check("/vms", "VM.Audit", true);
        check("/vms/101", "VM.Audit", true);
        check("/vms/100", "VM.Monitor", true);
        check("/vms/100", "VM.Audit", false);
        check("/nodes/pve1", "Sys.Modify", true);
        check("/nodes/pve1", "Sys.Audit", false);
        check("", "Sys.Audit", false);
        check("vms", "Sys.Audit", false);
    }
}
