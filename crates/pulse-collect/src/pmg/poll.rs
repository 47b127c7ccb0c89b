//! One poll of one mail gateway: its version, then one call after the other; a gateway has other
//! work. Everything but the version is optional: what fails is named and what was known stays.

use std::collections::BTreeMap;

use pulse_core::{
    Bytes, InstanceHealth, Liveness, MailCount, MailQueue, MailStatistics, PmgBackup, PmgInstance,
    PmgNode, PmgPart, PmgReport, PollFailure, Quarantine, Timestamp,
};
use pulse_proxmox::Error;
use pulse_proxmox::pmg::{QueueCounts, types};

use super::PmgSource;
use crate::pve::failure;

/// Polls one gateway; keeps what has to be remembered between cycles.
pub struct Poller {
    source: PmgSource,
    /// The last known of each node, while one of its calls fails.
    queues: BTreeMap<String, MailQueue>,
    backups: BTreeMap<String, Vec<PmgBackup>>,
}

#[derive(Default)]
struct Troubles {
    notes: Vec<String>,
    missing: Vec<PmgPart>,
}

impl Troubles {
    fn of<T>(&mut self, part: PmgPart, answer: Result<T, Error>) -> Option<T> {
        answer
            .map_err(|error| {
                self.note(&error);
                if !self.missing.contains(&part) {
                    self.missing.push(part);
                }
            })
            .ok()
    }

    fn note(&mut self, error: &Error) {
        self.notes.push(error.to_string());
    }
}

impl Poller {
    pub fn new(source: PmgSource) -> Self {
        Self {
            source,
            queues: BTreeMap::new(),
            backups: BTreeMap::new(),
        }
    }

    pub fn source(&self) -> &PmgSource {
        &self.source
    }

