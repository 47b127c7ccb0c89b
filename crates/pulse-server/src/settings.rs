//! The system settings that hold now: stored values, under those that the environment fixes.
//!
//! A change is checked as a whole, stored, then applied at once: intervals, origins, embedding and
//! log level without a restart; the retention of the history with the next start.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;
use pulse_collect::{Adaptive, Timing};
use pulse_store::{BadSetting, RawSystemSettings, Store, SystemSettings};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::config::{Config, split_list};

const CSP: &str = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; font-src 'self' data:; frame-ancestors ";

/// One state of the settings, with what is derived from it once.
#[derive(Clone, Debug)]
pub struct Effective {
    pub raw: RawSystemSettings,
    pub settings: SystemSettings,
    /// CORS: `*`, or a list of origins; empty means same origin only.
    pub origins: Vec<String>,
    /// `Content-Security-Policy` of every answer.
    pub policy: HeaderValue,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Bad(#[from] BadSetting),
    #[error(transparent)]
    Store(#[from] pulse_store::StoreError),
}

/// Changes the log filter of the running program.
pub type SetLogLevel = Box<dyn Fn(&str) + Send + Sync>;

pub struct Settings {
    now: RwLock<Arc<Effective>>,
    changing: tokio::sync::Mutex<()>,
    log_level: RwLock<Option<SetLogLevel>>,
}

impl Settings {
    /// Reads what is stored.
    pub async fn load(store: &Store, config: &Config) -> Result<Self, pulse_store::StoreError> {
        let raw = store.settings().system_raw().await?;
        Ok(Self {
            now: RwLock::new(Arc::new(effective(raw, config))),
            changing: tokio::sync::Mutex::default(),
            log_level: RwLock::default(),
        })
    }

    pub fn now(&self) -> Arc<Effective> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&now)
    }

    /// How the log level is changed; without it, a change holds from the next start on.
    pub fn on_log_level(&self, set: SetLogLevel) {
        let mut slot = self
            .log_level
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = Some(set);
    }

    /// Takes over a partial object of v5's keys. Keys that the environment fixes are left out.
    pub async fn change(&self, app: &App, body: &Map<String, Value>) -> Result<(), ChangeError> {
        let _one_at_a_time = self.changing.lock().await;
        let mut body = body.clone();
        body.retain(|key, _| {
            let fixed = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case(key);
            !app.config.overrides.iter().any(|o| fixed(&o))
        });
        let before = self.now();
        let raw = before.raw.changed_by(&body)?;
        app.store
            .settings()
            .put_system(&raw, jiff::Timestamp::now())
            .await?;
        let after = Arc::new(effective(raw, &app.config));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        app.runner.set_timing(timing(&after.settings));
        if before.settings.log_level != after.settings.log_level {
            let set = self
                .log_level
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(set) = set.as_ref() {
                set(&after.settings.log_level);
            }
        }
        Ok(())
    }
}

/// Stored settings under what the environment fixes.
fn effective(raw: RawSystemSettings, config: &Config) -> Effective {
    let mut settings = raw.resolve_leniently();
    let fixed = |key: &str| config.overrides.iter().any(|(name, _)| *name == key);
    let mut origins = split_list(&settings.allowed_origins);
    if fixed("allowedOrigins") {
        origins.clone_from(&config.allowed_origins);
        settings.allowed_origins = config.allowed_origins.join(",");
    }
    if fixed("pvePollingInterval") {
        settings.pve_polling_seconds = config.pve_interval;
    }
    if fixed("connectionTimeout") {
        settings.connection_timeout_seconds =
            u32::try_from(config.connection_timeout.as_secs()).unwrap_or(u32::MAX);
    }
    if fixed("publicURL") {
        settings.public_url.clone_from(&config.public_url);
    }
    if fixed("logLevel") {
        settings.log_level.clone_from(&config.log_level);
    }
    let ancestors = match (
        settings.allow_embedding,
        settings.allowed_embed_origins.as_str(),
    ) {
        (false, _) => "'none'".to_owned(),
        (true, "") => "*".to_owned(),
        (true, list) => format!("'self' {}", split_list(list).join(" ")),
    };
    Effective {
        policy: HeaderValue::from_str(&format!("{CSP}{ancestors}"))
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'")),
        raw,
        settings,
        origins,
    }
}

/// The schedule that the settings ask for.
pub fn timing(settings: &SystemSettings) -> Timing {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let connection = seconds(settings.connection_timeout_seconds.max(1));
    Timing {
        pve: Some(seconds(settings.pve_polling_seconds)),
        pbs: Some(seconds(settings.pbs_polling_seconds)),
        pmg: Some(seconds(settings.pmg_polling_seconds)),
        adaptive: settings.adaptive_polling.then(|| Adaptive {
            base: seconds(settings.adaptive_base_seconds),
            min: seconds(settings.adaptive_min_seconds),
            max: seconds(settings.adaptive_max_seconds),
        }),
        poll_limit: Timing::limit_for(connection, Duration::from_secs(180)),
    }
}

