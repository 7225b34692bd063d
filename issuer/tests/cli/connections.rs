//! What holds for every request: limits, dialects, headers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Program, Serving, status_of};

/// The JSON body of an answer.
fn json(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn refusals_of_the_router_are_in_the_dialect_of_their_part() {
    let server = Program::new().serve_forever();
    let answer = server.request("GET /api/v2/nothing", "");
    assert_eq!(status_of(&answer), 404);
    assert_eq!(json(&answer)["statusCode"], 404);
    let answer = server.request("GET /nothing", "");
    assert_eq!(status_of(&answer), 404);
    assert_eq!(json(&answer)["error"], "not_found");
    let answer = server.request("DELETE /oauth/token", "");
    assert_eq!(status_of(&answer), 405);
    assert_eq!(json(&answer)["error"], "invalid_request");
    let page = server.request("GET /nothing HTTP/1.1\r\naccept: text/html\r\nx-y:", "");
    assert_eq!(status_of(&page), 404);
    assert!(
        page.contains("<h1>Not Found</h1>") && page.contains("issuer.css"),
        "{page}"
    );
}

#[test]
fn a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read() {
    let server = Program::new().serve_forever();
    let padding = |bytes: usize| format!("grant_type=x&pad={}", "x".repeat(bytes - 17));
    let answer = server.request("POST /oauth/token", &padding(65_537));
    assert_eq!(status_of(&answer), 413);
    assert_eq!(json(&answer)["error"], "invalid_request");
    assert_ne!(
        status_of(&server.request("POST /oauth/token", &padding(65_536))),
        413
    );
    let answer = server.request("PATCH /api/v2/sessions/s", &padding(65_537));
    assert_eq!(status_of(&answer), 413);
    assert_eq!(json(&answer)["statusCode"], 413);
    // Also where the length is not announced, and far beyond what is drained.
    let mut chunked = b"POST /oauth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_vec();
    chunked.extend_from_slice(b"10001\r\n");
    chunked.extend(std::iter::repeat_n(b'x', 65_537));
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(status_of(&server.exchange(&chunked)), 413);
}

#[test]
fn every_answer_has_the_security_headers_and_an_id_of_our_own() {
    let server = Program::new().serve_forever();
    for head in [
        "GET /healthz",
        "GET /nothing",
        "GET /api/v2/clients",
        "POST /oauth/token",
    ] {
        let head = format!("{head} HTTP/1.1\r\nx-request-id: theirs\r\nx-y:");
        let answer = server.request(&head, "");
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "x-request-id: ",
        ] {
            assert!(
                answer.contains(&format!("\r\n{header}")),
                "{head}: {header}: {answer}"
            );
        }
        assert!(!answer.contains("theirs"), "{answer}");
    }
}

#[test]
fn a_client_that_sends_slowly_is_cut_off() {
    let program = Program::new();
    program.configure("");
    let mut command = program.command(&["serve"]);
    command.env("LOGOUT_ISSUER__HTTP__HEADER_TIMEOUT", "300ms");
    command.env("LOGOUT_ISSUER__HTTP__BODY_TIMEOUT", "300ms");
    let server = Serving::start(command);
    let begun = Instant::now();
    let half_a_head = server.exchange(b"GET /healthz HTTP/1.1\r\nhost");
    assert!(
        half_a_head.is_empty() || status_of(&half_a_head) == 408,
        "{half_a_head}"
    );
    let half_a_body = server
        .exchange(b"POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\ngrant");
    assert_eq!(status_of(&half_a_body), 408, "{half_a_body}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_connection_that_idles_does_not_keep_the_server_from_stopping() {
    let server = Program::new().serve_forever();
    let mut idle = TcpStream::connect(server.address).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut first = [0; 16];
    idle.read_exact(&mut first).unwrap();
    server.signal("TERM");
    let (status, error) = server.wait();
    assert_eq!(status.code(), Some(0), "{error}");
    assert!(!error.contains("are cut"), "{error}");
}
