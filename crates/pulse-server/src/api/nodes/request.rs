//! A node as clients send it: read leniently, checked in v5's order with v5's words.

use http::StatusCode;
use pulse_core::Secret;
use pulse_proxmox::ServerAddress;
use pulse_store::{Monitored, NodeKind, NodeRecord};
use serde::Deserialize;

use crate::http::answer::{Refusal, text};

const LARGEST: usize = 32 << 10;
/// Characters of a name: it is part of every id of what is behind the node.
const LONGEST_NAME: usize = 200;
/// Of a DNS name.
const LONGEST_HOST: usize = 253;

/// Every field may be missing; a missing one is not the same as an empty one.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeRequest {
    pub r#type: Option<String>,
    pub name: Option<String>,
    pub host: Option<String>,
    #[serde(rename = "guestURL")]
    pub guest_url: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub token_name: Option<String>,
    pub token_value: Option<String>,
    pub fingerprint: Option<String>,
    #[serde(rename = "verifySSL")]
    pub verify_ssl: Option<bool>,
    #[serde(rename = "monitorVMs")]
    pub monitor_vms: Option<bool>,
    pub monitor_containers: Option<bool>,
    pub monitor_storage: Option<bool>,
    pub monitor_backups: Option<bool>,
    pub monitor_physical_disks: Option<bool>,
    pub physical_disk_polling_minutes: Option<u32>,
    pub monitor_datastores: Option<bool>,
    pub monitor_sync_jobs: Option<bool>,
    pub monitor_verify_jobs: Option<bool>,
    pub monitor_prune_jobs: Option<bool>,
    pub monitor_garbage_jobs: Option<bool>,
    pub monitor_mail_stats: Option<bool>,
    pub monitor_queues: Option<bool>,
    pub monitor_quarantine: Option<bool>,
    pub monitor_domain_stats: Option<bool>,
    pub temperature_monitoring_enabled: Option<bool>,
}

fn bad(message: &str) -> Refusal {
    text(StatusCode::BAD_REQUEST, message)
}

/// A text that is there and not blank.
pub fn given(value: Option<&String>) -> Option<&str> {
    value
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
}

impl NodeRequest {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > LARGEST {
            return Err(bad("Invalid request body"));
        }
        serde_json::from_slice(body).map_err(|_| bad("Invalid request body"))
    }

    pub fn kind(&self) -> Result<NodeKind, Refusal> {
        NodeKind::parse(self.r#type.as_deref().unwrap_or_default())
            .ok_or_else(|| bad("Invalid node type"))
    }

    pub fn has_password(&self) -> bool {
        given(self.user.as_ref()).is_some() && self.password.as_ref().is_some_and(|p| !p.is_empty())
    }

    pub fn has_token(&self) -> bool {
        given(self.token_name.as_ref()).is_some() && given(self.token_value.as_ref()).is_some()
    }

    /// Checks of a new node, in v5's order; gives kind and normalised host.
    pub fn check_new(&self) -> Result<(NodeKind, String), Refusal> {
        if given(self.name.as_ref()).is_none() {
            return Err(bad("Name is required"));
        }
        self.check_text()?;
        if given(self.r#type.as_ref()).is_none() {
            return Err(bad("Type is required"));
        }
        self.check_connection()
    }

    /// Checks of texts, new or changed, as far as they are given.
    pub fn check_text(&self) -> Result<(), Refusal> {
        let name = self.name.as_deref().unwrap_or_default().trim();
        if crate::demo::is_reserved(name) {
            return Err(bad(
                "This name is reserved for demo data. Choose another name.",
            ));
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(bad("Name is too long. Use at most 200 characters."));
        }
        if name.chars().any(char::is_control) {
            return Err(bad("Name contains a character that cannot be shown"));
        }
        Ok(())
    }

    /// Checks of what is needed to connect.
    pub fn check_connection(&self) -> Result<(NodeKind, String), Refusal> {
        let Some(host) = given(self.host.as_ref()) else {
            return Err(bad("Host is required"));
        };
        check_host(host)?;
        let kind = self.kind()?;
        if !self.has_password() && !self.has_token() {
            return Err(bad("Authentication credentials required"));
        }
        Ok((kind, normalise(host, kind)?))
    }

    /// Applies flags that are present.
    pub fn apply_flags(&self, monitor: &mut Monitored) {
        let set = |to: &mut bool, from: Option<bool>| {
            if let Some(value) = from {
                *to = value;
            }
        };
        set(&mut monitor.vms, self.monitor_vms);
        set(&mut monitor.containers, self.monitor_containers);
        set(&mut monitor.storage, self.monitor_storage);
        set(&mut monitor.backups, self.monitor_backups);
        set(&mut monitor.datastores, self.monitor_datastores);
        set(&mut monitor.sync_jobs, self.monitor_sync_jobs);
        set(&mut monitor.verify_jobs, self.monitor_verify_jobs);
        set(&mut monitor.prune_jobs, self.monitor_prune_jobs);
        set(&mut monitor.garbage_jobs, self.monitor_garbage_jobs);
        set(&mut monitor.queues, self.monitor_queues);
        set(&mut monitor.quarantine, self.monitor_quarantine);
        set(&mut monitor.domain_stats, self.monitor_domain_stats);
        set(&mut monitor.mail_stats, self.monitor_mail_stats);
        if self.monitor_physical_disks.is_some() {
            monitor.physical_disks = self.monitor_physical_disks;
        }
    }

    /// Puts the credentials that were sent into a record; a token wins over a password.
    pub fn apply_credentials(&self, record: &mut NodeRecord) {
        if self.has_token() {
            given(self.token_name.as_ref())
                .unwrap_or_default()
                .clone_into(&mut record.token_name);
            record.token_value = Secret::new(given(self.token_value.as_ref()).unwrap_or_default());
            record.password = Secret::default();
            record.user.clear();
        } else if let Some(password) = self.password.as_ref().filter(|p| !p.is_empty()) {
            record.password = Secret::new(password.clone());
            record.token_name.clear();
            record.token_value = Secret::default();
            if let Some(user) = given(self.user.as_ref()) {
                record.user = with_realm(user, record.kind);
            }
        } else if let Some(name) = given(self.token_name.as_ref()) {
            // The name alone: the value stays.
            name.clone_into(&mut record.token_name);
        } else if let Some(value) = given(self.token_value.as_ref()) {
            record.token_value = Secret::new(value);
        }
    }
}

