//! Where a request comes from.
//!
//! The address of the connection, or, where that is a trusted proxy, the last address in
//! `X-Forwarded-For` that is not one: everything left of it could have been written by the
//! caller.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use ipnet::IpNet;

use super::AppState;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller's address; none where the router runs without a connection, as in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        Ok(Self(peer.map(|peer| {
            address(peer, &parts.headers, &state.http.trusted_proxies)
        })))
    }
}

fn address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |address: IpAddr| proxies.iter().any(|net| net.contains(&address));
    let mut nearest = peer.to_canonical();
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !trusted(nearest) {
            break;
        }
        let Ok(hop) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        nearest = hop.to_canonical();
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        address(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(
            seen("198.51.100.7", &["10.0.0.1"], &["192.0.2.0/24"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn behind_proxies_the_last_untrusted_hop_counts() {
        let proxies = ["192.0.2.0/24"];
        assert_eq!(
            seen("192.0.2.1", &["6.6.6.6, 198.51.100.7"], &proxies),
            "198.51.100.7"
        );
        let two = ["6.6.6.6, 198.51.100.7, 192.0.2.9"];
        assert_eq!(seen("192.0.2.1", &two, &proxies), "198.51.100.7");
        let lines = ["6.6.6.6", "198.51.100.7"];
        assert_eq!(seen("192.0.2.1", &lines, &proxies), "198.51.100.7");
    }

    #[test]
    fn a_broken_header_leaves_the_proxy_as_the_caller() {
        assert_eq!(
            seen("192.0.2.1", &["unknown"], &["192.0.2.0/24"]),
            "192.0.2.1"
        );
        assert_eq!(seen("::ffff:192.0.2.1", &[], &[]), "192.0.2.1");
    }
}
