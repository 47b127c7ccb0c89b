//! What clients send about a node, and what becomes of a record by it.

use pulse_auth::lenient::{BadBody, Fields};
use pulse_core::Secret;
use pulse_store::{Monitored, NodeKind, NodeRecord};

use super::host;

/// Fields as sent; `None` is "not sent".
#[derive(Debug, Default)]
pub struct NodeBody {
    pub kind: String,
    pub name: String,
    pub host: String,
    pub guest_url: Option<String>,
    pub user: String,
    pub password: Secret,
    pub token_name: String,
    pub token_value: Secret,
    pub fingerprint: Option<String>,
    pub verify_ssl: Option<bool>,
    flags: Vec<(Flag, bool)>,
    mail_stats_sent: bool,
    physical_disks: Option<bool>,
    disk_minutes: Option<u32>,
    temperature: Option<bool>,
}

/// How to reach one flag of a record.
type Flag = fn(&mut Monitored) -> &mut bool;

const FLAGS: [(&str, NodeKind, Flag); 14] = [
    ("monitorVMs", NodeKind::Pve, |m| &mut m.vms),
    ("monitorContainers", NodeKind::Pve, |m| &mut m.containers),
    ("monitorStorage", NodeKind::Pve, |m| &mut m.storage),
    ("monitorBackups", NodeKind::Pve, |m| &mut m.backups),
    ("monitorBackups", NodeKind::Pbs, |m| &mut m.backups),
    ("monitorDatastores", NodeKind::Pbs, |m| &mut m.datastores),
    ("monitorSyncJobs", NodeKind::Pbs, |m| &mut m.sync_jobs),
    ("monitorVerifyJobs", NodeKind::Pbs, |m| &mut m.verify_jobs),
    ("monitorPruneJobs", NodeKind::Pbs, |m| &mut m.prune_jobs),
    ("monitorGarbageJobs", NodeKind::Pbs, |m| &mut m.garbage_jobs),
    ("monitorMailStats", NodeKind::Pmg, |m| &mut m.mail_stats),
    ("monitorQueues", NodeKind::Pmg, |m| &mut m.queues),
    ("monitorQuarantine", NodeKind::Pmg, |m| &mut m.quarantine),
    ("monitorDomainStats", NodeKind::Pmg, |m| &mut m.domain_stats),
];

/// The names of the flags of a kind, with their values.
pub fn shown_flags(record: &NodeRecord) -> Vec<(&'static str, bool)> {
    let mut monitored = record.monitor.clone();
    FLAGS
        .iter()
        .filter(|(_, kind, _)| *kind == record.kind)
        .map(|(name, _, flag)| (*name, *flag(&mut monitored)))
        .collect()
}

impl NodeBody {
    pub fn parse(body: &[u8]) -> Result<Self, BadBody> {
        let fields = Fields::parse(body)?;
        let kind = fields.string("type")?;
        let mut flags = Vec::new();
        for (name, of_kind, flag) in FLAGS {
            // The type is checked also for kinds that have no such flag.
            if let Some(on) = fields.optional_boolean(name)?
                && of_kind.as_str() == kind
            {
                flags.push((flag, on));
            }
        }
        Ok(Self {
            name: fields.string("name")?.trim().to_owned(),
            host: fields.string("host")?.trim().to_owned(),
            guest_url: fields.optional_string("guestURL")?,
            user: fields.string("user")?.trim().to_owned(),
            password: fields.string("password")?.into(),
            token_name: fields.string("tokenName")?.trim().to_owned(),
            token_value: fields.string("tokenValue")?.into(),
            fingerprint: fields.optional_string("fingerprint")?,
            verify_ssl: fields.optional_boolean("verifySSL")?,
            flags,
            mail_stats_sent: fields.get("monitorMailStats").is_some(),
            physical_disks: fields.optional_boolean("monitorPhysicalDisks")?,
            disk_minutes: fields
                .get("physicalDiskPollingMinutes")
                .map(|value| {
                    let minutes = value.as_u64().ok_or(BadBody)?;
                    u32::try_from(minutes).map_err(|_| BadBody)
                })
                .transpose()?,
            temperature: fields.optional_boolean("temperatureMonitoringEnabled")?,
            kind,
        })
    }

    fn has_token(&self) -> bool {
        !self.token_name.is_empty() && !self.token_value.is_empty()
    }

