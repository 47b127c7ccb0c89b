//! v5's unified resources: one shape for everything that is watched.
//!
//! `GET /api/resources` has times as text and a schema version; the WebSocket has Unix ms.

use std::collections::{BTreeMap, HashMap};

use pulse_core::{
    Bytes, Capacity, Guest, GuestKind, GuestStatus, Host, InstanceHealth, Memory, Node,
    PbsInstance, PmgInstance, Snapshot, Storage, StorageStatus, Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::state::shared::{finite, is_zero};
use crate::state::{HostJson, StorageJson, TemperatureJson};
use crate::time::rfc3339;

/// Where a resource list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Rest,
    Socket,
}

/// A share in percent, and bytes where it is one of bytes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MetricJson {
    /// 0–100.
    pub current: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub total: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub used: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub free: u64,
}

impl MetricJson {
    fn share(percent: f64) -> Self {
        Self {
            current: finite(percent),
            total: 0,
            used: 0,
            free: 0,
        }
    }

    fn bytes(total: Bytes, used: Bytes, free: Bytes) -> Option<Self> {
        (total.get() > 0).then(|| Self {
            current: used.percent_of(total).get(),
            total: total.get(),
            used: used.get(),
            free: free.get(),
        })
    }

    fn memory(memory: &Memory) -> Option<Self> {
        Self::bytes(memory.total, memory.used, memory.free())
    }

    /// Absent when the use is not known.
    fn capacity(capacity: &Capacity) -> Option<Self> {
        let used = capacity.used.known()?;
        let free = capacity.total.saturating_sub(used);
        Self::bytes(capacity.total, used, capacity.available.unwrap_or(free))
    }
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficJson {
    pub rx_bytes: i64,
    pub tx_bytes: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IdentityJson {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<String>,
}

/// One watched thing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceJson {
    pub id: String,
    /// `node`, `vm`, `container`, `oci-container`, `host`, `storage`, `pbs`, `pmg`.
    #[schema(value_type = String)]
    pub r#type: &'static str,
    pub name: String,
    pub display_name: String,
    pub platform_id: String,
    /// `proxmox-pve`, `proxmox-pbs`, `proxmox-pmg`, `host-agent`.
    #[schema(value_type = String)]
    pub platform_type: &'static str,
    /// `api` or `agent`.
    #[schema(value_type = String)]
    pub source_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// `online`, `offline`, `running`, `stopped`, `degraded`, `paused`, `unknown`.
    #[schema(value_type = String)]
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<MetricJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MetricJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<MetricJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<TrafficJson>,
    /// °C.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// RFC 3339 in answers, Unix ms on the WebSocket.
    #[schema(value_type = String)]
    pub last_seen: Value,
    #[schema(value_type = Object)]
    pub platform_data: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u8>,
}

/// Counts over all resources, whatever was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatsJson {
    pub total_resources: usize,
    /// Second reports about one machine, which are not shown.
    pub suppressed_resources: usize,
    pub by_type: BTreeMap<String, usize>,
    pub by_platform: BTreeMap<String, usize>,
    pub by_status: BTreeMap<String, usize>,
    pub with_alerts: usize,
    pub last_updated: String,
}

/// All resources of a snapshot.
pub struct Resources {
    /// By type, then name, then id.
    pub list: Vec<ResourceJson>,
    /// Ids that are not shown, with the resource that stands for them.
    pub merged: HashMap<String, String>,
}

const INFRASTRUCTURE: [&str; 2] = ["node", "host"];
const WORKLOADS: [&str; 3] = ["vm", "container", "oci-container"];

