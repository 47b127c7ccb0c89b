//! Every call against a server that replays the recordings by path.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use pulse_proxmox::types::ResourceKind;
use pulse_proxmox::{Decoded, GuestKind, PveApi as _, PveClient, ResourceFilter};
use support::recordings::recordings;
use support::server::{Server, reply};

/// A server that knows the single node `pve1` of the recordings.
async fn recorded_server() -> Server {
    let answers: HashMap<String, (u16, String, Vec<u8>)> = recordings()
        .into_iter()
        .filter(|r| r.method == "GET")
        .filter(|r| {
            [
                "cluster3_",
                "stale_",
                "noacl_",
                "daemon_down_",
                "err_",
                "auth_",
            ]
            .iter()
            .all(|prefix| !r.name.starts_with(prefix))
        })
        .filter(|r| {
            !r.name.contains("__noacl") && !r.name.contains("__403") && !r.name.contains("__root")
        })
        .map(|r| (r.path.clone(), (r.status, r.reason.clone(), r.body())))
        .collect();
    let answers = Arc::new(answers);
    Server::start(
        move |seen| match answers.get(seen.path.trim_start_matches("/api2/json")) {
            Some((status, reason, body)) => reply(*status, reason, body),
            None => reply(
                501,
                &format!("Method 'GET {}' not implemented", seen.path),
                b"{\"data\":null}",
            ),
        },
    )
    .await
}

fn count<T>(decoded: Decoded<T>, expect: usize) -> Vec<T> {
    assert_eq!(decoded.skipped, []);
    assert_eq!(decoded.odd_values, 0);
    assert_eq!(decoded.items.len(), expect);
    decoded.items
}

#[tokio::test]
async fn cluster_wide_calls() {
    let server = recorded_server().await;
    let client: PveClient = server.client();
    assert_eq!(client.version().await.unwrap().version, "8.3.0");
    let permissions = client.permissions().await.unwrap();
    assert!(
        permissions.allows("/nodes/pve1", "Sys.Audit")
            && permissions.allows("/vms/100", "VM.Audit")
    );
    assert!(!permissions.allows("/vms/100", "VM.Monitor") && !permissions.is_empty());
    let nodes = count(client.nodes().await.unwrap(), 1);
    assert_eq!(
        (nodes[0].node.as_str(), nodes[0].status.as_deref()),
        ("pve1", Some("online"))
    );
    assert!(nodes[0].maxmem > nodes[0].mem && nodes[0].cpu.is_some_and(|cpu| cpu < 1.0));
    let status = count(client.cluster_status().await.unwrap(), 1);
    assert!(status[0].kind == "node" && status[0].local && status[0].online == Some(true));
    let all = client
        .cluster_resources(ResourceFilter::All)
        .await
        .unwrap()
        .items;
    let guests = count(
        client
            .cluster_resources(ResourceFilter::Guests)
            .await
            .unwrap(),
        11,
    );
    assert_eq!(
        all.iter().filter(|resource| resource.is_guest()).count(),
        guests.len()
    );
    let web = guests.iter().find(|guest| guest.vmid == 100).unwrap();
    assert_eq!(
        (
            &web.kind,
            web.name.as_deref(),
            web.tags.as_deref(),
            web.pool.as_deref()
        ),
        (
            &ResourceKind::Qemu,
            Some("web01"),
            Some("prod;web"),
            Some("production")
        )
    );
    assert_eq!(guests.iter().filter(|guest| guest.template).count(), 2);
    assert!(
        guests
            .iter()
            .any(|guest| guest.lock.as_deref() == Some("backup"))
    );
    assert!(guests.iter().any(|guest| guest.hastate.is_some()));
    count(
        client
            .cluster_resources(ResourceFilter::Storage)
            .await
            .unwrap(),
        5,
    );
    count(
        client
            .cluster_resources(ResourceFilter::Nodes)
            .await
            .unwrap(),
        1,
    );
    let storages = count(client.storage_definitions().await.unwrap(), 6);
    assert!(
        storages
            .iter()
            .any(|storage| storage.storage == "old-nas" && storage.disable)
    );
    assert_eq!(client.cluster_replication().await.unwrap().items.len(), 2);
    assert!(
        client
            .ha_status()
            .await
            .unwrap()
            .items
            .iter()
            .any(|entry| entry.sid.is_some())
    );
    let jobs = client.backup_jobs().await.unwrap().items;
    assert!(
        jobs.iter()
            .any(|job| job.enabled == Some(true) && job.next_run.is_some())
    );
    assert!(!client.not_backed_up().await.unwrap().items.is_empty());
    let error = client.ceph_status().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("pveceph configuration not initialized"),
        "{error}"
    );
}

