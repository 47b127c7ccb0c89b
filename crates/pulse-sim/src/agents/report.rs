//! Host reports in the form that version 5 agents send.

use serde_json::{Map, Value, json};

use crate::clock::Millis;
use crate::datacenter::Datacenter;
use crate::flow::Flow;
use crate::guest::{node_boot, seconds, uuid};
use crate::noise::{between, chance, mix, pick, smooth};
use crate::pve::KERNEL;
use crate::sync::read;

const GIB: u64 = 1 << 30;

/// Machines with a host agent. Their reports are functions of seed, machine and time.
#[derive(Clone, Debug)]
pub struct HostFleet {
    hosts: Vec<Host>,
    /// Whose nodes some of the hosts are.
    datacenter: Option<Datacenter>,
    interval_seconds: u64,
}

#[derive(Clone, Debug)]
struct Host {
    key: u64,
    name: String,
    cores: u32,
    memory: u64,
    disk: u64,
    system: System,
    /// Cluster and node of the datacenter.
    node: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct System {
    platform: &'static str,
    os: &'static str,
    version: &'static str,
    kernel: &'static str,
}

const SYSTEMS: &[System] = &[
    System {
        platform: "debian",
        os: "debian",
        version: "12.8",
        kernel: "6.1.0-28-amd64",
    },
    System {
        platform: "ubuntu",
        os: "ubuntu",
        version: "24.04",
        kernel: "6.8.0-49-generic",
    },
    System {
        platform: "almalinux",
        os: "almalinux",
        version: "9.5",
        kernel: "5.14.0-503.15.1.el9_5.x86_64",
    },
];

const NODE_SYSTEM: System = System {
    platform: "debian",
    os: "debian",
    version: "12.8",
    kernel: KERNEL,
};

impl HostFleet {
    /// `n` machines of their own. The first is called `pve1` like the node of a small fleet, so
    /// that a server can link the two.
    pub fn new(n: usize, seed: u64) -> Self {
        let hosts = (0..n).map(|i| {
            let mut host = Host::new(seed, i);
            if i == 0 {
                host.name = "pve1".into();
                host.system = NODE_SYSTEM;
            }
            host
        });
        Self {
            hosts: hosts.collect(),
            datacenter: None,
            interval_seconds: 30,
        }
    }

    /// `n` machines of which the first are nodes of the datacenter, one of every four but at
    /// least one; name, size and use are those of the node.
    pub fn of(datacenter: &Datacenter, n: usize) -> Self {
        let mut fleet = Self::new(n, datacenter.seed());
        let nodes = datacenter
            .0
            .clusters
            .iter()
            .enumerate()
            .flat_map(|(c, cluster)| {
                cluster
                    .nodes
                    .iter()
                    .enumerate()
                    .map(move |(i, node)| (c, i, node))
            });
        for (host, (cluster, index, node)) in fleet.hosts.iter_mut().take(n.div_ceil(4)).zip(nodes)
        {
            host.name = node.name.to_string();
            host.key = node.key;
            host.cores = node.cores;
            host.memory = node.memory;
            host.disk = node.disk;
            host.system = NODE_SYSTEM;
            host.node = Some((cluster, index));
        }
        fleet.datacenter = Some(datacenter.clone());
        fleet
    }

    /// What the reports state as their interval.
    pub(crate) fn every(mut self, seconds: u64) -> Self {
        self.interval_seconds = seconds;
        self
    }

    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The name of machine `i`.
    pub fn name(&self, i: usize) -> Option<&str> {
        self.hosts.get(i).map(|h| h.name.as_str())
    }

