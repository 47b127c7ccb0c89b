//! System settings as they are stored and sent: wire names, everything optional.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BadSetting, RawDiscoveryConfig, SystemSettings};

macro_rules! raw_settings {
    ($($field:ident $name:literal: $type:ty,)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct RawSystemSettings {
            $(#[serde(rename = $name, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        const WIRE_NAMES: &[&str] = &[$($name,)*];

        impl RawSystemSettings {
            /// `change` over `self`.
            fn overlay(self, change: Self) -> Self {
                Self { $($field: change.$field.or(self.$field),)* }
            }
        }
    };
}

raw_settings! {
    pve_polling_interval "pvePollingInterval": i64,
    pbs_polling_interval "pbsPollingInterval": i64,
    pmg_polling_interval "pmgPollingInterval": i64,
    backup_polling_interval "backupPollingInterval": i64,
    backup_polling_enabled "backupPollingEnabled": bool,
    adaptive_polling_enabled "adaptivePollingEnabled": bool,
    adaptive_polling_base_interval "adaptivePollingBaseInterval": i64,
    adaptive_polling_min_interval "adaptivePollingMinInterval": i64,
    adaptive_polling_max_interval "adaptivePollingMaxInterval": i64,
    allowed_origins "allowedOrigins": String,
    connection_timeout "connectionTimeout": i64,
    update_channel "updateChannel": String,
    auto_update_enabled "autoUpdateEnabled": bool,
    auto_update_check_interval "autoUpdateCheckInterval": i64,
    auto_update_time "autoUpdateTime": String,
    log_level "logLevel": String,
    discovery_enabled "discoveryEnabled": bool,
    discovery_subnet "discoverySubnet": String,
    discovery_config "discoveryConfig": RawDiscoveryConfig,
    theme "theme": String,
    allow_embedding "allowEmbedding": bool,
    allowed_embed_origins "allowedEmbedOrigins": String,
    temperature_monitoring_enabled "temperatureMonitoringEnabled": bool,
    dns_cache_timeout "dnsCacheTimeout": i64,
    ssh_port "sshPort": i64,
    webhook_allowed_private_cidrs "webhookAllowedPrivateCIDRs": String,
    hide_local_login "hideLocalLogin": bool,
    public_url "publicURL": String,
    metrics_retention_raw_hours "metricsRetentionRawHours": i64,
    metrics_retention_minute_hours "metricsRetentionMinuteHours": i64,
    metrics_retention_hourly_days "metricsRetentionHourlyDays": i64,
    metrics_retention_daily_days "metricsRetentionDailyDays": i64,
    disable_docker_update_actions "disableDockerUpdateActions": bool,
}

impl RawSystemSettings {
    /// `self` with the fields of a request body changed. Unknown fields are ignored, names match in
    /// any case, and nothing is taken over unless everything is in range.
    pub fn changed_by(&self, body: &Map<String, Value>) -> Result<Self, BadSetting> {
        for (key, name) in [
            ("pvePollingInterval", "PVE polling interval"),
            ("pbsPollingInterval", "PBS polling interval"),
            ("pmgPollingInterval", "PMG polling interval"),
        ] {
            if body.get(key).is_some_and(Value::is_null) {
                return Err(BadSetting(format!("{name} must be a number")));
            }
        }
        let mut known = Map::new();
        let mut discovery = None;
        for (key, value) in body {
            if key.eq_ignore_ascii_case("discovery_config")
                || key.eq_ignore_ascii_case("discoveryConfig")
            {
                discovery = Some(value.clone());
            } else if let Some(name) = WIRE_NAMES.iter().find(|n| n.eq_ignore_ascii_case(key)) {
                known.insert((*name).to_owned(), value.clone());
            }
        }
        let mut change: Self = serde_json::from_value(Value::Object(known))
            .map_err(|_| BadSetting("Invalid request body".to_owned()))?;
        change.discovery_config = match discovery {
            Some(Value::Object(fields)) => {
                let before = self.discovery_config.clone().unwrap_or_default();
                Some(before.changed_by(&fields)?)
            }
            None | Some(Value::Null) => None,
            Some(_) => return Err(BadSetting("Invalid request body".to_owned())),
        };
        let changed = self.clone().overlay(change);
        changed.resolve()?;
        Ok(changed)
    }

    /// What holds, or why it cannot.
    pub fn resolve(&self) -> Result<SystemSettings, BadSetting> {
        SystemSettings::from_raw(self)
    }

    /// What holds when bad values count as unset.
    pub fn resolve_leniently(&self) -> SystemSettings {
        self.resolve().unwrap_or_else(|problem| {
            tracing::warn!(%problem, "stored system settings are out of range; those are ignored");
            self.without_bad_fields().resolve().unwrap_or_default()
        })
    }

    /// Takes fields over one by one, as far as they go together.
    fn without_bad_fields(&self) -> Self {
        let Ok(Value::Object(fields)) = serde_json::to_value(self) else {
            return Self::default();
        };
        let mut good = Self::default();
        for (key, value) in fields {
            let one: Map<String, Value> = std::iter::once((key, value)).collect();
            if let Ok(next) = good.changed_by(&one) {
                good = next;
            }
        }
        good
    }
}
