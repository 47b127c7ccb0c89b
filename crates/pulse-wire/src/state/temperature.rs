//! Temperatures of a node: its own sensors', with those of the host agent on it before them.

use pulse_core::{Host, Node, NodeTemperatures, NodeUpkeep, TemperatureRecord, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::NEVER;
use super::shared::finite;
use crate::time::rfc3339;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CoreTemperatureJson {
    pub core: u32,
    /// °C.
    pub temp: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NvmeTemperatureJson<'a> {
    pub device: &'a str,
    pub temp: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GpuTemperatureJson<'a> {
    pub device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub junction: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmartTemperatureJson<'a> {
    pub device: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub serial: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub wwn: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub r#type: &'a str,
    pub temperature: i32,
    pub last_updated: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub standby_skipped: bool,
}

/// Temperatures of a node. Each kind of sensor comes from the host agent when that reports it,
/// else from the node's own sensors.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemperatureJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_package: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_max: Option<f64>,
    /// Lowest and highest CPU temperature since they are recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_max_record: Option<f64>,
    pub min_recorded: String,
    pub max_recorded: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cores: Vec<CoreTemperatureJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpu: Vec<GpuTemperatureJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nvme: Vec<NvmeTemperatureJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub smart: Vec<SmartTemperatureJson<'a>>,
    pub available: bool,
    #[serde(rename = "hasCPU")]
    pub has_cpu: bool,
    #[serde(rename = "hasGPU")]
    pub has_gpu: bool,
    #[serde(rename = "hasNVMe")]
    pub has_nvme: bool,
    #[serde(rename = "hasSMART")]
    pub has_smart: bool,
    pub last_update: String,
}

/// Readings of one source, by kind of sensor.
#[derive(Default)]
struct Readings<'a> {
    package: Option<f64>,
    hottest: Option<f64>,
    cores: Vec<CoreTemperatureJson>,
    gpu: Vec<GpuTemperatureJson<'a>>,
    nvme: Vec<NvmeTemperatureJson<'a>>,
    smart: Vec<SmartTemperatureJson<'a>>,
    at: Timestamp,
}

impl<'a> Readings<'a> {
    fn of_host(host: &'a Host) -> Self {
        let readings = &host.sensors.temperature_celsius;
        let core = |(name, temp): (&String, &f64)| {
            let core = name.strip_prefix("cpu_core_")?.parse().ok()?;
            let temp = finite(*temp);
            Some(CoreTemperatureJson { core, temp })
        };
        let cores: Vec<_> = readings.iter().filter_map(core).collect();
        let nvme = readings.iter().filter(|(name, _)| name.starts_with("nvme"));
        let package = readings.get("cpu_package").copied().map(finite);
        let at = rfc3339(host.seen);
        let smart = host.sensors.smart.iter().map(|disk| SmartTemperatureJson {
            device: &disk.device,
            serial: &disk.serial,
            wwn: &disk.wwn,
            model: &disk.model,
            r#type: &disk.kind,
            temperature: disk.temperature,
            last_updated: at.clone(),
            standby_skipped: disk.standby,
        });
        Self {
            package,
            hottest: hottest(package, &cores),
            cores,
            gpu: gpu_of_host(host),
            nvme: nvme
                .map(|(name, temp)| NvmeTemperatureJson {
                    device: name,
                    temp: finite(*temp),
                })
                .collect(),
            smart: smart.collect(),
            at: host.seen,
        }
    }

    fn of_node(own: &'a NodeTemperatures) -> Self {
        let cores: Vec<_> = own
            .cores
            .iter()
            .map(|core| CoreTemperatureJson {
                core: core.core,
                temp: finite(core.celsius),
            })
            .collect();
        let package = own.package.map(finite);
        let at = rfc3339(own.read);
        let gpus = own.gpus.iter().map(|gpu| GpuTemperatureJson {
            device: &gpu.device,
            edge: gpu.edge.map(finite),
            junction: gpu.junction.map(finite),
            mem: gpu.memory.map(finite),
        });
        let nvme = own.nvme.iter().map(|disk| NvmeTemperatureJson {
            device: &disk.device,
            temp: finite(disk.celsius),
        });
        let smart = own.smart.iter().map(|disk| SmartTemperatureJson {
            device: &disk.device,
            serial: &disk.serial,
            wwn: &disk.wwn,
            model: "",
            r#type: "",
            temperature: disk.celsius.round() as i32,
            last_updated: at.clone(),
            standby_skipped: false,
        });
        Self {
            package,
            hottest: own
                .hottest
                .map(finite)
                .or_else(|| hottest(package, &cores))
                .filter(|_| own.has_cpu || own.hottest.is_some()),
            cores,
            gpu: gpus.collect(),
            nvme: nvme.collect(),
            smart: smart.collect(),
            at: own.read,
        }
    }

