//! From a host agent's report to a host of the inventory.
//!
//! Identity rules follow the agents chapter §5.2: one token may serve many hosts, cloned machine
//! ids are told apart by token and host name, and an id once given to a (token, host name) stays.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pulse_core::filesystems::is_skipped;
use pulse_core::rates::{Counters, RateTracker};
use pulse_core::{
    Bytes, DiskIo, Filesystem, Host, HostDetails, HostInterface, InterfaceAddresses, Liveness,
    Memory, MemorySource, Percent, Raid, RaidDevice, Sensors, Smart, Snapshot, Timestamp,
};
use pulse_wire::host_report::HostReport;
use sha1::{Digest as _, Sha1};

/// The token that sent a report.
#[derive(Clone, Debug, Default)]
pub struct ReportToken {
    pub id: String,
    pub name: String,
    /// Prefix and suffix for people.
    pub hint: String,
    pub last_used: Option<Timestamp>,
}

/// Bindings and counters of the hosts; in memory, learned anew from the first reports.
pub struct HostIngest {
    state: Mutex<State>,
    token_exists: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

/// Knows no tokens but that of the report at hand.
impl Default for HostIngest {
    fn default() -> Self {
        Self::new(|_| false)
    }
}

#[derive(Default)]
struct State {
    /// `<token id>:<host name>` → host id.
    bindings: HashMap<String, String>,
    rates: RateTracker<String>,
    clocks: HashMap<String, MachineClock>,
}

/// A report that is refused, in words for the agent's log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Rejected(pub &'static str);

/// Lower case, letters and digits kept, anything else one dash, at most 48 characters.
fn sanitise(raw: &str) -> String {
    let mut out = String::new();
    for c in raw.trim().to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 48 {
            break;
        }
    }
    out.trim_matches('-').to_owned()
}

fn sha1_hex(text: &str, digits: usize) -> String {
    let mut hash = hex::encode(Sha1::digest(text.as_bytes()));
    hash.truncate(digits);
    hash
}

fn base_id(report: &HostReport) -> String {
    let candidates = [
        report.host.id.as_str(),
        &report.host.machine_id,
        &report.agent.id,
        &report.host.hostname,
    ];
    candidates
        .iter()
        .map(|raw| sanitise(raw))
        .find(|id| !id.is_empty())
        .unwrap_or_else(|| {
            let parts: Vec<&str> = candidates
                .iter()
                .map(|c| c.trim())
                .filter(|c| !c.is_empty())
                .collect();
            format!("host-{}", sha1_hex(&parts.join("|"), 12))
        })
}

