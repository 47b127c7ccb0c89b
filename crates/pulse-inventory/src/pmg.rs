//! One Proxmox Mail Gateway: merging its polls, and what happens when they stay away.

use std::sync::Arc;

use pulse_core::{
    InstanceHealth, InstanceKind, InstanceState, Liveness, PmgInstance, PmgReport, PollFailure,
    Timestamp,
};

use crate::inventory::Dirty;

/// What failed for less is not called offline.
const OFFLINE_GRACE_MS: i64 = 60_000;

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
        self.server = Some(Arc::new(report.server));
        dirty.pmg = true;
    }

    pub fn poll_failed(&mut self, failure: PollFailure, at: Timestamp, dirty: &mut Dirty) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.health = InstanceHealth::Error;
        self.state.error = Some(failure.message);
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