    fn has_password(&self) -> bool {
        !self.user.is_empty() && !self.password.is_empty()
    }

    /// A new record. For a connection test the name does not matter.
    pub fn new_record(&self, named: bool) -> Result<NodeRecord, &'static str> {
        if named && self.name.is_empty() {
            return Err("Name is required");
        }
        if named && self.kind.is_empty() {
            return Err("Type is required");
        }
        if self.host.is_empty() {
            return Err("Host is required");
        }
        let kind = NodeKind::parse(&self.kind);
        let address = host::normalize(&self.host, kind.unwrap_or(NodeKind::Pve))?;
        let kind = kind.ok_or("Invalid node type")?;
        if !self.has_token() && !self.has_password() {
            return Err("Authentication credentials required");
        }
        let mut record = NodeRecord::new(kind, self.name.as_str(), address);
        record.verify_ssl = self.verify_ssl.unwrap_or(false);
        self.change_credentials(&mut record);
        self.change_rest(&mut record)?;
        // Mail statistics are collected unless something else was asked for instead.
        if kind == NodeKind::Pmg && !self.mail_stats_sent {
            let m = &mut record.monitor;
            m.mail_stats = !(m.queues || m.quarantine || m.domain_stats);
        }
        Ok(record)
    }

    /// Changes what was sent; what was not sent stays.
    pub fn change(&self, record: &mut NodeRecord) -> Result<(), &'static str> {
        if !self.name.is_empty() {
            record.name.clone_from(&self.name);
        }
        if !self.host.is_empty() {
            let address = host::normalize(&self.host, record.kind)?;
            if address != record.host {
                // Another machine: what was learnt of the old one does not hold for it.
                record.is_cluster = false;
                record.cluster_name.clear();
                record.cluster_endpoints.clear();
                record.fingerprint.clear();
                record.host = address;
            }
        } else if record.kind == NodeKind::Pbs {
            return Err("host is required");
        }
        if let Some(verify) = self.verify_ssl {
            record.verify_ssl = verify;
        }
        self.change_credentials(record);
        self.change_rest(record)
    }

    /// A password replaces a token and the other way round; a user name alone changes neither.
    fn change_credentials(&self, record: &mut NodeRecord) {
        if !self.password.is_empty() && !self.has_token() {
            if !self.user.is_empty() {
                record.user = with_realm(&self.user, record.kind);
            }
            record.password = self.password.clone();
            record.token_name.clear();
            record.token_value = Secret::default();
            return;
        }
        if !self.token_name.is_empty() {
            record.token_name.clone_from(&self.token_name);
        }
        if !self.token_value.is_empty() {
            record.token_value = self.token_value.clone();
            record.password = Secret::default();
            if record.kind != NodeKind::Pve {
                record.user.clear();
            }
        }
        if !self.user.is_empty() && record.has_password() {
            record.user = with_realm(&self.user, record.kind);
        }
    }

    fn change_rest(&self, record: &mut NodeRecord) -> Result<(), &'static str> {
        if let Some(url) = &self.guest_url {
            let url = url.trim();
            let fit = url.is_empty() || url.starts_with("https://") || url.starts_with("http://");
            if !fit || url.chars().any(char::is_control) {
                return Err("Guest URL must start with http:// or https://");
            }
            record.guest_url = url.to_owned();
        }
        if let Some(fingerprint) = &self.fingerprint {
            record.fingerprint = fingerprint.trim().to_owned();
        }
        for (flag, on) in &self.flags {
            *flag(&mut record.monitor) = *on;
        }
        if self.physical_disks.is_some() {
            record.monitor.physical_disks = self.physical_disks;
        }
        if let Some(minutes) = self.disk_minutes {
            record.disk_polling_minutes = minutes;
        }
        if self.temperature.is_some() {
            record.temperature_enabled = self.temperature;
        }
        Ok(())
    }
}

