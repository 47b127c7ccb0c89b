//! The host report of a v5 agent and the answers a v5 server gives to it.
//!
//! Agent and server share these types. Decoding is as tolerant as the v5 server: unknown keys are
//! skipped, `null` means "not there" (also for list elements and map values), a key matches exactly
//! or else regardless of case, and of a repeated key the last one counts. What it does not forgive: a
//! wrong type, a fraction or an overflow in an integer, a negative counter, a time that is not
//! RFC 3339. Those errors carry their path when read through `serde_path_to_error`.
//!
//! Encoding leaves out what v5 leaves out; fields marked `[always]` are written even when empty.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};

/// A value inside a wire object: how to read it leniently, when to leave it out.
trait Field: Sized + Default + Serialize {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error>;
    fn is_empty(&self) -> bool;
}

macro_rules! scalar_fields {
    ($($kind:ty),*) => {$(
        impl Field for $kind {
            fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
                Ok(map.next_value::<Option<Self>>()?.unwrap_or_default())
            }
            fn is_empty(&self) -> bool {
                *self == Self::default()
            }
        }
    )*};
}
scalar_fields!(String, bool, i64, u64, f64, ReportTime);

impl<T: Serialize + DeserializeOwned + Default> Field for Vec<T> {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        let list = map
            .next_value::<Option<Vec<Option<T>>>>()?
            .unwrap_or_default();
        Ok(list.into_iter().map(Option::unwrap_or_default).collect())
    }
    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }
}

impl<T: Serialize + DeserializeOwned + Default> Field for BTreeMap<String, T> {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        let entries = map
            .next_value::<Option<BTreeMap<String, Option<T>>>>()?
            .unwrap_or_default();
        Ok(entries
            .into_iter()
            .map(|(key, value)| (key, value.unwrap_or_default()))
            .collect())
    }
    fn is_empty(&self) -> bool {
        BTreeMap::is_empty(self)
    }
}

impl<T: Serialize + DeserializeOwned> Field for Option<T> {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        map.next_value()
    }
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

/// Declares a wire object: its struct, lenient decoding and encoding with v5's omissions.
macro_rules! wire_object {
    ($(
        $(#[$struct_doc:meta])*
        pub struct $name:ident {
            $( $(#[$field_doc:meta])* $key:literal => $field:ident : $kind:ty [$omit:ident], )*
        }
    )*) => {$(
        $(#[$struct_doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $kind, )*
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<'de> Visitor<'de> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        const KEYS: &[&str] = &[$($key),*];
                        let mut object = $name::default();
                        while let Some(Key(index)) = map.next_key_seed(KeyOf(KEYS))? {
                            let key = index.and_then(|index| KEYS.get(index)).copied();
                            match key {
                                $( Some($key) => object.$field = Field::read(&mut map)?, )*
                                _ => { map.next_value::<IgnoredAny>()?; }
                            }
                        }
                        Ok(object)
                    }
                }
                from.deserialize_map(Reader)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut object = to.serialize_struct(stringify!($name), [$($key),*].len())?;
                $( wire_object!(@write $omit, object, $key, &self.$field); )*
                object.end()
            }
        }

        scalar_fields!($name);
    )*};
    (@write always, $object:ident, $key:literal, $value:expr) => {
        $object.serialize_field($key, $value)?;
    };
    (@write omit, $object:ident, $key:literal, $value:expr) => {
        if Field::is_empty($value) {
            $object.skip_field($key)?;
        } else {
            $object.serialize_field($key, $value)?;
        }
    };
}

/// Position of a key in an object's key list; none for a key nobody knows.
struct Key(Option<usize>);

struct KeyOf(&'static [&'static str]);

impl<'de> de::DeserializeSeed<'de> for KeyOf {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Key, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeyOf {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
        let exact = self.0.iter().position(|known| *known == key);
        Ok(Key(exact.or_else(|| {
            self.0
                .iter()
                .position(|known| known.eq_ignore_ascii_case(key))
        })))
    }
}

