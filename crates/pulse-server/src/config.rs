//! What the program is told from outside: environment variables and command line, read once.
//!
//! Names are those of v5. A value that cannot be used stops the start with a sentence that names
//! the variable; a typo must not silently become a default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A variable with a value that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable}={value}: {problem}")]
pub struct ConfigError {
    pub variable: &'static str,
    pub value: String,
    pub problem: &'static str,
}

/// Certificate and key of the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    Text,
    Json,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub tls: Option<TlsFiles>,
    /// CORS: `*`, or a list of origins; empty means same origin only.
    pub allowed_origins: Vec<String>,
    pub public_url: String,
    pub log_level: String,
    pub log_format: LogFormat,
    /// Seconds between polls of PVE.
    pub pve_interval: u32,
    pub connection_timeout: Duration,
    /// Serve the UI from here instead of the built-in files.
    pub frontend_dir: Option<PathBuf>,
    /// Where agents for download lie.
    pub agent_dir: Option<PathBuf>,
    /// Keep history in memory only.
    pub history_in_memory: bool,
    pub retention: pulse_metrics::Retention,
    pub max_series: u32,
    pub start_in_demo: bool,
    /// Settings that the environment fixes: v5's key, and the variable.
    pub overrides: Vec<(&'static str, &'static str)>,
    /// UDP address for InfluxDB lines; off when not set.
    pub push_influx: Option<SocketAddr>,
    /// UDP and TCP address for Graphite lines; off when not set.
    pub push_graphite: Option<SocketAddr>,
    /// How often an open socket's session or token is looked at again.
    pub socket_check: Duration,
    /// How long a socket may take to accept a frame before its client counts as too slow.
    pub socket_write: Duration,
}

/// Which variable fixes which setting.
const OVERRIDES: [(&str, &str); 9] = [
    ("allowedOrigins", "ALLOWED_ORIGINS"),
    ("pvePollingInterval", "PVE_POLLING_INTERVAL"),
    ("connectionTimeout", "CONNECTION_TIMEOUT"),
    ("publicURL", "PULSE_PUBLIC_URL"),
    ("logLevel", "LOG_LEVEL"),
    ("metricsRetentionRawHours", "PULSE_HISTORY_RAW"),
    ("metricsRetentionMinuteHours", "PULSE_HISTORY_MINUTE"),
    ("metricsRetentionHourlyDays", "PULSE_HISTORY_HOUR"),
    ("metricsRetentionDailyDays", "PULSE_HISTORY_DAY"),
];