    /// The report of machine `i` at `now`; null if there is no such machine.
    pub fn host_report(&self, i: usize, now: Millis) -> Value {
        let Some(host) = self.hosts.get(i) else {
            return Value::Null;
        };
        let use_ = self.usage(host, now);
        let id = uuid(mix(host.key, 0x1D));
        let mut agent = json!({
            "id": id, "version": "5.0.14", "type": "unified", "hostname": host.name,
        });
        // A sub-second interval is left out, as the agent does.
        if self.interval_seconds > 0 {
            agent["intervalSeconds"] = self.interval_seconds.into();
        }
        let mut report = json!({
            "agent": agent,
            "host": {
                "id": id,
                "hostname": host.name,
                "displayName": host.name,
                "machineId": id,
                "platform": host.system.platform,
                "osName": host.system.os,
                "osVersion": host.system.version,
                "kernelVersion": host.system.kernel,
                "architecture": "x86_64",
                "cpuCount": host.cores,
                "uptimeSeconds": ((now - host.booted(now)).max(1000) / 1000),
                "loadAverage": host.load(use_.cpu, now),
            },
            "metrics": {
                "cpuUsagePercent": use_.cpu * 100.0,
                "memory": host.memory(use_.memory, now),
            },
            "disks": host.disks(use_.disk),
            "diskIO": host.disk_io(now),
            "network": host.network(now),
            "sensors": host.sensors(now),
            "timestamp": timestamp(now),
        });
        if chance(host.key, 1, 0.3) {
            report["host"]["reportIp"] = host.ip().into();
        }
        if let Some(raid) = host.raid() {
            report["raid"] = raid;
        }
        if chance(host.key, 2, 0.4) {
            report["tags"] = json!(["lab", pick(host.key, 3, &["rack-1", "rack-2", "büro"])]);
        }
        report
    }

    fn usage(&self, host: &Host, now: Millis) -> Usage {
        if let (Some((cluster, index)), Some(datacenter)) = (host.node, &self.datacenter) {
            let cluster = &datacenter.0.clusters[cluster];
            let reading = cluster.nodes[index].at(&read(&cluster.state), index, now);
            return Usage {
                cpu: reading.cpu,
                memory: reading.mem,
                disk: reading.disk,
            };
        }
        let t = seconds(now);
        let level = between(host.key, 5, 0.2, 0.7) + 0.08 * smooth(mix(host.key, 6), t, 5_000.0);
        let cpu = host.flow(10, between(host.key, 7, 0.02, 0.3)).rate(t);
        Usage {
            cpu: cpu.clamp(0.001, 0.99),
            memory: (host.memory as f64 * level) as u64,
            disk: (host.disk as f64 * between(host.key, 8, 0.1, 0.85)) as u64,
        }
    }
}

struct Usage {
    cpu: f64,
    memory: u64,
    disk: u64,
}

impl Host {
    fn new(seed: u64, index: usize) -> Self {
        let key = mix(mix(seed, 0xA6E27), index as u64);
        let role = pick(key, 20, &["nas", "build", "edge", "gpu", "backup", "desk"]);
        Self {
            key,
            name: format!("{role}-{:02}", index + 1),
            cores: pick(key, 21, &[2, 4, 4, 8, 8, 16, 32]),
            memory: GIB * pick(key, 22, &[2, 4, 8, 16, 32, 64, 128]),
            disk: GIB * pick(key, 23, &[32, 64, 120, 240, 480]),
            system: pick(key, 24, SYSTEMS),
            node: None,
        }
    }

    fn booted(&self, now: Millis) -> Millis {
        node_boot(self.key, now)
    }

    fn flow(&self, n: u64, mean: f64) -> Flow {
        Flow {
            key: mix(self.key, n),
            rhythm: mix(self.key, 30),
            mean,
            daily: 0.25,
            noise: 0.3,
            burst: 0.12,
            burst_chance: 0.05,
        }
    }

    /// A counter since boot.
    fn counted(&self, n: u64, mean: f64, now: Millis) -> u64 {
        self.flow(n, mean)
            .between(seconds(self.booted(now)), seconds(now)) as u64
    }