    /// Asks, and gives the report. `clock` is read when answers are complete.
    pub async fn poll(
        &mut self,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Result<PmgReport, PollFailure> {
        let client = std::sync::Arc::clone(&self.source.client);
        let version = client.server_version().await.map_err(|e| failure(&e))?;
        let mut troubles = Troubles::default();
        let nodes = self.nodes(clock, &mut troubles).await;
        let backups = self.backups(&nodes, &mut troubles).await;
        let mut server = PmgInstance {
            id: format!("pmg-{}", self.source.name),
            name: self.source.name.clone(),
            host: self.source.host.clone(),
            guest_url: self.source.guest_url.clone(),
            online: true,
            health: InstanceHealth::Healthy,
            version: version.version,
            nodes,
            backups,
            liveness: Liveness::Fresh,
            ..PmgInstance::default()
        };
        if self.source.mail_stats {
            let answer = client.mail_statistics().await;
            let answer = troubles.of(PmgPart::Statistics, answer);
            server.statistics = answer.map(|answer| statistics(&answer, clock()));
            let answer = troubles.of(PmgPart::Counts, client.mail_counts().await);
            server.counts = answer.map(|rows| counts(&rows.items)).unwrap_or_default();
            let answer = troubles.of(PmgPart::SpamScores, client.spam_scores().await);
            server.spam_scores = answer
                .into_iter()
                .flatten()
                .filter_map(|row| Some((row.level, whole(row.count)?)))
                .collect();
        }
        if self.source.quarantine {
            let part = PmgPart::Quarantine;
            let spam = troubles.of(part, client.spam_quarantine().await);
            let virus = troubles.of(part, client.virus_quarantine().await);
            server.quarantine = (spam.is_some() || virus.is_some()).then(|| Quarantine {
                spam: spam.and_then(|answer| whole(answer.count)),
                virus: virus.and_then(|answer| whole(answer.count)),
                ..Quarantine::default()
            });
        }
        server.seen = clock();
        Ok(PmgReport {
            interval_seconds: self.source.interval_seconds,
            server,
            missing: troubles.missing,
            notes: troubles.notes,
        })
    }

    /// The members with their roles; of a server that does not say, what can be learnt otherwise.
    async fn members(&self, troubles: &mut Troubles) -> Vec<(String, String)> {
        let client = &self.source.client;
        match client.members().await {
            Ok(rows) if !rows.items.is_empty() => {
                return rows
                    .into_iter()
                    .map(|row| (row.name, row.role.unwrap_or_default().to_lowercase()))
                    .collect();
            }
            Ok(_) => {}
            Err(error) => {
                troubles.note(&error);
                troubles.missing.push(PmgPart::Nodes);
            }
        }
        match client.node_list().await {
            Ok(rows) if !rows.items.is_empty() => rows
                .into_iter()
                .map(|row| (row.node, String::new()))
                .collect(),
            // One name that the API knows by itself.
            _ => vec![("localhost".to_owned(), String::new())],
        }
    }

    async fn nodes(
        &mut self,
        clock: &(impl Fn() -> Timestamp + Sync),
        troubles: &mut Troubles,
    ) -> Vec<PmgNode> {
        let client = std::sync::Arc::clone(&self.source.client);
        let mut nodes = Vec::new();
        for (name, role) in self.members(troubles).await {
            let mut node = PmgNode {
                name,
                role,
                ..PmgNode::default()
            };
            let status = client.member_status(&node.name).await;
            node.online = !matches!(&status, Err(error) if is_off(error));
            match status {
                Ok(status) => {
                    node.uptime = status.uptime.unwrap_or(0);
                    node.load = <[f64; 3]>::try_from(status.loadavg).ok();
                }
                Err(error) => troubles.note(&error),
            }
            if self.source.queues {
                // A node that is off is not asked for the rest of the deadline, too.
                if node.online {
                    match client.queues(&node.name).await {
                        Ok(counts) => {
                            let queue = queue(counts, clock());
                            self.queues.insert(node.name.clone(), queue);
                        }
                        Err(error) => troubles.note(&error),
                    }
                }
                node.queue = self.queues.get(&node.name).cloned();
            }
            nodes.push(node);
        }
        self.queues
            .retain(|name, _| nodes.iter().any(|node| node.name == *name));
        nodes
    }

    async fn backups(&mut self, nodes: &[PmgNode], troubles: &mut Troubles) -> Vec<PmgBackup> {
        for node in nodes {
            if !node.online {
                troubles.missing.push(PmgPart::Backups);
                continue;
            }
            let answer = self.source.client.node_backups(&node.name).await;
            if let Some(rows) = troubles.of(PmgPart::Backups, answer) {
                let listed = rows
                    .into_iter()
                    .filter_map(|row| backup(&self.source.name, &node.name, row));
                self.backups.insert(node.name.clone(), listed.collect());
            }
        }
        self.backups
            .retain(|name, _| nodes.iter().any(|node| node.name == *name));
        let mut all: Vec<PmgBackup> = self.backups.values().flatten().cloned().collect();
        all.sort_by(|a, b| (b.time, &a.id).cmp(&(a.time, &b.id)));
        all
    }
}

/// The node itself cannot be reached, or not in time.
fn is_off(error: &Error) -> bool {
    error.is_node_unreachable() || error.is_connection() || error.is_timeout()
}

fn whole(count: Option<f64>) -> Option<u64> {
    count
        .filter(|count| count.is_finite() && *count >= 0.0)
        .map(|count| count as u64)
}

fn queue(counts: QueueCounts, read: Timestamp) -> MailQueue {
    MailQueue {
        active: counts.active.unwrap_or(0),
        deferred: counts.deferred.unwrap_or(0),
        hold: counts.hold.unwrap_or(0),
        incoming: counts.incoming.unwrap_or(0),
        oldest_age: counts.oldest_age.unwrap_or(0),
        read,
    }
}

fn backup(instance: &str, node: &str, row: types::Backup) -> Option<PmgBackup> {
    let time = row.timestamp?;
    Some(PmgBackup {
        id: format!("pmg-{instance}-{node}-{time}"),
        instance: instance.to_owned(),
        node: node.to_owned(),
        filename: row.filename,
        time: Timestamp::from_secs(time),
        size: Bytes(row.size.unwrap_or(0)),
    })
}

fn statistics(answer: &types::MailStatistics, read: Timestamp) -> MailStatistics {
    let number = |value: Option<f64>| value.filter(|v| v.is_finite()).unwrap_or(0.0);
    MailStatistics {
        count: number(answer.count),
        count_in: number(answer.count_in),
        count_out: number(answer.count_out),
        spam_in: number(answer.spamcount_in),
        spam_out: number(answer.spamcount_out),
        virus_in: number(answer.viruscount_in),
        virus_out: number(answer.viruscount_out),
        bounces_in: number(answer.bounces_in),
        bounces_out: number(answer.bounces_out),
        bytes_in: number(answer.bytes_in),
        bytes_out: number(answer.bytes_out),
        greylisted: number(answer.glcount),
        junk_in: number(answer.junk_in),
        rbl_rejects: number(answer.rbl_rejects),
        pregreet_rejects: number(answer.pregreet_rejects),
        average_process_ms: number(answer.avptime) * 1000.0,
        read,
    }
}

/// Oldest first. A row without time cannot be placed and is left out.
fn counts(rows: &[types::MailCount]) -> Vec<MailCount> {
    let number = |value: Option<f64>| value.filter(|v| v.is_finite()).unwrap_or(0.0);
    let count = |row: &types::MailCount| {
        Some(MailCount {
            start: Timestamp::from_secs(row.time?),
            index: row.index.unwrap_or(0),
            count: number(row.count),
            count_in: number(row.count_in),
            count_out: number(row.count_out),
            spam_in: number(row.spamcount_in),
            spam_out: number(row.spamcount_out),
            virus_in: number(row.viruscount_in),
            virus_out: number(row.viruscount_out),
            rbl_rejects: number(row.rbl_rejects),
            pregreet_rejects: number(row.pregreet_rejects),
            bounces_in: number(row.bounces_in),
            bounces_out: number(row.bounces_out),
            greylisted: number(row.glcount),
        })
    };
    let mut counts: Vec<MailCount> = rows.iter().filter_map(count).collect();
    counts.sort_by_key(|count| count.start);
    counts
}