/// A number that JSON allowed but the world does not.
fn sane(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn small(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// Longest text that is kept of a name or label.
const LONGEST: usize = 1024;

fn text(raw: &str) -> String {
    raw.trim().chars().take(LONGEST).collect()
}

impl HostIngest {
    /// `token_exists` tells by id whether a token was not revoked yet.
    pub fn new(token_exists: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            state: Mutex::default(),
            token_exists: Box::new(token_exists),
        }
    }

    /// Forgets the binding of a removed host, so that the next report is a new one.
    pub fn forget(&self, host_id: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bindings.retain(|_, id| id != host_id);
        state.rates.forget(&host_id.to_owned());
        state.clocks.remove(host_id);
    }

    fn identify(
        &self,
        report: &HostReport,
        token: Option<&ReportToken>,
        known: &Snapshot,
    ) -> String {
        let base = base_id(report);
        let Some(token) = token else {
            return base;
        };
        let hostname = report.host.hostname.trim();
        let binding = format!("{}:{hostname}", token.id);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = state.bindings.get(&binding) {
            return id.clone();
        }
        let other = known.hosts.iter().find(|host| host.id == base);
        let taken = other.is_some_and(|host| {
            let old_token = &host.details.token_id;
            // The same machine takes its entry over when its old token was revoked. While that
            // token exists, another one may not write to what it reports.
            let succeeds = host.hostname == hostname
                && !host.details.machine_id.is_empty()
                && host.details.machine_id == report.host.machine_id.trim()
                && !(self.token_exists)(old_token);
            !succeeds && (host.hostname != hostname || *old_token != token.id)
        });
        let id = if taken {
            let short: String = base.chars().take(40).collect();
            let tail = sha1_hex(&format!("{}|{hostname}|{base}", token.id), 8);
            format!("{short}-{tail}")
        } else {
            base
        };
        state.bindings.insert(binding, id.clone());
        id
    }

    /// The host that a report describes, seen at `received`.
    pub fn host(
        &self,
        report: &HostReport,
        token: Option<&ReportToken>,
        known: &Snapshot,
        received: Timestamp,
        demo: bool,
    ) -> Result<Host, Rejected> {
        let hostname = text(&report.host.hostname);
        if hostname.is_empty() {
            return Err(Rejected("host report missing hostname"));
        }
        let mut id = self.identify(report, token, known);
        if !demo && crate::demo::is_demo_id(&id) {
            // Real data under a demo id would end with the demo.
            id.insert_str(0, "host-");
        }
        let previous = known.hosts.iter().find(|host| host.id == id);
        let memory = memory(report, received);
        let filesystems = filesystems(report);
        let uptime = unsigned(report.host.uptime_seconds);
        let interfaces = interfaces(report);
        let disk_io = disk_io(report);
        let counters = Counters {
            net_in: interfaces
                .iter()
                .fold(0, |sum, i| sum.saturating_add(i.addresses.rx_bytes)),
            net_out: interfaces
                .iter()
                .fold(0, |sum, i| sum.saturating_add(i.addresses.tx_bytes)),
            disk_read: disk_io
                .iter()
                .fold(0, |sum: u64, d| sum.saturating_add(d.read_bytes)),
            disk_write: disk_io
                .iter()
                .fold(0, |sum: u64, d| sum.saturating_add(d.write_bytes)),
        };
        let rates = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let read = state.clocks.entry(id.clone()).or_default().read(
                (!report.timestamp.is_none())
                    .then(|| Timestamp::from_millis(report.timestamp.unix_millis())),
                uptime,
                received,
            );
            state.rates.update(&id, read, uptime, counters, 0)
        };
        Ok(Host {
            hostname,
            display_name: text(&report.host.display_name),
            details: details(report, token, previous),
            cpu_count: small(report.host.cpu_count),
            cpu: Percent(sane(report.metrics.cpu_usage_percent.unwrap_or(0.0)).clamp(0.0, 100.0)),
            load: <[f64; 3]>::try_from(report.host.load_average.as_slice())
                .ok()
                .map(|load| load.map(sane)),
            memory,
            filesystems,
            disk_io,
            interfaces,
            sensors: sensors(report),
            raid: raid(report),
            rates,
            uptime,
            interval_seconds: small(report.agent.interval_seconds),
            online: true,
            linked_node: None,
            linked_guest: None,
            token_last_used: token.and_then(|t| t.last_used),
            seen: received,
            liveness: Liveness::Fresh,
            demo,
            id,
        })
    }
}

/// When counters were read, on a time line of their machine.
///
/// Reports that waited for the server arrive in one burst: the time between their arrivals says
/// nothing about their counters. Their own time stamps do, unless the machine's clock was set in
/// between; then its uptime does, which has whole seconds only.
#[derive(Clone, Copy, Debug, Default)]
struct MachineClock {
    stamp: Option<Timestamp>,
    uptime: u64,
    now: Timestamp,
}

/// Time stamps and uptime may differ by so much: uptime is cut to seconds, clocks are slewed.
const CLOCK_TOLERANCE_MS: i64 = 2_000;

