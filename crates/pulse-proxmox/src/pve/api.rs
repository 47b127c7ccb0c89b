//! The calls. [`PveClient`](super::PveClient) asks one server, [`ClusterClient`](crate::ClusterClient)
//! whichever endpoint of a cluster works best; both offer all of these.
//!
//! To add an endpoint, describe its answer in `types` and write its [`Call`] here.

use std::fmt;
use std::future::Future;

use bytes::Bytes;

use super::types::{
    AgentFilesystem, AgentInfo, AgentInterface, AgentOs, AptUpdate, AptVersion, BackupJob, CephDf,
    CephOsdTree, CephPoolRow, CephStatus, Certificate, ClusterConfigNode, ClusterStatus, Disk,
    GuestConfig, GuestStatus, HaManagerStatus, HaResource, HaStatus, LvmThin, LxcInterface,
    NetworkInterface, NodeEntry, NodeStatus, NodeStorage, Permissions, QDeviceStatus, Replication,
    Resource, RrdPoint, Snapshot, StorageContent, StorageDefinition, Task, Unprotected, Version,
    ZfsPool, ZfsPoolDetail,
};
use crate::call::Call;
use crate::decode::{self, DecodeError, Decoded, Element};
use crate::error::{Error, Result};
use crate::meter::Meter;

/// Virtual machine or container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GuestKind {
    Qemu,
    Lxc,
}

impl GuestKind {
    /// The word in paths and in `type` fields.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which resources `/cluster/resources` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceFilter {
    All,
    /// Virtual machines and containers.
    Guests,
    Storage,
    Nodes,
}

/// The calls of the Proxmox VE API that Pulse makes.
///
/// Errors: see [`Error`] for what failed, and its `is_…` methods for what to do about it.
pub trait PveApi: Sync {
    /// Sends one call and gives the body of a successful answer.
    fn send(&self, call: Call) -> impl Future<Output = Result<Bytes>> + Send;

    /// Who is asked, for messages.
    fn describe(&self) -> String;

    fn meter(&self) -> &Meter;

    /// Sends a call that answers with a list.
    fn list<T: Element + Send>(
        &self,
        call: Call,
    ) -> impl Future<Output = Result<Decoded<T>>> + Send {
        fetch(self, call, |body| {
            let decoded = decode::list(body)?;
            let (skipped, odd) = (decoded.skipped.len(), decoded.odd_values);
            Ok((decoded, skipped, odd))
        })
    }

    /// Sends a call that answers with one object.
    fn object<T: Element + Send>(&self, call: Call) -> impl Future<Output = Result<T>> + Send {
        fetch(self, call, |body| {
            decode::object(body).map(|(item, odd)| (item, 0, odd))
        })
    }

    fn version(&self) -> impl Future<Output = Result<Version>> + Send {
        self.object(Call::get("/version").within_secs(10))
    }

    /// What the credentials may do.
    fn permissions(&self) -> impl Future<Output = Result<Permissions>> + Send {
        self.object(Call::get("/access/permissions").within_secs(10))
    }

    fn nodes(&self) -> impl Future<Output = Result<Decoded<NodeEntry>>> + Send {
        self.list(Call::get("/nodes").within_secs(15))
    }

    fn node_status(&self, node: &str) -> impl Future<Output = Result<NodeStatus>> + Send {
        self.object(Call::get("/nodes/{node}/status").with(node).within_secs(10))
    }

    fn cluster_status(&self) -> impl Future<Output = Result<Decoded<ClusterStatus>>> + Send {
        self.list(Call::get("/cluster/status").within_secs(10))
    }

    fn cluster_resources(
        &self,
        filter: ResourceFilter,
    ) -> impl Future<Output = Result<Decoded<Resource>>> + Send {
        let call = Call::get("/cluster/resources").within_secs(20);
        self.list(match filter {
            ResourceFilter::All => call,
            ResourceFilter::Guests => call.query("type", "vm"),
            ResourceFilter::Storage => call.query("type", "storage"),
            ResourceFilter::Nodes => call.query("type", "node"),
        })
    }

    /// Definitions of all storages, with the nodes they are limited to.
    fn storage_definitions(
        &self,
    ) -> impl Future<Output = Result<Decoded<StorageDefinition>>> + Send {
        self.list(Call::get("/storage").within_secs(30))
    }

