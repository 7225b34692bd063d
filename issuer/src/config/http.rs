//! Section `[http]`: where and how the server listens.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, RateLimit, Tls};
use crate::http::{RateLimit as Limit, Settings};

/// Where and how the server listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// An address of its own for the Management API, which then leaves `listen`.
    pub admin_listen: Option<SocketAddr>,
    /// The certificate, where the server speaks TLS itself.
    pub tls: Option<Tls>,
    /// How long a client may take for the TLS handshake.
    #[serde(with = "humantime_serde")]
    pub handshake_timeout: Duration,
    /// How long a client may take to send the head of a request, and to stay idle.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long a client may take to send the body of a request.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How many connections are held at a time, for each address; more wait to be accepted.
    pub max_connections: usize,
    /// How long requests in progress may go on after the signal to stop.
    #[serde(with = "humantime_serde")]
    pub shutdown_grace: Duration,
    /// Proxies whose `X-Forwarded-For` names the caller.
    pub trusted_proxies: Vec<IpNet>,
    /// How often one caller may call the Management API.
    pub rate_limit: RateLimit,
}

impl Default for Http {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            listen: settings.listen,
            admin_listen: settings.admin_listen,
            tls: None,
            handshake_timeout: settings.handshake_timeout,
            header_timeout: settings.header_timeout,
            body_timeout: settings.body_timeout,
            max_connections: settings.max_connections,
            shutdown_grace: settings.shutdown_grace,
            trusted_proxies: settings.trusted_proxies,
            rate_limit: RateLimit::default(),
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
        if self.handshake_timeout.is_zero() {
            return Err(ConfigError::setting(
                "http.handshake_timeout",
                "it must be longer than 0s",
            ));
        }
        if is_same(self.admin_listen, self.listen) {
            return Err(ConfigError::setting(
                "http.admin_listen",
                "it must be another address than http.listen; leave it out to have the Management \
                 API there",
            ));
        }
        self.rate_limit.check()
    }
}

/// Whether an address of its own is one that is in use already; port 0 is always another.
pub(super) fn is_same(own: Option<SocketAddr>, other: SocketAddr) -> bool {
    own.is_some_and(|own| own == other && own.port() != 0)
}

impl Config {
    /// The settings of the HTTP server.
    pub fn http_settings(&self) -> Settings {
        let section = &self.http;
        Settings {
            listen: section.listen,
            admin_listen: section.admin_listen,
            handshake_timeout: section.handshake_timeout,
            header_timeout: section.header_timeout,
            body_timeout: section.body_timeout,
            max_connections: section.max_connections,
            shutdown_grace: section.shutdown_grace,
            trusted_proxies: section.trusted_proxies.clone(),
            rate_limit: self.limits_rate().then_some(Limit {
                per_second: section.rate_limit.per_second,
                burst: section.rate_limit.burst,
            }),
        }
    }
}
