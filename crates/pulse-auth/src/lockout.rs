//! Five failed passwords lock for fifteen minutes.
//!
//! Failures count per address, and per name at an address. A name alone is never locked: otherwise
//! anybody could keep the administrator out by guessing wrong. Failures are forgotten after
//! fifteen quiet minutes, and after a lock has run out counting starts from zero.
//!
//! Pure: time is an argument, and what must be written is returned.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use pulse_store::LockoutRecord;

use crate::net::counting_address;

pub const MAX_FAILURES: u32 = 5;
pub const LOCK: SignedDuration = SignedDuration::from_mins(15);
/// At the cap the entry whose last failure is oldest goes.
const MAX_ENTRIES: usize = 4096;
const MAX_NAME: usize = 128;

#[derive(Debug, Default)]
pub struct LockoutTable {
    entries: HashMap<String, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    last_failure: Timestamp,
    locked_until: Option<Timestamp>,
}

impl Entry {
    fn is_current(&self, now: Timestamp) -> bool {
        match self.locked_until {
            Some(until) => until > now,
            None => now.duration_since(self.last_failure) < LOCK,
        }
    }
}

/// What a failure led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The larger of the two counters.
    pub attempts: u32,
    pub locked: bool,
    /// To be made durable.
    pub records: Vec<LockoutRecord>,
}

impl Failure {
    pub fn remaining(&self) -> u32 {
        MAX_FAILURES.saturating_sub(self.attempts)
    }
}

impl LockoutTable {
    pub fn load(records: Vec<LockoutRecord>, now: Timestamp) -> Self {
        let entries = records
            .into_iter()
            .map(|record| {
                let entry = Entry {
                    failures: record.failures,
                    last_failure: record.last_failure,
                    locked_until: record.locked_until,
                };
                (record.key, entry)
            })
            .filter(|(_, entry)| entry.is_current(now))
            .take(MAX_ENTRIES)
            .collect();
        Self { entries }
    }

    /// Until when this name at this address is refused.
    pub fn locked_until(&self, user: &str, ip: IpAddr, now: Timestamp) -> Option<Timestamp> {
        keys(user, ip)
            .iter()
            .filter_map(|key| self.entries.get(key)?.locked_until)
            .filter(|until| *until > now)
            .max()
    }

    pub fn fail(&mut self, user: &str, ip: IpAddr, now: Timestamp) -> Failure {
        let mut failure = Failure {
            attempts: 0,
            locked: false,
            records: Vec::with_capacity(2),
        };
        for key in keys(user, ip) {
            self.make_room(&key, now);
            let fresh = Entry {
                failures: 0,
                last_failure: now,
                locked_until: None,
            };
            let entry = self.entries.entry(key.clone()).or_insert(fresh);
            if !entry.is_current(now) {
                *entry = fresh;
            }
            entry.failures += 1;
            entry.last_failure = now;
            if entry.failures >= MAX_FAILURES {
                entry.locked_until = now.saturating_add(LOCK).ok();
            }
            failure.attempts = failure.attempts.max(entry.failures);
            failure.locked |= entry.locked_until.is_some();
            failure.records.push(LockoutRecord {
                key,
                failures: entry.failures,
                last_failure: entry.last_failure,
                locked_until: entry.locked_until,
            });
        }
        failure
    }

    /// A success forgets both counters; returns the keys to remove.
    pub fn succeed(&mut self, user: &str, ip: IpAddr) -> Vec<String> {
        keys(user, ip)
            .into_iter()
            .filter(|key| self.entries.remove(key).is_some())
            .collect()
    }

    /// Forgets a name everywhere, or an address with all names tried from it.
    pub fn reset(&mut self, identifier: &str) -> Vec<String> {
        let address = identifier.parse::<IpAddr>().ok().map(counting_address);
        let name = name_part(identifier);
        let removed: Vec<String> = self
            .entries
            .keys()
            .filter(|key| match split(key) {
                (ip, None) => address.is_some_and(|a| a.to_string() == ip),
                (ip, Some(user)) => user == name || address.is_some_and(|a| a.to_string() == ip),
            })
            .cloned()
            .collect();
        // An unlocked name is of no use while its address stays locked.
        let mut removed = removed;
        for key in removed.clone() {
            let (ip, user) = split(&key);
            if user.is_some() && self.entries.contains_key(ip) && !removed.iter().any(|k| k == ip) {
                removed.push(ip.to_owned());
            }
        }
        for key in &removed {
            self.entries.remove(key);
        }
        removed
    }

