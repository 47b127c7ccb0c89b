//! System settings that hold: every value is in range. Spans are in the unit of their name.

use super::check::{self, Checked};
use super::{BadSetting, DiscoveryConfig, RawDiscoveryConfig, RawSystemSettings};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemSettings {
    pub pve_polling_seconds: u32,
    pub pbs_polling_seconds: u32,
    pub pmg_polling_seconds: u32,
    /// 0: by cycles.
    pub backup_polling_seconds: u32,
    pub backup_polling_enabled: bool,
    pub adaptive_polling: bool,
    pub adaptive_base_seconds: u32,
    pub adaptive_min_seconds: u32,
    pub adaptive_max_seconds: u32,
    /// Comma list.
    pub allowed_origins: String,
    pub connection_timeout_seconds: u32,
    /// `stable`, `rc` or empty.
    pub update_channel: String,
    pub auto_update_enabled: bool,
    pub auto_update_check_hours: u32,
    /// `HH:MM`.
    pub auto_update_time: String,
    pub log_level: String,
    pub discovery_enabled: bool,
    /// `auto` or a comma list of networks.
    pub discovery_subnet: String,
    pub discovery: DiscoveryConfig,
    /// `light`, `dark` or empty.
    pub theme: String,
    pub allow_embedding: bool,
    pub allowed_embed_origins: String,
    pub temperature_monitoring: bool,
    pub dns_cache_seconds: u32,
    pub ssh_port: u16,
    pub webhook_private_cidrs: String,
    pub hide_local_login: bool,
    /// Without a slash at the end; empty when not set.
    pub public_url: String,
    pub retention_raw_hours: u32,
    pub retention_minute_hours: u32,
    pub retention_hourly_days: u32,
    pub retention_daily_days: u32,
    pub disable_docker_update_actions: bool,
}

impl SystemSettings {
    pub(super) fn from_raw(raw: &RawSystemSettings) -> Checked<Self> {
        let base = check::range(
            "adaptive polling base interval",
            raw.adaptive_polling_base_interval,
            10,
            1..=3600,
        )?;
        let min = check::range(
            "adaptive polling min interval",
            raw.adaptive_polling_min_interval,
            5.min(base),
            1..=3600,
        )?;
        let max = check::range(
            "adaptive polling max interval",
            raw.adaptive_polling_max_interval,
            300.max(base),
            1..=3600,
        )?;
        if !(min <= base && base <= max) {
            return Err(BadSetting(
                "adaptive polling intervals must be in the order min, base, max".to_owned(),
            ));
        }
        let unset = RawDiscoveryConfig::default();
        let retention = |name: &str, value, default, most| {
            check::range(
                &format!("metrics retention ({name})"),
                value,
                default,
                1..=most,
            )
        };
        Ok(Self {
            pve_polling_seconds: check::polling(
                "PVE polling interval",
                raw.pve_polling_interval,
                10,
            )?,
            pbs_polling_seconds: check::polling(
                "PBS polling interval",
                raw.pbs_polling_interval,
                60,
            )?,
            pmg_polling_seconds: check::polling(
                "PMG polling interval",
                raw.pmg_polling_interval,
                60,
            )?,
            backup_polling_seconds: check::backup_polling(raw.backup_polling_interval)?,
            backup_polling_enabled: raw.backup_polling_enabled.unwrap_or(true),
            adaptive_polling: raw.adaptive_polling_enabled.unwrap_or(false),
            adaptive_base_seconds: base,
            adaptive_min_seconds: min,
            adaptive_max_seconds: max,
            allowed_origins: check::origins("allowedOrigins", raw.allowed_origins.as_deref())?,
            connection_timeout_seconds: check::connection_timeout(raw.connection_timeout)?,
            update_channel: check::one_of(
                raw.update_channel.as_deref(),
                &["stable", "rc"],
                "update channel must be 'stable' or 'rc'",
            )?,
            auto_update_enabled: raw.auto_update_enabled.unwrap_or(false),
            auto_update_check_hours: check::update_interval(raw.auto_update_check_interval)?,
            auto_update_time: check::time_of_day(raw.auto_update_time.as_deref())?,
            log_level: match check::one_of(
                raw.log_level.as_deref(),
                &["trace", "debug", "info", "warn", "error"],
                "log level must be 'trace', 'debug', 'info', 'warn' or 'error'",
            )? {
                level if level.is_empty() => "info".to_owned(),
                level => level,
            },
            discovery_enabled: raw.discovery_enabled.unwrap_or(false),
            discovery_subnet: check::subnet(raw.discovery_subnet.as_deref())?,
            discovery: raw.discovery_config.as_ref().unwrap_or(&unset).resolve()?,
            theme: check::one_of(
                raw.theme.as_deref(),
                &["light", "dark"],
                "theme must be 'light', 'dark', or empty",
            )?,
            allow_embedding: raw.allow_embedding.unwrap_or(false),
            allowed_embed_origins: check::origins(
                "allowedEmbedOrigins",
                raw.allowed_embed_origins.as_deref(),
            )?,
            temperature_monitoring: raw.temperature_monitoring_enabled.unwrap_or(true),
            dns_cache_seconds: check::range(
                "DNS cache timeout",
                raw.dns_cache_timeout,
                300,
                30..=86_400,
            )?,
            ssh_port: check::range("SSH port", raw.ssh_port, 22, 1..=65_535)? as u16,
            webhook_private_cidrs: check::networks(
                "Invalid webhook allowed private CIDRs",
                raw.webhook_allowed_private_cidrs.as_deref(),
            )?,
            hide_local_login: raw.hide_local_login.unwrap_or(false),
            public_url: check::url("public URL", raw.public_url.as_deref())?,
            retention_raw_hours: retention("raw hours", raw.metrics_retention_raw_hours, 2, 168)?,
            retention_minute_hours: retention(
                "minute hours",
                raw.metrics_retention_minute_hours,
                24,
                720,
            )?,
            retention_hourly_days: retention(
                "hourly days",
                raw.metrics_retention_hourly_days,
                7,
                365,
            )?,
            retention_daily_days: retention(
                "daily days",
                raw.metrics_retention_daily_days,
                90,
                3650,
            )?,
            disable_docker_update_actions: raw.disable_docker_update_actions.unwrap_or(false),
        })
    }
}

