//! Files of the data directory: private modes, and durable writes (temporary file, fsync, rename,
//! fsync of the directory).

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::{Result, StoreError};

/// Creates `dir` with mode 0700 when it is missing. An existing directory keeps its mode: it may
/// belong to somebody who shares it on purpose.
pub fn create_private_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir).map_err(StoreError::io(dir))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Makes sure that `path` exists with mode 0600, whatever it holds.
pub fn ensure_private_file(path: &Path) -> Result<()> {
    private_options()
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(StoreError::io(path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)
            .map_err(StoreError::io(path))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
                .map_err(StoreError::io(path))?;
        }
    }
    Ok(())
}

/// Replaces `path` with `content`, mode 0600. After the return the content survives power loss.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = write_temporary(path, content)?;
    fs::rename(&temporary, path).map_err(StoreError::io(path))?;
    sync_parent(path)
}

/// Like [`write_private`], but refuses to replace: `Ok(false)` when `path` already exists.
pub fn create_private(path: &Path, content: &[u8]) -> Result<bool> {
    let temporary = write_temporary(path, content)?;
    let linked = fs::hard_link(&temporary, path);
    let created = match linked {
        Ok(()) => {
            let _ = fs::remove_file(&temporary);
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let _ = fs::remove_file(&temporary);
            false
        }
        // A file system without hard links.
        Err(_) if !path.exists() => {
            fs::rename(&temporary, path).map_err(StoreError::io(path))?;
            true
        }
        Err(_) => {
            let _ = fs::remove_file(&temporary);
            false
        }
    };
    sync_parent(path)?;
    Ok(created)
}

fn write_temporary(path: &Path, content: &[u8]) -> Result<std::path::PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.tmp", rand::random::<u64>()));
    let temporary = std::path::PathBuf::from(name);
    let mut file = private_options()
        .create_new(true)
        .open(&temporary)
        .map_err(StoreError::io(&temporary))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(StoreError::io(&temporary))?;
    Ok(temporary)
}

/// Removes `path`; `Ok(false)` when it was not there.
pub fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => {
            sync_parent(path)?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(StoreError::io(parent))
}
