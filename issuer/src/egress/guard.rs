//! Which addresses the issuer may call.
//!
//! Clients register URLs and names; without this table they could make the issuer knock at its
//! own loopback, at an intranet, or at a cloud's metadata service. Addresses are judged, never
//! names: a name is whatever its owner says at the moment of the look-up. `resolver.rs` judges
//! what names resolve to, `client.rs` judges hosts that are addresses already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// An address that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address {address} is not one that may be called")]
pub struct AddressRefused {
    /// The address as it was judged.
    pub address: IpAddr,
}

/// Judges addresses.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Vec<IpNet>,
    danger_allow_private_addresses: bool,
}

impl Guard {
    /// A guard that opens `allow`, and with the danger switch everything but metadata services.
    pub fn new(allow: Vec<IpNet>, danger_allow_private_addresses: bool) -> Self {
        Self {
            allow,
            danger_allow_private_addresses,
        }
    }

    /// Judges one address.
    ///
    /// # Errors
    ///
    /// [`AddressRefused`] if it may not be called.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let address = unmapped(address);
        let refused = || Err(AddressRefused { address });
        let inner = embedded_v4(address);
        if is_metadata_service(address) || inner.is_some_and(is_metadata_service) {
            return refused();
        }
        if self.danger_allow_private_addresses {
            return Ok(());
        }
        if is_this_host(address) || inner.is_some_and(is_this_host) {
            return refused();
        }
        if is_public(address) || self.allow.iter().any(|net| net.contains(&address)) {
            return Ok(());
        }
        refused()
    }

    /// Judges a whole answer of a look-up: one forbidden address refuses all of it.
    ///
    /// # Errors
    ///
    /// [`AddressRefused`] names the first forbidden address.
    pub fn check_all(&self, addresses: &[IpAddr]) -> Result<(), AddressRefused> {
        addresses
            .iter()
            .try_for_each(|address| self.check(*address))
    }

    /// Judges a URL's host if it is an address; a name passes and is judged once it is resolved.
    ///
    /// The URL parser has already turned forms such as `2130706433`, `0x7f.1` and `127.1` into
    /// addresses.
    ///
    /// # Errors
    ///
    /// [`AddressRefused`] if the host is a forbidden address.
    pub fn check_literal(&self, url: &Url) -> Result<(), AddressRefused> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

/// An IPv4 address that is written as IPv6 is judged as what it is.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The IPv4 address inside an address that leads to IPv4: NAT64 (`64:ff9b::/96` and an operator's
/// own in `64:ff9b:1::/48`), 6to4 (`2002::/16`), IPv4-compatible (`::/96`) and IPv4-translated
/// (`::ffff:0:0:0/96`).
fn embedded_v4(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    let segments = v6.segments();
    let from = |high: u16, low: u16| {
        let bits = (u32::from(high) << 16) | u32::from(low);
        Some(IpAddr::V4(Ipv4Addr::from_bits(bits)))
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..]
        | [0, 0, 0, 0, 0 | 0xffff, 0, high, low] => from(high, low),
        _ => None,
    }
}

/// Services that give a machine's credentials to whoever asks from it: open in no setting.
fn is_metadata_service(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => METADATA_V4.contains(&v4.octets()),
        IpAddr::V6(v6) => METADATA_V6.contains(&v6.segments()),
    }
}

/// Addresses of this very machine or link: no allow-list opens them.
fn is_this_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => matches!(v4.octets(), [0 | 127, ..] | [169, 254, ..]),
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::UNSPECIFIED || v6 == Ipv6Addr::LOCALHOST || v6.is_unicast_link_local()
        }
    }
}

/// Whether anyone on the internet may be reached there (IANA special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !matches!(
            v4.octets(),
            [0 | 10 | 127 | 224..=255, ..]
                | [100, 64..=127, ..]
                | [169, 254, ..]
                | [172, 16..=31, ..]
                | [192, 0, 0 | 2, _]
                | [192, 88, 99, _]
                | [192, 168, ..]
                | [198, 18..=19, ..]
                | [198, 51, 100, _]
                | [203, 0, 113, _]
        ),
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            let global_unicast = first & 0xe000 == 0x2000;
            let protocol_assignments = first == 0x2001 && second < 0x0200;
            let documentation = matches!((first, second), (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff));
            let six_to_four = first == 0x2002;
            global_unicast && !protocol_assignments && !documentation && !six_to_four
        }
    }
}

const METADATA_V4: [[u8; 4]; 6] = [
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [169, 254, 170, 23],
    [100, 100, 100, 200],
    [168, 63, 129, 16],
    [192, 0, 0, 192],
];

const METADATA_V6: [[u16; 8]; 3] = [
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
    [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn strict() -> Guard {
        Guard::new(Vec::new(), false)
    }

    #[test]
    fn g18_special_addresses_are_refused() {
        for forbidden in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.1.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(strict().check(ip(forbidden)).is_err(), "{forbidden}");
        }
    }

    #[test]
    fn g18_public_addresses_pass() {
        for open in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00::1",
            "3ffe::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(strict().check(ip(open)).is_ok(), "{open}");
        }
    }

    #[test]
    fn g18_hosts_written_as_numbers_are_judged_as_addresses() {
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "１２７.0.0.1",
            "169.254.169.254",
        ] {
            let url = Url::parse(&format!("https://{host}/bcl")).unwrap();
            assert!(strict().check_literal(&url).is_err(), "{host}");
        }
        let named = Url::parse("https://localhost/bcl").unwrap();
        assert!(
            strict().check_literal(&named).is_ok(),
            "names are judged once resolved"
        );
    }

    #[test]
    fn g18_an_allow_list_opens_an_intranet_but_never_this_host_or_metadata() {
        let nets = ["10.20.0.0/16", "fd00::/8", "0.0.0.0/0", "::/0"];
        let intranet = Guard::new(
            vec![nets[0].parse().unwrap(), nets[1].parse().unwrap()],
            false,
        );
        assert!(intranet.check(ip("10.20.3.4")).is_ok());
        assert!(intranet.check(ip("::ffff:10.20.3.4")).is_ok());
        assert!(intranet.check(ip("10.21.0.1")).is_err());
        assert!(intranet.check(ip("fd00::7")).is_ok());
        assert!(intranet.check(ip("fd00:ec2::254")).is_err());
        let all = Guard::new(nets.iter().map(|net| net.parse().unwrap()).collect(), false);
        for closed in [
            "127.0.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "169.254.169.254",
            "169.254.1.1",
            "fe80::1",
            "100.100.100.200",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::1",
            "::127.0.0.1",
            "::169.254.169.254",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(all.check(ip(closed)).is_err(), "{closed}");
        }
    }

    #[test]
    fn g18_the_danger_switch_opens_loopback_but_never_metadata() {
        let open = Guard::new(Vec::new(), true);
        assert!(open.check(ip("127.0.0.1")).is_ok() && open.check(ip("10.0.0.1")).is_ok());
        assert!(open.check(ip("169.254.169.254")).is_err());
    }

    #[test]
    fn g18_one_forbidden_address_refuses_the_whole_answer() {
        let answer = [ip("8.8.8.8"), ip("10.0.0.1")];
        assert_eq!(
            strict().check_all(&answer).unwrap_err().address,
            ip("10.0.0.1")
        );
    }
}
