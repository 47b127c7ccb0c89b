//! Objects that several resources have, and the rules of omission.

use pulse_core::{Capacity, Filesystem, Memory, Percent};
use serde::Serialize;
use utoipa::ToSchema;

/// Go leaves out zero values of optional fields, and v5 clients know them as absent.
pub fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A finite number: JSON has no other, and one bad value must not cost the whole state.
pub fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Main memory: bytes, and `usage` in percent.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemoryJson {
    pub total: u64,
    pub used: u64,
    pub free: u64,
    pub usage: f64,
    #[serde(skip_serializing_if = "is_zero")]
    pub balloon: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub swap_used: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub swap_total: u64,
}

impl MemoryJson {
    pub fn new(memory: &Memory) -> Self {
        Self {
            total: memory.total.get(),
            used: memory.used.get(),
            free: memory.free().get(),
            usage: memory.used.percent_of(memory.total).get(),
            balloon: memory.balloon.get(),
            swap_used: memory.swap_used.get(),
            swap_total: memory.swap_total.get(),
        }
    }

    /// Absent when the total is unknown.
    pub fn known(memory: &Memory) -> Option<Self> {
        (memory.total.get() > 0).then(|| Self::new(memory))
    }
}

/// Bytes, and `usage` in percent; −1 says that the use is unknown.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct DiskJson<'a> {
    pub total: u64,
    pub used: u64,
    pub free: u64,
    pub usage: f64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub mountpoint: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub r#type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub device: &'a str,
}

impl<'a> DiskJson<'a> {
    /// Absent when the total is unknown.
    pub fn of_capacity(capacity: &Capacity) -> Option<DiskJson<'static>> {
        let total = capacity.total;
        if total.get() == 0 {
            return None;
        }
        let used = capacity.used.known();
        Some(DiskJson {
            total: total.get(),
            used: used.map_or(0, pulse_core::Bytes::get),
            free: capacity
                .available
                .unwrap_or_else(|| total.saturating_sub(used.unwrap_or_default()))
                .get(),
            usage: used
                .map_or(Percent(-1.0), |used| used.percent_of(total))
                .get(),
            mountpoint: "",
            r#type: "",
            device: "",
        })
    }

    pub fn of_filesystem(fs: &'a Filesystem) -> Self {
        Self {
            total: fs.total.get(),
            used: fs.used.get(),
            free: fs.free.get(),
            usage: finite(fs.usage),
            mountpoint: &fs.mountpoint,
            r#type: &fs.kind,
            device: &fs.device,
        }
    }
}
