//! The flags: one table for parsing, for the environment and for `--help`.
//!
//! Spelling follows v5: `-x` and `--x` are the same, values as `--x v` or `--x=v`, switches alone
//! or as `--x=false`.

use std::collections::HashMap;
use std::fmt::Write as _;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Value,
    Values,
    Switch,
}

/// How this version treats a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    Full,
    /// Accepted; there is nothing to switch, so nothing is said.
    Moot,
    /// Belongs to a v5 module that this version does not have; said once when it is asked for.
    Missing(&'static str),
}

pub(super) struct Flag {
    pub name: &'static str,
    pub env: &'static str,
    pub takes: Takes,
    pub support: Support,
    help: &'static str,
}

const fn flag(
    name: &'static str,
    env: &'static str,
    takes: Takes,
    support: Support,
    help: &'static str,
) -> Flag {
    Flag {
        name,
        env,
        takes,
        support,
        help,
    }
}

use Support::{Full, Missing, Moot};
use Takes::{Switch, Value, Values};

const DOCKER: Support = Missing("Docker and Podman are not collected by this version");
const KUBERNETES: Support = Missing("Kubernetes is not collected by this version");
const PROXMOX: Support =
    Missing("this version does not register Proxmox nodes; add the node in Settings → Nodes");
const COMMANDS: Support = Missing("this version does not run commands");

#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    flag("url", "PULSE_URL", Value, Full, "address of the Pulse server (default http://localhost:7655)"),
    flag("token", "PULSE_TOKEN", Value, Full, "API token; prefer --token-file or the variable, arguments are public"),
    flag("token-file", "", Value, Full, "file that holds the API token"),
    flag("interval", "PULSE_INTERVAL", Value, Full, "time between reports (default 10s)"),
    flag("hostname", "PULSE_HOSTNAME", Value, Full, "name to report (default: the system's)"),
    flag("agent-id", "PULSE_AGENT_ID", Value, Full, "identity to report (default: the machine id)"),
    flag("tag", "PULSE_TAGS", Values, Full, "tag for this host, repeatable (variable: comma separated)"),
    flag("disk-exclude", "PULSE_DISK_EXCLUDE", Values, Full, "mount or disk to leave out: name, prefix*, *suffix, *part*; repeatable"),
    flag("report-ip", "PULSE_REPORT_IP", Value, Full, "address to report as this host's own"),
    flag("insecure", "PULSE_INSECURE_SKIP_VERIFY", Switch, Full, "accept any server certificate"),
    flag("ca-file", "PULSE_CA_FILE", Value, Full, "PEM file of certificate authorities to trust instead of the system's"),
    flag("health-addr", "PULSE_HEALTH_ADDR", Value, Full, "where to serve /healthz, /readyz and /metrics (default 127.0.0.1:9191, empty: off)"),
    flag("log-level", "LOG_LEVEL", Value, Full, "error, warn, info or debug (default info)"),
    flag("version", "", Switch, Full, "print the version"),
    flag("self-test", "", Switch, Full, "check the settings and exit"),
    flag("help", "", Switch, Full, "print this"),
    flag("enable-host", "PULSE_ENABLE_HOST", Switch, Full, "accepted for v5; this version always reports the host"),
    flag("disable-auto-update", "PULSE_DISABLE_AUTO_UPDATE", Switch, Moot, ""),
    flag("disable-docker-update-checks", "PULSE_DISABLE_DOCKER_UPDATE_CHECKS", Switch, Moot, ""),
    flag("disable-ceph", "PULSE_DISABLE_CEPH", Switch, Moot, ""),
    flag("disable-commands", "PULSE_DISABLE_COMMANDS", Switch, Moot, ""),
    flag("enable-docker", "PULSE_ENABLE_DOCKER", Switch, DOCKER, ""),
    flag("docker-runtime", "PULSE_DOCKER_RUNTIME", Value, Moot, ""),
    flag("enable-kubernetes", "PULSE_ENABLE_KUBERNETES", Switch, KUBERNETES, ""),
    flag("kubeconfig", "PULSE_KUBECONFIG", Value, Moot, ""),
    flag("kube-context", "PULSE_KUBE_CONTEXT", Value, Moot, ""),
    flag("kube-include-namespace", "PULSE_KUBE_INCLUDE_NAMESPACES", Values, Moot, ""),
    flag("kube-exclude-namespace", "PULSE_KUBE_EXCLUDE_NAMESPACES", Values, Moot, ""),
    flag("kube-include-all-pods", "PULSE_KUBE_INCLUDE_ALL_PODS", Switch, Moot, ""),
    flag("kube-include-all-deployments", "PULSE_KUBE_INCLUDE_ALL_DEPLOYMENTS", Switch, Moot, ""),
    flag("kube-max-pods", "PULSE_KUBE_MAX_PODS", Value, Moot, ""),
    flag("enable-proxmox", "PULSE_ENABLE_PROXMOX", Switch, PROXMOX, ""),
    flag("proxmox-type", "PULSE_PROXMOX_TYPE", Value, Moot, ""),
    flag("enable-commands", "PULSE_ENABLE_COMMANDS", Switch, COMMANDS, ""),
];

