//! `/metrics`: what it shows, and where it is and is not.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use logout_issuer::config::Config;
use logout_issuer::server::{self, Server};

use crate::program::{Program, Serving, until};
use crate::session::{begin, with_client};

/// The value of a line of the page.
fn value(page: &str, line: &str) -> Option<f64> {
    let of = |found: &str| found.strip_prefix(line)?.trim().parse().ok();
    page.lines().find_map(of)
}

fn page(server: &Serving) -> String {
    let answer = server.request("GET /metrics", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    answer
}

#[test]
fn what_was_told_and_what_waits_is_counted() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = with_client(&format!("http://{}/bcl", app.local_addr().unwrap()));
    let server = program.serve();
    let sid = begin(&program, "auth0|1", "a");
    program.ok(&["session", "end", &sid]);
    let (mut stream, _) = app.accept().unwrap();
    let _ = stream.read(&mut [0; 8192]).unwrap();
    let waiting = page(&server);
    let line = "logout_issuer_deliveries_unfinished{window=\"open\"}";
    assert_eq!(value(&waiting, line), Some(1.0), "{waiting}");
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .unwrap();
    // The session was joined just before its end: the app is told once more ten seconds later.
    let heard = "logout_issuer_attempts_total{outcome=\"heard\",error=\"\"}";
    let page = until("the attempt is counted", || {
        let page = page(&server);
        (value(&page, heard) == Some(1.0)).then_some(page)
    });
    for line in [
        "logout_issuer_attempt_duration_seconds_count{outcome=\"heard\"}",
        "logout_issuer_first_attempt_delay_seconds_count",
        "logout_issuer_heard_delay_seconds_count",
        "logout_issuer_signing_duration_seconds_count{alg=\"RS256\"}",
    ] {
        assert_eq!(value(&page, line), Some(1.0), "{line} in\n{page}");
    }
    for name in [
        "attempts_total counter",
        "attempt_duration_seconds histogram",
        "deliveries_unfinished gauge",
        "oldest_unfinished_age_seconds gauge",
        "windows_down gauge",
        "http_requests_total counter",
    ] {
        assert!(
            page.contains(&format!("# TYPE logout_issuer_{name}\n")),
            "{page}"
        );
        let (name, _) = name.split_once(' ').unwrap();
        assert!(
            page.contains(&format!("# HELP logout_issuer_{name} ")),
            "{page}"
        );
    }
    let requests =
        "logout_issuer_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}";
    assert!(
        value(&page, requests).is_some_and(|count| count >= 1.0),
        "{page}"
    );
    for secret in [sid.as_str(), "auth0|1", "/bcl", "client_id"] {
        assert!(!page.contains(secret), "{secret} in\n{page}");
    }
}

/// A server of this process, in production or in development, with these further settings.
async fn start(program: &Program, issuer: Option<&str>, own: Option<&str>) -> Server {
    let mut config = Config::load(Some(&program.path("issuer.toml"))).unwrap();
    config.issuer = issuer.map(|issuer| issuer.parse().unwrap());
    config.metrics.listen = own.map(|own| own.parse().unwrap());
    server::serve(config).await.unwrap()
}

async fn get(address: SocketAddr, path: &'static str) -> String {
    let exchange = move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

#[tokio::test]
async fn the_page_is_at_the_main_address_in_development_only_and_else_where_it_is_told() {
    let free = Some("127.0.0.1:0");
    for (issuer, own, at_main) in [
        (None, None, "200"),
        (Some("https://id.example/"), None, "404"),
        (Some("https://id.example/"), free, "404"),
        (None, free, "404"),
    ] {
        let program = Program::new();
        let server = start(&program, issuer, own).await;
        let answer = get(server.local_addr(), "/metrics").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {at_main}")),
            "{issuer:?} {own:?} {answer}"
        );
        assert_eq!(server.metrics_addr().is_some(), own.is_some());
        if let Some(address) = server.metrics_addr() {
            let answer = get(address, "/metrics").await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(
                answer.contains("logout_issuer_deliveries_unfinished"),
                "{answer}"
            );
            let other = get(address, "/readyz").await;
            assert!(other.starts_with("HTTP/1.1 404"), "{other}");
        }
        server.shutdown().await;
    }
}
