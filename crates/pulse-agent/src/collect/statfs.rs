//! Asking the kernel for the size of a file system without waiting forever.
//!
//! A mount whose answer depends on a program or on a server (FUSE, or a path that leads through a
//! network mount) is asked on a helper thread. If it does not answer in time the thread is left
//! behind, and the mount is not asked again until that thread returns: one thread per hung mount.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
const STACK: usize = 64 * 1024;

/// Bytes of a file system; `available` is what unprivileged users can still write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    pub free: u64,
    pub available: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    None,
    MayHang,
}

#[derive(Default)]
pub struct Patient {
    hung: HashMap<PathBuf, Receiver<Option<Space>>>,
}

impl Patient {
    /// The space of the file system mounted at a folder; none for files, errors and hung mounts.
    pub fn ask(&mut self, mountpoint: &Path, risk: Risk) -> Option<Space> {
        self.ask_with(mountpoint, risk, statvfs)
    }

    fn ask_with(
        &mut self,
        mountpoint: &Path,
        risk: Risk,
        ask: impl FnOnce(&Path) -> Option<Space> + Send + 'static,
    ) -> Option<Space> {
        if risk == Risk::None {
            return ask(mountpoint);
        }
        if let Some(pending) = self.hung.get(mountpoint) {
            match pending.try_recv() {
                Err(TryRecvError::Empty) => return None,
                _ => log::info!("{} answers again", mountpoint.display()),
            }
            self.hung.remove(mountpoint);
        }
        let (send, receive) = channel();
        let path = mountpoint.to_owned();
        std::thread::Builder::new()
            .name("statvfs".into())
            .stack_size(STACK)
            .spawn(move || send.send(ask(&path)))
            .ok()?;
        match receive.recv_timeout(PATIENCE) {
            Ok(space) => space,
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                log::warn!(
                    "{} does not answer; left out until it does",
                    mountpoint.display()
                );
                self.hung.insert(mountpoint.to_owned(), receive);
                None
            }
        }
    }
}

fn statvfs(mountpoint: &Path) -> Option<Space> {
    // Containers have single files mounted over /etc/hosts and the like.
    if !std::fs::metadata(mountpoint).ok()?.is_dir() {
        return None;
    }
    let answer = nix::sys::statvfs::statvfs(mountpoint).ok()?;
    let block = answer.fragment_size();
    let bytes = |blocks: nix::libc::fsblkcnt_t| blocks.saturating_mul(block);
    Some(Space {
        total: bytes(answer.blocks()),
        free: bytes(answer.blocks_free()),
        available: bytes(answer.blocks_available()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_answers_and_a_file_does_not() {
        let mut patient = Patient::default();
        let space = patient.ask(Path::new("/"), Risk::MayHang).expect("root");
        assert!(space.total > space.available && space.free >= space.available);
        assert_eq!(patient.ask(Path::new("/etc/passwd"), Risk::None), None);
        assert_eq!(patient.ask(Path::new("/nowhere"), Risk::None), None);
    }

    #[test]
    fn a_hung_mount_is_asked_once_until_it_answers() {
        let space = Some(Space {
            total: 1,
            free: 1,
            available: 1,
        });
        let mut patient = Patient::default();
        let (release, hold) = channel::<()>();
        let path = Path::new("/mnt/hung");
        let hang = move |_: &Path| {
            let _ = hold.recv();
            None
        };
        assert_eq!(patient.ask_with(path, Risk::MayHang, hang), None);
        assert_eq!(
            patient.ask_with(path, Risk::MayHang, |_| unreachable!("asked while hung")),
            None
        );
        drop(release);
        // The helper thread needs a moment to notice.
        let answer = (0..1000).find_map(|_| {
            std::thread::yield_now();
            patient.hung.get(path)?.recv_timeout(PATIENCE).ok()
        });
        assert_eq!(answer, Some(None));
        assert_eq!(patient.ask_with(path, Risk::MayHang, move |_| space), space);
    }
}
