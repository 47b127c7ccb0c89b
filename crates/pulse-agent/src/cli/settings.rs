//! What the agent runs with, resolved from flags, environment and files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::flags::{FLAGS, Raw, Support, Takes};
use super::parse_duration;

pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
const DEFAULT_URL: &str = "http://localhost:7655";
const DEFAULT_HEALTH_ADDRESS: &str = "127.0.0.1:9191";
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    Help,
    Version,
    SelfTest(Box<Settings>),
    Run(Box<Settings>),
}

#[derive(Debug, Clone)]
pub struct Settings {
    /// `http://` or `https://`, no slash at the end.
    pub url: String,
    pub token: Token,
    pub interval: Duration,
    pub hostname: Option<String>,
    pub agent_id: Option<String>,
    pub tags: Vec<String>,
    pub disk_exclude: Vec<String>,
    pub report_ip: Option<String>,
    pub insecure: bool,
    pub ca_file: Option<PathBuf>,
    pub health_address: Option<String>,
    pub log_level: log::LevelFilter,
    pub state_dir: PathBuf,
    pub roots: Roots,
    /// What to tell the operator about these settings, one line each.
    pub notices: Vec<String>,
}

/// The API token; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where the kernel's and the system's files are; elsewhere in tests and in containers that mount
/// the host's (`HOST_PROC`, `HOST_SYS`, `HOST_ETC`, `HOST_RUN`, `HOST_ROOT`).
#[derive(Debug, Clone)]
pub struct Roots {
    pub root: PathBuf,
    pub proc: PathBuf,
    pub sys: PathBuf,
    pub etc: PathBuf,
    pub run: PathBuf,
}

impl Roots {
    /// All below one folder.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            proc: root.join("proc"),
            sys: root.join("sys"),
            etc: root.join("etc"),
            run: root.join("run"),
            root,
        }
    }

    /// A path of the reported system as this process sees it.
    pub fn host_path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// Environment variables, readable by name.
pub struct Environment(Box<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String>;

impl Environment {
    pub fn of_this_process() -> Self {
        Self(Box::new(|name| std::env::var(name).ok()))
    }

    pub fn from(variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Self(Box::new(move |wanted| {
            variables
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        }))
    }

    /// The trimmed value, also an empty one.
    fn set(&self, name: &str) -> Option<String> {
        if name.is_empty() {
            None
        } else {
            (self.0)(name).map(|value| value.trim().to_owned())
        }
    }

    /// The trimmed value; an empty one counts as unset.
    fn get(&self, name: &str) -> Option<String> {
        self.set(name).filter(|value| !value.is_empty())
    }
}

/// Resolves the command line.
pub fn parse(
    arguments: impl IntoIterator<Item = String>,
    environment: &Environment,
) -> Result<Command, String> {
    let raw = Raw::read(arguments)?;
    let source = Source {
        raw: &raw,
        environment,
    };
    if source.explicit_switch("help")? == Some(true) {
        return Ok(Command::Help);
    }
    if source.explicit_switch("version")? == Some(true) {
        return Ok(Command::Version);
    }
    let self_test = source.explicit_switch("self-test")? == Some(true);
    let settings = Box::new(resolve(&source, self_test)?);
    Ok(if self_test {
        Command::SelfTest(settings)
    } else {
        Command::Run(settings)
    })
}

struct Source<'a> {
    raw: &'a Raw,
    environment: &'a Environment,
}

impl Source<'_> {
    fn env_name(name: &str) -> &'static str {
        FLAGS
            .iter()
            .find(|flag| flag.name == name)
            .map_or("", |flag| flag.env)
    }

    /// The flag, else the variable; empty counts as not given.
    fn text(&self, name: &str) -> Option<String> {
        let flag = self.raw.last(name).map(|value| value.trim().to_owned());
        flag.or_else(|| self.environment.get(Self::env_name(name)))
            .filter(|text| !text.is_empty())
    }

    /// Variable entries first, then flags.
    fn list(&self, name: &str) -> Vec<String> {
        let variable = self
            .environment
            .get(Self::env_name(name))
            .unwrap_or_default();
        let entries = variable
            .split(',')
            .chain(self.raw.all(name).iter().map(String::as_str));
        let mut list = Vec::new();
        for entry in entries.map(str::trim).filter(|entry| !entry.is_empty()) {
            if !list.iter().any(|known| known == entry) {
                list.push(entry.to_owned());
            }
        }
        list
    }

    fn explicit_switch(&self, name: &str) -> Result<Option<bool>, String> {
        match self.raw.last(name) {
            None => Ok(None),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(Some(true)),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(Some(false)),
            Some(other) => Err(format!("--{name}={other}: write true or false")),
        }
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, String> {
        let variable = || {
            let value = self.environment.get(Self::env_name(name))?;
            Some(
                ["1", "true", "yes", "y", "on"]
                    .iter()
                    .any(|yes| value.eq_ignore_ascii_case(yes)),
            )
        };
        Ok(self.explicit_switch(name)?.or_else(variable))
    }
}

