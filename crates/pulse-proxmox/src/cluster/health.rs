//! Health of one endpoint. Times are `tokio` instants, so tests can pause them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::outbound::{Fingerprint, ServerAddress};

/// An unhealthy endpoint is probed this often at first …
const FIRST_PROBE: Duration = Duration::from_secs(10);
/// … and at least this often later.
const SLOWEST_PROBE: Duration = Duration::from_mins(1);
/// A claimed probe that never reports is forgotten after this.
const PROBE_FORGOTTEN: Duration = Duration::from_secs(30);

/// What the settings page shows about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Name of the cluster node behind it, if known.
    pub node: Option<String>,
    /// `https://host:port`.
    pub url: String,
    pub healthy: bool,
    /// Time since a call or probe last told something about it.
    pub checked_ago: Option<Duration>,
    /// Cause and way out of the last failure; none while healthy.
    pub last_error: Option<String>,
    /// The certificate it last showed.
    pub fingerprint: Option<Fingerprint>,
}

#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    down: bool,
    failures: u32,
    last_error: Option<String>,
    checked: Option<Instant>,
    cooling_until: Option<Instant>,
    suspect: bool,
    probing_since: Option<Instant>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_healthy(&self) -> bool {
        !self.state().down
    }

    /// Healthy and not asked for patience.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        let state = self.state();
        !state.down && state.cooling_until.is_none_or(|until| until <= now)
    }

    /// Down, but long enough ago for a live call to try it when nothing else is left.
    pub(super) fn may_be_tried(&self, now: Instant) -> bool {
        let state = self.state();
        state
            .checked
            .is_none_or(|checked| now.duration_since(checked) >= FIRST_PROBE)
    }

    /// Returns whether it was down before.
    pub(super) fn succeeded(&self, now: Instant) -> bool {
        let mut state = self.state();
        let was_down = state.down;
        *state = State {
            checked: Some(now),
            ..State::default()
        };
        was_down
    }

    /// Returns whether it was healthy before.
    pub(super) fn failed(&self, now: Instant, error: &Error) -> bool {
        let mut state = self.state();
        let was_healthy = !state.down;
        state.down = true;
        state.failures = state.failures.saturating_add(1);
        state.last_error = Some(error.kind.to_string());
        state.checked = Some(now);
        state.suspect = false;
        state.probing_since = None;
        was_healthy
    }

    pub(super) fn suspect(&self) {
        self.state().suspect = true;
    }

    /// Sets the endpoint aside for a moment; returns for how long.
    pub(super) fn cool(&self, now: Instant, attempt: u32) -> Duration {
        let pause = Duration::from_millis(150) * (attempt + 1) + jitter(Duration::from_millis(200));
        let mut state = self.state();
        state.cooling_until = Some(now + pause);
        state.checked = Some(now);
        pause
    }

    /// Takes the right to probe, if a probe is due and nobody else has it.
    pub(super) fn claim_probe(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state
            .probing_since
            .is_some_and(|since| now.duration_since(since) < PROBE_FORGOTTEN)
        {
            return false;
        }
        let wait = (FIRST_PROBE * state.failures.clamp(1, 6)).min(SLOWEST_PROBE);
        let due = state
            .checked
            .is_none_or(|checked| now.duration_since(checked) >= wait);
        let claim = state.suspect || state.down && due;
        if claim {
            state.probing_since = Some(now);
            state.suspect = false;
        }
        claim
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.state().last_error.clone()
    }

    pub(super) fn show(
        &self,
        node: Option<String>,
        address: &ServerAddress,
        fingerprint: Option<Fingerprint>,
    ) -> EndpointHealth {
        let state = self.state();
        EndpointHealth {
            node,
            url: address.to_string(),
            healthy: !state.down,
            checked_ago: state.checked.map(|checked| checked.elapsed()),
            last_error: state.last_error.clone(),
            fingerprint,
        }
    }
}

/// Some part of `most`, so that many clients do not come back at once.
fn jitter(most: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8);
    most.mul_f64((random % 1000) as f64 / 1000.0)
}
