//! One Proxmox Mail Gateway: merging its polls, and what happens when they stay away.

use std::sync::Arc;

use pulse_core::{
    InstanceHealth, InstanceKind, InstanceState, Liveness, PmgInstance, PmgPart, PmgReport,
    PollFailure, Quarantine, Timestamp,
};

use crate::inventory::Dirty;

/// What failed for less is not called offline.
const OFFLINE_GRACE_MS: i64 = 60_000;

/// What was not answered stays as it was.
fn keep(missing: &[PmgPart], old: &PmgInstance, new: &mut PmgInstance) {
    for part in missing {
        match part {
            PmgPart::Nodes => {
                // Roles and members are not known anew; what single nodes said is.
                let mut nodes = old.nodes.clone();
                for node in &mut nodes {
                    if let Some(said) = new.nodes.iter().find(|said| said.name == node.name) {
                        let role = std::mem::take(&mut node.role);
                        *node = said.clone();
                        node.role = role;
                    }
                }
                if !nodes.is_empty() {
                    new.nodes = nodes;
                }
            }
            PmgPart::Statistics => new.statistics.clone_from(&old.statistics),
            PmgPart::Counts => new.counts.clone_from(&old.counts),
            PmgPart::SpamScores => new.spam_scores.clone_from(&old.spam_scores),
            PmgPart::Quarantine => {
                let said = new.quarantine.take().unwrap_or_default();
                let known = old.quarantine.clone().unwrap_or_default();
                let merged = Quarantine {
                    spam: said.spam.or(known.spam),
                    virus: said.virus.or(known.virus),
                    attachment: said.attachment.or(known.attachment),
                    blacklisted: said.blacklisted.or(known.blacklisted),
                };
                new.quarantine = (merged != Quarantine::default()).then_some(merged);
            }
            PmgPart::Backups => {
                let heard: Vec<String> = new.backups.iter().map(|b| b.node.clone()).collect();
                let kept = old.backups.iter().filter(|b| !heard.contains(&b.node));
                new.backups.extend(kept.cloned());
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct PmgServer {
    pub state: InstanceState,
    interval_ms: i64,
    server: Option<Arc<PmgInstance>>,
}

impl PmgServer {
    pub fn new(name: &str, demo: bool) -> Self {
        Self {
            state: InstanceState {
                kind: InstanceKind::Pmg,
                name: name.to_owned(),
                health: InstanceHealth::Pending,
                last_success: None,
                error: None,
                failures: 0,
                gaps: Vec::new(),
                demo,
            },
            server: None,
            interval_ms: 60_000,
        }
    }

    pub fn was_asked(&self) -> bool {
        self.state.health != InstanceHealth::Pending
    }

    pub fn works(&self) -> bool {
        self.state.health == InstanceHealth::Healthy
    }

    pub fn shown(&self) -> Option<Arc<PmgInstance>> {
        self.server.clone()
    }

    pub fn apply(&mut self, report: PmgReport, at: Timestamp, dirty: &mut Dirty) {
        self.interval_ms = i64::from(report.interval_seconds.max(1)) * 1000;
        self.state.failures = 0;
        self.state.last_success = Some(at);
        self.state.health = report.server.health;
        self.state.error = (!report.notes.is_empty()).then(|| report.notes.join("; "));
        let mut server = report.server;
        if let Some(old) = &self.server {
            keep(&report.missing, old, &mut server);
        }
        // Unchanged, it keeps its place: nothing is sent again because it was asked again.
        if self.server.as_deref() != Some(&server) {
            self.server = Some(Arc::new(server));
            dirty.pmg = true;
        }
    }

    pub fn poll_failed(&mut self, failure: PollFailure, at: Timestamp, dirty: &mut Dirty) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.health = InstanceHealth::Error;
        self.state.error = Some(failure.message);
        if self.server.is_none() {
            // Never answered: shown all the same, so that it is seen to be missing.
            self.server = Some(Arc::new(PmgInstance {
                id: format!("pmg-{}", self.state.name),
                name: self.state.name.clone(),
                health: InstanceHealth::Error,
                seen: at,
                ..PmgInstance::default()
            }));
            dirty.pmg = true;
        }
        self.age(at, dirty);
    }

    /// Applies the passing of time.
    pub fn age(&mut self, now: Timestamp, dirty: &mut Dirty) {
        let Some(server) = &mut self.server else {
            return;
        };
        let silent = now.since(server.seen);
        let stale = silent > self.interval_ms * 3;
        let gone = server.online && self.state.failures > 0 && silent >= OFFLINE_GRACE_MS;
        if (stale && server.liveness == Liveness::Fresh) || gone {
            let server = Arc::make_mut(server);
            if stale {
                server.liveness = Liveness::Stale;
            }
            if gone {
                server.online = false;
                server.health = InstanceHealth::Error;
            }
            dirty.pmg = true;
            dirty.any = true;
        }
    }
}
