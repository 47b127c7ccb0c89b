//! Backup files on storages, and snapshots of guests.

use std::sync::Arc;

use pulse_core::{Bytes, GuestKind, GuestSnapshot, StorageBackup, Timestamp, Verification};
use pulse_proxmox::types::{Snapshot, StorageContent};

use super::jobs::kind_of;
use super::world::{World, WorldStorage};

/// Whose backup a volume is, by its subtype, its name or its format.
fn kind(row: &StorageContent) -> Option<GuestKind> {
    if let Some(kind) = row.subtype.as_deref().and_then(kind_of) {
        return Some(kind);
    }
    let format = row.format.as_deref().unwrap_or_default();
    if row.volid.contains("/vm/") || row.volid.contains("qemu") || format == "pbs-vm" {
        Some(GuestKind::Qemu)
    } else if row.volid.contains("/ct/") || row.volid.contains("lxc") || format == "pbs-ct" {
        Some(GuestKind::Lxc)
    } else {
        None
    }
}

fn verification(row: &StorageContent) -> Verification {
    let state = row.verification.as_ref().and_then(|v| v.state.as_deref());
    match (state, row.verified) {
        (Some("ok"), _) | (None, Some(true)) => Verification::Ok,
        (Some("failed"), _) => Verification::Failed,
        _ => Verification::None,
    }
}

/// The backups on a storage that `asked` listed. A volume that is listed twice counts once.
pub(crate) fn storage_backups(
    instance: &str,
    storage: &WorldStorage,
    asked: &str,
    rows: Vec<StorageContent>,
    world: &World,
) -> Vec<StorageBackup> {
    let (instance, name): (Arc<str>, Arc<str>) = (instance.into(), storage.name.as_str().into());
    let mut formats: Vec<Arc<str>> = Vec::new();
    let mut nodes: Vec<Arc<str>> = Vec::new();
    let mut backups: Vec<StorageBackup> = rows
        .into_iter()
        .filter(|row| {
            row.content
                .as_deref()
                .is_none_or(|content| content == "backup")
        })
        .map(|row| {
            let vmid = row.vmid.unwrap_or(0);
            // What lies on one node's own storage is of that node's guest.
            let node = match &storage.node {
                Some(node) => node.as_str(),
                None => world
                    .guests
                    .get(&vmid)
                    .map_or(asked, |guest| guest.node.as_str()),
            };
            let on_pbs = storage.kind == "pbs";
            let is_encrypted = |mark: &Option<String>| {
                mark.as_deref()
                    .is_some_and(|m| !matches!(m, "" | "0" | "none"))
            };
            StorageBackup {
                instance: Arc::clone(&instance),
                storage: Arc::clone(&name),
                node: shared(&mut nodes, node),
                vmid,
                kind: if vmid == 0 { None } else { kind(&row) },
                time: Timestamp::from_secs(row.ctime.unwrap_or(0)),
                size: Bytes(row.size.unwrap_or(0)),
                format: shared(&mut formats, row.format.as_deref().unwrap_or_default()),
                protected: row.protected,
                encrypted: is_encrypted(&row.encrypted) || is_encrypted(&row.encryption),
                verification: if on_pbs {
                    verification(&row)
                } else {
                    Verification::None
                },
                on_pbs,
                notes: row.notes.unwrap_or_default(),
                volid: row.volid,
            }
        })
        .collect();
    backups.sort_by(|a, b| (b.time, &a.volid).cmp(&(a.time, &b.volid)));
    backups.dedup_by(|a, b| a.volid == b.volid);
    backups
}

/// The one value of a text that many share.
fn shared(known: &mut Vec<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(found) = known.iter().find(|known| &***known == text) {
        return Arc::clone(found);
    }
    let new: Arc<str> = text.into();
    known.push(Arc::clone(&new));
    new
}

/// Without the pseudo entry for the state that runs.
pub(crate) fn snapshots(
    instance: &str,
    node: &str,
    vmid: u32,
    kind: GuestKind,
    rows: Vec<Snapshot>,
) -> Vec<GuestSnapshot> {
    let mut list: Vec<GuestSnapshot> = rows
        .into_iter()
        .filter(|row| row.name != "current")
        .map(|row| GuestSnapshot {
            instance: instance.to_owned(),
            node: node.to_owned(),
            vmid,
            kind,
            name: row.name,
            description: row.description.unwrap_or_default().trim().to_owned(),
            parent: row.parent.unwrap_or_default(),
            time: Timestamp::from_secs(row.snaptime.unwrap_or(0)),
            with_memory: row.vmstate,
            size: None,
        })
        .collect();
    list.sort_by(|a, b| (b.time, &a.name).cmp(&(a.time, &b.name)));
    list
}