wire_object! {
    /// What an agent says about its host at one time: `POST /api/agents/host/report`.
    pub struct HostReport {
        "agent" => agent: AgentInfo [always],
        "host" => host: HostInfo [always],
        "metrics" => metrics: HostMetrics [always],
        /// Mounted file systems, sorted by mountpoint.
        "disks" => disks: Vec<Disk> [omit],
        "diskIO" => disk_io: Vec<DiskIo> [omit],
        "network" => network: Vec<NetworkInterface> [omit],
        "sensors" => sensors: Sensors [always],
        "raid" => raid: Vec<RaidArray> [omit],
        "ceph" => ceph: Option<Ceph> [omit],
        "tags" => tags: Vec<String> [omit],
        /// When the report was built, by the agent's clock. Zero when the report had none.
        "timestamp" => timestamp: ReportTime [always],
        /// Accepted for old clients; nothing sends it.
        "sequenceId" => sequence_id: String [omit],
    }

    pub struct AgentInfo {
        "id" => id: String [always],
        "version" => version: String [omit],
        /// `unified`; anything else, or nothing, is a legacy agent.
        "type" => kind: String [omit],
        "intervalSeconds" => interval_seconds: i64 [omit],
        "hostname" => hostname: String [omit],
        /// The version this agent updated itself from, in the first process after an update.
        "updatedFrom" => updated_from: String [omit],
        "commandsEnabled" => commands_enabled: bool [omit],
    }

    pub struct HostInfo {
        "id" => id: String [omit],
        "hostname" => hostname: String [always],
        "displayName" => display_name: String [omit],
        "machineId" => machine_id: String [omit],
        /// Distribution or operating system, lower case: `debian`, `macos`.
        "platform" => platform: String [omit],
        "osName" => os_name: String [omit],
        "osVersion" => os_version: String [omit],
        "kernelVersion" => kernel_version: String [omit],
        "architecture" => architecture: String [omit],
        "cpuModel" => cpu_model: String [omit],
        /// Logical processors.
        "cpuCount" => cpu_count: i64 [omit],
        "uptimeSeconds" => uptime_seconds: i64 [omit],
        /// 1, 5 and 15 minutes; empty when unknown.
        "loadAverage" => load_average: Vec<f64> [omit],
        "reportIp" => report_ip: String [omit],
    }

    pub struct HostMetrics {
        /// 0–100 over all processors. v5 agents leave out both an unknown value and an exact zero;
        /// ours leaves out only the unknown one.
        "cpuUsagePercent" => cpu_usage_percent: Option<f64> [omit],
        "memory" => memory: Memory [always],
    }

    /// Bytes, and `usage` in percent. Unknown when `total_bytes` is 0.
    pub struct Memory {
        "totalBytes" => total_bytes: i64 [omit],
        "usedBytes" => used_bytes: i64 [omit],
        "freeBytes" => free_bytes: i64 [omit],
        "usage" => usage: f64 [omit],
        "swapTotalBytes" => swap_total_bytes: i64 [omit],
        "swapUsedBytes" => swap_used_bytes: i64 [omit],
    }

    /// One file system, or one ZFS pool (then `device` is the pool's name).
    pub struct Disk {
        "device" => device: String [omit],
        "mountpoint" => mountpoint: String [omit],
        "filesystem" => filesystem: String [omit],
        "type" => kind: String [omit],
        "totalBytes" => total_bytes: i64 [omit],
        "usedBytes" => used_bytes: i64 [omit],
        /// Available to unprivileged users.
        "freeBytes" => free_bytes: i64 [omit],
        /// Percent of what unprivileged users can fill: used / (used + free).
        "usage" => usage: f64 [omit],
    }

    /// Counters of a block device since boot.
    pub struct DiskIo {
        "device" => device: String [always],
        "readBytes" => read_bytes: u64 [omit],
        "writeBytes" => write_bytes: u64 [omit],
        "readOps" => read_ops: u64 [omit],
        "writeOps" => write_ops: u64 [omit],
        "readTimeMs" => read_time_ms: u64 [omit],
        "writeTimeMs" => write_time_ms: u64 [omit],
        "ioTimeMs" => io_time_ms: u64 [omit],
    }

    pub struct NetworkInterface {
        "name" => name: String [always],
        "mac" => mac: String [omit],
        /// With prefix length: `10.0.0.5/24`.
        "addresses" => addresses: Vec<String> [omit],
        /// Bytes since the interface appeared.
        "rxBytes" => rx_bytes: u64 [omit],
        "txBytes" => tx_bytes: u64 [omit],
        "speedMbps" => speed_mbps: Option<i64> [omit],
    }

    pub struct Sensors {
        /// `cpu_package`, `cpu_core_<n>`, `nvme<n>`, `gpu_<sensor>`.
        "temperatureCelsius" => temperature_celsius: BTreeMap<String, f64> [omit],
        "fanRpm" => fan_rpm: BTreeMap<String, f64> [omit],
        "powerWatts" => power_watts: BTreeMap<String, f64> [omit],
        /// Temperatures of other chips: `<chip>_<sensor>`.
        "additional" => additional: BTreeMap<String, f64> [omit],
        "smart" => smart: Vec<SmartDisk> [omit],
    }

    pub struct SmartDisk {
        /// Without `/dev/`: `sda`, `nvme0n1`.
        "device" => device: String [always],
        "model" => model: String [omit],
        "serial" => serial: String [omit],
        "wwn" => wwn: String [omit],
        /// `sata`, `sas`, `nvme`.
        "type" => kind: String [omit],
        /// Whole degrees Celsius; 0 when unknown or asleep.
        "temperature" => temperature: i64 [always],
        /// `PASSED`, `FAILED` or `UNKNOWN`.
        "health" => health: String [omit],
        "standby" => standby: bool [omit],
    }

    /// One Linux software RAID array.
    pub struct RaidArray {
        "device" => device: String [always],
        "name" => name: String [omit],
        "level" => level: String [always],
        /// Lower case, comma separated: `clean, degraded, recovering`.
        "state" => state: String [always],
        "totalDevices" => total_devices: i64 [always],
        "activeDevices" => active_devices: i64 [always],
        "workingDevices" => working_devices: i64 [always],
        "failedDevices" => failed_devices: i64 [always],
        "spareDevices" => spare_devices: i64 [always],
        "uuid" => uuid: String [omit],
        "devices" => devices: Vec<RaidDevice> [always],
        "rebuildPercent" => rebuild_percent: f64 [always],
        /// `2752K/sec`.
        "rebuildSpeed" => rebuild_speed: String [omit],
    }

    pub struct RaidDevice {
        "device" => device: String [always],
        /// `active sync`, `spare`, `spare rebuilding`, `faulty`.
        "state" => state: String [always],
        /// −1 without a place in the array.
        "slot" => slot: i64 [always],
    }

    pub struct Ceph {
        "fsid" => fsid: String [always],
        "health" => health: CephHealth [always],
        "monMap" => mon_map: CephMonMap [always],
        "mgrMap" => mgr_map: CephMgrMap [always],
        "osdMap" => osd_map: CephOsdMap [always],
        "pgMap" => pg_map: CephPgMap [always],
        "pools" => pools: Vec<CephPool> [omit],
        "services" => services: Vec<CephService> [omit],
        "collectedAt" => collected_at: String [always],
    }

    pub struct CephHealth {
        /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`.
        "status" => status: String [always],
        "checks" => checks: BTreeMap<String, CephCheck> [omit],
        "summary" => summary: Vec<CephCheck> [omit],
    }

    pub struct CephCheck {
        "severity" => severity: String [always],
        "message" => message: String [omit],
        "detail" => detail: Vec<String> [omit],
    }

    pub struct CephMonMap {
        "epoch" => epoch: i64 [always],
        "numMons" => num_mons: i64 [always],
        "monitors" => monitors: Vec<CephMonitor> [omit],
    }

    pub struct CephMonitor {
        "name" => name: String [always],
        "rank" => rank: i64 [always],
        "addr" => addr: String [omit],
        "status" => status: String [omit],
    }

    pub struct CephMgrMap {
        "available" => available: bool [always],
        "numMgrs" => num_mgrs: i64 [always],
        "activeMgr" => active_mgr: String [omit],
        "standbys" => standbys: i64 [always],
    }

    pub struct CephOsdMap {
        "epoch" => epoch: i64 [always],
        "numOsds" => num_osds: i64 [always],
        "numUp" => num_up: i64 [always],
        "numIn" => num_in: i64 [always],
        "numDown" => num_down: i64 [omit],
        "numOut" => num_out: i64 [omit],
    }

    pub struct CephPgMap {
        "numPgs" => num_pgs: i64 [always],
        "bytesTotal" => bytes_total: u64 [always],
        "bytesUsed" => bytes_used: u64 [always],
        "bytesAvailable" => bytes_available: u64 [always],
        "dataBytes" => data_bytes: u64 [omit],
        "usagePercent" => usage_percent: f64 [always],
        "degradedRatio" => degraded_ratio: f64 [omit],
        "misplacedRatio" => misplaced_ratio: f64 [omit],
        "readBytesPerSec" => read_bytes_per_sec: u64 [omit],
        "writeBytesPerSec" => write_bytes_per_sec: u64 [omit],
        "readOpsPerSec" => read_ops_per_sec: u64 [omit],
        "writeOpsPerSec" => write_ops_per_sec: u64 [omit],
    }

    pub struct CephPool {
        "id" => id: i64 [always],
        "name" => name: String [always],
        "bytesUsed" => bytes_used: u64 [always],
        "bytesAvailable" => bytes_available: u64 [always],
        "objects" => objects: u64 [always],
        "percentUsed" => percent_used: f64 [always],
    }

    pub struct CephService {
        /// `mon`, `mgr`, `osd`.
        "type" => kind: String [always],
        "running" => running: i64 [always],
        "total" => total: i64 [always],
        "daemons" => daemons: Vec<String> [omit],
    }

    /// The server's answer to an accepted host report.
    pub struct HostReportAnswer {
        "success" => success: bool [always],
        "hostId" => host_id: String [always],
        "lastSeen" => last_seen: ReportTime [always],
        "platform" => platform: String [always],
        "osName" => os_name: String [always],
        "osVersion" => os_version: String [always],
        /// Only when the server overrides something for this host.
        "config" => config: Option<HostOverride> [omit],
    }

    /// What an answer to a report may override.
    pub struct HostOverride {
        "commandsEnabled" => commands_enabled: Option<bool> [omit],
    }

    /// Answer of `GET /api/agents/host/lookup`.
    pub struct HostLookupAnswer {
        "success" => success: bool [always],
        "host" => host: FoundHost [always],
    }

    pub struct FoundHost {
        "id" => id: String [always],
        "hostname" => hostname: String [always],
        "displayName" => display_name: String [always],
        "status" => status: String [always],
        "connected" => connected: bool [always],
        "lastSeen" => last_seen: ReportTime [always],
        "agentVersion" => agent_version: String [always],
    }
}

/// Answer of `GET /api/agents/host/{id}/config`.
///
/// `Settings` is the profile's configuration as stored: any JSON object for the server, the keys it
/// understands for an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostConfigAnswer<Settings> {
    pub success: bool,
    pub host_id: String,
    pub config: HostConfig<Settings>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostConfig<Settings> {
    /// The override an administrator set for this host; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands_enabled: Option<bool>,
    /// The configuration of the profile assigned to this host; absent when there is none.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// A point in time as reports carry it: RFC 3339 with up to nine fractional digits, written in UTC.
///
/// The default is the year-one time that v5 programs send for "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportTime {
    seconds: i64,
    nanos: u32,
}

/// 0001-01-01T00:00:00Z in Unix seconds.
const YEAR_ONE: i64 = -62_135_596_800;

impl Default for ReportTime {
    fn default() -> Self {
        Self {
            seconds: YEAR_ONE,
            nanos: 0,
        }
    }
}

impl ReportTime {
    /// From seconds since 1970 and nanoseconds within the second (larger values are cut off).
    pub fn from_unix(seconds: i64, nanos: u32) -> Self {
        Self {
            seconds,
            nanos: nanos.min(999_999_999),
        }
    }

    /// True for a missing time.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Whole seconds since 1970.
    pub fn unix_seconds(self) -> i64 {
        self.seconds
    }

    pub fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Milliseconds since 1970.
    pub fn unix_millis(self) -> i64 {
        let millis = i64::from(self.nanos / 1_000_000);
        self.seconds.saturating_mul(1000).saturating_add(millis)
    }
}

impl From<std::time::SystemTime> for ReportTime {
    fn from(time: std::time::SystemTime) -> Self {
        let since_1970 = time
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
        Self {
            seconds,
            nanos: since_1970.subsec_nanos(),
        }
    }
}

impl fmt::Display for ReportTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (
            self.seconds.div_euclid(86_400),
            self.seconds.rem_euclid(86_400),
        );
        let (year, month, day) = date_of(days);
        let (hour, minute) = (second / 3600, second % 3600 / 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}",
            second % 60
        )?;
        if self.nanos > 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// The text is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadTime(String);

impl fmt::Display for BadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an RFC 3339 time such as 2026-01-02T03:04:05Z",
            self.0
        )
    }
}

impl std::error::Error for BadTime {}

impl FromStr for ReportTime {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        parse_time(text.as_bytes()).ok_or_else(|| BadTime(text.chars().take(64).collect()))
    }
}

impl Serialize for ReportTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReportTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = ReportTime;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ReportTime, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_str(Reader)
    }
}

fn parse_time(text: &[u8]) -> Option<ReportTime> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        text.get(range)?.iter().try_fold(0, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + i64::from(digit - b'0'))
        })
    };
    let is = |at: usize, wanted: u8| (text.get(at) == Some(&wanted)).then_some(());
    is(4, b'-')
        .and(is(7, b'-'))
        .and(is(10, b'T'))
        .and(is(13, b':'))
        .and(is(16, b':'))?;
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_to(year, month, day);
    if date_of(days) != (year, month, day) {
        return None;
    }

    let mut at = 19;
    let mut nanos = 0;
    if is(at, b'.').is_some() {
        at += 1;
        let mut unit = 100_000_000;
        let start = at;
        while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
            nanos += u32::from(digit - b'0') * unit;
            unit /= 10;
            at += 1;
        }
        if at == start {
            return None;
        }
    }
    let (offset, end) = match text.get(at)? {
        b'Z' => (0, at + 1),
        sign @ (b'+' | b'-') => {
            is(at + 3, b':')?;
            let (hours, minutes) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3600 + minutes * 60;
            (if *sign == b'+' { offset } else { -offset }, at + 6)
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    (end == text.len()).then_some(ReportTime { seconds, nanos })
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counting years from March.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_to`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