impl MachineClock {
    fn read(&mut self, stamp: Option<Timestamp>, uptime: u64, received: Timestamp) -> Timestamp {
        let before = std::mem::replace(
            self,
            Self {
                stamp,
                uptime,
                now: received,
            },
        );
        let (Some(stamp), Some(last)) = (stamp, before.stamp) else {
            return received;
        };
        if uptime < before.uptime {
            // A restart: the rates begin anew.
            return received;
        }
        let by_stamp = stamp.millis().saturating_sub(last.millis());
        let by_uptime = i64::try_from((uptime - before.uptime).saturating_mul(1000));
        let passed = match by_uptime {
            Ok(up) if uptime > 0 && (up - by_stamp).abs() > CLOCK_TOLERANCE_MS => up,
            _ => by_stamp.max(0),
        };
        self.now = before.now.plus_millis(passed);
        self.now
    }
}

fn details(
    report: &HostReport,
    token: Option<&ReportToken>,
    previous: Option<&std::sync::Arc<Host>>,
) -> HostDetails {
    let host = &report.host;
    let (token_id, token_name, token_hint) = match (token, previous) {
        (Some(token), _) => (token.id.clone(), token.name.clone(), token.hint.clone()),
        (None, Some(previous)) => (
            previous.details.token_id.clone(),
            previous.details.token_name.clone(),
            previous.details.token_hint.clone(),
        ),
        (None, None) => Default::default(),
    };
    HostDetails {
        platform: text(&host.platform).to_lowercase(),
        os_name: text(&host.os_name),
        os_version: text(&host.os_version),
        kernel_version: text(&host.kernel_version),
        architecture: text(&host.architecture),
        cpu_model: text(&host.cpu_model),
        machine_id: text(&host.machine_id),
        report_ip: text(&host.report_ip),
        agent_version: text(&report.agent.version),
        tags: report
            .tags
            .iter()
            .map(|tag| text(tag))
            .filter(|tag| !tag.is_empty())
            .collect(),
        legacy: report.agent.kind != "unified",
        commands_enabled: report.agent.commands_enabled,
        token_id,
        token_name,
        token_hint,
    }
}

fn memory(report: &HostReport, at: Timestamp) -> Memory {
    let m = &report.metrics.memory;
    let total = unsigned(m.total_bytes);
    Memory {
        total: Bytes(total),
        used: Bytes(unsigned(m.used_bytes).min(total)),
        balloon: Bytes::ZERO,
        swap_used: Bytes(unsigned(m.swap_used_bytes)),
        swap_total: Bytes(unsigned(m.swap_total_bytes)),
        reclaimable: Bytes::ZERO,
        source: MemorySource::HostAgent,
        at,
    }
}

fn filesystems(report: &HostReport) -> Vec<Filesystem> {
    report
        .disks
        .iter()
        .filter_map(|disk| {
            let total = unsigned(disk.total_bytes);
            let used = unsigned(disk.used_bytes);
            let kind = if disk.filesystem.is_empty() {
                &disk.kind
            } else {
                &disk.filesystem
            };
            if is_skipped(kind, &disk.mountpoint, total, used) {
                return None;
            }
            let mut usage = sane(disk.usage);
            if usage <= 0.0 {
                usage = Bytes(used).percent_of(Bytes(total)).get();
            }
            Some(Filesystem {
                mountpoint: text(&disk.mountpoint),
                kind: text(kind),
                device: text(&disk.device),
                total: Bytes(total),
                used: Bytes(used.min(total)),
                free: Bytes(unsigned(disk.free_bytes)),
                usage: usage.clamp(0.0, 100.0),
            })
        })
        .collect()
}

fn interfaces(report: &HostReport) -> Vec<HostInterface> {
    report
        .network
        .iter()
        .map(|n| HostInterface {
            addresses: InterfaceAddresses {
                name: text(&n.name),
                mac: text(&n.mac),
                addresses: n.addresses.iter().map(|a| text(a)).collect(),
                rx_bytes: n.rx_bytes,
                tx_bytes: n.tx_bytes,
            },
            speed_mbps: small(n.speed_mbps.unwrap_or(0)),
        })
        .collect()
}