pub fn with_realm(user: &str, kind: NodeKind) -> String {
    if user.contains('@') {
        return user.to_owned();
    }
    let realm = match kind {
        NodeKind::Pve => "pam",
        NodeKind::Pbs => "pbs",
        NodeKind::Pmg => "pmg",
    };
    format!("{user}@{realm}")
}

/// v5's complaints about a host, before it is read for good.
pub fn check_host(host: &str) -> Result<(), Refusal> {
    let rest = host.split_once("://").map_or(host, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    if let Some(v6) = authority.strip_prefix('[') {
        let address = v6.split(']').next().unwrap_or_default();
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(bad("invalid host format"));
        }
        return Ok(());
    }
    if authority.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(());
    }
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    if let Some(port) = port
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(bad("Invalid port number"));
    }
    let numeric = !name.is_empty() && name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if numeric && name.parse::<std::net::Ipv4Addr>().is_err() {
        return Err(bad("Invalid IP address"));
    }
    // Scripts and commands are made of host names; nothing that a shell reads gets that far.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.len() > LONGEST_HOST || !name.chars().all(plain) {
        return Err(bad("invalid host format"));
    }
    Ok(())
}

/// `scheme://host:port`.
pub fn normalise(host: &str, kind: NodeKind) -> Result<String, Refusal> {
    ServerAddress::parse(host, kind.default_port())
        .map(|address| address.to_string())
        .map_err(|error| bad(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> NodeRequest {
        NodeRequest::parse(json.as_bytes()).ok().unwrap()
    }

    #[track_caller]
    fn refused(json: &str, message: &str) {
        let refusal = request(json).check_new().map(|_| ()).unwrap_err();
        assert_eq!(
            refusal.0.body,
            pulse_auth::Body::Text(message.to_owned()),
            "{json}"
        );
    }

    #[test]
    fn complaints_come_in_the_order_of_v5() {
        refused("{}", "Name is required");
        refused(r#"{"name":"a"}"#, "Type is required");
        refused(r#"{"name":"a","type":"pve"}"#, "Host is required");
        let with = |host: &str| {
            format!(r#"{{"name":"a","type":"pve","host":"{host}","user":"u","password":"p"}}"#)
        };
        refused(&with("300.1.1.1"), "Invalid IP address");
        refused(&with("https://pve.example:99999"), "Invalid port number");
        refused(&with("https://pve.example:abc"), "Invalid port number");
        refused(&with("https://[zz::1]:8006"), "invalid host format");
        refused(&with("pbs$(id).example"), "invalid host format");
        refused(
            r#"{"name":"a","type":"esxi","host":"h"}"#,
            "Invalid node type",
        );
        refused(
            r#"{"name":"a","type":"pve","host":"h","user":"u"}"#,
            "Authentication credentials required",
        );
        refused(
            r#"{"name":"pulse-demo","type":"pve","host":"h"}"#,
            "This name is reserved for demo data. Choose another name.",
        );
        // A name that starts with a digit is a name.
        assert!(request(&with("3com.example.org")).check_new().is_ok());
    }

    #[test]
    fn hosts_are_normalised() {
        let check = |host: &str, kind, expect: &str| {
            assert_eq!(
                normalise(host, kind).ok().as_deref(),
                Some(expect),
                "{host}"
            );
        };
        check("10.0.0.1", NodeKind::Pve, "https://10.0.0.1:8006");
        check(
            "https://a.example:8006/x",
            NodeKind::Pve,
            "https://a.example:8006",
        );
        check("http://a.example", NodeKind::Pbs, "http://a.example:8007");
        check("fd00::1", NodeKind::Pmg, "https://[fd00::1]:8006");
    }

    #[test]
    fn a_token_replaces_a_password_and_the_other_way_round() {
        let mut record = NodeRecord::new(NodeKind::Pve, "a", "h");
        request(r#"{"user":"root","password":"pw"}"#).apply_credentials(&mut record);
        assert_eq!(
            (record.user.as_str(), record.has_password()),
            ("root@pam", true)
        );
        request(r#"{"tokenName":"a@pam!b","tokenValue":"v"}"#).apply_credentials(&mut record);
        assert!(record.has_token() && !record.has_password());
        // The user alone changes nothing.
        request(r#"{"user":"root"}"#).apply_credentials(&mut record);
        assert!(record.has_token());
    }
}
