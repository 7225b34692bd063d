//! Opening the store's file.
//!
//! Makes the folder and the file if they are missing, migrates, and says in one sentence what is
//! wrong otherwise. WAL lets readers work beside the writer; `synchronous=FULL` makes a commit
//! survive a power cut, which is the promise of every write. The file holds password hashes and
//! sealed keys, so a new one can be read by its owner only.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::migrations::{SchemaError, migrate};

/// How long a statement waits for another process's lock; longer than any command of ours holds it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The commit that brings the journal to so many pages, 16 MiB, moves what `checkpoint.rs` has left to
/// its place in the file, and the journal begins anew.
const CHECKPOINT_PAGES: &str = "4096";

/// How much of the file the writer keeps in memory, in KiB with a minus, as SQLite has it. Not more:
/// at the end of most transactions that balanced a B-tree SQLite walks through all of it.
const WRITER_CACHE: &str = "-8192";

/// How long a reader waits for one of the connections.
const READER_TIMEOUT: Duration = Duration::from_secs(10);

/// How many different statements a connection keeps prepared.
const PREPARED: usize = 512;

/// Where the store is and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file; `None`: a temporary one that goes with the store.
    pub path: Option<PathBuf>,
    /// How many snapshots may be read at the same time.
    pub readers: u32,
}

impl SqliteOptions {
    /// A store in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            readers: 4,
        }
    }

    /// A store that nobody else sees and that is gone with its owner.
    pub fn in_memory() -> Self {
        Self {
            path: None,
            readers: 4,
        }
    }
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder of the file cannot be made.
    #[error("cannot make the folder \"{}\" for the store", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is a folder where the file should be.
    #[error("the store \"{}\" is a folder, not a file", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    #[error("cannot write the store \"{}\" or its folder", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is something else.
    #[error("the file \"{}\" is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the file's lock.
    #[error("another process has locked the store \"{}\"", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program wrote the file.
    #[error(
        "the store \"{}\" is from a newer version of this program: it has schema {found}, known \
         is schema {known}", path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The newest migration it went through.
        found: i64,
        /// The newest migration that this program knows.
        known: i64,
    },
    /// The file went through a migration whose text was another one.
    #[error("migration {version} of the store \"{}\" was not the one known here", path.display())]
    ChangedSchema {
        /// The file.
        path: PathBuf,
        /// The migration.
        version: i64,
    },
    /// Anything else.
    #[error("cannot open the store \"{}\"", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An open file.
pub(super) struct Opened {
    /// The one connection that writes.
    pub(super) writer: SqliteConnection,
    /// Connections that read.
    pub(super) readers: SqlitePool,
    /// Where the file is.
    pub(super) path: PathBuf,
    /// Keeps a temporary file's folder.
    pub(super) temporary: Option<TemporaryFolder>,
}

pub(super) async fn open(options: &SqliteOptions) -> Result<Opened, OpenError> {
    let (path, temporary) = if let Some(path) = &options.path {
        (path.clone(), None)
    } else {
        let folder = TemporaryFolder::make()?;
        (folder.0.join("issuer.db"), Some(folder))
    };
    prepare_file(&path)?;
    let connect = connect_options(&path, temporary.is_some());
    let mut writer = connect_writer(&connect.clone().pragma("cache_size", WRITER_CACHE))
        .await
        .map_err(|error| explain(&path, error))?;
    migrate(&mut writer).await.map_err(|error| match error {
        SchemaError::Newer { found, known } => OpenError::NewerSchema {
            path: path.clone(),
            found,
            known,
        },
        SchemaError::Changed { version } => OpenError::ChangedSchema {
            path: path.clone(),
            version,
        },
        SchemaError::Failed(error) => explain(&path, error),
    })?;
    let readers = SqlitePoolOptions::new()
        // One more, for the checkpoints.
        .max_connections(options.readers.max(1) + 1)
        .acquire_timeout(READER_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(connect.pragma("query_only", "ON"));
    Ok(Opened {
        writer,
        readers,
        path,
        temporary,
    })
}

/// Makes what is missing, and finds out by itself what SQLite would only call "unable to open".
fn prepare_file(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
            folder: folder.to_owned(),
            source,
        })?;
    }
    if path.is_dir() {
        return Err(OpenError::IsFolder {
            path: path.to_owned(),
        });
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| OpenError::Unwritable {
        path: path.to_owned(),
        source: source.into(),
    })?;
    Ok(())
}

fn connect_options(path: &Path, temporary: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if temporary {
            SqliteSynchronous::Off
        } else {
            SqliteSynchronous::Full
        })
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .statement_cache_capacity(PREPARED)
}

/// Connects; turning WAL on in a new file fails at once while another process does the same.
async fn connect_writer(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    loop {
        match connect(options).await {
            Err(error) if code_of(&error) == Some(BUSY) && waited < BUSY_TIMEOUT => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            connected => return connected,
        }
    }
}

// In no `async fn`, where the compiler could not tell that it may go to another thread.
fn connect(options: &SqliteConnectOptions) -> BoxFuture<'_, Result<SqliteConnection, sqlx::Error>> {
    Box::pin(options.connect())
}

// SQLite's primary result codes.
const BUSY: u32 = 5;
const READ_ONLY: u32 = 8;
const CANNOT_OPEN: u32 = 14;
const NOT_A_DATABASE: u32 = 26;

fn code_of(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

fn explain(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match code_of(&error) {
        Some(BUSY) => OpenError::Locked { path },
        Some(NOT_A_DATABASE) => OpenError::NotADatabase { path },
        Some(READ_ONLY | CANNOT_OPEN) => OpenError::Unwritable {
            path,
            source: error.into(),
        },
        _ => OpenError::Failed {
            path,
            source: error.into(),
        },
    }
}

/// A folder that is removed with its owner.
#[derive(Debug)]
pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn make() -> Result<Self, OpenError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("logout-issuer-{}-{number}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                // Left behind by a killed process that had the same id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(OpenError::Folder { folder, source }),
            }
        }
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a temporary store was left behind");
        }
    }
}
