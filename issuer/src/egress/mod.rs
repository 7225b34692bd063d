//! The only way out: every request that the issuer makes to somebody else's address.
//!
//! It relies on nothing but its settings and promises that no request reaches an address the
//! guard forbids, follows a redirect, takes a proxy from the environment, or keeps more of an
//! answer than its limit. `guard.rs` judges addresses, `resolver.rs` pins names to judged
//! addresses, `client.rs` sends, `answer.rs` reads what comes back. What is sent and when is
//! decided in `delivery/`.

mod answer;
mod client;
mod guard;
mod resolver;

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

pub use answer::{Answer, MAX_ANSWER_BYTES, RetryAfter};
pub use client::{Egress, EgressError, SetUpError};
pub use guard::{AddressRefused, Guard};
pub use resolver::{Lookup, SystemLookup};

/// How the issuer may reach others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks that may be called although they are private; never this host itself and never a
    /// cloud's metadata service.
    pub allow: Vec<IpNet>,
    /// Whether `http` URLs may be called and registered.
    pub danger_allow_http: bool,
    /// Whether every address may be called, this host included; metadata services stay closed.
    pub danger_allow_private_addresses: bool,
    /// A PEM file with further certificate authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy for everything; it then resolves names, so only literal addresses are judged.
    pub proxy: Option<Url>,
    /// How long a connection may take, look-up included, in milliseconds.
    pub connect_timeout_ms: u32,
    /// How long a look-up may take, in milliseconds.
    pub lookup_timeout_ms: u32,
    /// How many look-ups may run at a time.
    pub max_lookups: u32,
}

impl Settings {
    /// The time limit for a connection.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.connect_timeout_ms))
    }

    /// The time limit for a look-up.
    pub fn lookup_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.lookup_timeout_ms))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            danger_allow_http: false,
            danger_allow_private_addresses: false,
            ca_file: None,
            proxy: None,
            connect_timeout_ms: 2_000,
            lookup_timeout_ms: 2_000,
            max_lookups: 32,
        }
    }
}
