//! What stands in the way of a start, in words for the person who started it.

use std::net::SocketAddr;

use super::tls::TlsError;
use crate::bootstrap::BootstrapError;
use crate::config::ConfigError;
use crate::issuer::BuildError;
use crate::storage::sqlite;

/// The store or the engine cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] sqlite::OpenError),
    /// The engine cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A server that does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}{}", hint(key, source))]
    Bind {
        /// The setting.
        key: &'static str,
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener has no address.
    #[error("cannot listen")]
    Listen(#[source] std::io::Error),
    /// The store or the engine cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another server uses the store, or the lock cannot be taken.
    #[error(transparent)]
    Lock(sqlite::LockError),
    /// Something of section `[bootstrap]` cannot be made.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

fn hint(key: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(": the port is taken; stop the other process or set {key}")
        }
        _ => String::new(),
    }
}
