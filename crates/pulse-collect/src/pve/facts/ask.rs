//! How each question is asked, and which facts its answer is.

use std::sync::Arc;

use pulse_core::{PveFact, Timestamp};
use pulse_proxmox::{ClusterClient, Error, GuestKind, PveApi as _};

use super::agenda::Facts;
use super::question::Question;
use super::world::World;
use super::{backups, disks, jobs, upkeep};
use crate::Clock;
use crate::pve::gaps::Need;

/// What a question brought.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub facts: Vec<PveFact>,
    /// There is nothing of what was asked for: no need to ask soon again.
    pub nothing: bool,
}

impl Answer {
    pub(super) fn some(fact: PveFact) -> Self {
        Self {
            facts: vec![fact],
            nothing: false,
        }
    }
}

const OLDER_TASKS: u32 = 200;

const UNPROTECTED: Need = Need {
    capability: "guests without backup job",
    privilege: "Sys.Audit on /",
};
const HIDDEN_BACKUPS: Need = Need {
    capability: "backup files, which are left out of lists",
    privilege: "Datastore.AllocateSpace, VM.Backup",
};
const KERNELS: Need = Need {
    capability: "installed versions",
    privilege: "Sys.Audit",
};

impl Question {
    /// The facts that say that the server does not have such a thing.
    pub(super) fn nothing(&self) -> Vec<PveFact> {
        let node = |node: &String| node.clone();
        match self {
            Self::Cluster => vec![PveFact::Cluster(None)],
            Self::Ceph => vec![PveFact::Ceph(None)],
            Self::Replication => vec![PveFact::Replication(Vec::new())],
            Self::Disks(of) => vec![PveFact::Disks {
                node: node(of),
                disks: Vec::new(),
            }],
            Self::Zfs(of) => vec![PveFact::ZfsPools {
                node: node(of),
                pools: Vec::new(),
            }],
            Self::ThinPools(of) => vec![PveFact::ThinPools {
                node: node(of),
                pools: Vec::new(),
            }],
            Self::Snapshots(vmid) => vec![PveFact::Snapshots {
                vmid: *vmid,
                snapshots: Vec::new(),
            }],
            _ => Vec::new(),
        }
    }
}

impl Facts {
    pub(super) async fn ask(
        &self,
        client: &ClusterClient,
        question: &Question,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let world = Arc::clone(&self.lock().world);
        match question {
            Question::Cluster => self.cluster(client, clock).await,
            Question::Votes => self.votes(client).await,
            Question::Tasks => self.tasks(client, clock).await,
            Question::Ceph => self.ceph(client, &world, clock).await,
            Question::Replication => self.replication(client, &world, clock).await,
            Question::BackupJobs => self.backup_jobs(client, &world, clock).await,
            Question::Rights => self.rights(client, &world, clock).await,
            Question::StorageBackups { storage, node } => {
                self.storage_backups(client, storage, node.as_deref(), &world)
                    .await
            }
            Question::BackupTasks(node) => self.backup_tasks(client, node).await,
            Question::Disks(node) => self.disks(client, node, clock).await,
            Question::Zfs(node) => self.zfs(client, node, clock).await,
            Question::ThinPools(node) => self.thin_pools(client, node, clock).await,
            Question::NodeMemory(node) => self.memory(client, node, clock).await,
            Question::Updates(node) => self.updates(client, node, &world, clock).await,
            Question::Certificates(node) => self.certificates(client, node).await,
            Question::Snapshots(vmid) => self.snapshots(client, *vmid, &world).await,
        }
    }

    pub(super) fn instance(&self) -> &str {
        &self.source().name
    }

    async fn tasks(&self, client: &ClusterClient, clock: &Clock) -> Result<Answer, Error> {
        let rows = client.cluster_tasks().await?.items;
        let tasks = rows
            .into_iter()
            .map(|row| jobs::task(self.instance(), "", row))
            .collect();
        let mut state = self.lock();
        let news = state.tasks.latest(tasks);
        let facts = news
            .nodes
            .iter()
            .map(|node| PveFact::Tasks {
                node: node.clone(),
                tasks: state.tasks.of(node),
            })
            .collect();
        drop(state);
        self.follow_up(&news, clock());
        Ok(Answer {
            facts,
            nothing: false,
        })
    }

