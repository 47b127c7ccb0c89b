//! Request limits per client address: a sliding window in thirteen slots.
//!
//! A window is cut into twelve slots, and one more is kept for the part that is leaving, so the
//! count never misses a request of the last window: the limit is exact from above, and a request
//! may be refused up to one slot longer than necessary. One entry takes 48 bytes; at the cap the
//! least recently used of a few random entries goes. Refused requests are not counted.

use std::collections::HashMap;
use std::net::IpAddr;

use http::Method;
use jiff::{SignedDuration, Timestamp};

use crate::denied::Denied;
use crate::facts::RequestFacts;
use crate::net::counting_address;

const SLOTS: usize = 13;
const MAX_ENTRIES: usize = 16_384;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Login, logout, password change, as the universal limiter sees them.
    Auth,
    /// Password checks and set-up, counted by the handlers, also from this machine.
    AuthAttempts,
    Recovery,
    ExportImport,
    ConfigWrite,
    Updates,
    Public,
    /// Reports of agents: hundreds may share one address, behind a router for example.
    AgentReport,
    Other,
    /// Agent downloads and installer scripts.
    Downloads,
    /// Export and import, counted by the handlers.
    ExportImportShort,
}

impl Class {
    /// Requests and window in seconds.
    pub fn limit(self) -> (u32, u32) {
        match self {
            Self::Auth | Self::AuthAttempts => (10, 60),
            Self::Recovery => (3, 600),
            Self::ExportImport => (5, 300),
            Self::ConfigWrite => (30, 60),
            Self::Updates | Self::Downloads => (60, 60),
            Self::Public => (1000, 60),
            Self::AgentReport => (6000, 60),
            Self::Other => (500, 60),
            Self::ExportImportShort => (5, 60),
        }
    }

    /// The class of a request, or `None` when the universal limiter lets it pass uncounted.
    pub fn of(facts: &RequestFacts<'_>) -> Option<Self> {
        let path = facts.path.to_ascii_lowercase();
        let has = |part: &str| path.contains(part);
        if !(path.starts_with("/api") || path.starts_with("/ws"))
            || has("/api/state")
            || has("/api/guests/metadata")
            || has("/ws")
            || facts.is_direct_loopback()
        {
            return None;
        }
        let get = *facts.method == Method::GET;
        let auth = [
            "/api/login",
            "/api/logout",
            "/api/security/change-password",
            "/api/auth",
        ];
        let config = [
            "/api/config/nodes",
            "/api/config/system",
            "/api/config/webhooks",
            "/api/config/alerts",
        ];
        let reads = ["/api/config/", "/api/discover", "/api/security/status"];
        let public = [
            "/api/health",
            "/api/version",
            "/api/security/status",
            "/api/security/validate-bootstrap-token",
            "/api/temperature-proxy/authorized-nodes",
            "/metrics",
        ];
        let any = |parts: &[&str]| parts.iter().any(|part| has(part));
        Some(if any(&auth) && !has("/api/auto-register") {
            Self::Auth
        } else if has("/api/security/recovery") {
            Self::Recovery
        } else if has("/api/config/export") || has("/api/config/import") {
            Self::ExportImport
        } else if !get && any(&config) {
            Self::ConfigWrite
        } else if get && any(&reads) {
            Self::Public
        } else if path.starts_with("/api/agents/") && path.ends_with("/report") {
            Self::AgentReport
        } else if has("/api/updates") {
            Self::Updates
        } else if any(&public) {
            Self::Public
        } else {
            Self::Other
        })
    }
}

#[derive(Debug, Default)]
pub struct RateLimiter {
    windows: HashMap<(Class, IpAddr), Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// Number of the newest slot since the epoch.
    newest: i64,
    counts: [u16; SLOTS],
}

impl RateLimiter {
    /// Counts a request, or says how long to wait.
    pub fn check(&mut self, class: Class, ip: IpAddr, now: Timestamp) -> Result<(), Denied> {
        let (limit, seconds) = class.limit();
        let slot_length = i64::from(seconds) * 1000 / (SLOTS as i64 - 1);
        let milliseconds = now.as_millisecond();
        let slot = milliseconds.div_euclid(slot_length);
        let key = (class, counting_address(ip));
        self.make_room(&key, now);
        let window = self.windows.entry(key).or_insert(Window {
            newest: slot,
            counts: [0; SLOTS],
        });
        window.advance(slot);
        let used: u32 = window.counts.iter().map(|count| u32::from(*count)).sum();
        if used >= limit {
            let ends = window.room_at() * slot_length;
            return Err(Denied::RateLimited {
                limit,
                retry_after: SignedDuration::from_millis((ends - milliseconds).max(0))
                    .saturating_add(SignedDuration::from_millis(999)),
            });
        }
        window.counts[index(window.newest)] += 1;
        Ok(())
    }

    /// Forgets everything about an address.
    pub fn reset(&mut self, ip: IpAddr) {
        let ip = counting_address(ip);
        self.windows.retain(|(_, address), _| *address != ip);
    }

    /// Drops windows in which nothing counts any more.
    pub fn sweep(&mut self, now: Timestamp) {
        let now = now.as_millisecond();
        self.windows.retain(|(class, _), window| {
            let (_, seconds) = class.limit();
            let slot = now.div_euclid(i64::from(seconds) * 1000 / (SLOTS as i64 - 1));
            slot - window.newest < SLOTS as i64
        });
    }

