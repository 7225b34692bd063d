//! One server on one file.
//!
//! The command line may write beside a running server; a second server may not, for it would take
//! the first one's leases for those of a dead process. The lock is one of the operating system's,
//! on a file beside the store's: it ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::storage::StorageError;

/// The right to be the server on a store; given back when dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the lock back"]
pub struct ServerLock {
    // Closing the file unlocks it.
    _file: File,
}

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another server runs on this store.
    #[error("another server{} uses the store \"{}\"", with_process(*process), store.display())]
    Taken {
        /// The store's file.
        store: PathBuf,
        /// The other server's process id, if it could be read.
        process: Option<u32>,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot lock \"{}\"", path.display())]
    Unlockable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The leases could not be taken over.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn with_process(process: Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" (process {id})"))
}

impl ServerLock {
    /// Takes the lock of the store in `store`, or fails at once.
    pub(super) fn take(store: &Path) -> Result<Self, LockError> {
        let mut name = store.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        match open_locked(&path) {
            Ok(file) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken {
                store: store.to_owned(),
                process: std::fs::read_to_string(&path)
                    .ok()
                    .and_then(|id| id.trim().parse().ok()),
            }),
            Err(TryLockError::Error(source)) => Err(LockError::Unlockable { path, source }),
        }
    }
}

fn open_locked(path: &Path) -> Result<File, TryLockError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(TryLockError::Error)?;
    file.try_lock()?;
    write_process(&mut file).map_err(TryLockError::Error)?;
    Ok(file)
}

fn write_process(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
