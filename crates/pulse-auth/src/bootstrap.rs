//! The token that proves access to the host during set-up.
//!
//! 48 hex characters in `<data dir>/.bootstrap_token`, mode 0600. Created at start while nothing
//! is configured, removed when set-up finishes or is found finished.

use std::path::{Path, PathBuf};
use std::sync::RwLock;

use pulse_core::Secret;
use pulse_store::{StoreError, files};

use crate::random;
use crate::sync;

const FILE: &str = ".bootstrap_token";

#[derive(Debug)]
pub struct Bootstrap {
    path: PathBuf,
    live: RwLock<Option<Secret>>,
}

impl Bootstrap {
    /// With `open`, reuses or creates the token; otherwise removes a stale one.
    pub fn start(dir: &Path, open: bool) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let live = if open {
            Some(reuse_or_create(&path)?)
        } else {
            files::remove(&path)?;
            None
        };
        Ok(Self {
            path,
            live: RwLock::new(live),
        })
    }

    /// For `pulse bootstrap-token`: the token in `dir`, if there is one.
    pub fn read(dir: &Path) -> Option<Secret> {
        read_file(&dir.join(FILE))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_live(&self) -> bool {
        sync::read(&self.live).is_some()
    }

    /// For the log banner at start.
    pub fn token(&self) -> Option<Secret> {
        sync::read(&self.live).clone()
    }

    /// Constant time; surrounding white space does not matter.
    pub fn matches(&self, presented: &str) -> bool {
        sync::read(&self.live)
            .as_ref()
            .is_some_and(|token| random::same(token.expose(), presented.trim()))
    }

    pub fn finish(&self) {
        *sync::write(&self.live) = None;
        if let Err(error) = files::remove(&self.path) {
            tracing::warn!(%error, "bootstrap token file could not be removed; delete it by hand");
        }
    }
}

fn reuse_or_create(path: &Path) -> Result<Secret, StoreError> {
    if let Some(token) = read_file(path) {
        files::ensure_private_file(path)?;
        return Ok(token);
    }
    let token = random::hex_secret::<24>();
    files::write_private(path, format!("{}\n", token.expose()).as_bytes())?;
    Ok(token)
}

fn read_file(path: &Path) -> Option<Secret> {
    let text = std::fs::read_to_string(path).ok()?;
    let token = text.trim();
    (!token.is_empty()).then(|| Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_from_first_start_to_the_end_of_setup() {
        let dir = tempfile::tempdir().unwrap();
        let bootstrap = Bootstrap::start(dir.path(), true).unwrap();
        let token = Bootstrap::read(dir.path()).unwrap();
        assert_eq!(token.expose().len(), 48);
        assert!(bootstrap.matches(&format!("  {} \n", token.expose())));
        assert!(!bootstrap.matches("") && !bootstrap.matches(&token.expose()[1..]));

        let again = Bootstrap::start(dir.path(), true).unwrap();
        assert!(again.matches(token.expose()), "reused");
        again.finish();
        assert!(!again.matches(token.expose()));
        assert!(Bootstrap::read(dir.path()).is_none());
    }

    #[test]
    fn a_stale_file_goes_when_setup_is_done() {
        let dir = tempfile::tempdir().unwrap();
        Bootstrap::start(dir.path(), true).unwrap();
        let done = Bootstrap::start(dir.path(), false).unwrap();
        assert!(!done.is_live() && !done.path().exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let bootstrap = Bootstrap::start(dir.path(), true).unwrap();
        let mode = std::fs::metadata(bootstrap.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