impl ResourceJson {
    pub fn is_infrastructure(&self) -> bool {
        INFRASTRUCTURE.contains(&self.r#type)
    }

    pub fn is_workload(&self) -> bool {
        WORKLOADS.contains(&self.r#type)
    }
}

/// What builders share.
struct Builder<'a> {
    snapshot: &'a Snapshot,
    target: Target,
    /// Node ids by instance or cluster, and name.
    nodes: HashMap<(&'a str, &'a str), &'a str>,
}

fn with(mut data: Value, optional: &[(&str, Value)]) -> Value {
    if let Some(fields) = data.as_object_mut() {
        for (key, value) in optional {
            let unset = match value {
                Value::Null | Value::Bool(false) => true,
                Value::String(text) => text.is_empty(),
                Value::Array(list) => list.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                _ => false,
            };
            if !unset {
                fields.insert((*key).to_owned(), value.clone());
            }
        }
    }
    data
}

fn guest_status(status: &GuestStatus) -> &'static str {
    match status {
        GuestStatus::Running => "running",
        GuestStatus::Stopped => "stopped",
        GuestStatus::Paused => "paused",
        GuestStatus::Unknown | GuestStatus::Other(_) => "unknown",
    }
}

fn server_status(online: bool, health: InstanceHealth) -> &'static str {
    match (online, health) {
        (false, _) => "offline",
        (true, InstanceHealth::Healthy | InstanceHealth::Pending) => "online",
        (true, _) => "degraded",
    }
}

impl<'a> Builder<'a> {
    fn new(snapshot: &'a Snapshot, target: Target) -> Self {
        let mut nodes = HashMap::new();
        for node in snapshot.nodes.iter() {
            nodes.insert(
                (node.instance.as_str(), node.name.as_str()),
                node.id.as_str(),
            );
            if let Some(cluster) = &node.cluster {
                nodes.insert((cluster.as_str(), node.name.as_str()), node.id.as_str());
            }
        }
        Self {
            snapshot,
            target,
            nodes,
        }
    }

    fn time(&self, at: Timestamp) -> Value {
        match self.target {
            Target::Rest => rfc3339(at).into(),
            Target::Socket => at.millis().into(),
        }
    }

    fn empty(&self, r#type: &'static str, id: &str, name: &str, seen: Timestamp) -> ResourceJson {
        ResourceJson {
            id: id.to_owned(),
            r#type,
            name: name.to_owned(),
            display_name: String::new(),
            platform_id: String::new(),
            platform_type: "proxmox-pve",
            source_type: "api",
            parent_id: None,
            cluster_id: None,
            status: "unknown",
            cpu: None,
            memory: None,
            disk: None,
            network: None,
            temperature: None,
            uptime: None,
            tags: Vec::new(),
            last_seen: self.time(seen),
            platform_data: Value::Null,
            identity: None,
            schema_version: (self.target == Target::Rest).then_some(1),
        }
    }

    fn node_id(&self, instance: &str, node: &str) -> Option<String> {
        self.nodes.get(&(instance, node)).map(|id| (*id).to_owned())
    }

    fn node(&self, node: &Node) -> ResourceJson {
        let host = node.linked_host.as_deref();
        let host = host.and_then(|id| self.snapshot.hosts.iter().find(|host| host.id == id));
        let temperature = TemperatureJson::of_node(node, host.map(|host| &**host));
        let data = json!({
            "instance": node.instance,
            "host": node.host,
            "guestURL": node.guest_url,
            "pveVersion": node.pve_version,
            "kernelVersion": node.kernel_version,
            "cpuInfo": {
                "model": node.cpu_info.model,
                "cores": node.cpu_info.cores,
                "sockets": node.cpu_info.sockets,
            },
            "loadAverage": node.load.map_or_else(Vec::new, |load| load.to_vec()),
            "isClusterMember": node.cluster.is_some(),
            "clusterName": node.cluster.as_deref().unwrap_or_default(),
            "connectionHealth": node.health.as_str(),
        });
        ResourceJson {
            display_name: node.display_name.clone(),
            platform_id: node.instance.clone(),
            cluster_id: node
                .cluster
                .as_ref()
                .map(|name| format!("pve-cluster/{name}")),
            status: if node.online { "online" } else { "offline" },
            cpu: Some(MetricJson::share(node.cpu.percent().get())),
            memory: MetricJson::memory(&node.memory),
            disk: MetricJson::capacity(&node.disk),
            temperature: temperature.as_ref().and_then(cpu_temperature),
            uptime: Some(node.uptime),
            platform_data: data,
            identity: Some(IdentityJson {
                hostname: node.name.clone(),
                ips: Vec::new(),
            }),
            ..self.empty("node", &node.id, &node.name, node.seen)
        }
    }