#[cfg(test)]
mod tests {
    use pulse_proxmox::types;

    use super::super::world::WorldGuest;
    use super::*;

    fn world() -> World {
        let guest = WorldGuest {
            kind: GuestKind::Qemu,
            node: "beta".into(),
            name: "mail".into(),
            locked: false,
        };
        World {
            guests: [(204, guest)].into(),
            ..World::default()
        }
    }

    fn storage(name: &str, kind: &str, node: Option<&str>) -> WorldStorage {
        WorldStorage {
            name: name.into(),
            kind: kind.into(),
            node: node.map(str::to_owned),
            backups: true,
            ..WorldStorage::default()
        }
    }

    fn row(volid: &str, vmid: u32) -> StorageContent {
        StorageContent {
            volid: volid.into(),
            content: Some("backup".into()),
            ctime: Some(100),
            vmid: Some(vmid),
            ..StorageContent::default()
        }
    }

    /// Scenarios B1, B4, B5, B6.
    #[test]
    fn a_backup_belongs_to_its_guests_node() {
        let nas = storage("nas", "nfs", None);
        let volid = "nas:backup/vzdump-qemu-204-2031_01_01-01_00_00.vma.zst";
        let rows = vec![row(volid, 204), row(volid, 204), row("nas:backup/x", 0)];
        let list = storage_backups("north", &nas, "alpha", rows, &world());
        assert_eq!(list.len(), 2);
        let of = |vmid| list.iter().find(|b| b.vmid == vmid).unwrap();
        assert_eq!(
            (&*of(204).node, of(204).kind, of(204).on_pbs),
            ("beta", Some(GuestKind::Qemu), false)
        );
        assert_eq!(of(204).time, Timestamp::from_secs(100));
        assert_eq!((&*of(0).node, of(0).kind), ("alpha", None));
        // Of the same name on two nodes: each its own.
        let local = storage("local", "dir", Some("alpha"));
        let list = storage_backups("north", &local, "alpha", vec![row(volid, 204)], &world());
        assert_eq!(&*list[0].node, "alpha");
    }

    /// Scenarios B2, B3; the name does not make a backup server.
    #[test]
    fn verification_is_a_matter_of_backup_servers() {
        let verified = |state: Option<&str>, flag| StorageContent {
            verification: state.map(|state| types::Verification {
                state: Some(state.into()),
                upid: None,
            }),
            verified: flag,
            ..row("vault:backup/ct/105/2031-01-01T01:00:00Z", 105)
        };
        let on = |kind: &str, content| {
            let found = storage_backups(
                "i",
                &storage("pbs-old", kind, None),
                "a",
                vec![content],
                &world(),
            );
            (found[0].kind, found[0].on_pbs, found[0].verification)
        };
        let lxc = Some(GuestKind::Lxc);
        assert_eq!(
            on("pbs", verified(Some("ok"), None)),
            (lxc, true, Verification::Ok)
        );
        assert_eq!(
            on("pbs", verified(Some("failed"), Some(true))),
            (lxc, true, Verification::Failed)
        );
        assert_eq!(
            on("pbs", verified(None, Some(true))),
            (lxc, true, Verification::Ok)
        );
        assert_eq!(
            on("pbs", verified(None, None)),
            (lxc, true, Verification::None)
        );
        assert_eq!(
            on("dir", verified(Some("ok"), None)),
            (lxc, false, Verification::None)
        );
    }

    /// Scenario B10.
    #[test]
    fn the_running_state_is_no_snapshot() {
        let snapshot = |name: &str, time| Snapshot {
            name: name.into(),
            snaptime: Some(time),
            vmstate: name == "with-ram",
            ..Snapshot::default()
        };
        let rows = vec![
            snapshot("pre-upgrade", 5),
            snapshot("with-ram", 6),
            snapshot("current", 0),
        ];
        let list = snapshots("north", "alpha", 204, GuestKind::Qemu, rows);
        let told: Vec<_> = list.iter().map(|s| (s.id(), s.with_memory)).collect();
        assert_eq!(
            told,
            [
                ("north-alpha-204-with-ram".to_owned(), true),
                ("north-alpha-204-pre-upgrade".to_owned(), false)
            ]
        );
    }
}
