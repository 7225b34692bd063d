//! How the server talks HTTP: the settings of this room.
//!
//! `config/http.rs` fills them from the file; `server/` listens by them; handlers reach them
//! through the state. The size limit of a body is a rule of the API, not a setting.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

/// The largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The largest body of a request that carries the code of an Action, in bytes: its 100 000 bytes of
/// code written as JSON, with its secrets.
pub const MAX_ACTION_BODY_BYTES: usize = 256 * 1024;

/// The settings of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address that the server listens on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address of the Management API, if it has one of its own.
    pub admin_listen: Option<SocketAddr>,
    /// How long a client may take for the TLS handshake.
    pub handshake_timeout: Duration,
    /// How long a client may take to send the head of a request, and to stay idle.
    pub header_timeout: Duration,
    /// How long a client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How many connections are held at a time, for each address; more wait to be accepted.
    pub max_connections: usize,
    /// How long requests in progress may go on after the signal to stop.
    pub shutdown_grace: Duration,
    /// Proxies whose `X-Forwarded-For` names the caller.
    pub trusted_proxies: Vec<IpNet>,
    /// How often one caller may call the Management API; `None`: as often as it likes.
    pub rate_limit: Option<RateLimit>,
}

/// How often one caller may call the Management API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many calls are taken each second, in the long run.
    pub per_second: NonZeroU32,
    /// How many calls are taken at once after a pause.
    pub burst: NonZeroU32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_second: const { NonZeroU32::new(50).expect("50 is not zero") },
            burst: const { NonZeroU32::new(100).expect("100 is not zero") },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: None,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            max_connections: 4096,
            shutdown_grace: Duration::from_secs(10),
            trusted_proxies: Vec::new(),
            rate_limit: None,
        }
    }
}