    fn make_room(&mut self, key: &(Class, IpAddr), now: Timestamp) {
        if self.windows.len() < MAX_ENTRIES || self.windows.contains_key(key) {
            return;
        }
        // Iteration starts at a place that is random per process; eight entries are a fair sample.
        let now = now.as_millisecond();
        let victim = self
            .windows
            .iter()
            .take(8)
            .max_by_key(|((class, _), window)| {
                let (_, seconds) = class.limit();
                now - window.newest * (i64::from(seconds) * 1000 / (SLOTS as i64 - 1))
            })
            .map(|(key, _)| *key);
        if let Some(victim) = victim {
            self.windows.remove(&victim);
        }
    }
}

impl Window {
    /// Moves on to `slot`, clearing what has left. A clock that went back stays where it was.
    fn advance(&mut self, slot: i64) {
        if slot - self.newest >= SLOTS as i64 {
            self.counts = [0; SLOTS];
            self.newest = slot;
        }
        while self.newest < slot {
            self.newest += 1;
            self.counts[index(self.newest)] = 0;
        }
    }

    /// The slot number at whose start the oldest counted request has left.
    fn room_at(&self) -> i64 {
        (self.newest - SLOTS as i64 + 1..=self.newest)
            .find(|slot| self.counts[index(*slot)] > 0)
            .map_or(self.newest, |slot| slot + SLOTS as i64)
    }
}

fn index(slot: i64) -> usize {
    slot.rem_euclid(SLOTS as i64) as usize
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn refuses_beyond_the_limit_and_recovers() {
        let mut limiter = RateLimiter::default();
        for _ in 0..10 {
            assert!(limiter.check(Class::Auth, CLIENT, at(0)).is_ok());
        }
        let Err(Denied::RateLimited { limit, retry_after }) =
            limiter.check(Class::Auth, CLIENT, at(0))
        else {
            panic!("not limited");
        };
        assert_eq!(limit, 10);
        assert!((60..=66).contains(&retry_after.as_secs()), "{retry_after}");
        assert!(limiter.check(Class::Other, CLIENT, at(0)).is_ok());
        assert!(limiter.check(Class::Auth, CLIENT, at(66_000)).is_ok());
    }

    #[test]
    fn classes_follow_the_path() {
        let class = |method: Method, path: &str, peer: &str| {
            Class::of(&RequestFacts {
                method: &method,
                path,
                query: None,
                headers: &HeaderMap::new(),
                peer: peer.parse().unwrap(),
                tls: false,
            })
        };
        let get = |path| class(Method::GET, path, "192.0.2.1");
        let post = |path| class(Method::POST, path, "192.0.2.1");
        assert_eq!(post("/api/login"), Some(Class::Auth));
        assert_eq!(post("/api/auto-register"), Some(Class::Other));
        assert_eq!(get("/api/security/recovery"), Some(Class::Recovery));
        assert_eq!(post("/api/config/export"), Some(Class::ExportImport));
        assert_eq!(post("/api/config/nodes"), Some(Class::ConfigWrite));
        assert_eq!(get("/api/config/nodes"), Some(Class::Public));
        assert_eq!(get("/api/security/status"), Some(Class::Public));
        assert_eq!(get("/api/updates/check"), Some(Class::Updates));
        assert_eq!(get("/api/charts"), Some(Class::Other));
        for free in [
            "/api/state",
            "/ws",
            "/",
            "/assets/x.js",
            "/api/guests/metadata/1",
        ] {
            assert_eq!(get(free), None, "{free}");
        }
        assert_eq!(class(Method::POST, "/api/login", "127.0.0.1"), None);
    }

    #[test]
    fn stays_within_its_cap() {
        let mut limiter = RateLimiter::default();
        for i in 0..40_000 {
            let ip = IpAddr::V4(Ipv4Addr::from_bits(i));
            let _ = limiter.check(Class::Other, ip, at(0));
        }
        assert!(limiter.windows.len() <= MAX_ENTRIES);
        limiter.sweep(at(120_000));
        assert!(limiter.windows.is_empty());
    }

    proptest! {
        /// In no span as long as the window are more requests let through than the limit.
        #[test]
        fn never_more_than_the_limit(gaps in proptest::collection::vec(0i64..9000, 1..200)) {
            let mut limiter = RateLimiter::default();
            let (limit, seconds) = Class::Auth.limit();
            let window = i64::from(seconds) * 1000;
            let mut time = 0;
            let mut passed: Vec<i64> = Vec::new();
            for gap in gaps {
                time += gap;
                if limiter.check(Class::Auth, CLIENT, at(time)).is_ok() {
                    passed.push(time);
                }
            }
            for (i, start) in passed.iter().enumerate() {
                let within = passed[i..].iter().filter(|t| **t < start + window).count();
                prop_assert!(within <= limit as usize);
            }
        }

        /// Whoever waits as long as told gets through.
        #[test]
        fn waiting_helps(gaps in proptest::collection::vec(0i64..3000, 1..60)) {
            let mut limiter = RateLimiter::default();
            let mut time = 0;
            for gap in gaps {
                time += gap;
                if let Err(Denied::RateLimited { retry_after, .. }) =
                    limiter.check(Class::Auth, CLIENT, at(time))
                {
                    time += retry_after.as_secs() * 1000;
                    prop_assert!(limiter.check(Class::Auth, CLIENT, at(time)).is_ok());
                }
            }
        }
    }
}
