//! The browser that sent a request: its handle, its address, what it says it is.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use logout_shared::Secret;

use crate::domain::session::Device;
use crate::http::{AppState, ClientAddress, cookies};

/// How much of a `User-Agent` is kept, in characters.
const MAX_USER_AGENT_CHARS: usize = 512;

/// The browser of a request.
#[derive(Debug)]
pub(super) struct Browser {
    /// Its handle on a session.
    pub(super) handle: Option<Secret<String>>,
    /// What a session remembers of it.
    pub(super) device: Device,
    /// Its address.
    pub(super) ip: Option<IpAddr>,
}

impl FromRequestParts<AppState> for Browser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let ClientAddress(ip) = ClientAddress::from_request_parts(parts, state).await?;
        let agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let agent = agent.map(|agent| agent.chars().take(MAX_USER_AGENT_CHARS).collect());
        Ok(Self {
            handle: cookies::handle(&parts.headers, state.issuer.id()),
            device: Device::first_seen(agent, ip.map(|ip| ip.to_string())),
            ip,
        })
    }
}
