//! A datastore from its row in the list and its row in the usage, or its own status.

use pulse_core::{Bytes, Datastore, DatastoreStatus, Namespace, Timestamp};
use pulse_proxmox::pbs::types::{self, DatastoreEntry, DatastoreUsage};

/// Sizes and deduplication, wherever they came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    pub total: Option<u64>,
    pub used: Option<u64>,
    pub available: Option<u64>,
    pub deduplication: Option<f64>,
    pub full_at: Option<i64>,
    pub error: Option<String>,
}

impl From<DatastoreUsage> for Sizes {
    fn from(row: DatastoreUsage) -> Self {
        Self {
            deduplication: row
                .gc_status
                .as_ref()
                .and_then(pulse_proxmox::pbs::types::GcStatus::deduplication),
            total: row.total,
            used: row.used,
            available: row.avail,
            full_at: row.estimated_full_date,
            error: row.error,
        }
    }
}

impl From<types::DatastoreStatus> for Sizes {
    fn from(row: types::DatastoreStatus) -> Self {
        let used = row.used.or(row.used_space);
        let available = row.avail.or(row.avail_space);
        let total = row.total.or(row.total_space).filter(|total| *total > 0);
        Self {
            total: total.or_else(|| Some(used?.saturating_add(available?))),
            used,
            available,
            deduplication: (row.deduplication_factor.filter(|factor| *factor > 0.0)).or_else(
                || {
                    row.gc_status
                        .as_ref()
                        .and_then(pulse_proxmox::pbs::types::GcStatus::deduplication)
                },
            ),
            full_at: None,
            error: None,
        }
    }
}

/// `offline,message=on the shelf` → what it means, and the message.
fn maintenance(text: &str) -> (DatastoreStatus, String) {
    let (mode, rest) = text.split_once(',').unwrap_or((text, ""));
    let message = rest.trim_start_matches("message=").trim_matches('"');
    let status = match mode.trim().trim_start_matches("type=") {
        "read-only" => DatastoreStatus::ReadOnly,
        _ => DatastoreStatus::Offline,
    };
    let mut said = format!("maintenance mode {}", mode.trim());
    if !message.is_empty() {
        said = format!("{said}: {message}");
    }
    (status, said)
}

/// Proxmox's word for a datastore whose disk is not there.
fn is_not_mounted(error: &str) -> bool {
    error.contains("unable to open chunk store") || error.contains("not mounted")
}

/// What state a datastore is in, and why.
fn status(entry: &DatastoreEntry, sizes: &Sizes) -> (DatastoreStatus, String) {
    if let Some(text) = entry.maintenance.as_deref().filter(|text| !text.is_empty()) {
        return maintenance(text);
    }
    if entry.mount_status.as_deref() == Some("notmounted") {
        return (DatastoreStatus::Offline, "not mounted".to_owned());
    }
    match &sizes.error {
        Some(error) if error.contains("offline maintenance") => {
            (DatastoreStatus::Offline, error.clone())
        }
        Some(error) if is_not_mounted(error) => {
            (DatastoreStatus::Offline, format!("not mounted: {error}"))
        }
        Some(error) => (DatastoreStatus::Error, error.clone()),
        // A caller with rights on a namespace only gets no sizes, or zeros.
        None if sizes.total.is_none_or(|total| total == 0) => (
            DatastoreStatus::Error,
            format!(
                "its sizes may not be read; grant Datastore.Audit on /datastore/{}",
                entry.store
            ),
        ),
        None => (DatastoreStatus::Available, String::new()),
    }
}

pub(super) fn build(
    entry: DatastoreEntry,
    sizes: &Sizes,
    namespaces: Vec<Namespace>,
    snapshots: u32,
    now: Timestamp,
) -> Datastore {
    let (status, error) = status(&entry, sizes);
    let read = sizes.error.is_none() && sizes.total.is_some_and(|total| total > 0);
    let size = |value: Option<u64>| Bytes(value.filter(|_| read).unwrap_or(0));
    Datastore {
        name: entry.store,
        comment: entry.comment.unwrap_or_default(),
        status,
        error,
        total: size(sizes.total),
        used: size(sizes.used),
        available: size(sizes.available),
        namespaces,
        deduplication: sizes.deduplication,
        // 0 and the past say that it does not fill up.
        full_at: (sizes.full_at.map(Timestamp::from_secs)).filter(|at| *at > now),
        snapshots,
        seen: if read { now } else { Timestamp::default() },
    }
}

/// All namespaces, the root first and once.
pub(super) fn namespaces<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<Namespace> {
    let mut paths: Vec<&str> = paths.chain([""]).collect();
    paths.sort_unstable();
    paths.dedup();
    let namespace = |path: &str| Namespace {
        path: path.to_owned(),
        parent: path
            .rsplit_once('/')
            .map(|(parent, _)| parent.to_owned())
            .unwrap_or_default(),
        depth: path.matches('/').count() as u32,
    };
    paths.into_iter().map(namespace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(maintenance: Option<&str>) -> DatastoreEntry {
        DatastoreEntry {
            store: "cold".into(),
            maintenance: maintenance.map(str::to_owned),
            ..DatastoreEntry::default()
        }
    }

    #[test]
    fn why_a_datastore_is_not_available_is_told_apart() {
        let good = Sizes {
            total: Some(10),
            used: Some(4),
            ..Sizes::default()
        };
        let failed = |error: &str| Sizes {
            error: Some(error.into()),
            ..Sizes::default()
        };
        let cases = [
            (None, good.clone(), DatastoreStatus::Available, ""),
            (
                Some("offline,message=disk is on the shelf"),
                failed("x"),
                DatastoreStatus::Offline,
                "shelf",
            ),
            (
                Some("read-only"),
                good,
                DatastoreStatus::ReadOnly,
                "read-only",
            ),
            (
                None,
                failed("unable to open chunk store 'cold' at \"/mnt\""),
                DatastoreStatus::Offline,
                "not mounted",
            ),
            (
                None,
                failed("input/output error"),
                DatastoreStatus::Error,
                "input",
            ),
            (
                None,
                Sizes::default(),
                DatastoreStatus::Error,
                "Datastore.Audit",
            ),
        ];
        for (mode, sizes, want, word) in cases {
            let built = build(entry(mode), &sizes, Vec::new(), 0, Timestamp::from_secs(5));
            assert_eq!(built.status, want, "{built:?}");
            assert!(built.error.contains(word), "{built:?}");
        }
    }

    #[test]
    fn namespaces_have_depths_and_one_root() {
        let list = namespaces(["", "a/b", "a"].into_iter());
        let seen: Vec<(&str, u32)> = list.iter().map(|n| (n.path.as_str(), n.depth)).collect();
        assert_eq!(seen, [("", 0), ("a", 0), ("a/b", 1)]);
        assert_eq!(namespaces(std::iter::empty()).len(), 1);
    }
}
