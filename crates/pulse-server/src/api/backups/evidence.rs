//! Every backup once: those that a cluster sees on the storage of a backup server that is watched
//! itself are that server's.

use std::collections::HashSet;
use std::sync::Arc;

use pulse_core::{Attribution, BackupGroup, BackupKind, GuestKind, Snapshot, StorageBackup};

/// Instance, VMID and Unix second of the backups on watched servers whose guest is known.
pub struct Seen<'a>(HashSet<(&'a str, u32, i64)>);

impl<'a> Seen<'a> {
    pub fn new(groups: &'a [Arc<BackupGroup>]) -> Self {
        let mut seen = HashSet::new();
        for group in groups {
            if let Attribution::Guest { instance, vmid, .. } = &group.attribution {
                let each = group.snapshots.iter();
                seen.extend(each.map(|snap| (&**instance, *vmid, snap.time.secs())));
            }
        }
        Self(seen)
    }

    /// Whether the backup is one that a watched server lists.
    pub fn has(&self, backup: &StorageBackup) -> bool {
        let key = (&*backup.instance, backup.vmid, backup.time.secs());
        backup.on_pbs && self.0.contains(&key)
    }
}

/// The files of Proxmox VE that no watched backup server lists.
pub fn own_files(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<StorageBackup>> {
    let seen = Seen::new(&snapshot.backup_groups);
    let files = snapshot.storage_backups.iter();
    files.filter(move |backup| !seen.has(backup))
}

/// `vm`, `ct`, `host` or `unknown`.
pub const fn kind_of(backup: &StorageBackup) -> &'static str {
    match backup.kind {
        Some(GuestKind::Qemu) => BackupKind::Vm.as_str(),
        Some(GuestKind::Lxc | GuestKind::Oci) => BackupKind::Ct.as_str(),
        None if backup.vmid == 0 => BackupKind::Host.as_str(),
        None => "unknown",
    }
}
