//! How the server talks HTTP: the settings of this room.
//!
//! `config/http.rs` fills them from the file; `server/` listens by them; handlers reach them
//! through the state. The size limit of a body is a rule of the API, not a setting.

use std::net::{Ipv4Addr, SocketAddr};
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
    /// How long a client may take to send the head of a request, and to stay idle.
    pub header_timeout: Duration,
    /// How long a client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How many connections are held at a time; more wait to be accepted.
    pub max_connections: usize,
    /// How long requests in progress may go on after the signal to stop.
    pub shutdown_grace: Duration,
    /// Proxies whose `X-Forwarded-For` names the caller.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            max_connections: 4096,
            shutdown_grace: Duration::from_secs(10),
            trusted_proxies: Vec::new(),
        }
    }
}