fn resolve(source: &Source<'_>, self_test: bool) -> Result<Settings, String> {
    let mut notices = missing_modules(source)?;
    if source.switch("enable-host")? == Some(false) {
        return Err(
            "this version has only the host module, so --enable-host=false leaves nothing to do"
                .into(),
        );
    }
    let environment = source.environment;
    let state_dir: PathBuf = environment
        .get("PULSE_STATE_DIR")
        .unwrap_or_else(|| "/var/lib/pulse-agent".into())
        .into();
    let token = match find_token(source, &state_dir, &mut notices) {
        Some(token) => token,
        None if self_test => Token::new(""),
        None => {
            return Err(
                "no API token; give --token-file or PULSE_TOKEN (Settings → Agents creates one)"
                    .into(),
            );
        }
    };
    if !token.0.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the API token contains blanks or control characters; copy it again".into());
    }
    Ok(Settings {
        url: url(source)?,
        token,
        interval: interval(source, &mut notices)?,
        hostname: source.text("hostname"),
        agent_id: source.text("agent-id"),
        tags: source.list("tag"),
        disk_exclude: source.list("disk-exclude"),
        report_ip: source.text("report-ip"),
        insecure: source.switch("insecure")? == Some(true),
        ca_file: source.text("ca-file").map(PathBuf::from),
        health_address: health_address(source),
        log_level: log_level(source.text("log-level").as_deref()).unwrap_or(log::LevelFilter::Info),
        state_dir,
        roots: roots(environment),
        notices,
    })
}

/// A level's name; none for a word that is no level.
pub(crate) fn log_level(name: Option<&str>) -> Option<log::LevelFilter> {
    match name?.to_ascii_lowercase().as_str() {
        "error" | "fatal" | "panic" => Some(log::LevelFilter::Error),
        "warn" | "warning" => Some(log::LevelFilter::Warn),
        "info" => Some(log::LevelFilter::Info),
        "debug" => Some(log::LevelFilter::Debug),
        "trace" => Some(log::LevelFilter::Trace),
        _ => None,
    }
}

/// One line for each v5 module that was asked for and is not here.
fn missing_modules(source: &Source<'_>) -> Result<Vec<String>, String> {
    let mut notices = Vec::new();
    for flag in FLAGS {
        let asked = match flag.takes {
            Takes::Switch => source.switch(flag.name)? == Some(true),
            Takes::Value | Takes::Values => source.text(flag.name).is_some(),
        };
        if let (true, Support::Missing(why)) = (asked, flag.support) {
            notices.push(format!("--{} has no effect: {why}", flag.name));
        }
    }
    Ok(notices)
}

/// `--token`, the token file, the variable, the file in the state folder; first non-empty wins.
fn find_token(source: &Source<'_>, state_dir: &Path, notices: &mut Vec<String>) -> Option<Token> {
    if let Some(token) = source
        .raw
        .last("token")
        .map(str::trim)
        .filter(|token| !token.is_empty())
    {
        notices.push(
            "the token is on the command line, where every local user can read it; use --token-file or PULSE_TOKEN"
                .into(),
        );
        return Some(Token::new(token));
    }
    let in_file = |path: &Path| {
        let text = std::fs::read_to_string(path).ok()?;
        Some(text.trim().to_owned()).filter(|token| !token.is_empty())
    };
    if let Some(path) = source.text("token-file") {
        match in_file(Path::new(&path)) {
            Some(token) => return Some(Token::new(token)),
            None => notices.push(format!("token file {path} is empty or cannot be read")),
        }
    }
    let elsewhere = source
        .environment
        .get("PULSE_TOKEN")
        .or_else(|| in_file(&state_dir.join("token")));
    elsewhere.map(Token::new)
}

fn url(source: &Source<'_>) -> Result<String, String> {
    let text = source.text("url").unwrap_or_else(|| DEFAULT_URL.into());
    let url = text.trim_end_matches('/');
    let parsed = url.parse::<ureq::http::Uri>().ok();
    let usable = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if usable {
        Ok(url.to_owned())
    } else {
        Err(format!(
            "--url {text:?}: write http://HOST:PORT or https://HOST"
        ))
    }
}

fn interval(source: &Source<'_>, notices: &mut Vec<String>) -> Result<Duration, String> {
    let sane = |interval: Duration| {
        if interval.is_zero() {
            DEFAULT_INTERVAL
        } else {
            interval.max(SHORTEST_INTERVAL)
        }
    };
    if let Some(text) = source.raw.last("interval") {
        return parse_duration(text.trim())
            .map(sane)
            .ok_or_else(|| format!("--interval {text:?}: write a time such as 10s or 1m30s"));
    }
    let Some(text) = source.environment.get("PULSE_INTERVAL") else {
        return Ok(DEFAULT_INTERVAL);
    };
    Ok(parse_duration(&text).map_or_else(
        || {
            notices.push(format!(
                "PULSE_INTERVAL {text:?} is not a time such as 10s; using 10s"
            ));
            DEFAULT_INTERVAL
        },
        sane,
    ))
}

/// The flag or the variable, where a given empty value switches the endpoint off.
fn health_address(source: &Source<'_>) -> Option<String> {
    let given = source
        .raw
        .last("health-addr")
        .map(|text| text.trim().to_owned());
    let address = given
        .or_else(|| source.environment.set("PULSE_HEALTH_ADDR"))
        .unwrap_or_else(|| DEFAULT_HEALTH_ADDRESS.into());
    Some(address).filter(|address| !address.is_empty())
}

fn roots(environment: &Environment) -> Roots {
    let mut roots = Roots::below(environment.get("HOST_ROOT").unwrap_or_else(|| "/".into()));
    for (name, path) in [
        ("HOST_PROC", &mut roots.proc),
        ("HOST_SYS", &mut roots.sys),
        ("HOST_ETC", &mut roots.etc),
        ("HOST_RUN", &mut roots.run),
    ] {
        if let Some(given) = environment.get(name) {
            *path = given.into();
        }
    }
    roots
}

#[cfg(test)]
mod tests;