/// The flags as given: every value in order.
#[derive(Debug, Default)]
pub struct Raw(HashMap<&'static str, Vec<String>>);

impl Raw {
    /// Reads arguments without the program's name.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut raw = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let Some(text) = argument
                .strip_prefix("--")
                .or_else(|| argument.strip_prefix('-'))
            else {
                return Err(format!("unexpected argument {argument:?}; see --help"));
            };
            let (name, inline) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (text, None),
            };
            let name = if name == "h" { "help" } else { name };
            let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else {
                return Err(format!("unknown flag --{name}; see --help"));
            };
            let value = match (flag.takes, inline) {
                (_, Some(value)) => value,
                (Takes::Switch, None) => "true".to_owned(),
                (_, None) => arguments
                    .next()
                    .ok_or_else(|| format!("--{name} needs a value"))?,
            };
            raw.0.entry(flag.name).or_default().push(value);
        }
        Ok(raw)
    }

    /// Every value of a repeatable flag.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a flag; the last one wins.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.all(name).last().map(String::as_str)
    }
}

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "Reports this host to a Pulse server.\n\nUsage: pulse-agent --url URL --token-file FILE [flags]\n\n",
    );
    for flag in FLAGS.iter().filter(|flag| !flag.help.is_empty()) {
        let name = match flag.takes {
            Takes::Switch => format!("--{}", flag.name),
            Takes::Value | Takes::Values => format!("--{} …", flag.name),
        };
        let _ = write!(text, "  {name:<18} {}", flag.help);
        if !flag.env.is_empty() {
            let _ = write!(text, " [{}]", flag.env);
        }
        text.push('\n');
    }
    text.push_str("\nFlags of v5 modules that are not here (Docker, Kubernetes, Proxmox set-up, commands)\nare accepted with a warning and have no effect.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(arguments: &[&str]) -> Result<Raw, String> {
        Raw::read(arguments.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn both_spellings_and_both_value_forms() {
        let raw = raw(&[
            "-url",
            "http://a",
            "--tag=x",
            "-tag",
            "y",
            "--insecure",
            "--enable-docker=false",
        ])
        .expect("valid");
        assert_eq!(raw.last("url"), Some("http://a"));
        assert_eq!(raw.all("tag"), ["x", "y"]);
        assert_eq!(raw.last("insecure"), Some("true"));
        assert_eq!(raw.last("enable-docker"), Some("false"));
        assert_eq!(raw.last("token"), None);
    }

    #[test]
    fn mistakes_name_the_flag() {
        assert_eq!(
            raw(&["--colour"]).expect_err("unknown"),
            "unknown flag --colour; see --help"
        );
        assert_eq!(
            raw(&["--url"]).expect_err("no value"),
            "--url needs a value"
        );
        assert!(
            raw(&["http://a"])
                .expect_err("positional")
                .contains("unexpected argument")
        );
    }

    #[test]
    fn help_shows_only_what_works() {
        let help = help();
        assert!(help.contains("--token-file") && help.contains("PULSE_DISK_EXCLUDE"));
        assert!(!help.contains("--kubeconfig"));
    }
}
