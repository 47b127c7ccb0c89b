//! How the network is searched for Proxmox servers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::BadSetting;
use super::check::is_network;

const ENVIRONMENTS: [&str; 6] = [
    "auto",
    "native",
    "docker_host",
    "docker_bridge",
    "lxc_privileged",
    "lxc_unprivileged",
];

/// Snake case on the wire; camel case is read as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RawDiscoveryConfig {
    #[serde(alias = "environmentOverride", skip_serializing_if = "Option::is_none")]
    pub environment_override: Option<String>,
    #[serde(alias = "subnetAllowlist", skip_serializing_if = "Option::is_none")]
    pub subnet_allowlist: Option<Vec<String>>,
    #[serde(alias = "subnetBlocklist", skip_serializing_if = "Option::is_none")]
    pub subnet_blocklist: Option<Vec<String>>,
    #[serde(alias = "maxHostsPerScan", skip_serializing_if = "Option::is_none")]
    pub max_hosts_per_scan: Option<i64>,
    #[serde(alias = "maxConcurrent", skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<i64>,
    #[serde(alias = "enableReverseDns", skip_serializing_if = "Option::is_none")]
    pub enable_reverse_dns: Option<bool>,
    #[serde(alias = "scanGateways", skip_serializing_if = "Option::is_none")]
    pub scan_gateways: Option<bool>,
    #[serde(alias = "dialTimeoutMs", skip_serializing_if = "Option::is_none")]
    pub dial_timeout_ms: Option<i64>,
    #[serde(alias = "httpTimeoutMs", skip_serializing_if = "Option::is_none")]
    pub http_timeout_ms: Option<i64>,
}

/// Serialises as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiscoveryConfig {
    pub environment_override: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnet_allowlist: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnet_blocklist: Vec<String>,
    pub max_hosts_per_scan: u32,
    pub max_concurrent: u32,
    pub enable_reverse_dns: bool,
    pub scan_gateways: bool,
    pub dial_timeout_ms: u32,
    pub http_timeout_ms: u32,
}

impl RawDiscoveryConfig {
    pub(super) fn changed_by(self, fields: &Map<String, Value>) -> Result<Self, BadSetting> {
        let change: Self = serde_json::from_value(Value::Object(fields.clone()))
            .map_err(|_| BadSetting("Invalid request body".to_owned()))?;
        Ok(Self {
            environment_override: change.environment_override.or(self.environment_override),
            subnet_allowlist: change.subnet_allowlist.or(self.subnet_allowlist),
            subnet_blocklist: change.subnet_blocklist.or(self.subnet_blocklist),
            max_hosts_per_scan: change.max_hosts_per_scan.or(self.max_hosts_per_scan),
            max_concurrent: change.max_concurrent.or(self.max_concurrent),
            enable_reverse_dns: change.enable_reverse_dns.or(self.enable_reverse_dns),
            scan_gateways: change.scan_gateways.or(self.scan_gateways),
            dial_timeout_ms: change.dial_timeout_ms.or(self.dial_timeout_ms),
            http_timeout_ms: change.http_timeout_ms.or(self.http_timeout_ms),
        })
    }

    pub(super) fn resolve(&self) -> Result<DiscoveryConfig, BadSetting> {
        let environment = self.environment_override.as_deref().unwrap_or("auto");
        if !ENVIRONMENTS.contains(&environment) {
            return Err(BadSetting(format!(
                "invalid discovery environment override: {environment}"
            )));
        }
        Ok(DiscoveryConfig {
            environment_override: environment.to_owned(),
            subnet_allowlist: networks("subnet_allowlist", self.subnet_allowlist.as_ref(), &[])?,
            subnet_blocklist: networks(
                "subnet_blocklist",
                self.subnet_blocklist.as_ref(),
                &["169.254.0.0/16"],
            )?,
            max_hosts_per_scan: positive("max_hosts_per_scan", self.max_hosts_per_scan, 1024)?,
            max_concurrent: match self.max_concurrent {
                None => 50,
                Some(n @ 1..=1000) => n as u32,
                Some(_) => {
                    return Err(BadSetting(
                        "discoveryConfig.max_concurrent must be a whole number between 1 and 1000"
                            .to_owned(),
                    ));
                }
            },
            enable_reverse_dns: self.enable_reverse_dns.unwrap_or(true),
            scan_gateways: self.scan_gateways.unwrap_or(true),
            dial_timeout_ms: positive("dial_timeout_ms", self.dial_timeout_ms, 1000)?,
            http_timeout_ms: positive("http_timeout_ms", self.http_timeout_ms, 2000)?,
        })
    }
}

fn networks(
    key: &str,
    value: Option<&Vec<String>>,
    default: &[&str],
) -> Result<Vec<String>, BadSetting> {
    let Some(list) = value else {
        return Ok(default.iter().map(|entry| (*entry).to_owned()).collect());
    };
    match list
        .iter()
        .find(|entry| !entry.contains('/') || !is_network(entry.trim()))
    {
        None => Ok(list.iter().map(|entry| entry.trim().to_owned()).collect()),
        Some(entry) => Err(BadSetting(format!(
            "invalid CIDR in discoveryConfig.{key}: {entry}"
        ))),
    }
}

fn positive(key: &str, value: Option<i64>, default: u32) -> Result<u32, BadSetting> {
    match value.map(u32::try_from) {
        None => Ok(default),
        Some(Ok(n)) if n > 0 => Ok(n),
        Some(_) => Err(BadSetting(format!(
            "discoveryConfig.{key} must be greater than zero"
        ))),
    }
}