    async fn backup_tasks(&self, client: &ClusterClient, node: &str) -> Result<Answer, Error> {
        let rows = client
            .node_tasks(node, Some("vzdump"), OLDER_TASKS)
            .await?
            .items;
        let tasks = rows
            .into_iter()
            .map(|row| jobs::task(self.instance(), node, row))
            .collect();
        let mut state = self.lock();
        if !state.tasks.older(node, tasks) {
            return Ok(Answer::default());
        }
        Ok(Answer::some(PveFact::Tasks {
            node: node.to_owned(),
            tasks: state.tasks.of(node),
        }))
    }

    async fn replication(
        &self,
        client: &ClusterClient,
        world: &World,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let configured = client.cluster_replication().await?.items;
        let mut runs = Vec::new();
        let mut failed = None;
        for node in jobs::replication_sources(&configured, world) {
            self.charge(1);
            match client.node_replication(&node).await {
                Ok(list) => runs.extend(list.items),
                Err(error) => failed = Some(error),
            }
        }
        // One silent node does not hide the jobs of the others; if all are, the last known stays.
        if let Some(error) = failed
            && runs.is_empty()
        {
            return Err(error);
        }
        let list = jobs::replication(self.instance(), &configured, &runs, world, clock());
        Ok(Answer::some(PveFact::Replication(list)))
    }

    async fn backup_jobs(
        &self,
        client: &ClusterClient,
        world: &World,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let rows = client.backup_jobs().await?.items;
        self.charge(1);
        let unprotected = match client.not_backed_up().await {
            Ok(list) => {
                self.gaps().granted("", UNPROTECTED);
                // Templates are listed, too; they need no backup.
                let guests = list.items.into_iter().map(|guest| guest.vmid);
                let mut guests: Vec<u32> = guests
                    .filter(|vmid| world.guests.contains_key(vmid))
                    .collect();
                guests.sort_unstable();
                Some(guests)
            }
            Err(error) => {
                self.note_refusal("", UNPROTECTED, &error, clock());
                None
            }
        };
        let jobs = rows
            .into_iter()
            .map(|row| jobs::backup_job(self.instance(), row))
            .collect();
        Ok(Answer::some(PveFact::BackupJobs { jobs, unprotected }))
    }

    /// Lists leave out backups that the credentials may not see, without a word.
    async fn rights(
        &self,
        client: &ClusterClient,
        world: &World,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let rights = client.permissions().await?;
        let sees_backups = world
            .storages
            .iter()
            .filter(|storage| storage.backups)
            .all(|storage| {
                let path = format!("/storage/{}", storage.name);
                rights.allows(&path, "Datastore.Allocate")
                    || (rights.allows(&path, "Datastore.AllocateSpace")
                        && rights.allows("/vms", "VM.Backup"))
            });
        if sees_backups {
            self.gaps().granted("", HIDDEN_BACKUPS);
        } else {
            self.gaps().refused("", HIDDEN_BACKUPS, 403, clock());
        }
        Ok(Answer::default())
    }

    /// The nodes that see a shared storage take turns: one may not answer.
    fn next_of(&self, storage: &str) -> Option<String> {
        let mut state = self.lock();
        let candidates = state.candidates(storage);
        let turn = state.turn;
        state.turn = turn.wrapping_add(1);
        candidates.get(turn % candidates.len().max(1)).cloned()
    }

    async fn storage_backups(
        &self,
        client: &ClusterClient,
        storage: &str,
        node: Option<&str>,
        world: &World,
    ) -> Result<Answer, Error> {
        let Some(asked) = node.map(str::to_owned).or_else(|| self.next_of(storage)) else {
            return Ok(Answer::default());
        };
        let same =
            |known: &&super::WorldStorage| known.name == storage && known.node.as_deref() == node;
        let Some(known) = world.storages.iter().find(same) else {
            return Ok(Answer::default());
        };
        let rows = client
            .storage_content(&asked, storage, Some("backup"))
            .await?
            .items;
        let backups = backups::storage_backups(self.instance(), known, &asked, rows, world);
        Ok(Answer::some(PveFact::StorageBackups {
            storage: storage.to_owned(),
            node: node.map(str::to_owned),
            backups,
        }))
    }