    fn guest(&self, guest: &Guest) -> ResourceJson {
        let kind = match guest.kind {
            GuestKind::Qemu => "vm",
            GuestKind::Lxc => "container",
            GuestKind::Oci => "oci-container",
        };
        let rate = |reading: pulse_core::Reading<pulse_core::BytesPerSecond>| {
            reading.known().map_or(0, pulse_core::BytesPerSecond::whole)
        };
        let rates = &guest.rates;
        let data = json!({
            "vmid": guest.vmid,
            "node": guest.node,
            "instance": guest.instance,
            "cpus": guest.cpus,
            "template": guest.template,
            "networkIn": rate(rates.net_in),
            "networkOut": rate(rates.net_out),
            "diskRead": rate(rates.disk_read),
            "diskWrite": rate(rates.disk_write),
        });
        let vm = guest.kind.is_vm();
        let word = |text: &str, shown: bool| Value::from(if shown { text } else { "" });
        let backup = guest.last_backup.map(|at| self.time(at));
        let optional = [
            ("type", word(guest.kind.as_str(), !vm)),
            ("lock", guest.lock.as_str().into()),
            ("agentVersion", word(&guest.agent_version, vm)),
            ("osName", guest.os_name.as_str().into()),
            ("osVersion", word(&guest.os_version, vm)),
            ("ipAddresses", guest.ip_addresses.clone().into()),
            ("isOci", (guest.kind == GuestKind::Oci).into()),
            ("osTemplate", word(&guest.os_template, !vm)),
            ("lastBackup", backup.unwrap_or_default()),
        ];
        ResourceJson {
            platform_id: guest.instance.clone(),
            parent_id: self.node_id(&guest.instance, &guest.node),
            status: guest_status(&guest.status),
            cpu: Some(MetricJson::share(guest.cpu.percent().get())),
            memory: MetricJson::memory(&guest.memory),
            disk: MetricJson::capacity(&guest.disk),
            network: Some(TrafficJson {
                rx_bytes: rate(rates.net_in),
                tx_bytes: rate(rates.net_out),
            }),
            uptime: Some(guest.uptime),
            tags: guest.tags.clone(),
            platform_data: with(data, &optional),
            ..self.empty(kind, &guest.id, &guest.name, guest.seen)
        }
    }

    fn host(&self, host: &Host) -> ResourceJson {
        let shown = serde_json::to_value(HostJson::new(host)).unwrap_or_default();
        let disks = host.filesystems.iter();
        let (total, used, free) = disks.fold((0, 0, 0), |sum: (u64, u64, u64), disk| {
            (
                sum.0.saturating_add(disk.total.get()),
                sum.1.saturating_add(disk.used.get()),
                sum.2.saturating_add(disk.free.get()),
            )
        });
        let sum = |of: fn(&pulse_core::HostInterface) -> u64| {
            let bytes = host.interfaces.iter().map(of).fold(0, u64::saturating_add);
            i64::try_from(bytes).unwrap_or(i64::MAX)
        };
        let readings = &host.sensors.temperature_celsius;
        let cores = readings
            .iter()
            .filter(|(name, _)| name.starts_with("cpu_core_"));
        let hottest = cores.map(|(_, celsius)| *celsius).reduce(f64::max);
        let addresses = host.interfaces.iter().flat_map(|i| &i.addresses.addresses);
        ResourceJson {
            display_name: host.display_name.clone(),
            platform_id: "host-agent".into(),
            platform_type: "host-agent",
            source_type: "agent",
            status: if host.online { "online" } else { "offline" },
            cpu: Some(MetricJson::share(host.cpu.get())),
            memory: MetricJson::memory(&host.memory),
            disk: MetricJson::bytes(Bytes(total), Bytes(used), Bytes(free)),
            network: Some(TrafficJson {
                rx_bytes: sum(|i| i.addresses.rx_bytes),
                tx_bytes: sum(|i| i.addresses.tx_bytes),
            }),
            temperature: readings.get("cpu_package").copied().or(hottest).map(finite),
            uptime: Some(host.uptime),
            platform_data: host_data(&shown),
            identity: Some(IdentityJson {
                hostname: host.hostname.clone(),
                ips: addresses.cloned().collect(),
            }),
            ..self.empty("host", &host.id, &host.hostname, host.seen)
        }
    }