fn disk_io(report: &HostReport) -> Vec<DiskIo> {
    report
        .disk_io
        .iter()
        .map(|d| DiskIo {
            device: text(&d.device),
            read_bytes: d.read_bytes,
            write_bytes: d.write_bytes,
            read_ops: d.read_ops,
            write_ops: d.write_ops,
            read_time_ms: d.read_time_ms,
            write_time_ms: d.write_time_ms,
            io_time_ms: d.io_time_ms,
        })
        .collect()
}

fn sensors(report: &HostReport) -> Sensors {
    let finite = |map: &std::collections::BTreeMap<String, f64>| {
        map.iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (text(name), *value))
            .collect()
    };
    let s = &report.sensors;
    Sensors {
        temperature_celsius: finite(&s.temperature_celsius),
        fan_rpm: finite(&s.fan_rpm),
        power_watts: finite(&s.power_watts),
        additional: finite(&s.additional),
        smart: s
            .smart
            .iter()
            .map(|disk| Smart {
                device: text(&disk.device),
                model: text(&disk.model),
                serial: text(&disk.serial),
                wwn: text(&disk.wwn),
                kind: text(&disk.kind),
                temperature: i32::try_from(disk.temperature).unwrap_or(0),
                health: text(&disk.health),
                standby: disk.standby,
            })
            .collect(),
    }
}