    async fn disks(
        &self,
        client: &ClusterClient,
        node: &str,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let rows = client.node_disks(node).await?.items;
        let disks = disks::disks(self.instance(), node, rows, clock());
        Ok(Answer::some(PveFact::Disks {
            node: node.to_owned(),
            disks,
        }))
    }

    async fn zfs(
        &self,
        client: &ClusterClient,
        node: &str,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let rows = client.node_zfs_pools(node).await?.items;
        let mut pools = Vec::new();
        for row in &rows {
            self.charge(1);
            // A pool whose detail cannot be read still has its row.
            let detail = client.node_zfs_pool(node, &row.name).await.ok();
            pools.push(disks::zfs_pool(
                self.instance(),
                node,
                row,
                detail.as_ref(),
                clock(),
            ));
        }
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Answer {
            nothing: pools.is_empty(),
            facts: vec![PveFact::ZfsPools {
                node: node.to_owned(),
                pools,
            }],
        })
    }

    async fn thin_pools(
        &self,
        client: &ClusterClient,
        node: &str,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let rows = client.node_lvm_thin(node).await?.items;
        let pools = disks::thin_pools(rows, clock());
        Ok(Answer {
            nothing: pools.is_empty(),
            facts: vec![PveFact::ThinPools {
                node: node.to_owned(),
                pools,
            }],
        })
    }

    /// Older versions record nothing that the status does not tell better.
    async fn memory(
        &self,
        client: &ClusterClient,
        node: &str,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let points = client.node_rrd(node).await?.items;
        let history = upkeep::memory_history(&points, clock()).filter(|h| h.arc.is_some());
        let mut state = self.lock();
        match history {
            Some(history) => state.node_memory.insert(node.to_owned(), history),
            None => state.node_memory.remove(node),
        };
        Ok(Answer {
            nothing: history.is_none(),
            ..Answer::default()
        })
    }

    async fn updates(
        &self,
        client: &ClusterClient,
        node: &str,
        world: &World,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let pending = client.node_updates(node).await?.items;
        self.charge(1);
        let versions = match client.node_apt_versions(node).await {
            Ok(list) => list.items,
            Err(error) => {
                self.note_refusal(node, KERNELS, &error, clock());
                Vec::new()
            }
        };
        let running = world.node(node).map_or("", |node| node.kernel.as_str());
        Ok(Answer::some(PveFact::Updates {
            node: node.to_owned(),
            updates: upkeep::updates(pending, &versions, running, clock()),
        }))
    }

    async fn certificates(&self, client: &ClusterClient, node: &str) -> Result<Answer, Error> {
        let rows = client.node_certificates(node).await?.items;
        Ok(Answer::some(PveFact::Certificates {
            node: node.to_owned(),
            certificates: upkeep::certificates(rows),
        }))
    }

    async fn snapshots(
        &self,
        client: &ClusterClient,
        vmid: u32,
        world: &World,
    ) -> Result<Answer, Error> {
        let Some(guest) = world.guests.get(&vmid) else {
            return Ok(Answer::default());
        };
        let kind = if guest.kind.is_vm() {
            GuestKind::Qemu
        } else {
            GuestKind::Lxc
        };
        let rows = client.guest_snapshots(kind, &guest.node, vmid).await?.items;
        Ok(Answer::some(PveFact::Snapshots {
            vmid,
            snapshots: backups::snapshots(self.instance(), &guest.node, vmid, guest.kind, rows),
        }))
    }

    /// A part of a question that is refused is a gap, too.
    pub(super) fn note_refusal(&self, node: &str, need: Need, error: &Error, now: Timestamp) {
        if error.is_permission() {
            self.gaps()
                .refused(node, need, error.status().unwrap_or(403), now);
        }
    }
}
