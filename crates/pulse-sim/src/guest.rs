//! A guest's values at a moment: pure functions of the guest and the time.

use crate::clock::Millis;
use crate::flow::Flow;
use crate::model::{Guest, Kind, Power};
use crate::noise::{between, mix, smooth, unit};

const DAY_MS: i64 = 86_400_000;

/// Everything that varies about a guest, at one moment. All zero unless it runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub running: bool,
    pub paused: bool,
    /// Seconds.
    pub uptime: u64,
    /// Share of all its CPUs.
    pub cpu: f64,
    /// Bytes in use as the guest sees it.
    pub mem: u64,
    /// Bytes used on the root file system; containers only.
    pub disk: u64,
    pub net_in: u64,
    pub net_out: u64,
    pub disk_read: u64,
    pub disk_write: u64,
}

impl Guest {
    /// The values at `now`.
    pub(crate) fn at(&self, now: Millis) -> Reading {
        let Some(started) = self.started(now) else {
            return Reading::default();
        };
        // A paused guest's counters stand where they stood.
        let (paused, active_until) = match self.power {
            Power::Paused { at, .. } if now >= at => (true, at),
            _ => (false, now),
        };
        let t = seconds(active_until);
        let from = seconds(started.max(self.counters_from.min(active_until)));
        let kept = self.counters_from >= started && self.counters_from <= active_until;
        let count = |i: usize, kind: u64| {
            let carried = if kept { self.carried[i] } else { 0 };
            carried + self.flow(kind).between(from, t) as u64
        };
        Reading {
            running: true,
            paused,
            uptime: ((now - started).max(0) / 1000) as u64,
            cpu: if paused { 0.0 } else { self.cpu(t) },
            mem: self.mem(t, t - seconds(started)),
            disk: self.disk_used(t),
            net_in: count(0, NET_IN),
            net_out: count(1, NET_OUT),
            disk_read: count(2, DISK_READ),
            disk_write: count(3, DISK_WRITE),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        !matches!(self.power, Power::Stopped)
    }

    /// When it was last started, None if it does not run.
    pub(crate) fn started(&self, now: Millis) -> Option<Millis> {
        match self.power {
            Power::Stopped => None,
            Power::Running(Some(at))
            | Power::Paused {
                started: Some(at), ..
            } => Some(at.min(now)),
            Power::Running(None) | Power::Paused { started: None, .. } => {
                let own = last_boot(self.key, now, 20.0, 200.0);
                let with_node =
                    node_boot(self.home_boot, now) + 60_000 + (mix(self.key, 3) % 120_000) as i64;
                Some(own.max(with_node).min(now))
            }
        }
    }

    /// Begins anew at `at`, as a new process does.
    pub(crate) fn restart(&mut self, at: Millis) {
        self.power = Power::Running(Some(at));
        self.reset_counters(at);
    }

    /// Counters go on from zero.
    pub(crate) fn reset_counters(&mut self, at: Millis) {
        self.counters_from = at;
        self.carried = [0; 4];
    }

    /// Ends a pause: counters go on from where they stood.
    pub(crate) fn resume(&mut self, started: Option<Millis>, at: Millis) {
        let now = self.at(at);
        self.carried = [now.net_in, now.net_out, now.disk_read, now.disk_write];
        self.counters_from = at;
        self.power = Power::Running(started);
    }

    /// Only CPU share and memory at `now`; cheaper than [`Guest::at`].
    pub(crate) fn cpu_and_mem(&self, now: Millis) -> (f64, u64) {
        let Some(started) = self.started(now) else {
            return (0.0, 0);
        };
        let t = seconds(now);
        let paused = matches!(self.power, Power::Paused { at, .. } if now >= at);
        let cpu = if paused { 0.0 } else { self.cpu(t) };
        (cpu, self.mem(t, t - seconds(started)))
    }

    /// Rates per second at `now`: net in, net out, disk read, disk write.
    pub(crate) fn rates(&self, now: Millis) -> [f64; 4] {
        let t = seconds(now);
        [NET_IN, NET_OUT, DISK_READ, DISK_WRITE].map(|kind| self.flow(kind).rate(t))
    }

    fn cpu(&self, t: f64) -> f64 {
        let flow = self.flow(CPU);
        (f64::from(self.load.cpu) * flow.rate(t)).clamp(0.000_2, 0.992)
    }

    fn mem(&self, t: f64, uptime: f64) -> u64 {
        // Caches and heaps fill up over the first half hour.
        let warm = 1.0 - 0.6 * (-uptime.max(0.0) / 900.0).exp();
        let level = f64::from(self.load.memory)
            + 0.12 * (smooth(mix(self.key, 21), t, 11_000.0) - 0.5)
            + 0.02 * (smooth(mix(self.key, 22), t, 173.0) - 0.5);
        (self.memory as f64 * (level * warm).clamp(0.02, 0.95)) as u64
    }

    /// Bytes used on the root file system: grows for weeks, then somebody cleans up.
    pub(crate) fn disk_used(&self, t: f64) -> u64 {
        let base = between(self.key, 23, 0.12, 0.62);
        let growth = between(self.key, 24, 0.02, 0.3);
        let period = between(self.key, 25, 20.0, 90.0) * 86_400.0;
        let phase = unit(self.key, 26);
        let part = (t / period + phase).fract();
        (self.disk as f64 * (base + growth * part)) as u64
    }

    fn flow(&self, kind: u64) -> Flow {
        let mean = match kind {
            NET_IN => self.load.net_in,
            NET_OUT => self.load.net_out,
            DISK_READ => self.load.disk_read,
            DISK_WRITE => self.load.disk_write,
            // CPU: a factor on the guest's own mean.
            _ => 1.0,
        };
        Flow {
            key: mix(self.key, kind),
            rhythm: mix(self.key, 30),
            mean: f64::from(mean),
            daily: between(self.key, 31, 0.05, 0.45),
            noise: between(self.key, 32, 0.1, 0.35),
            burst: between(self.key, 33, 0.05, 0.2),
            burst_chance: between(self.key, 34, 0.0, 0.12),
        }
    }

    /// MAC address with the given separator-free last byte varied by the interface number.
    pub(crate) fn mac(&self, nic: u64) -> String {
        let k = mix(self.key, 40 + nic).to_be_bytes();
        format!("BC:24:11:{:02X}:{:02X}:{:02X}", k[0], k[1], k[2])
    }

    pub(crate) fn ipv4(&self) -> String {
        let k = mix(self.key, 50).to_be_bytes();
        let net = if self.kind == Kind::Qemu { 20 } else { 30 };
        format!("10.{net}.{}.{}", k[0], 1 + u16::from(k[1]) % 254)
    }

    pub(crate) fn ipv6(&self) -> String {
        let k = mix(self.key, 51).to_be_bytes();
        format!(
            "2001:db8:{:x}::{:x}",
            u16::from(k[0]) + 1,
            u16::from(k[1]) + 1
        )
    }

    pub(crate) fn link_local(&self, nic: u64) -> String {
        let k = mix(self.key, 40 + nic).to_be_bytes();
        format!(
            "fe80::be24:11ff:fe{:02x}:{:x}",
            k[0],
            u16::from_be_bytes([k[1], k[2]])
        )
    }

    pub(crate) fn pid(&self, started: Millis) -> u32 {
        1_200 + (mix(self.key, started as u64) % 3_000_000) as u32
    }

    /// A version 4-looking UUID.
    pub(crate) fn uuid(&self, n: u64) -> String {
        uuid(mix(self.key, 60 + n))
    }
}

const CPU: u64 = 100;
const NET_IN: u64 = 101;
const NET_OUT: u64 = 102;
const DISK_READ: u64 = 103;
const DISK_WRITE: u64 = 104;

pub(crate) fn seconds(at: Millis) -> f64 {
    at as f64 / 1000.0
}

/// When a node was last booted.
pub(crate) fn node_boot(node_key: u64, now: Millis) -> Millis {
    last_boot(node_key, now, 60.0, 400.0)
}

/// The last of the boots that happen every `low` to `high` days.
fn last_boot(key: u64, now: Millis, low: f64, high: f64) -> Millis {
    let period = (between(key, 1, low, high) * DAY_MS as f64) as i64;
    let phase = (unit(key, 2) * period as f64) as i64;
    (now - phase).div_euclid(period) * period + phase
}

pub(crate) fn uuid(key: u64) -> String {
    let a = mix(key, 1);
    let b = mix(key, 2);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}