    fn has_cpu(&self) -> bool {
        self.package.is_some() || self.hottest.is_some() || !self.cores.is_empty()
    }
}

fn hottest(package: Option<f64>, cores: &[CoreTemperatureJson]) -> Option<f64> {
    cores.iter().map(|c| c.temp).chain(package).reduce(f64::max)
}

fn gpu_of_host(host: &Host) -> Vec<GpuTemperatureJson<'_>> {
    let reading = |name| host.sensors.temperature_celsius.get(name).copied();
    let gpu = GpuTemperatureJson {
        device: "gpu",
        edge: reading("gpu_edge").map(finite),
        junction: reading("gpu_junction").map(finite),
        mem: reading("gpu_mem").map(finite),
    };
    if gpu.edge.is_none() && gpu.junction.is_none() && gpu.mem.is_none() {
        return Vec::new();
    }
    vec![gpu]
}

/// The list that has something; the agent's first.
fn first<T>(agent: Vec<T>, own: Vec<T>) -> Vec<T> {
    if agent.is_empty() { own } else { agent }
}

impl<'a> TemperatureJson<'a> {
    /// None when neither source has a temperature.
    pub fn new(own: &'a NodeUpkeep, host: Option<&'a Host>) -> Option<Self> {
        let agent = host.map(Readings::of_host).unwrap_or_default();
        let node = own.temperatures.as_ref().map(Readings::of_node);
        let node = node.unwrap_or_default();
        let names = host.map(|host| host.sensors.temperature_celsius.keys());
        let any_gpu = names.is_some_and(|mut names| names.any(|name| name.starts_with("gpu_")));
        let (agent_cpu, at) = (agent.has_cpu(), agent.at.max(node.at));
        let (package, hottest, cores) = if agent_cpu {
            (agent.package, agent.hottest, agent.cores)
        } else {
            (node.package, node.hottest, node.cores)
        };
        let gpu = first(agent.gpu, node.gpu);
        let nvme = first(agent.nvme, node.nvme);
        let smart = first(agent.smart, node.smart);
        let has_cpu = package.is_some() || hottest.is_some() || !cores.is_empty();
        let has_gpu = any_gpu || !gpu.is_empty();
        if !has_cpu && !has_gpu && nvme.is_empty() && smart.is_empty() {
            return None;
        }
        let record = own.record.as_ref();
        let when = |at: fn(&TemperatureRecord) -> Timestamp| {
            record.map_or_else(|| NEVER.to_owned(), |record| rfc3339(at(record)))
        };
        Some(Self {
            cpu_package: package,
            cpu_max: hottest,
            cpu_min: record.map(|r| finite(r.lowest)),
            cpu_max_record: record.map(|r| finite(r.highest)),
            min_recorded: when(|r| r.lowest_at),
            max_recorded: when(|r| r.highest_at),
            available: true,
            has_cpu,
            has_gpu,
            has_nvme: !nvme.is_empty(),
            has_smart: !smart.is_empty(),
            cores,
            gpu,
            nvme,
            smart,
            last_update: rfc3339(at),
        })
    }

    /// Of a node of the state.
    pub fn of_node(node: &'a Node, host: Option<&'a Host>) -> Option<Self> {
        Self::new(&node.upkeep, host)
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::{CoreTemperature, DiskTemperature, NodeTemperatures, NodeUpkeep, Timestamp};

    use super::TemperatureJson;

    #[test]
    fn the_agent_wins_where_it_reports_and_the_node_fills_in() {
        let own = NodeUpkeep {
            temperatures: Some(NodeTemperatures {
                package: Some(50.0),
                cores: vec![CoreTemperature {
                    core: 0,
                    celsius: 52.0,
                }],
                nvme: vec![DiskTemperature {
                    device: "nvme0n1".into(),
                    celsius: 39.0,
                    ..DiskTemperature::default()
                }],
                has_cpu: true,
                read: Timestamp::from_secs(100),
                ..NodeTemperatures::default()
            }),
            ..NodeUpkeep::default()
        };
        let alone = TemperatureJson::new(&own, None).unwrap();
        assert_eq!((alone.cpu_package, alone.cpu_max), (Some(50.0), Some(52.0)));
        let snapshot = crate::delta::tests::sample_snapshot(1);
        let host = &snapshot.hosts[0];
        let both = TemperatureJson::new(&own, Some(host)).unwrap();
        assert_eq!(
            both.cpu_package,
            host.sensors.temperature_celsius.get("cpu_package").copied()
        );
        assert!(
            both.cores.is_empty(),
            "cores of the source that did not win"
        );
        assert_eq!(both.nvme.len(), 1);
        assert!(TemperatureJson::new(&NodeUpkeep::default(), None).is_none());
    }
}
