//! Section `[egress]`: which addresses may be called, and how.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Config;
use crate::egress::Settings;

/// Which addresses may be called, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Private networks that may be called; never loopback or a cloud's metadata service.
    pub allow: Vec<IpNet>,
    /// Whether `http` URLs may be registered and called; by default in plain development only.
    pub danger_allow_http: Option<bool>,
    /// Whether every address may be called; by default in plain development only.
    pub danger_allow_private_addresses: Option<bool>,
    /// A PEM file with further certificate authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy for everything.
    pub proxy: Option<Url>,
    /// How long a connection may take, look-up included.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a look-up may take.
    #[serde(with = "humantime_serde")]
    pub lookup_timeout: Duration,
    /// How many look-ups may run at a time.
    pub max_lookups: u32,
}

impl Default for Egress {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            allow: Vec::new(),
            danger_allow_http: None,
            danger_allow_private_addresses: None,
            ca_file: None,
            proxy: None,
            connect_timeout: settings.connect_timeout(),
            lookup_timeout: settings.lookup_timeout(),
            max_lookups: settings.max_lookups,
        }
    }
}

impl Config {
    /// The settings of the egress guard, development's defaults applied.
    pub fn egress_settings(&self) -> Settings {
        let section = &self.egress;
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Settings {
            allow: section.allow.clone(),
            danger_allow_http: self.allows_http(),
            danger_allow_private_addresses: self.allows_private_addresses(),
            ca_file: section.ca_file.as_deref().map(|file| self.resolve(file)),
            proxy: section.proxy.clone(),
            connect_timeout_ms: millis(section.connect_timeout),
            lookup_timeout_ms: millis(section.lookup_timeout),
            max_lookups: section.max_lookups,
        }
    }
}
