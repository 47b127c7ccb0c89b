//! A storage in the state.

use pulse_core::{Liveness, Storage};
use serde::Serialize;
use utoipa::ToSchema;

use super::disk::{PoolHealthJson, ThinPoolJson};
use super::shared::is_zero;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageJson<'a> {
    pub id: &'a str,
    /// Same as `name`.
    pub storage: &'a str,
    pub name: &'a str,
    pub node: &'a str,
    pub instance: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub nodes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_ids: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub node_count: usize,
    pub r#type: &'a str,
    pub status: &'static str,
    pub total: u64,
    pub used: u64,
    pub avail: u64,
    pub free: u64,
    /// Percent.
    pub usage: f64,
    pub content: &'a str,
    pub shared: bool,
    pub enabled: bool,
    pub active: bool,
    /// Unix ms; an addition to v5.
    pub last_seen: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// The ZFS pool that it lives on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zfs_pool: Option<PoolHealthJson<'a>>,
    /// The LVM thin pool that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin_pool: Option<ThinPoolJson<'a>>,
}

impl<'a> StorageJson<'a> {
    pub fn new(storage: &'a Storage) -> Self {
        Self {
            id: &storage.id,
            storage: &storage.name,
            name: &storage.name,
            node: &storage.node,
            instance: &storage.instance,
            nodes: &storage.nodes,
            node_ids: storage
                .nodes
                .iter()
                .map(|node| format!("{}-{node}", storage.instance))
                .collect(),
            node_count: storage.nodes.len(),
            r#type: &storage.kind,
            status: storage.status.as_str(),
            total: storage.total.get(),
            used: storage.used.get(),
            avail: storage.free.get(),
            free: storage.free.get(),
            usage: storage.used.percent_of(storage.total).get(),
            content: &storage.content,
            shared: storage.shared,
            enabled: storage.enabled,
            active: storage.active,
            last_seen: storage.seen.millis(),
            stale: storage.liveness == Liveness::Stale,
            zfs_pool: storage.zfs_pool.as_deref().map(PoolHealthJson::new),
            thin_pool: storage.thin_pool.as_deref().map(ThinPoolJson::new),
        }
    }
}
