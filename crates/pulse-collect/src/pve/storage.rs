//! Storages from the node lists and the definitions, shared ones merged.

use std::collections::BTreeMap;

use pulse_core::filesystems::is_read_only_kind;
use pulse_core::{Bytes, Liveness, Storage, StorageStatus, Timestamp};
use pulse_proxmox::types::{NodeStorage, StorageDefinition};

use super::source::PveSource;

const SHARED_KINDS: &[&str] = &[
    "rbd",
    "cephfs",
    "pbs",
    "glusterfs",
    "nfs",
    "cifs",
    "smb",
    "iscsi",
    "iscsidirect",
];

/// `local` when the instance is named like its node, else with the instance in front.
fn local_id(source: &PveSource, node: &str, storage: &str) -> String {
    if source.name == node {
        format!("{node}-{storage}")
    } else {
        format!("{}-{node}-{storage}", source.name)
    }
}

fn sorted_content(content: &str) -> String {
    let mut kinds: Vec<&str> = content
        .split(',')
        .map(str::trim)
        .filter(|kind| !kind.is_empty())
        .collect();
    kinds.sort_unstable();
    kinds.join(",")
}

fn entry(
    source: &PveSource,
    node: &str,
    row: &NodeStorage,
    definition: Option<&StorageDefinition>,
    at: Timestamp,
) -> Option<Storage> {
    let kind = row
        .kind
        .clone()
        .or_else(|| definition.and_then(|d| d.kind.clone()))
        .unwrap_or_default();
    if is_read_only_kind(&kind) {
        return None;
    }
    let defined =
        |flag: fn(&StorageDefinition) -> Option<bool>| definition.and_then(flag).unwrap_or(false);
    let disabled = definition.is_some_and(|d| d.disable);
    // Some versions leave the flag out when it is on.
    let enabled = !disabled && (row.enabled.unwrap_or(true) || defined(|d| d.enabled));
    let active = row.active.unwrap_or(false) || defined(|d| d.active);
    let shared =
        row.shared || definition.is_some_and(|d| d.shared) || SHARED_KINDS.contains(&kind.as_str());
    let total = row.total.unwrap_or(0);
    let used = row.used.unwrap_or(0).min(total);
    let free = row.avail.unwrap_or_else(|| total.saturating_sub(used));
    let content = row
        .content
        .as_deref()
        .or_else(|| definition.and_then(|d| d.content.as_deref()))
        .unwrap_or_default();
    Some(Storage {
        id: local_id(source, node, &row.storage),
        name: row.storage.clone(),
        node: node.to_owned(),
        instance: source.storage_instance().to_owned(),
        source: source.name.clone(),
        nodes: Vec::new(),
        kind,
        status: if !enabled {
            StorageStatus::Disabled
        } else if active {
            StorageStatus::Available
        } else {
            StorageStatus::Inactive
        },
        total: Bytes(total),
        used: Bytes(used),
        free: Bytes(free),
        content: sorted_content(content),
        shared,
        enabled,
        active,
        zfs_pool: None,
        thin_pool: None,
        backend: definition.map(backend).unwrap_or_default(),
        seen: at,
        liveness: Liveness::Fresh,
    })
}

/// What a storage lives on, as its definition says it.
fn backend(definition: &StorageDefinition) -> String {
    let part = |value: &Option<String>| value.clone().unwrap_or_default();
    match (&definition.thinpool, &definition.datastore) {
        (Some(thin), _) => format!("{}/{thin}", part(&definition.vgname)),
        (None, Some(datastore)) => {
            let place = format!("{}:{datastore}", part(&definition.server));
            match definition.namespace.as_deref().unwrap_or_default() {
                "" => place,
                namespace => format!("{place}/{namespace}"),
            }
        }
        (None, None) => [&definition.pool, &definition.vgname, &definition.path]
            .into_iter()
            .find_map(Clone::clone)
            .unwrap_or_default(),
    }
}

/// All storages of an instance. Shared ones become one entry: its numbers are those of the node
/// that sees most of it. Entries merge only if name and type agree.
pub(crate) fn merge(
    source: &PveSource,
    lists: &BTreeMap<String, (Timestamp, Vec<NodeStorage>)>,
    definitions: &[StorageDefinition],
) -> Vec<Storage> {
    let mut result = Vec::new();
    let mut shared: BTreeMap<(String, String), Vec<Storage>> = BTreeMap::new();
    for (node, (at, rows)) in lists {
        for row in rows {
            let definition = definitions.iter().find(|d| d.storage == row.storage);
            let Some(storage) = entry(source, node, row, definition, *at) else {
                continue;
            };
            if storage.shared {
                shared
                    .entry((storage.name.clone(), storage.kind.clone()))
                    .or_default()
                    .push(storage);
            } else {
                result.push(storage);
            }
        }
    }
    for ((name, kind), entries) in shared {
        let mut nodes: Vec<String> = entries.iter().map(|s| s.node.clone()).collect();
        nodes.sort();
        nodes.dedup();
        let seen = entries.iter().map(|s| s.seen).max().unwrap_or_default();
        let Some(best) = entries
            .into_iter()
            .max_by_key(|s| (s.active, s.used, s.total))
        else {
            continue;
        };
        let instance = source.storage_instance();
        let taken = |id: &str| result.iter().any(|s: &Storage| s.id == id);
        let mut id = format!("{instance}-cluster-{name}");
        if taken(&id) {
            // Same name, other backend: a definition limited to other nodes.
            id = format!("{instance}-cluster-{name}-{kind}");
        }
        result.push(Storage {
            id,
            node: "cluster".to_owned(),
            nodes,
            seen,
            ..best
        });
    }
    result
}
