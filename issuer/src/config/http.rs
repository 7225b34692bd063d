//! Section `[http]`: where and how the server listens.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::http::Settings;

/// Where and how the server listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long a client may take to send the head of a request, and to stay idle.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long a client may take to send the body of a request.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How many connections are held at a time; more wait to be accepted.
    pub max_connections: usize,
    /// How long requests in progress may go on after the signal to stop.
    #[serde(with = "humantime_serde")]
    pub shutdown_grace: Duration,
    /// Proxies whose `X-Forwarded-For` names the caller.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Http {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            listen: settings.listen,
            header_timeout: settings.header_timeout,
            body_timeout: settings.body_timeout,
            max_connections: settings.max_connections,
            shutdown_grace: settings.shutdown_grace,
            trusted_proxies: settings.trusted_proxies,
        }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_connections == 0 {
            return Err(ConfigError::setting(
                "http.max_connections",
                "it must be at least 1",
            ));
        }
        Ok(())
    }
}

impl From<&Http> for Settings {
    fn from(section: &Http) -> Self {
        Self {
            listen: section.listen,
            header_timeout: section.header_timeout,
            body_timeout: section.body_timeout,
            max_connections: section.max_connections,
            shutdown_grace: section.shutdown_grace,
            trusted_proxies: section.trusted_proxies.clone(),
        }
    }
}