/// Users without a realm get that of the kind.
fn with_realm(user: &str, kind: NodeKind) -> String {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(value: &Value) -> NodeBody {
        NodeBody::parse(value.to_string().as_bytes()).unwrap()
    }

    fn created(value: &Value) -> NodeRecord {
        body(value).new_record(true).unwrap()
    }

    fn pve() -> NodeRecord {
        created(
            &json!({"type": "pve", "name": "lab", "host": "10.0.0.1", "user": "root", "password": "pw"}),
        )
    }

    /// In the order in which version 5 complains.
    #[test]
    fn complaints_as_recorded() {
        let full =
            json!({"type": "pve", "name": "lab", "host": "10.0.0.1", "user": "u", "password": "p"});
        for (change, text) in [
            (json!({"name": ""}), "Name is required"),
            (json!({"type": ""}), "Type is required"),
            (json!({"host": ""}), "Host is required"),
            (json!({"host": "300.1.1.1"}), "Invalid IP address"),
            (json!({"host": "x:99999"}), "Invalid port number"),
            (json!({"type": "esxi"}), "Invalid node type"),
            (
                json!({"password": ""}),
                "Authentication credentials required",
            ),
            (
                json!({"password": "", "tokenName": "a@pam!b"}),
                "Authentication credentials required",
            ),
            (
                json!({"guestURL": "javascript:x"}),
                "Guest URL must start with http:// or https://",
            ),
        ] {
            let mut value = full.clone();
            for (key, new) in change.as_object().unwrap() {
                value[key] = new.clone();
            }
            assert_eq!(body(&value).new_record(true).unwrap_err(), text);
        }
        for bad in [r#"{"name":5}"#, r#"{"monitorVMs":"x"}"#, "{", "[]"] {
            assert!(NodeBody::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn users_get_a_realm() {
        assert_eq!(pve().user, "root@pam");
        for (kind, user) in [("pbs", "root@pbs"), ("pmg", "root@pmg")] {
            let node = created(
                &json!({"type": kind, "name": "n", "host": "h", "user": "root", "password": "p"}),
            );
            assert_eq!(node.user, user);
        }
    }

    #[test]
    fn a_change_keeps_what_was_not_sent() {
        let mut node = pve();
        body(&json!({"monitorVMs": false, "guestURL": "https://g"}))
            .change(&mut node)
            .unwrap();
        assert!(!node.monitor.vms && node.monitor.containers);
        assert_eq!(
            (node.name.as_str(), node.host.as_str()),
            ("lab", "https://10.0.0.1:8006")
        );
        assert!(node.has_password());
        body(&json!({"guestURL": ""})).change(&mut node).unwrap();
        assert_eq!(node.guest_url, "");
    }

    #[test]
    fn tokens_and_passwords_replace_each_other_but_a_user_alone_does_not() {
        let mut node = pve();
        body(&json!({"tokenName": "a@pam!b", "tokenValue": "v"}))
            .change(&mut node)
            .unwrap();
        assert!(node.has_token() && !node.has_password());
        body(&json!({"user": "root"})).change(&mut node).unwrap();
        assert!(node.has_token());
        body(&json!({"tokenName": "a@pam!c"}))
            .change(&mut node)
            .unwrap();
        assert_eq!(
            (node.token_name.as_str(), node.token_value.expose()),
            ("a@pam!c", "v")
        );
        body(&json!({"user": "root", "password": "pw"}))
            .change(&mut node)
            .unwrap();
        assert!(!node.has_token() && node.has_password() && node.token_name.is_empty());
    }

    #[test]
    fn another_host_forgets_the_old_certificate_and_cluster() {
        let mut node = pve();
        node.fingerprint = "AA".into();
        node.is_cluster = true;
        body(&json!({"host": "https://10.0.0.1"}))
            .change(&mut node)
            .unwrap();
        assert_eq!(node.fingerprint, "AA");
        body(&json!({"host": "10.0.0.2"}))
            .change(&mut node)
            .unwrap();
        assert!(node.fingerprint.is_empty() && !node.is_cluster);
    }

    #[test]
    fn pmg_collects_mail_statistics_unless_told_otherwise() {
        let add = |flags: &Value| {
            let mut value =
                json!({"type": "pmg", "name": "n", "host": "h", "user": "u", "password": "p"});
            for (key, on) in flags.as_object().unwrap() {
                value[key] = on.clone();
            }
            created(&value).monitor
        };
        assert!(add(&json!({})).mail_stats);
        assert!(!add(&json!({"monitorQueues": true})).mail_stats);
        let both = add(&json!({"monitorQueues": true, "monitorMailStats": true}));
        assert!(both.mail_stats && both.queues);
    }
}