#[tokio::test]
async fn node_calls() {
    let server = recorded_server().await;
    let client = server.client();
    let status = client.node_status("pve1").await.unwrap();
    assert_eq!(status.loadavg.len(), 3);
    assert!(
        status
            .pveversion
            .is_some_and(|version| version.starts_with("pve-manager/8.3.0"))
    );
    assert!(
        status
            .memory
            .is_some_and(|memory| memory.used < memory.total)
    );
    assert!(
        status
            .cpuinfo
            .is_some_and(|cpu| cpu.cpus.is_some() && cpu.mhz.is_some())
    );
    let storages = count(client.node_storage("pve1").await.unwrap(), 6);
    let dead = storages
        .iter()
        .find(|storage| storage.storage == "usb-backup")
        .unwrap();
    assert_eq!(
        (dead.enabled, dead.active, dead.total),
        (Some(true), Some(false), Some(0))
    );
    assert_eq!(
        client
            .storage_content("pve1", "local", Some("iso"))
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let error = client
        .storage_content("pve1", "usb-backup", None)
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(500));
    let disks = count(client.node_disks("pve1").await.unwrap(), 5);
    let nvme = disks
        .iter()
        .find(|disk| disk.kind.as_deref() == Some("nvme"))
        .unwrap();
    assert!(nvme.wearout.is_some());
    assert!(
        disks
            .iter()
            .any(|disk| disk.rpm.is_some_and(|rpm| rpm.0 == 5400))
    );
    assert_eq!(
        count(client.node_zfs_pools("pve1").await.unwrap(), 2).len(),
        2
    );
    let tank = client.node_zfs_pool("pve1", "tank").await.unwrap();
    let mirror = &tank.children[0].children[0];
    assert_eq!(
        (tank.state.as_deref(), mirror.children.len()),
        (Some("DEGRADED"), 2)
    );
    assert_eq!(mirror.children[0].read, Some(14));
    assert!(
        client
            .node_network("pve1")
            .await
            .unwrap()
            .items
            .iter()
            .any(|interface| interface.active && interface.cidr.is_some())
    );
    assert!(
        client
            .node_updates("pve1")
            .await
            .unwrap()
            .items
            .iter()
            .all(|update| update.old_version.is_some())
    );
    let replication = client.node_replication("pve1").await.unwrap().items;
    assert!(
        replication.iter().any(|job| job.fail_count == Some(1)
            && job.error.is_some()
            && job.last_sync == Some(0))
    );
    count(client.node_tasks("pve1", None, 5).await.unwrap(), 5);
    let points = count(client.node_rrd("pve1").await.unwrap(), 70);
    assert!(
        points
            .iter()
            .any(|point| point.get("memused").is_some() && point.get("time").is_none())
    );
}

#[tokio::test]
async fn guest_calls() {
    let server = recorded_server().await;
    let client = server.client();
    let plain = count(client.node_vms("pve1", false).await.unwrap(), 8);
    assert!(plain.iter().all(|vm| vm.ballooninfo.is_none()));
    let full = count(client.node_vms("pve1", true).await.unwrap(), 8);
    let web = full.iter().find(|vm| vm.vmid == 100).unwrap();
    assert!(
        web.ballooninfo.is_some()
            && web.freemem.is_some()
            && web.blockstat.len() == 2
            && web.nics.len() == 1
    );
    assert!(
        full.iter()
            .any(|vm| vm.qmpstatus.as_deref() == Some("paused")
                && vm.status.as_deref() == Some("running"))
    );
    count(client.node_containers("pve1").await.unwrap(), 3);
    let status = client
        .guest_status(GuestKind::Qemu, "pve1", 100)
        .await
        .unwrap();
    assert!(
        status.agent.is_some_and(|agent| agent.0) && status.blockstat["scsi0"].rd_bytes.is_some()
    );
    let container = client
        .guest_status(GuestKind::Lxc, "pve1", 201)
        .await
        .unwrap();
    assert!(container.ha.is_some() && container.disk > Some(0));
    let config = client
        .guest_config(GuestKind::Qemu, "pve1", 100, false)
        .await
        .unwrap();
    assert_eq!(
        (
            config.get("memory"),
            config.numbered("scsi").len(),
            config.numbered("net").len()
        ),
        (Some("1024"), 2, 1)
    );
    assert_eq!(
        client
            .guest_config(GuestKind::Qemu, "pve1", 104, true)
            .await
            .unwrap()
            .get("memory"),
        Some("512")
    );
    assert_eq!(
        client
            .guest_snapshots(GuestKind::Qemu, "pve1", 101)
            .await
            .unwrap()
            .items
            .len(),
        3
    );
    let interfaces = client.agent_interfaces("pve1", 100).await.unwrap().items;
    assert!(interfaces.iter().any(|interface| {
        interface
            .addresses
            .iter()
            .any(|address| address.prefix == Some(8))
    }));
    assert!(
        interfaces
            .iter()
            .all(|interface| interface.statistics.contains_key("rx-bytes"))
    );
    let filesystems = client.agent_filesystems("pve1", 100).await.unwrap().items;
    assert!(
        filesystems
            .iter()
            .all(|fs| fs.total >= fs.used && fs.mountpoint.is_some())
    );
    assert!(
        client
            .agent_os("pve1", 100)
            .await
            .unwrap()
            .pretty_name
            .is_some()
    );
    assert!(
        client
            .agent_info("pve1", 100)
            .await
            .unwrap()
            .version
            .is_some()
    );
    assert!(
        client
            .agent_filesystems("pve1", 104)
            .await
            .unwrap_err()
            .is_guest_agent()
    );
    let interfaces = count(client.container_interfaces("pve1", 201).await.unwrap(), 2);
    assert!(interfaces.iter().any(|interface| interface.inet.is_some()));
    count(client.container_interfaces("pve1", 200).await.unwrap(), 0);
    count(
        client
            .guest_rrd(GuestKind::Qemu, "pve1", 100)
            .await
            .unwrap(),
        70,
    );
    count(
        client.guest_rrd(GuestKind::Lxc, "pve1", 201).await.unwrap(),
        70,
    );
    assert!(
        client
            .guest_status(GuestKind::Qemu, "pve1", 999)
            .await
            .unwrap_err()
            .status()
            .is_some()
    );
}