impl Default for SystemSettings {
    fn default() -> Self {
        // The defaults are in range; the other arm cannot be reached and recursion is not wanted.
        match Self::from_raw(&RawSystemSettings::default()) {
            Ok(settings) => settings,
            Err(problem) => unreachable!("defaults are out of range: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn change(body: &Value) -> Result<RawSystemSettings, String> {
        RawSystemSettings::default()
            .changed_by(body.as_object().unwrap())
            .map_err(|problem| problem.to_string())
    }

    /// As recorded from version 5.
    #[test]
    fn refuses_in_the_recorded_words() {
        for (body, text) in [
            (
                json!({"pvePollingInterval": 9}),
                "PVE polling interval must be at least 10 seconds",
            ),
            (
                json!({"pvePollingInterval": 3601}),
                "PVE polling interval cannot exceed 3600 seconds (1 hour)",
            ),
            (json!({"pvePollingInterval": "10"}), "Invalid request body"),
            (json!({"pvePollingInterval": 10.5}), "Invalid request body"),
            (
                json!({"pvePollingInterval": null}),
                "PVE polling interval must be a number",
            ),
            (
                json!({"pmgPollingInterval": 0}),
                "PMG polling interval must be positive (minimum 10 seconds)",
            ),
            (
                json!({"backupPollingInterval": -1}),
                "backup polling interval cannot be negative",
            ),
            (
                json!({"backupPollingInterval": 5}),
                "backup polling interval must be at least 10 seconds",
            ),
            (
                json!({"backupPollingInterval": 604_801}),
                "backup polling interval cannot exceed 604800 seconds (7 days)",
            ),
            (
                json!({"connectionTimeout": -1}),
                "connection timeout cannot be negative",
            ),
            (
                json!({"connectionTimeout": 301}),
                "connection timeout cannot exceed 300 seconds (5 minutes)",
            ),
            (
                json!({"autoUpdateCheckInterval": -1}),
                "auto-update check interval cannot be negative",
            ),
            (
                json!({"autoUpdateCheckInterval": 169}),
                "auto-update check interval cannot exceed 168 hours (7 days)",
            ),
            (
                json!({"updateChannel": "beta"}),
                "update channel must be 'stable' or 'rc'",
            ),
            (
                json!({"theme": "blue"}),
                "theme must be 'light', 'dark', or empty",
            ),
            (json!({"hideLocalLogin": 1}), "Invalid request body"),
            (
                json!({"webhookAllowedPrivateCIDRs": "10.0.0.0/8,bad"}),
                "Invalid webhook allowed private CIDRs: invalid IP address: bad",
            ),
            (
                json!({"discoveryConfig": {"max_concurrent": 0}}),
                "discoveryConfig.max_concurrent must be a whole number between 1 and 1000",
            ),
            (
                json!({"discoveryConfig": {"environment_override": "mars"}}),
                "invalid discovery environment override: mars",
            ),
            (
                json!({"discoveryConfig": {"subnet_blocklist": ["x"]}}),
                "invalid CIDR in discoveryConfig.subnet_blocklist: x",
            ),
            (
                json!({"discoveryConfig": {"dial_timeout_ms": -1}}),
                "discoveryConfig.dial_timeout_ms must be greater than zero",
            ),
        ] {
            assert_eq!(change(&body).unwrap_err(), text, "{body}");
        }
    }

    /// Accepted by version 5 although it cannot mean anything.
    #[test]
    fn refuses_what_version_5_swallowed() {
        for body in [
            json!({"autoUpdateTime": "25:99"}),
            json!({"discoverySubnet": "10.0.0.0/33"}),
            json!({"publicURL": "not a url"}),
            json!({"logLevel": "loud"}),
            json!({"sshPort": 70_000}),
            json!({"dnsCacheTimeout": -5}),
            json!({"metricsRetentionRawHours": -1}),
            json!({"adaptivePollingMinInterval": 60}),
        ] {
            assert!(change(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_change_keeps_the_rest_and_clears_strings() {
        let first =
            change(&json!({"PVEPollingInterval": 15, "theme": "dark", "doesNotExist": 1})).unwrap();
        let second = first
            .changed_by(
                json!({"theme": "", "discovery_config": {"maxConcurrent": 7}})
                    .as_object()
                    .unwrap(),
            )
            .unwrap();
        let settings = second.resolve().unwrap();
        assert_eq!(settings.pve_polling_seconds, 15);
        assert_eq!(settings.theme, "");
        assert_eq!(settings.discovery.max_concurrent, 7);
        assert_eq!(settings.discovery.subnet_blocklist, ["169.254.0.0/16"]);
    }

    #[test]
    fn a_bad_stored_value_does_not_take_the_good_ones_with_it() {
        let raw = RawSystemSettings {
            pve_polling_interval: Some(1),
            theme: Some("dark".into()),
            ..RawSystemSettings::default()
        };
        let settings = raw.resolve_leniently();
        assert_eq!(
            (settings.pve_polling_seconds, settings.theme.as_str()),
            (10, "dark")
        );
        assert_eq!(SystemSettings::default().connection_timeout_seconds, 60);
    }
}