    /// Drops what no longer counts; returns the keys to remove.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<String> {
        let stale: Vec<String> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.is_current(now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &stale {
            self.entries.remove(key);
        }
        stale
    }

    fn make_room(&mut self, key: &str, now: Timestamp) {
        if self.entries.len() < MAX_ENTRIES || self.entries.contains_key(key) {
            return;
        }
        self.entries.retain(|_, entry| entry.is_current(now));
        if self.entries.len() >= MAX_ENTRIES
            && let Some(oldest) = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.last_failure)
                .map(|(key, _)| key.clone())
        {
            self.entries.remove(&oldest);
        }
    }
}

/// `<address>` and `<address> <name>`.
fn keys(user: &str, ip: IpAddr) -> [String; 2] {
    let ip = counting_address(ip);
    [ip.to_string(), format!("{ip} {}", name_part(user))]
}

fn split(key: &str) -> (&str, Option<&str>) {
    match key.split_once(' ') {
        Some((ip, user)) => (ip, Some(user)),
        None => (key, None),
    }
}

fn name_part(user: &str) -> String {
    user.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn fail_times(table: &mut LockoutTable, n: i64, from: i64) -> Failure {
        let mut last = None;
        for i in 0..n {
            last = Some(table.fail("op", HOME, at(from + i)));
        }
        last.unwrap()
    }

    #[test]
    fn fifth_failure_locks_for_a_quarter_hour() {
        let mut table = LockoutTable::default();
        let fourth = fail_times(&mut table, 4, 0);
        assert_eq!(
            (fourth.attempts, fourth.remaining(), fourth.locked),
            (4, 1, false)
        );
        assert_eq!(table.locked_until("op", HOME, at(4)), None);
        assert!(table.fail("op", HOME, at(4)).locked);
        assert_eq!(table.locked_until("op", HOME, at(5)), Some(at(4 + 900)));
        assert_eq!(table.locked_until("other", HOME, at(5)), Some(at(4 + 900)));
        assert_eq!(table.locked_until("op", HOME, at(904)), None);
    }

    #[test]
    fn an_outsider_cannot_lock_the_name_elsewhere() {
        let mut table = LockoutTable::default();
        fail_times(&mut table, 5, 0);
        assert_eq!(table.locked_until("op", AWAY, at(5)), None);
    }

    #[test]
    fn counting_starts_over_after_a_lock_and_after_quiet() {
        let mut table = LockoutTable::default();
        fail_times(&mut table, 5, 0);
        assert_eq!(table.fail("op", HOME, at(1000)).attempts, 1);
        assert_eq!(table.fail("op", HOME, at(1000 + 901)).attempts, 1);
    }

    #[test]
    fn reset_by_name_or_address() {
        for identifier in ["op", "10.0.0.1"] {
            let mut table = LockoutTable::default();
            fail_times(&mut table, 5, 0);
            assert_eq!(table.reset(identifier).len(), 2, "{identifier}");
            assert_eq!(table.locked_until("op", HOME, at(6)), None);
        }
        let mut table = LockoutTable::default();
        assert!(table.reset("nobody").is_empty());
    }

    #[test]
    fn survives_a_restart() {
        let mut table = LockoutTable::default();
        let failure = fail_times(&mut table, 5, 0);
        let table = LockoutTable::load(failure.records, at(10));
        assert!(table.locked_until("op", HOME, at(10)).is_some());
    }

    #[test]
    fn stays_within_its_cap() {
        let mut table = LockoutTable::default();
        for i in 0..10_000_u32 {
            table.fail(
                "x",
                IpAddr::V4(std::net::Ipv4Addr::from_bits(i)),
                at(i64::from(i % 60)),
            );
        }
        assert!(table.entries.len() <= MAX_ENTRIES);
    }
}