    fn load(&self, cpu: f64, now: Millis) -> Vec<f64> {
        [(60.0, 1), (300.0, 2), (900.0, 3)]
            .iter()
            .map(|(period, n)| {
                let factor = 0.7 + 0.6 * smooth(mix(self.key, 40 + n), seconds(now), *period);
                (cpu * f64::from(self.cores) * factor * 100.0).round() / 100.0
            })
            .collect()
    }

    fn memory(&self, used: u64, now: Millis) -> Value {
        let cached = smooth(mix(self.key, 45), seconds(now), 4_000.0) * 0.6;
        let free = ((self.memory - used) as f64 * (1.0 - cached)) as u64;
        let mut memory = json!({
            "totalBytes": self.memory,
            "usedBytes": used,
            "freeBytes": free,
            "usage": percent(used, self.memory),
        });
        if chance(self.key, 46, 0.5) {
            memory["swapTotalBytes"] = (4 * GIB).into();
            memory["swapUsedBytes"] = (mix(self.key, 47) % GIB).into();
        }
        memory
    }

    fn disks(&self, used: u64) -> Value {
        let mut disks = vec![disk(
            "/dev/sda2",
            "/",
            "ext4",
            self.disk,
            used.min(self.disk),
        )];
        if chance(self.key, 50, 0.4) {
            let size = 2_000 * GIB;
            let used = (size as f64 * between(self.key, 51, 0.1, 0.95)) as u64;
            disks.push(disk("/dev/sdb1", "/srv/data", "xfs", size, used));
        }
        if self.node.is_some() || chance(self.key, 52, 0.2) {
            let size = 1_800 * GIB;
            let used = (size as f64 * between(self.key, 53, 0.1, 0.8)) as u64;
            disks.push(disk("tank", "/tank", "zfs", size, used));
        }
        disks.into()
    }

    fn disk_io(&self, now: Millis) -> Value {
        let devices = ["nvme0n1", "sda"]
            .iter()
            .zip([60u64, 70])
            .map(|(device, n)| {
                let read = self.counted(n, 90_000.0, now) & !511;
                let written = self.counted(n + 1, 160_000.0, now) & !511;
                json!({
                    "device": device,
                    "readBytes": read,
                    "writeBytes": written,
                    "readOps": read / 16_384,
                    "writeOps": written / 8_192,
                    "readTimeMs": read / 120_000,
                    "writeTimeMs": written / 90_000,
                    "ioTimeMs": (read + written) / 150_000,
                })
            });
        devices.collect()
    }

    fn ip(&self) -> String {
        let k = mix(self.key, 80).to_be_bytes();
        format!("10.40.{}.{}", k[0], 1 + u16::from(k[1]) % 254)
    }

    fn network(&self, now: Millis) -> Value {
        let k = mix(self.key, 81).to_be_bytes();
        let mac = format!("02:00:{:02x}:{:02x}:{:02x}:{:02x}", k[0], k[1], k[2], k[3]);
        let name = if self.node.is_some() { "vmbr0" } else { "eth0" };
        let local = format!(
            "fe80::{:x}:{:x}/64",
            u16::from(k[0]) + 1,
            u16::from(k[1]) + 1
        );
        let mut all = vec![json!({
            "name": name,
            "mac": mac,
            "addresses": [format!("{}/16", self.ip()), local],
            "rxBytes": self.counted(82, 80_000.0, now),
            "txBytes": self.counted(83, 120_000.0, now),
        })];
        if self.node.is_none() && chance(self.key, 84, 0.4) {
            // A bridge that never carried anything: zero counters are left out.
            all.insert(
                0,
                json!({"name": "docker0", "mac": "02:42:5e:20:00:00", "addresses": ["172.17.0.1/16"]}),
            );
        }
        all.into()
    }

