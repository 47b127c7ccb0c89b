//! A node's values at a moment: its own needs plus what its guests use.

use crate::clock::Millis;
use crate::guest::{node_boot, seconds};
use crate::model::{Health, Node, State};
use crate::noise::{between, mix, smooth, unit};

/// Bytes of swap that every node has.
pub(crate) const SWAP: u64 = 8 << 30;

/// Everything that varies about a node, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeReading {
    pub cpu: f64,
    pub mem: u64,
    pub disk: u64,
    pub swap: u64,
    /// Seconds.
    pub uptime: u64,
    pub load: f64,
    pub wait: f64,
    /// Bytes per second over all bridges.
    pub net_in: f64,
    pub net_out: f64,
}

impl Node {
    /// The values at `now`, summed over the guests that are on it.
    pub(crate) fn at(&self, state: &State, index: usize, now: Millis) -> NodeReading {
        let (mut busy, mut mem, mut net_in, mut net_out) = (0.0, 0.0, 0.0, 0.0);
        for guest in state
            .guests
            .values()
            .filter(|g| usize::from(g.node) == index)
        {
            if !guest.is_running() {
                continue;
            }
            let (guest_cpu, guest_mem) = guest.cpu_and_mem(now);
            busy += guest_cpu * f64::from(guest.cpus);
            mem += guest_mem as f64;
            // A guest's outgoing traffic comes in at the node's bridge.
            net_out += f64::from(guest.load.net_in);
            net_in += f64::from(guest.load.net_out);
        }
        let t = seconds(now);
        let own = 0.01 + 0.03 * smooth(mix(self.key, 11), t, 97.0);
        let cpu = (own + busy / f64::from(self.cores)).clamp(0.0, 0.999);
        let wobble = 0.7 + 0.6 * smooth(mix(self.key, 12), t, 137.0);
        let host =
            2.5e9 + self.memory as f64 * 0.02 * (1.0 + smooth(mix(self.key, 13), t, 9_000.0));
        NodeReading {
            cpu,
            mem: (host + mem * 1.04).min(self.memory as f64 * 0.985) as u64,
            disk: (self.disk as f64 * self.root_level(t)) as u64 & !0xfff,
            swap: (SWAP as f64 * 0.15 * smooth(mix(self.key, 14), t, 40_000.0)) as u64,
            uptime: ((now - self.booted(now)).max(0) / 1000) as u64,
            load: cpu * f64::from(self.cores) * wobble,
            wait: 0.004 * smooth(mix(self.key, 15), t, 61.0),
            net_in: net_in * wobble,
            net_out: net_out * wobble,
        }
    }

    pub(crate) fn booted(&self, now: Millis) -> Millis {
        node_boot(self.key, now)
    }

    fn root_level(&self, t: f64) -> f64 {
        let base = between(self.key, 21, 0.08, 0.5);
        let period = between(self.key, 22, 30.0, 120.0) * 86_400.0;
        base + 0.2 * (t / period + unit(self.key, 23)).fract()
    }
}

impl Health {
    /// Whether the cluster counts the node as a member.
    pub(crate) fn is_online(self) -> bool {
        !matches!(self, Self::Off(_))
    }

    /// The last moment its status daemon reported, and whether that is too long ago to be shown.
    pub(crate) fn last_report(self, now: Millis) -> (Millis, bool) {
        match self {
            Self::Off(at) => (at.min(now), now - at > 300_000),
            _ => (now, false),
        }
    }
}
