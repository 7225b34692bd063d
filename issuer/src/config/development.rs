//! Development: an issuer that only this machine can reach.
//!
//! It is development when the hosts of `issuer`, of `http.listen` and, if there is one, of
//! `http.admin_listen` are all loopback. Then the
//! master key is made at the first start, and, where the issuer is plain http as well, the two
//! `danger_` switches of the egress guard are on unless they are written down. Nothing else
//! turns development on, so a server that the world can reach never has these defaults.

use std::net::IpAddr;

use url::{Host, Url};

use super::Config;

impl Config {
    /// Whether only this machine can reach the issuer.
    pub fn is_development(&self) -> bool {
        let admin = self.http.admin_listen;
        self.http.listen.ip().is_loopback()
            && admin.is_none_or(|admin| admin.ip().is_loopback())
            && is_loopback(self.issuer().url())
    }

    /// Whether `http` URLs of clients are allowed.
    pub fn allows_http(&self) -> bool {
        self.egress
            .danger_allow_http
            .unwrap_or_else(|| self.is_plain_development())
    }

    /// Whether private and loopback addresses of clients are allowed.
    pub fn allows_private_addresses(&self) -> bool {
        self.egress
            .danger_allow_private_addresses
            .unwrap_or_else(|| self.is_plain_development())
    }

    fn is_plain_development(&self) -> bool {
        self.is_development() && self.issuer().url().scheme() == "http"
    }
}

/// Whether the URL's host is this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // RFC 6761 §6.3: names under `localhost` resolve to loopback.
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(issuer: &str, listen: &str) -> Config {
        let mut config = Config {
            issuer: Some(issuer.parse().unwrap()),
            ..Config::default()
        };
        config.http.listen = listen.parse().unwrap();
        config
    }

    #[test]
    fn only_loopback_on_both_sides_is_development() {
        for (issuer, listen, development) in [
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", true),
            ("http://localhost:8080/", "[::1]:8080", true),
            ("http://id.localhost/", "127.8.8.8:80", true),
            ("http://[::1]:8080/", "127.0.0.1:8080", true),
            ("https://localhost/", "127.0.0.1:8080", true),
            ("http://127.0.0.1:8080/", "0.0.0.0:8080", false),
            ("https://id.example/", "127.0.0.1:8080", false),
            ("http://localhost.example/", "127.0.0.1:8080", false),
            ("http://10.0.0.1/", "10.0.0.1:80", false),
        ] {
            assert_eq!(
                config(issuer, listen).is_development(),
                development,
                "{issuer} {listen}"
            );
        }
    }

    #[test]
    fn an_api_that_others_reach_is_no_development() {
        let mut config = config("http://127.0.0.1:8080/", "127.0.0.1:8080");
        for (admin, development) in [("127.0.0.1:8081", true), ("0.0.0.0:8081", false)] {
            config.http.admin_listen = Some(admin.parse().unwrap());
            assert_eq!(config.is_development(), development, "{admin}");
        }
    }

    #[test]
    fn the_danger_switches_are_on_in_plain_http_development_only() {
        for (issuer, on) in [
            ("http://127.0.0.1:8080/", true),
            ("https://127.0.0.1:8080/", false),
            ("https://id.example/", false),
        ] {
            let config = config(issuer, "127.0.0.1:8080");
            assert_eq!(config.allows_http(), on, "{issuer}");
            assert_eq!(config.allows_private_addresses(), on, "{issuer}");
        }
    }

    #[test]
    fn a_switch_that_is_written_down_counts() {
        let mut config = config("http://127.0.0.1:8080/", "127.0.0.1:8080");
        config.egress.danger_allow_http = Some(false);
        assert!(!config.allows_http() && config.allows_private_addresses());
        config.issuer = Some("https://id.example/".parse().unwrap());
        config.egress.danger_allow_http = Some(true);
        assert!(config.allows_http() && !config.allows_private_addresses());
    }
}