    fn storage(&self, storage: &Storage) -> ResourceJson {
        let data = json!({
            "instance": storage.instance,
            "node": storage.node,
            "type": storage.kind,
            "content": storage.content,
            "shared": storage.shared,
            "enabled": storage.enabled,
            "active": storage.active,
        });
        let shown = StorageJson::new(storage);
        ResourceJson {
            platform_id: storage.instance.clone(),
            parent_id: self.node_id(&storage.instance, &storage.node),
            status: match storage.status {
                StorageStatus::Available => "online",
                StorageStatus::Inactive => "offline",
                StorageStatus::Disabled => "stopped",
            },
            disk: MetricJson::bytes(Bytes(shown.total), Bytes(shown.used), Bytes(shown.free)),
            platform_data: with(data, &[("nodes", storage.nodes.clone().into())]),
            ..self.empty("storage", &storage.id, &storage.name, storage.seen)
        }
    }

    fn pbs(&self, server: &PbsInstance) -> ResourceJson {
        let free = server.memory_total.saturating_sub(server.memory_used);
        ResourceJson {
            platform_id: server.host.clone(),
            platform_type: "proxmox-pbs",
            status: server_status(server.online, server.health),
            cpu: server.cpu.map(|cpu| MetricJson::share(cpu.percent().get())),
            memory: MetricJson::bytes(server.memory_total, server.memory_used, free),
            uptime: (server.uptime > 0).then_some(server.uptime),
            platform_data: json!({
                "host": server.host,
                "version": server.version,
                "connectionHealth": server.health.as_str(),
                "memoryUsed": server.memory_used.get(),
                "memoryTotal": server.memory_total.get(),
                "numDatastores": server.datastores.len(),
            }),
            ..self.empty("pbs", &server.id, &server.name, server.seen)
        }
    }

    fn pmg(&self, server: &PmgInstance) -> ResourceJson {
        ResourceJson {
            platform_id: server.host.clone(),
            platform_type: "proxmox-pmg",
            status: server_status(server.online, server.health),
            platform_data: json!({
                "host": server.host,
                "version": server.version,
                "connectionHealth": server.health.as_str(),
                "numNodes": server.nodes.len(),
            }),
            ..self.empty("pmg", &server.id, &server.name, server.seen)
        }
    }
}

/// The package's temperature, else the mean of the cores.
fn cpu_temperature(of: &TemperatureJson<'_>) -> Option<f64> {
    of.cpu_package.or_else(|| {
        let cores = of.cores.len();
        (cores > 0).then(|| of.cores.iter().map(|core| core.temp).sum::<f64>() / cores as f64)
    })
}

