//! Row G18 of the case table: no way to an address that the guard forbids.
//!
//! Where a mistake would connect to this machine, a server counts connections; where it would
//! connect to somebody else, the class of the error differs.

use super::*;

/// As in production, but for `http`: the server that counts speaks no TLS.
fn strict() -> Settings {
    Settings {
        danger_allow_http: true,
        connect_timeout_ms: 200,
        ..Settings::default()
    }
}

fn literal(address: &str) -> String {
    match address.parse().unwrap() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

async fn refused_as_literal(egress: &Egress, host: &str, port: u16) {
    let url = format!("http://{host}:{port}/bcl");
    let registered = LogoutUrl::from_stored(url.clone());
    assert!(egress.check_literal(&registered).is_err(), "{host}");
    let answer = post(egress, &url, LONG).await;
    assert_eq!(answer, Err(AttemptError::AddressRefused), "{host}");
}

#[tokio::test]
async fn g18_each_kind_of_forbidden_address_is_refused_as_name_and_as_literal() {
    let (server, connections) = server(OK.to_vec()).await;
    for (kind, address) in [
        ("this host", "0.0.0.0"),
        ("loopback", "127.0.0.1"),
        ("loopback", "127.255.255.254"),
        ("private", "10.0.0.1"),
        ("private", "172.16.0.1"),
        ("private", "172.31.255.255"),
        ("private", "192.168.1.1"),
        ("link-local", "169.254.1.1"),
        ("metadata", "169.254.169.254"),
        ("metadata", "169.254.170.2"),
        ("metadata", "100.100.100.200"),
        ("metadata", "168.63.129.16"),
        ("carrier-grade NAT", "100.64.0.1"),
        ("benchmarking", "198.18.0.1"),
        ("6to4 relay", "192.88.99.1"),
        ("multicast", "224.0.0.1"),
        ("reserved", "240.0.0.1"),
        ("broadcast", "255.255.255.255"),
        ("this host", "::"),
        ("loopback", "::1"),
        ("link-local", "fe80::1"),
        ("unique local", "fc00::1"),
        ("unique local", "fd12:3456::1"),
        ("metadata", "fd00:ec2::254"),
        ("v4-mapped", "::ffff:127.0.0.1"),
        ("v4-mapped", "::ffff:10.0.0.1"),
        ("v4-mapped", "::ffff:169.254.169.254"),
        ("v4-compatible", "::127.0.0.1"),
        ("v4-translated", "::ffff:0:127.0.0.1"),
        ("6to4", "2002:7f00:1::1"),
        ("6to4", "2002:a00:1::1"),
        ("NAT64", "64:ff9b::127.0.0.1"),
        ("NAT64", "64:ff9b::10.0.0.1"),
        ("NAT64", "64:ff9b:1::10.0.0.1"),
        ("Teredo", "2001:0:7f00:1::1"),
        ("documentation", "2001:db8::1"),
        ("multicast", "ff02::1"),
    ] {
        let lookup = Changing::new(&[address]);
        let egress = Egress::with_lookup(&strict(), lookup.clone()).unwrap();
        let url = format!("http://app.example:{}/", server.port());
        let named = post(&egress, &url, LONG).await;
        assert_eq!(
            named,
            Err(AttemptError::AddressRefused),
            "{kind}: {address}"
        );
        refused_as_literal(&egress, &literal(address), server.port()).await;
        assert_eq!(
            lookup.asked(),
            ["app.example"],
            "nobody looks up an address"
        );
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn g18_an_address_in_disguise_is_still_an_address() {
    let (server, connections) = server(OK.to_vec()).await;
    let lookup = Changing::new(&["8.8.8.8"]);
    let egress = Egress::with_lookup(&strict(), lookup.clone()).unwrap();
    for written in [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f.1",
        "127.1",
        "127.0.0.1.",
        "0",
        "0x0",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "012.0.0.1",
        "%31%32%37.0.0.1",
        "\u{ff11}\u{ff12}\u{ff17}\u{3002}0.0.1",
        "8.8.8.8@127.0.0.1",
        "8.8.8.8:80@127.0.0.1",
        "app.example%2f@127.0.0.1",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
    ] {
        refused_as_literal(&egress, written, server.port()).await;
    }
    assert_eq!(lookup.asked(), [""; 0]);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn g18_one_forbidden_address_among_good_ones_refuses_all() {
    let (server, connections) = server(OK.to_vec()).await;
    let url = format!("http://app.example:{}/", server.port());
    for answer in [
        "8.8.8.8 127.0.0.1",
        "127.0.0.1 8.8.8.8",
        "8.8.8.8 1.1.1.1 10.0.0.1 9.9.9.9",
        "2606:4700::1111 8.8.8.8 ::1",
        "8.8.8.8 ::ffff:127.0.0.1",
    ] {
        let egress = Egress::with_lookup(&strict(), Changing::new(&[answer])).unwrap();
        let refused = post(&egress, &url, LONG).await;
        assert_eq!(refused, Err(AttemptError::AddressRefused), "{answer}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn g18_the_address_that_was_judged_is_the_address_connected_to() {
    let (first, at_first) = server(OK.to_vec()).await;
    let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), first.port()));
    let (_, at_other) = server_on(other, OK.to_vec()).await;
    let lookup = Changing::new(&["127.0.0.1", "127.0.0.2", "169.254.169.254", "127.0.0.1"]);
    let egress = Egress::with_lookup(&development(), lookup.clone()).unwrap();
    let url = format!("http://app.example:{}/", first.port());
    let connections = || {
        let counts = [&at_first, &at_other].map(|count| count.load(Ordering::SeqCst));
        (counts, lookup.asked().len())
    };
    // One look-up for each connection: there is none in between that could answer otherwise.
    assert_eq!(post(&egress, &url, LONG).await.unwrap().status, 200);
    assert_eq!(connections(), ([1, 0], 1));
    // The servers hang up after each answer, so each request needs a connection of its own; one
    // that still finds the old connection is repeated by the client on a new one.
    assert_eq!(post(&egress, &url, LONG).await.unwrap().status, 200);
    assert_eq!(connections(), ([1, 1], 2));
    let refused = post(&egress, &url, LONG).await;
    assert_eq!(refused, Err(AttemptError::AddressRefused));
    assert_eq!(connections(), ([1, 1], 3));
    assert_eq!(post(&egress, &url, LONG).await.unwrap().status, 200);
    assert_eq!(connections(), ([2, 1], 4));
}

#[tokio::test]
async fn g14_g18_a_redirect_is_an_answer_and_leads_nowhere() {
    let (elsewhere, connections) = server(OK.to_vec()).await;
    let here = format!("http://{elsewhere}/");
    let named = format!("http://inside.example:{}/", elsewhere.port());
    for status in [300, 301, 302, 303, 307, 308] {
        for location in [&*here, &*named, "http://169.254.169.254/latest", "/other"] {
            let answer = format!(
                "HTTP/1.1 {status} There\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
            );
            let (app, at_app) = server(answer.into_bytes()).await;
            let lookup = Changing::new(&["127.0.0.1"]);
            let egress = Egress::with_lookup(&development(), lookup.clone()).unwrap();
            let url = format!("http://app.example:{}/", app.port());
            let answer = post(&egress, &url, LONG).await.unwrap();
            assert_eq!(answer.status, status, "{location}");
            assert_eq!(lookup.asked(), ["app.example"], "{status} {location}");
            assert_eq!(at_app.load(Ordering::SeqCst), 1, "{status} {location}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn g18_no_allow_list_and_no_switch_opens_this_host_or_metadata() {
    let (server, connections) = server(OK.to_vec()).await;
    let intranet = Settings {
        allow: vec!["10.20.0.0/16".parse().unwrap()],
        ..strict()
    };
    let egress = Egress::new(&intranet).unwrap();
    for (host, open) in [("10.20.3.4", true), ("10.21.0.1", false)] {
        let url = LogoutUrl::from_stored(format!("https://{host}/"));
        assert_eq!(egress.check_literal(&url).is_ok(), open, "{host}");
    }
    let everything = Settings {
        allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        ..strict()
    };
    let metadata = [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
    ];
    let this_host = ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"];
    for (settings, addresses) in [
        (everything, [metadata, this_host].concat()),
        (development(), metadata.to_vec()),
    ] {
        for address in addresses {
            let lookup = Changing::new(&[address]);
            let egress = Egress::with_lookup(&settings, lookup).unwrap();
            let url = format!("http://app.example:{}/", server.port());
            let named = post(&egress, &url, LONG).await;
            assert_eq!(named, Err(AttemptError::AddressRefused), "{address}");
            refused_as_literal(&egress, &literal(address), server.port()).await;
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn g18_behind_a_proxy_names_are_the_proxys_and_addresses_are_judged_here() {
    let (proxy, connections) = server(OK.to_vec()).await;
    let lookup = Changing::new(&["127.0.0.1"]);
    let proxy_url = format!("http://proxy.internal:{}/", proxy.port());
    let settings = Settings {
        proxy: Some(proxy_url.parse().unwrap()),
        ..strict()
    };
    let egress = Egress::with_lookup(&settings, lookup.clone()).unwrap();
    let answer = post(&egress, "http://app.example/bcl", LONG).await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(lookup.asked(), ["proxy.internal"]);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    for literal in [
        "10.0.0.1",
        "169.254.169.254",
        "127.0.0.1",
        "2130706433",
        "[::1]",
    ] {
        refused_as_literal(&egress, literal, proxy.port()).await;
    }
    let reached = connections.load(Ordering::SeqCst);
    assert_eq!(reached, 1, "none got as far as the proxy");
}