/// How long the history keeps its tiers: the environment, else what is stored, else the default.
pub fn retention(config: &Config, raw: &RawSystemSettings) -> pulse_metrics::Retention {
    let hours = |value: Option<i64>, unit: u64, fallback: Duration| {
        value
            .and_then(|n| u64::try_from(n).ok())
            .filter(|n| *n > 0)
            .map_or(fallback, |n| Duration::from_secs(n * unit * 3600))
    };
    let keep = config.retention;
    let fixed = |key: &str| config.overrides.iter().any(|(name, _)| *name == key);
    let stored = |key: &str, value: Option<i64>| if fixed(key) { None } else { value };
    pulse_metrics::Retention {
        raw: hours(
            stored("metricsRetentionRawHours", raw.metrics_retention_raw_hours),
            1,
            keep.raw,
        ),
        minute: hours(
            stored(
                "metricsRetentionMinuteHours",
                raw.metrics_retention_minute_hours,
            ),
            1,
            keep.minute,
        ),
        hour: hours(
            stored(
                "metricsRetentionHourlyDays",
                raw.metrics_retention_hourly_days,
            ),
            24,
            keep.hour,
        ),
        day: hours(
            stored(
                "metricsRetentionDailyDays",
                raw.metrics_retention_daily_days,
            ),
            24,
            keep.day,
        ),
    }
}

/// The settings in v5's shape: optional keys only when they say something.
pub fn to_json(config: &Config, effective: &Effective) -> Map<String, Value> {
    let Effective { raw, settings, .. } = effective;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        let empty = value.as_str().is_some_and(str::is_empty) || value == json!(0);
        if !empty {
            out.insert(key.to_owned(), value);
        }
    };
    let keep = retention(config, raw);
    put("pvePollingInterval", settings.pve_polling_seconds.into());
    put("pbsPollingInterval", settings.pbs_polling_seconds.into());
    put("pmgPollingInterval", settings.pmg_polling_seconds.into());
    put(
        "backupPollingInterval",
        settings.backup_polling_seconds.into(),
    );
    put(
        "backupPollingEnabled",
        settings.backup_polling_enabled.into(),
    );
    put("adaptivePollingEnabled", settings.adaptive_polling.into());
    put(
        "adaptivePollingBaseInterval",
        settings.adaptive_base_seconds.into(),
    );
    put(
        "adaptivePollingMinInterval",
        settings.adaptive_min_seconds.into(),
    );
    put(
        "adaptivePollingMaxInterval",
        settings.adaptive_max_seconds.into(),
    );
    put("allowedOrigins", settings.allowed_origins.clone().into());
    put(
        "connectionTimeout",
        settings.connection_timeout_seconds.into(),
    );
    put("updateChannel", settings.update_channel.clone().into());
    put("autoUpdateEnabled", settings.auto_update_enabled.into());
    put(
        "autoUpdateCheckInterval",
        raw.auto_update_check_interval.unwrap_or(0).into(),
    );
    put(
        "autoUpdateTime",
        raw.auto_update_time.clone().unwrap_or_default().into(),
    );
    put("logLevel", settings.log_level.clone().into());
    put("discoveryEnabled", settings.discovery_enabled.into());
    put("discoverySubnet", settings.discovery_subnet.clone().into());
    put("discoveryConfig", json!(settings.discovery));
    put("theme", settings.theme.clone().into());
    put("allowEmbedding", settings.allow_embedding.into());
    put(
        "allowedEmbedOrigins",
        settings.allowed_embed_origins.clone().into(),
    );
    put(
        "temperatureMonitoringEnabled",
        settings.temperature_monitoring.into(),
    );
    put("dnsCacheTimeout", settings.dns_cache_seconds.into());
    put("sshPort", raw.ssh_port.unwrap_or(0).into());
    put(
        "webhookAllowedPrivateCIDRs",
        settings.webhook_private_cidrs.clone().into(),
    );
    put("hideLocalLogin", settings.hide_local_login.into());
    put("publicURL", settings.public_url.clone().into());
    put(
        "metricsRetentionRawHours",
        (keep.raw.as_secs() / 3600).into(),
    );
    put(
        "metricsRetentionMinuteHours",
        (keep.minute.as_secs() / 3600).into(),
    );
    put(
        "metricsRetentionHourlyDays",
        (keep.hour.as_secs() / 86_400).into(),
    );
    put(
        "metricsRetentionDailyDays",
        (keep.day.as_secs() / 86_400).into(),
    );
    put(
        "disableDockerUpdateActions",
        settings.disable_docker_update_actions.into(),
    );
    if !config.overrides.is_empty() {
        let locks: Map<String, Value> = config
            .overrides
            .iter()
            .flat_map(|(key, variable)| [*key, *variable])
            .map(|name| (name.to_owned(), true.into()))
            .collect();
        put("envOverrides", Value::Object(locks));
    }
    out
}
