//! Settings that the server holds for this host: a profile's keys, applied over flags and
//! environment. Unknown keys and wrong types are skipped.

use std::time::Duration;

use serde_json::Value;

use crate::cli::{self, Settings};

const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_hours(1);

/// The part of the settings that a profile can change while the agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunable {
    pub interval: Duration,
    pub report_ip: Option<String>,
    pub log_level: log::LevelFilter,
}

impl Tunable {
    /// As started, without a profile.
    pub fn of(settings: &Settings) -> Self {
        Self {
            interval: settings.interval,
            report_ip: settings.report_ip.clone(),
            log_level: settings.log_level,
        }
    }

    /// With the answer's `config` applied.
    pub fn with(mut self, config: &Value) -> Self {
        let settings = &config["settings"];
        if let Some(interval) = interval(&settings["interval"]) {
            self.interval = interval.clamp(SHORTEST, LONGEST);
        }
        if let Some(address) = settings["report_ip"].as_str() {
            self.report_ip = Some(address.trim().to_owned()).filter(|address| !address.is_empty());
        }
        if let Some(level) = cli::log_level(settings["log_level"].as_str()) {
            self.log_level = level;
        }
        self
    }
}

/// `"60s"`, or whole seconds.
fn interval(value: &Value) -> Option<Duration> {
    let interval = match value {
        Value::String(text) => cli::parse_duration(text.trim())?,
        Value::Number(number) => Duration::from_secs(number.as_u64()?),
        _ => return None,
    };
    Some(interval).filter(|interval| !interval.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn started() -> Tunable {
        Tunable {
            interval: Duration::from_secs(10),
            report_ip: Some("10.0.0.1".into()),
            log_level: log::LevelFilter::Info,
        }
    }

    #[test]
    fn a_profile_overrides_and_is_clamped() {
        for (given, seconds) in [
            (json!("60s"), 60),
            (json!(45), 45),
            (json!("1s"), 5),
            (json!("9h"), 3600),
        ] {
            let tuned = started().with(&json!({"settings": {"interval": given}}));
            assert_eq!(tuned.interval, Duration::from_secs(seconds));
        }
        let tuned =
            started().with(&json!({"settings": {"report_ip": "10.0.0.9", "log_level": "debug"}}));
        assert_eq!(tuned.report_ip.as_deref(), Some("10.0.0.9"));
        assert_eq!(tuned.log_level, log::LevelFilter::Debug);
    }

    #[test]
    fn nonsense_changes_nothing() {
        for config in [
            json!(null),
            json!({}),
            json!({"settings": null}),
            json!({"settings": {"interval": true, "report_ip": 4, "log_level": "loud", "new": {}}}),
            json!({"settings": {"interval": "soon"}}),
            json!({"settings": {"interval": -3}}),
            json!({"settings": {"interval": 0}}),
        ] {
            assert_eq!(started().with(&config), started(), "{config}");
        }
    }
}
