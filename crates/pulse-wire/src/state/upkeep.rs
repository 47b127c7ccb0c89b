//! Upkeep of a node and permission gaps in the state. All of it is an addition to v5.

use pulse_core::{Certificate, NodeUpdates, PermissionGap, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Pending package updates of a node.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeUpdatesJson<'a> {
    pub pending: u32,
    pub security: u32,
    /// False: Proxmox did not say which are security updates, `security` is not known.
    pub security_known: bool,
    /// Security first; at most 20.
    #[schema(value_type = Vec<String>)]
    pub packages: &'a [String],
    /// A newer kernel than the running one is installed; absent when not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reboot_needed: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub running_kernel: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub installed_kernel: &'a str,
    /// Unix ms.
    pub read_at: i64,
}

impl<'a> NodeUpdatesJson<'a> {
    pub fn new(updates: &'a NodeUpdates) -> Self {
        Self {
            pending: updates.pending,
            security: updates.security,
            security_known: updates.security_known,
            packages: &updates.packages,
            reboot_needed: updates.reboot_needed,
            running_kernel: &updates.running_kernel,
            installed_kernel: &updates.installed_kernel,
            read_at: updates.read.millis(),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateJson<'a> {
    /// Such as `pveproxy-ssl.pem`.
    pub file: &'a str,
    pub subject: &'a str,
    pub issuer: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub names: &'a [String],
    /// Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    pub fingerprint: &'a str,
}

impl<'a> CertificateJson<'a> {
    pub fn new(certificate: &'a Certificate) -> Self {
        Self {
            file: &certificate.file,
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            names: &certificate.names,
            not_before: certificate.not_before.map(Timestamp::millis),
            not_after: certificate.not_after.map(Timestamp::millis),
            fingerprint: &certificate.fingerprint,
        }
    }
}

/// Something that the credentials of an instance may not read.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermissionGapJson<'a> {
    /// Absent: not of one node.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub node: &'a str,
    /// What is missing, in words.
    pub capability: &'a str,
    /// The privilege to grant.
    pub privilege: &'a str,
    /// HTTP status of the refusal.
    pub status: u16,
    /// Unix ms.
    pub first_seen: i64,
    pub last_seen: i64,
}

impl<'a> PermissionGapJson<'a> {
    pub fn new(gap: &'a PermissionGap) -> Self {
        Self {
            node: &gap.node,
            capability: &gap.capability,
            privilege: &gap.privilege,
            status: gap.status,
            first_seen: gap.first_seen.millis(),
            last_seen: gap.last_seen.millis(),
        }
    }
}