    /// Storages of a node with their usage. Waits for dead network storages.
    fn node_storage(
        &self,
        node: &str,
    ) -> impl Future<Output = Result<Decoded<NodeStorage>>> + Send {
        self.list(
            Call::get("/nodes/{node}/storage")
                .with(node)
                .within_secs(30),
        )
    }

    /// Virtual machines of a node. `full` adds block, balloon and network statistics.
    fn node_vms(
        &self,
        node: &str,
        full: bool,
    ) -> impl Future<Output = Result<Decoded<GuestStatus>>> + Send {
        let call = Call::get("/nodes/{node}/qemu").with(node).within_secs(10);
        self.list(if full { call.query("full", 1) } else { call })
    }

    fn node_containers(
        &self,
        node: &str,
    ) -> impl Future<Output = Result<Decoded<GuestStatus>>> + Send {
        self.list(Call::get("/nodes/{node}/lxc").with(node).within_secs(20))
    }

    fn guest_status(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> impl Future<Output = Result<GuestStatus>> + Send {
        self.object(
            guest(
                kind,
                "/nodes/{node}/qemu/{vmid}/status/current",
                "/nodes/{node}/lxc/{vmid}/status/current",
                node,
                vmid,
            )
            .within_secs(5),
        )
    }

    /// Configuration with pending changes; `current` gives the running values instead.
    fn guest_config(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
        current: bool,
    ) -> impl Future<Output = Result<GuestConfig>> + Send {
        let call = guest(
            kind,
            "/nodes/{node}/qemu/{vmid}/config",
            "/nodes/{node}/lxc/{vmid}/config",
            node,
            vmid,
        )
        .within_secs(10);
        self.object(if current {
            call.query("current", 1)
        } else {
            call
        })
    }

    fn guest_snapshots(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> impl Future<Output = Result<Decoded<Snapshot>>> + Send {
        self.list(
            guest(
                kind,
                "/nodes/{node}/qemu/{vmid}/snapshot",
                "/nodes/{node}/lxc/{vmid}/snapshot",
                node,
                vmid,
            )
            .within_secs(15),
        )
    }

    /// Network interfaces as the guest sees them. Needs `VM.Monitor`; a silent agent takes 3 s to fail.
    fn agent_interfaces(
        &self,
        node: &str,
        vmid: u32,
    ) -> impl Future<Output = Result<Decoded<AgentInterface>>> + Send {
        fetch(
            self,
            agent(
                "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
                node,
                vmid,
            ),
            agent_list,
        )
    }

    fn agent_filesystems(
        &self,
        node: &str,
        vmid: u32,
    ) -> impl Future<Output = Result<Decoded<AgentFilesystem>>> + Send {
        fetch(
            self,
            agent("/nodes/{node}/qemu/{vmid}/agent/get-fsinfo", node, vmid),
            agent_list,
        )
    }

    fn agent_os(&self, node: &str, vmid: u32) -> impl Future<Output = Result<AgentOs>> + Send {
        fetch(
            self,
            agent("/nodes/{node}/qemu/{vmid}/agent/get-osinfo", node, vmid),
            agent_object,
        )
    }

    fn agent_info(&self, node: &str, vmid: u32) -> impl Future<Output = Result<AgentInfo>> + Send {
        fetch(
            self,
            agent("/nodes/{node}/qemu/{vmid}/agent/info", node, vmid),
            agent_object,
        )
    }

    /// Interfaces of a container; empty if it is stopped or unknown.
    fn container_interfaces(
        &self,
        node: &str,
        vmid: u32,
    ) -> impl Future<Output = Result<Decoded<LxcInterface>>> + Send {
        self.list(
            Call::get("/nodes/{node}/lxc/{vmid}/interfaces")
                .with(node)
                .with(vmid)
                .within_secs(10),
        )
    }

    /// Averages of the last hour, one point a minute.
    fn node_rrd(&self, node: &str) -> impl Future<Output = Result<Decoded<RrdPoint>>> + Send {
        self.list(rrd(Call::get("/nodes/{node}/rrddata").with(node)))
    }

    fn guest_rrd(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> impl Future<Output = Result<Decoded<RrdPoint>>> + Send {
        self.list(rrd(guest(
            kind,
            "/nodes/{node}/qemu/{vmid}/rrddata",
            "/nodes/{node}/lxc/{vmid}/rrddata",
            node,
            vmid,
        )))
    }

    /// Finished and running tasks of a node; `kind` is a worker type such as `vzdump`.
    fn node_tasks(
        &self,
        node: &str,
        kind: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Decoded<Task>>> + Send {
        let call = Call::get("/nodes/{node}/tasks")
            .with(node)
            .query("source", "all")
            .query("limit", limit)
            .within_secs(20);
        self.list(match kind {
            Some(kind) => call.query("typefilter", kind),
            None => call,
        })
    }

    /// Volumes of a storage; `content` is a kind such as `backup`. Seeing backups needs more than PVEAuditor.
    fn storage_content(
        &self,
        node: &str,
        storage: &str,
        content: Option<&str>,
    ) -> impl Future<Output = Result<Decoded<StorageContent>>> + Send {
        let call = Call::get("/nodes/{node}/storage/{storage}/content")
            .with(node)
            .with(storage)
            .within_secs(60);
        self.list(match content {
            Some(content) => call.query("content", content),
            None => call,
        })
    }

    /// Physical disks. Reads SMART, which may wake sleeping disks.
    fn node_disks(&self, node: &str) -> impl Future<Output = Result<Decoded<Disk>>> + Send {
        self.list(
            Call::get("/nodes/{node}/disks/list")
                .with(node)
                .within_secs(60),
        )
    }

    fn node_zfs_pools(&self, node: &str) -> impl Future<Output = Result<Decoded<ZfsPool>>> + Send {
        self.list(
            Call::get("/nodes/{node}/disks/zfs")
                .with(node)
                .within_secs(30),
        )
    }

    fn node_zfs_pool(
        &self,
        node: &str,
        pool: &str,
    ) -> impl Future<Output = Result<ZfsPoolDetail>> + Send {
        self.object(
            Call::get("/nodes/{node}/disks/zfs/{pool}")
                .with(node)
                .with(pool)
                .within_secs(30),
        )
    }

    fn node_network(
        &self,
        node: &str,
    ) -> impl Future<Output = Result<Decoded<NetworkInterface>>> + Send {
        self.list(
            Call::get("/nodes/{node}/network")
                .with(node)
                .within_secs(10),
        )
    }

    /// Pending package updates. Needs `Sys.Modify`.
    fn node_updates(&self, node: &str) -> impl Future<Output = Result<Decoded<AptUpdate>>> + Send {
        self.list(
            Call::get("/nodes/{node}/apt/update")
                .with(node)
                .within_secs(30),
        )
    }

    /// Replication jobs that start on a node, with their last run.
    fn node_replication(
        &self,
        node: &str,
    ) -> impl Future<Output = Result<Decoded<Replication>>> + Send {
        self.list(
            Call::get("/nodes/{node}/replication")
                .with(node)
                .within_secs(15),
        )
    }

    /// Replication jobs as configured.
    fn cluster_replication(&self) -> impl Future<Output = Result<Decoded<Replication>>> + Send {
        self.list(Call::get("/cluster/replication").within_secs(15))
    }

    fn ha_status(&self) -> impl Future<Output = Result<Decoded<HaStatus>>> + Send {
        self.list(Call::get("/cluster/ha/status/current").within_secs(15))
    }

    fn backup_jobs(&self) -> impl Future<Output = Result<Decoded<BackupJob>>> + Send {
        self.list(Call::get("/cluster/backup").within_secs(15))
    }

    /// Guests that no backup job covers.
    fn not_backed_up(&self) -> impl Future<Output = Result<Decoded<Unprotected>>> + Send {
        self.list(Call::get("/cluster/backup-info/not-backed-up").within_secs(15))
    }

    /// Fails with 500 where Ceph is not set up.
    fn ceph_status(&self) -> impl Future<Output = Result<CephStatus>> + Send {
        self.object(Call::get("/cluster/ceph/status").within_secs(15))
    }

    /// Pools of the Ceph cluster, as a member of it knows them.
    fn ceph_pools(&self, node: &str) -> impl Future<Output = Result<Decoded<CephPoolRow>>> + Send {
        self.list(
            Call::get("/nodes/{node}/ceph/pool")
                .with(node)
                .within_secs(15),
        )
    }

    fn ceph_osds(&self, node: &str) -> impl Future<Output = Result<CephOsdTree>> + Send {
        self.object(
            Call::get("/nodes/{node}/ceph/osd")
                .with(node)
                .within_secs(15),
        )
    }

    /// Most versions do not offer it: 501.
    fn ceph_df(&self) -> impl Future<Output = Result<CephDf>> + Send {
        self.object(Call::get("/cluster/ceph/df").within_secs(15))
    }

    /// What the HA manager keeps: states of services and of the nodes' resource managers.
    fn ha_manager_status(&self) -> impl Future<Output = Result<HaManagerStatus>> + Send {
        self.object(Call::get("/cluster/ha/status/manager_status").within_secs(15))
    }

    fn ha_resources(&self) -> impl Future<Output = Result<Decoded<HaResource>>> + Send {
        self.list(Call::get("/cluster/ha/resources").within_secs(15))
    }

    /// Corosync's members and their votes; empty on a single node.
    fn cluster_config_nodes(
        &self,
    ) -> impl Future<Output = Result<Decoded<ClusterConfigNode>>> + Send {
        self.list(Call::get("/cluster/config/nodes").within_secs(15))
    }

    /// The external vote, as the node that answers sees it.
    fn qdevice(&self) -> impl Future<Output = Result<QDeviceStatus>> + Send {
        self.object(Call::get("/cluster/config/qdevice").within_secs(15))
    }

    /// The latest tasks of all nodes, running ones included: about 25 of each.
    fn cluster_tasks(&self) -> impl Future<Output = Result<Decoded<Task>>> + Send {
        self.list(Call::get("/cluster/tasks").within_secs(20))
    }

    fn node_lvm_thin(&self, node: &str) -> impl Future<Output = Result<Decoded<LvmThin>>> + Send {
        self.list(
            Call::get("/nodes/{node}/disks/lvmthin")
                .with(node)
                .within_secs(30),
        )
    }

    fn node_certificates(
        &self,
        node: &str,
    ) -> impl Future<Output = Result<Decoded<Certificate>>> + Send {
        self.list(
            Call::get("/nodes/{node}/certificates/info")
                .with(node)
                .within_secs(15),
        )
    }

    /// Installed versions of the packages that matter to Proxmox, and the running kernel.
    fn node_apt_versions(
        &self,
        node: &str,
    ) -> impl Future<Output = Result<Decoded<AptVersion>>> + Send {
        self.list(
            Call::get("/nodes/{node}/apt/versions")
                .with(node)
                .within_secs(30),
        )
    }
}

type Read<T> = Result<(T, usize, u64), DecodeError>;

async fn fetch<A: PveApi + ?Sized, T>(
    api: &A,
    call: Call,
    read: fn(&[u8]) -> Read<T>,
) -> Result<T> {
    let (template, path) = (call.template, call.path.clone());
    let body = api.send(call).await?;
    let (value, skipped, odd) =
        read(&body).map_err(|error| Error::new(&api.describe(), &path, error))?;
    if skipped > 0 {
        tracing::debug!(
            server = api.describe(),
            path,
            skipped,
            "unreadable elements skipped"
        );
    }
    api.meter().decoded(template, skipped, odd);
    Ok(value)
}

fn agent_list<T: Element>(body: &[u8]) -> Read<Decoded<T>> {
    let decoded = decode::agent_list(body)?;
    let (skipped, odd) = (decoded.skipped.len(), decoded.odd_values);
    Ok((decoded, skipped, odd))
}

fn agent_object<T: Element>(body: &[u8]) -> Read<T> {
    decode::agent_object(body).map(|(item, odd)| (item, 0, odd))
}

/// Templates are literals, so that metering has a bounded vocabulary.
fn guest(kind: GuestKind, qemu: &'static str, lxc: &'static str, node: &str, vmid: u32) -> Call {
    let template = match kind {
        GuestKind::Qemu => qemu,
        GuestKind::Lxc => lxc,
    };
    Call::get(template).with(node).with(vmid)
}

fn agent(template: &'static str, node: &str, vmid: u32) -> Call {
    Call::get(template).with(node).with(vmid).within_secs(15)
}

// `ds` is not sent: current versions refuse it.
fn rrd(call: Call) -> Call {
    call.query("timeframe", "hour")
        .query("cf", "AVERAGE")
        .within_secs(5)
}