/// Reads an environment variable; blank counts as unset.
pub fn env_text(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    get(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

fn flag(
    get: &dyn Fn(&str) -> Option<String>,
    name: &'static str,
    default: bool,
) -> Result<bool, ConfigError> {
    let Some(value) = env_text(get, name) else {
        return Ok(default);
    };
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(ConfigError {
            variable: name,
            value,
            problem: "is not a yes or no; use true or false",
        }),
    }
}

fn socket_address(
    get: &dyn Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<SocketAddr>, ConfigError> {
    let parse = |value: String| {
        value.parse().map_err(|_| ConfigError {
            variable: name,
            value,
            problem: "is not an address with port; use 0.0.0.0:8089",
        })
    };
    env_text(get, name).map(parse).transpose()
}

/// A span as `90d`, `24h`, `30m`, `10s`, combinations of these, or plain seconds.
pub fn parse_span(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut total = 0u64;
    let mut number = String::new();
    let mut chars = text.chars().peekable();
    if text.is_empty() {
        return None;
    }
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let amount: u64 = number.parse().ok()?;
        number.clear();
        let unit = match c {
            'm' if chars.peek() == Some(&'s') => {
                chars.next();
                total = total.checked_add(amount / 1000)?;
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            'y' => 31_536_000,
            _ => return None,
        };
        total = total.checked_add(amount.checked_mul(unit)?)?;
    }
    number.is_empty().then(|| Duration::from_secs(total))
}

fn span(
    get: &dyn Fn(&str) -> Option<String>,
    name: &'static str,
    default: Duration,
) -> Result<Duration, ConfigError> {
    match env_text(get, name) {
        None => Ok(default),
        Some(value) => parse_span(&value).ok_or(ConfigError {
            variable: name,
            value,
            problem: "is not a span; use 30s, 10m, 24h or 90d",
        }),
    }
}

fn number<T: std::str::FromStr>(
    get: &dyn Fn(&str) -> Option<String>,
    name: &'static str,
    default: T,
    problem: &'static str,
) -> Result<T, ConfigError> {
    match env_text(get, name) {
        None => Ok(default),
        Some(value) => value.parse().map_err(|_| ConfigError {
            variable: name,
            value,
            problem,
        }),
    }
}

impl Config {
    /// Reads the environment through `get`.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let port_variable = if env_text(get, "FRONTEND_PORT").is_some() {
            "FRONTEND_PORT"
        } else {
            "PORT"
        };
        let port = number(
            get,
            port_variable,
            7655u16,
            "is not a port between 1 and 65535",
        )?;
        let address_variable = if env_text(get, "BIND_ADDRESS").is_some() {
            "BIND_ADDRESS"
        } else {
            "BACKEND_HOST"
        };
        let address = number(
            get,
            address_variable,
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "is not an IP address",
        )?;
        let files = (
            env_text(get, "TLS_CERT_FILE"),
            env_text(get, "TLS_KEY_FILE"),
        );
        let tls = match (flag(get, "HTTPS_ENABLED", false)?, files) {
            (false, _) => None,
            (true, (Some(certificate), Some(key))) => Some(TlsFiles {
                certificate: certificate.into(),
                key: key.into(),
            }),
            (true, _) => {
                return Err(ConfigError {
                    variable: "HTTPS_ENABLED",
                    value: "true".to_owned(),
                    problem: "needs TLS_CERT_FILE and TLS_KEY_FILE; clear text is not served instead",
                });
            }
        };
        let log_format = match env_text(get, "LOG_FORMAT").as_deref() {
            None | Some("auto") => LogFormat::Auto,
            Some("json") => LogFormat::Json,
            Some("console" | "text") => LogFormat::Text,
            Some(other) => {
                return Err(ConfigError {
                    variable: "LOG_FORMAT",
                    value: other.to_owned(),
                    problem: "is not one of auto, text, json",
                });
            }
        };
        let interval = span(get, "PVE_POLLING_INTERVAL", Duration::from_secs(10))?;
        if !(Duration::from_secs(10)..=Duration::from_secs(3600)).contains(&interval) {
            return Err(ConfigError {
                variable: "PVE_POLLING_INTERVAL",
                value: format!("{}s", interval.as_secs()),
                problem: "is not between 10 seconds and 1 hour",
            });
        }
        let keep = pulse_metrics::Retention::default();
        let in_memory = match env_text(get, "PULSE_HISTORY").as_deref() {
            None | Some("disk") => false,
            Some("memory") => true,
            Some(other) => {
                return Err(ConfigError {
                    variable: "PULSE_HISTORY",
                    value: other.to_owned(),
                    problem: "is neither disk nor memory",
                });
            }
        };
        Ok(Self {
            data_dir: env_text(get, "PULSE_DATA_DIR").map_or_else(default_data_dir, PathBuf::from),
            listen: SocketAddr::new(address, port),
            tls,
            allowed_origins: env_text(get, "ALLOWED_ORIGINS")
                .map(|list| split_list(&list))
                .unwrap_or_default(),
            public_url: env_text(get, "PULSE_PUBLIC_URL").unwrap_or_default(),
            log_level: env_text(get, "LOG_LEVEL").unwrap_or_else(|| "info".to_owned()),
            log_format,
            pve_interval: interval.as_secs() as u32,
            connection_timeout: span(get, "CONNECTION_TIMEOUT", Duration::from_secs(60))?,
            frontend_dir: env_text(get, "PULSE_FRONTEND_DIR").map(PathBuf::from),
            agent_dir: env_text(get, "PULSE_BIN_DIR").map(PathBuf::from),
            history_in_memory: in_memory,
            retention: pulse_metrics::Retention {
                raw: span(get, "PULSE_HISTORY_RAW", keep.raw)?,
                minute: span(get, "PULSE_HISTORY_MINUTE", keep.minute)?,
                hour: span(get, "PULSE_HISTORY_HOUR", keep.hour)?,
                day: span(get, "PULSE_HISTORY_DAY", keep.day)?,
            },
            max_series: number(get, "PULSE_HISTORY_MAX_SERIES", 250_000, "is not a number")?,
            start_in_demo: flag(get, "PULSE_MOCK_MODE", false)?,
            overrides: OVERRIDES
                .iter()
                .filter(|(_, variable)| env_text(get, variable).is_some())
                .copied()
                .collect(),
            push_influx: socket_address(get, "PULSE_PUSH_INFLUX")?,
            push_graphite: socket_address(get, "PULSE_PUSH_GRAPHITE")?,
            socket_check: Duration::from_secs(30),
            socket_write: Duration::from_secs(10),
        })
    }
}

/// `./data` in a checkout, `/etc/pulse` for an installed service.
fn default_data_dir() -> PathBuf {
    if Path::new("Cargo.toml").exists() && Path::new("crates").is_dir() {
        PathBuf::from("data")
    } else {
        PathBuf::from("/etc/pulse")
    }
}

/// Entries of a comma list, trimmed.
pub fn split_list(list: &str) -> Vec<String> {
    list.split(',')
        .map(|entry| entry.trim().trim_end_matches('/').to_owned())
        .filter(|entry| !entry.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::read(&move |name| {
            pairs
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn defaults_are_those_of_v5() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "0.0.0.0:7655");
        assert_eq!(config.pve_interval, 10);
        assert!(config.tls.is_none());
    }

    #[test]
    fn the_first_port_variable_wins() {
        assert_eq!(read(&[("PORT", "80")]).unwrap().listen.port(), 80);
        let both = read(&[("FRONTEND_PORT", "7000"), ("PORT", "80")]).unwrap();
        assert_eq!(both.listen.port(), 7000);
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        let check = |pairs: &[(&str, &str)], variable| {
            assert_eq!(read(pairs).unwrap_err().variable, variable);
        };
        check(&[("FRONTEND_PORT", "99999")], "FRONTEND_PORT");
        check(&[("BIND_ADDRESS", "here")], "BIND_ADDRESS");
        check(&[("PVE_POLLING_INTERVAL", "1s")], "PVE_POLLING_INTERVAL");
        check(&[("PVE_POLLING_INTERVAL", "often")], "PVE_POLLING_INTERVAL");
        check(&[("HTTPS_ENABLED", "true")], "HTTPS_ENABLED");
        check(&[("LOG_FORMAT", "xml")], "LOG_FORMAT");
    }

    #[test]
    fn spans_read_as_people_write_them() {
        let check = |text, secs: Option<u64>| {
            assert_eq!(parse_span(text).map(|d| d.as_secs()), secs, "{text}");
        };
        check("10", Some(10));
        check("10s", Some(10));
        check("1h30m", Some(5400));
        check("2y", Some(63_072_000));
        check("1500ms", Some(1));
        check("", None);
        check("h", None);
        check("5 parsecs", None);
        check("99999999999999999999d", None);
    }
}
