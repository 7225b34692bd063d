//! The server's configuration: one TOML file and the environment, a file here for each section.
//!
//! [`Config::load`] reads and checks it; unknown keys are refused. Lower rooms have settings of
//! their own and know nothing of this one: the sections here turn into them. What development
//! means, and the defaults that hang on it, is decided in `development.rs`. The manual for
//! operators is `config.example.toml`, which a test holds against the defaults.

mod actions;
mod bootstrap;
mod delivery;
mod development;
mod egress;
mod error;
mod http;
mod keys;
mod load;
mod log;
mod metrics;
mod print;
mod rate_limit;
mod retention;
mod secret_source;
mod session;
mod storage;
mod tls;
mod tokens;

#[cfg(test)]
mod example_tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use logout_shared::Issuer;
use serde::{Deserialize, Serialize};

pub use self::actions::Actions;
pub use self::metrics::Metrics;
pub use bootstrap::{Bootstrap, BootstrapClient, BootstrapUser};
pub use delivery::Delivery;
pub use egress::Egress;
pub use error::ConfigError;
pub use http::Http;
pub use keys::Keys;
pub use log::{Log, LogFormat};
pub use rate_limit::RateLimit;
pub use retention::Retention;
pub use secret_source::SecretSource;
pub use session::Session;
pub use storage::Storage;
pub use tls::Tls;
pub use tokens::Tokens;

#[cfg(test)]
use load::load_text;

/// The configuration of a server.
///
/// # Examples
///
/// ```
/// use logout_issuer::config::Config;
///
/// let config = Config::default();
/// assert!(config.is_development());
/// assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The public issuer identifier, used exactly as written; by default `http://<http.listen>/`,
    /// with https where `http.tls` is set.
    pub issuer: Option<Issuer>,
    /// Where and how the server listens.
    pub http: Http,
    /// Where the issuer keeps what it must not forget.
    pub storage: Storage,
    /// Keys that sign, and the key that seals them.
    pub keys: Keys,
    /// How clients are told.
    pub delivery: Delivery,
    /// How long history is kept.
    pub retention: Retention,
    /// Which addresses may be called.
    pub egress: Egress,
    /// How long sessions live.
    pub session: Session,
    /// How refresh tokens live.
    pub tokens: Tokens,
    /// What Actions may use, and who runs them.
    pub actions: Actions,
    /// Where numbers for operators are read.
    pub metrics: Metrics,
    /// What the server says about itself.
    pub log: Log,
    /// What is made at the first start.
    pub bootstrap: Bootstrap,
    /// The folder that relative paths start from; the working directory if empty.
    #[serde(skip)]
    pub base: PathBuf,
}

impl Config {
    /// The issuer identifier of a server that listens on this address.
    ///
    /// # Panics
    ///
    /// Never: an address makes an absolute URL.
    pub fn issuer_at(&self, listen: SocketAddr) -> Issuer {
        self.issuer.clone().unwrap_or_else(|| {
            let scheme = if self.http.tls.is_some() {
                "https"
            } else {
                "http"
            };
            let written = format!("{scheme}://{listen}/");
            written.parse().expect("an address makes an absolute URL")
        })
    }

    /// The issuer identifier, for commands that do not listen.
    pub fn issuer(&self) -> Issuer {
        self.issuer_at(self.http.listen)
    }

    /// A path of the configuration as it is to be opened.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}