    fn sensors(&self, now: Millis) -> Value {
        let t = seconds(now);
        let warm = |n: u64, low: f64, high: f64| {
            let base = between(self.key, n, low, high);
            ((base + 6.0 * smooth(mix(self.key, n), t, 400.0)) * 100.0).round() / 100.0
        };
        let mut sensors = Map::new();
        // Every fifth machine is virtual and has no sensors.
        if self.node.is_some() || chance(self.key, 90, 0.8) {
            let mut temperatures = Map::new();
            temperatures.insert("cpu_package".into(), warm(91, 38.0, 62.0).into());
            for core in 0..self.cores.min(8) {
                let value = warm(100 + u64::from(core), 36.0, 60.0);
                temperatures.insert(format!("cpu_core_{core}"), value.into());
            }
            temperatures.insert("nvme0".into(), warm(92, 30.0, 48.0).into());
            sensors.insert("temperatureCelsius".into(), temperatures.into());
            sensors.insert(
                "fanRpm".into(),
                json!({"nct6798_fan1": warm(93, 900.0, 1_500.0).round()}),
            );
        }
        sensors.insert(
            "smart".into(),
            json!([
                self.smart("nvme0n1", "nvme", 94, t),
                self.smart("sda", "sata", 95, t)
            ]),
        );
        sensors.into()
    }

    fn smart(&self, device: &str, kind: &str, n: u64, t: f64) -> Value {
        let serial = format!("SIM{:09X}", mix(self.key, n) & 0xf_ffff_ffff);
        if kind == "sata" && chance(self.key, n + 10, 0.1) {
            return json!({"device": device, "type": "sata", "temperature": 0, "standby": true});
        }
        let warm = between(self.key, n, 27.0, 44.0) + 4.0 * smooth(mix(self.key, n), t, 900.0);
        let mut smart = json!({
            "device": device,
            "model": if kind == "nvme" { "Samsung SSD 980 PRO 1TB" } else { "ST4000VN006-3CW104" },
            "serial": serial,
            "type": kind,
            "temperature": warm as i64,
            "health": if chance(self.key, n + 20, 0.03) { "FAILED" } else { "PASSED" },
        });
        if kind == "sata" {
            smart["wwn"] = format!("5-c50-{:x}", mix(self.key, n) & 0xffff).into();
        }
        smart
    }

    fn raid(&self) -> Option<Value> {
        if self.node.is_some() || !chance(self.key, 120, 0.15) {
            return None;
        }
        let bad = chance(self.key, 121, 0.3);
        let good = u8::from(!bad);
        let mut devices = vec![json!({"device": "/dev/sdc1", "state": "active sync", "slot": 0})];
        if !bad {
            devices.push(json!({"device": "/dev/sdd1", "state": "active sync", "slot": 1}));
        }
        Some(json!([{
            "device": "/dev/md0",
            "name": format!("{}:0  (local to host {})", self.name, self.name),
            "level": "raid1",
            "state": if bad { "clean, degraded" } else { "clean" },
            "totalDevices": 1 + good,
            "activeDevices": 1 + good,
            "workingDevices": 1 + good,
            "failedDevices": 0,
            "spareDevices": 0,
            "uuid": format!("{:08x}:{:08x}:{:08x}:{:08x}", mix(self.key, 1) >> 32, mix(self.key, 2) >> 32, mix(self.key, 3) >> 32, mix(self.key, 4) >> 32),
            "devices": devices,
            "rebuildPercent": 0,
        }]))
    }
}

fn disk(device: &str, mountpoint: &str, kind: &str, total: u64, used: u64) -> Value {
    let reserved = if kind == "ext4" { total / 20 } else { 0 };
    let free = (total - used).saturating_sub(reserved);
    json!({
        "device": device,
        "mountpoint": mountpoint,
        "filesystem": kind,
        "type": kind,
        "totalBytes": total,
        "usedBytes": used,
        "freeBytes": free,
        "usage": percent(used, used + free),
    })
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64 * 100.0
    }
}

fn timestamp(now: Millis) -> String {
    jiff::Timestamp::from_millisecond(now)
        .map(|t| t.to_string())
        .unwrap_or_default()
}
