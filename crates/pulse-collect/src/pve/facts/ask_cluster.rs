//! How the cluster itself is asked: members, votes, high availability, Ceph.

use pulse_core::PveFact;
use pulse_proxmox::{ClusterClient, Error, PveApi as _};

use super::agenda::Facts;
use super::ask::Answer;
use super::question::Question;
use super::world::World;
use super::{ceph, cluster};
use crate::Clock;

/// Ceph's pools and OSDs are asked less often than its status.
const CEPH_DETAILS_EVERY_MS: i64 = 120_000;

impl Facts {
    pub(super) async fn cluster(
        &self,
        client: &ClusterClient,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let rows = client.cluster_status().await?.items;
        if !rows.iter().any(|row| row.kind == "cluster") {
            return Ok(Answer {
                facts: vec![PveFact::Cluster(None)],
                nothing: true,
            });
        }
        self.charge(1);
        // Without high availability the rest is still worth telling.
        let current = client.ha_status().await.map(|list| list.items);
        let votes = self.lock().votes.clone();
        let ha = match current {
            Ok(rows) => {
                let managed = rows
                    .iter()
                    .any(|row| row.kind.as_deref() == Some("service"));
                let manager = if managed {
                    self.charge(1);
                    client.ha_manager_status().await.ok()
                } else {
                    None
                };
                cluster::ha(&rows, manager.as_ref(), &votes.resources)
            }
            Err(error) => {
                self.note_refusal("", Question::Cluster.need(), &error, clock());
                None
            }
        };
        let state = cluster::state(self.instance(), &rows, ha, &votes, clock());
        Ok(Answer::some(PveFact::Cluster(state.map(Box::new))))
    }

    pub(super) async fn votes(&self, client: &ClusterClient) -> Result<Answer, Error> {
        let members = client.cluster_config_nodes().await?.items;
        if members.is_empty() {
            return Ok(Answer {
                nothing: true,
                ..Answer::default()
            });
        }
        self.charge(2);
        let (device, resources) = tokio::join!(client.qdevice(), client.ha_resources());
        let mut state = self.lock();
        state.votes.of_nodes = cluster::votes_of(&members);
        match device {
            Ok(status) => state.votes.qdevice = cluster::qdevice(&status),
            Err(error) if error.is_not_implemented() => state.votes.qdevice = None,
            Err(_) => {}
        }
        if let Ok(list) = resources {
            let by_id = list.items.into_iter().map(|row| (row.sid.clone(), row));
            state.votes.resources = by_id.collect();
        }
        Ok(Answer::default())
    }

    pub(super) async fn ceph(
        &self,
        client: &ClusterClient,
        world: &World,
        clock: &Clock,
    ) -> Result<Answer, Error> {
        let status = client.ceph_status().await?;
        let now = clock();
        let due = {
            let mut state = self.lock();
            let due = state
                .ceph_details_at
                .is_none_or(|at| now.since(at) >= CEPH_DETAILS_EVERY_MS);
            if due {
                state.ceph_details_at = Some(now);
            }
            due
        };
        if due {
            self.ceph_details(client, world).await;
        }
        let details = self.lock().ceph.clone();
        let ceph = ceph::cluster(self.instance(), &status, &details, now);
        Ok(Answer::some(PveFact::Ceph(Some(Box::new(ceph)))))
    }

    /// Pools and OSDs, of a node that has them; nodes take turns until one answers.
    async fn ceph_details(&self, client: &ClusterClient, world: &World) {
        let members: Vec<&str> = world.online().map(|node| node.name.as_str()).collect();
        for _ in 0..members.len().min(3) {
            let Some(node) = members.get(self.lock().turn % members.len()) else {
                return;
            };
            self.charge(2);
            let (pools, osds) = tokio::join!(client.ceph_pools(node), client.ceph_osds(node));
            if let Ok(tree) = osds {
                self.lock().ceph.osds = ceph::osds(&tree);
            }
            match pools {
                Ok(rows) => {
                    self.lock().ceph.pools = ceph::pools(&rows.items);
                    return;
                }
                Err(error) if error.is_not_implemented() => {
                    self.charge(1);
                    if let Ok(df) = client.ceph_df().await {
                        let (pools, space) = ceph::df(&df);
                        let mut state = self.lock();
                        state.ceph.pools = pools;
                        state.ceph.space = space;
                    }
                    return;
                }
                Err(_) => {
                    let mut state = self.lock();
                    state.turn = state.turn.wrapping_add(1);
                }
            }
        }
    }
}
