//! What people write about guests, hosts and containers: a link, notes, tags.
//!
//! Stored as documents; the kinds are the constants here. Field names are those of version 5, so
//! that a document is also its wire form.

use serde::{Deserialize, Serialize};

pub const GUESTS: &str = "guest_metadata";
pub const HOSTS: &str = "host_metadata";
pub const DOCKER_CONTAINERS: &str = "docker_container_metadata";
pub const DOCKER_HOSTS: &str = "docker_host_metadata";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GuestMetadata {
    pub id: String,
    #[serde(rename = "customUrl")]
    pub custom_url: String,
    pub description: String,
    /// `None` is JSON `null`: never set.
    pub tags: Option<Vec<String>>,
    pub notes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_known_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_known_type: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostMetadata {
    pub id: String,
    pub custom_url: String,
    pub description: String,
    pub tags: Option<Vec<String>>,
    pub notes: Option<Vec<String>>,
    pub commands_enabled: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerHostMetadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub custom_display_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub custom_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<String>>,
}