fn raid(report: &HostReport) -> Vec<Raid> {
    report
        .raid
        .iter()
        .map(|r| Raid {
            device: text(&r.device),
            name: text(&r.name),
            level: text(&r.level),
            state: text(&r.state),
            total_devices: small(r.total_devices),
            active_devices: small(r.active_devices),
            working_devices: small(r.working_devices),
            failed_devices: small(r.failed_devices),
            spare_devices: small(r.spare_devices),
            uuid: text(&r.uuid),
            devices: r
                .devices
                .iter()
                .map(|d| RaidDevice {
                    device: text(&d.device),
                    state: text(&d.state),
                    slot: i32::try_from(d.slot).unwrap_or(-1),
                })
                .collect(),
            rebuild_percent: sane(r.rebuild_percent),
            rebuild_speed: text(&r.rebuild_speed),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulse_core::{BytesPerSecond, Unknown};
    use pulse_wire::host_report::ReportTime;
    use std::sync::Arc;

    fn report(hostname: &str, machine: &str) -> HostReport {
        let mut report = HostReport::default();
        report.host.hostname = hostname.into();
        report.host.machine_id = machine.into();
        report
    }

    fn token(id: &str) -> ReportToken {
        ReportToken {
            id: id.into(),
            ..ReportToken::default()
        }
    }

    fn with(host: Host) -> Snapshot {
        Snapshot {
            hosts: Arc::new(vec![Arc::new(host)]),
            ..Snapshot::default()
        }
    }

    #[test]
    fn ids_are_made_of_the_first_usable_name() {
        assert_eq!(base_id(&report("Node A.lan", "ABC_123")), "abc-123");
        assert_eq!(base_id(&report("Node A.lan", " ")), "node-a-lan");
        assert!(base_id(&report("日本", "")).starts_with("host-"));
        assert!(sanitise(&"x".repeat(500)).len() <= 48);
    }

    #[test]
    fn cloned_machine_ids_stay_apart_and_ids_stay() {
        let ingest = HostIngest::default();
        let empty = Snapshot::default();
        let t = token("t1");
        let now = Timestamp::from_secs(100);
        let first = ingest
            .host(&report("a", "m1"), Some(&t), &empty, now, false)
            .unwrap();
        assert_eq!(first.id, "m1");
        let known = with(first);
        let clone = ingest
            .host(&report("b", "m1"), Some(&t), &known, now, false)
            .unwrap();
        assert_ne!(clone.id, "m1");
        let again = ingest
            .host(&report("b", "m1"), Some(&t), &empty, now, false)
            .unwrap();
        assert_eq!(again.id, clone.id);
    }

    #[test]
    fn a_machine_takes_its_entry_over_once_its_old_token_is_revoked() {
        let ingest = HostIngest::new(|id| id == "live");
        let now = Timestamp::from_secs(100);
        let old = ingest
            .host(
                &report("a", "m1"),
                Some(&token("t1")),
                &Snapshot::default(),
                now,
                false,
            )
            .unwrap();
        let known = with(old);
        let new = ingest
            .host(&report("a", "m1"), Some(&token("t2")), &known, now, false)
            .unwrap();
        assert_eq!(new.id, "m1");
        let ingest = HostIngest::new(|id| id == "live");
        let held = ingest
            .host(
                &report("a", "m1"),
                Some(&token("live")),
                &Snapshot::default(),
                now,
                false,
            )
            .unwrap();
        let other = ingest
            .host(
                &report("a", "m1"),
                Some(&token("t2")),
                &with(held),
                now,
                false,
            )
            .unwrap();
        assert_ne!(other.id, "m1", "its token still exists");
    }

    /// The rates of two reports of one machine: its counters grew by 10 MB.
    fn rate_after(stamp_ms: i64, uptime: i64, arrival_ms: i64) -> Option<f64> {
        let ingest = HostIngest::default();
        let mut one = report("a", "m1");
        one.host.uptime_seconds = 1000;
        one.timestamp = ReportTime::from_unix(1_800_000_000, 0);
        one.disk_io = vec![pulse_wire::host_report::DiskIo::default()];
        let mut two = one.clone();
        two.timestamp = ReportTime::from_unix(1_800_000_000 + stamp_ms / 1000, 0);
        two.host.uptime_seconds = 1000 + uptime;
        for disk in &mut two.disk_io {
            disk.write_bytes = 10_000_000;
        }
        let at = |ms| Timestamp::from_millis(1_800_000_100_000 + ms);
        let empty = Snapshot::default();
        ingest.host(&one, None, &empty, at(0), false).unwrap();
        let host = ingest
            .host(&two, None, &empty, at(arrival_ms), false)
            .unwrap();
        host.rates.disk_write.known().map(BytesPerSecond::get)
    }

    #[test]
    fn rates_follow_the_machines_time_not_the_arrival() {
        assert_eq!(rate_after(10_000, 10, 10_000), Some(1_000_000.0));
        // Two reports that waited for the server arrive together.
        assert_eq!(rate_after(10_000, 10, 5), Some(1_000_000.0));
        // The clock was set back by an hour, or forward.
        assert_eq!(rate_after(-3_590_000, 10, 10_000), Some(1_000_000.0));
        assert_eq!(rate_after(3_610_000, 10, 10_000), Some(1_000_000.0));
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        let mut bad = report("a", "m");
        bad.metrics.cpu_usage_percent = Some(1e300);
        bad.metrics.memory.total_bytes = -5;
        bad.metrics.memory.used_bytes = i64::MAX;
        bad.host.uptime_seconds = -1;
        bad.host.load_average = vec![1.0];
        let host = HostIngest::default()
            .host(&bad, None, &Snapshot::default(), Timestamp(0), false)
            .unwrap();
        assert_eq!(host.cpu, Percent(100.0));
        assert_eq!(host.memory.used, Bytes::ZERO);
        assert_eq!(host.load, None);
        assert_eq!(host.rates.net_in.reason(), Some(Unknown::FirstSample));
        assert_eq!(
            HostIngest::default().host(
                &report(" ", "m"),
                None,
                &Snapshot::default(),
                Timestamp(0),
                false
            ),
            Err(Rejected("host report missing hostname"))
        );
    }
}