/// The keys of a host's JSON that its resource has, under their names there.
fn host_data(shown: &Value) -> Value {
    const SAME: [&str; 15] = [
        "platform",
        "osName",
        "osVersion",
        "kernelVersion",
        "architecture",
        "cpuCount",
        "loadAverage",
        "agentVersion",
        "sensors",
        "raid",
        "diskIO",
        "disks",
        "tokenId",
        "tokenName",
        "tokenHint",
    ];
    let mut data = Map::new();
    for key in SAME {
        if let Some(value) = shown.get(key).filter(|value| !value.is_null()) {
            data.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(interfaces) = shown.get("networkInterfaces") {
        data.insert("interfaces".to_owned(), interfaces.clone());
    }
    Value::Object(data)
}

impl Resources {
    pub fn new(snapshot: &Snapshot, target: Target) -> Self {
        let builder = Builder::new(snapshot, target);
        let mut list: Vec<ResourceJson> = Vec::with_capacity(
            snapshot.vms.len() + snapshot.containers.len() + snapshot.storages.len() + 64,
        );
        list.extend(snapshot.nodes.iter().map(|node| builder.node(node)));
        list.extend(snapshot.guests().map(|guest| builder.guest(guest)));
        let (hosts, merged) = one_per_machine(snapshot);
        list.extend(hosts.into_iter().map(|host| builder.host(host)));
        list.extend(snapshot.storages.iter().map(|s| builder.storage(s)));
        list.extend(snapshot.pbs.iter().map(|server| builder.pbs(server)));
        list.extend(snapshot.pmg.iter().map(|server| builder.pmg(server)));
        list.sort_by(|a, b| (a.r#type, &a.name, &a.id).cmp(&(b.r#type, &b.name, &b.id)));
        Self { list, merged }
    }

    pub fn stats(&self, now: Timestamp) -> ResourceStatsJson {
        let count = |of: fn(&ResourceJson) -> &'static str| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for resource in &self.list {
                *counts.entry(of(resource).to_owned()).or_default() += 1;
            }
            counts
        };
        ResourceStatsJson {
            total_resources: self.list.len(),
            suppressed_resources: self.merged.len(),
            by_type: count(|r| r.r#type),
            by_platform: count(|r| r.platform_type),
            by_status: count(|r| r.status),
            with_alerts: 0,
            last_updated: rfc3339(Timestamp::from_secs(now.secs())),
        }
    }

    /// A resource, also by the id of one that it stands for. Agents choose the ids of hosts: one
    /// that is that of another resource means the other.
    pub fn get(&self, id: &str) -> Option<&ResourceJson> {
        let id = self.merged.get(id).map_or(id, String::as_str);
        let of_id = |resource: &&ResourceJson| resource.id == id;
        let mut others = self
            .list
            .iter()
            .filter(|resource| resource.r#type != "host");
        others.find(of_id).or_else(|| self.list.iter().find(of_id))
    }
}

/// Of several agents with one host name the one that reported last.
fn one_per_machine(snapshot: &Snapshot) -> (Vec<&Host>, HashMap<String, String>) {
    let mut newest: BTreeMap<String, &Host> = BTreeMap::new();
    for host in snapshot.hosts.iter() {
        let known = newest.entry(host.hostname.to_lowercase()).or_insert(host);
        if host.seen > known.seen {
            *known = host;
        }
    }
    let merged = snapshot
        .hosts
        .iter()
        .filter_map(|host| {
            let stands = newest.get(&host.hostname.to_lowercase())?;
            (stands.id != host.id).then(|| (host.id.clone(), stands.id.clone()))
        })
        .collect();
    (newest.into_values().collect(), merged)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pulse_core::{Host, Snapshot, Timestamp};

    use super::{Resources, Target};

    #[test]
    fn every_resource_has_a_parent_that_exists() {
        let snapshot = crate::delta::tests::sample_snapshot(5);
        let resources = Resources::new(&snapshot, Target::Rest);
        let guests = resources.list.iter().filter(|r| r.is_workload());
        for guest in guests {
            let parent = guest.parent_id.as_deref().unwrap();
            assert_eq!(resources.get(parent).unwrap().r#type, "node");
        }
        assert!(resources.list.iter().any(|r| r.r#type == "pbs"));
        assert_eq!(
            resources.stats(Timestamp::default()).total_resources,
            resources.list.len()
        );
    }

    #[test]
    fn an_agent_that_was_installed_anew_shows_once() {
        let snapshot = crate::delta::tests::sample_snapshot(5);
        let old = &snapshot.hosts[0];
        let new = Host {
            id: "host-2".into(),
            hostname: old.hostname.to_uppercase(),
            seen: old.seen.plus_millis(1),
            ..Host::clone(old)
        };
        let snapshot = Snapshot {
            hosts: Arc::new(vec![Arc::clone(old), Arc::new(new)]),
            ..snapshot
        };
        let resources = Resources::new(&snapshot, Target::Socket);
        assert_eq!(
            resources.list.iter().filter(|r| r.r#type == "host").count(),
            1
        );
        assert_eq!(resources.get("host-1").unwrap().id, "host-2");
    }
}
