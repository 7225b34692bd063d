//! TLS on real sockets: who is trusted, what happens when certificates change or end.
//!
//! The other side of most handshakes is OpenSSL, which shares no code with the server's library.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logout_issuer::config::{Config, Tls};
use logout_issuer::server::Server;
use logout_shared::{Clock as _, ManualClock, SystemClock};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::{X509, X509Name};

use crate::program::{Program, Serving, status_of, until};

const SELF_SIGNED: (&str, &str) = ("LOGOUT_ISSUER__HTTP__TLS", "self-signed");

fn start(program: &Program, settings: &[(&str, &str)]) -> Serving {
    let mut command = program.command(&["serve"]);
    command.envs(settings.iter().copied());
    Serving::start(command)
}

/// A handshake with a server that must have this name and be vouched for by this authority.
fn connect(at: SocketAddr, name: &str, authority: &Path) -> Result<SslStream<TcpStream>, String> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    // Not what the machine trusts.
    connector.set_cert_store(
        openssl::x509::store::X509StoreBuilder::new()
            .unwrap()
            .build(),
    );
    connector.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    connector
        .set_ca_file(authority)
        .map_err(|error| error.to_string())?;
    let stream = TcpStream::connect(at).unwrap();
    let connected = connector.build().connect(name, stream);
    connected.map_err(|error| error.to_string())
}

/// A handshake with whomever.
fn connect_to_anybody(at: SocketAddr) -> io::Result<SslStream<TcpStream>> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let stream = TcpStream::connect(at)?;
    // A server that never answers fails the test instead of holding it.
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    connector
        .build()
        .connect("localhost", stream)
        .map_err(|error| io::Error::other(error.to_string()))
}

/// The certificate that a new connection gets.
fn certificate(at: SocketAddr) -> X509 {
    let stream = connect_to_anybody(at).unwrap();
    stream.ssl().peer_certificate().unwrap()
}

fn serial(certificate: &X509) -> String {
    let serial = certificate.serial_number().to_bn().unwrap();
    serial.to_hex_str().unwrap().to_string()
}

/// The status of a request on a connection that stays open.
fn status(stream: &mut SslStream<TcpStream>) -> u16 {
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.ends_with(b"}\n") {
        let read = stream.read(&mut chunk).unwrap();
        assert_ne!(read, 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
    status_of(&String::from_utf8_lossy(&answer))
}

/// A certificate that vouches for itself, with this serial number, into two files.
fn write_certificate(program: &Program, serial: u32, days: i64) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "localhost")
        .unwrap();
    let name = name.build();
    let now = SystemClock.now().as_secs();
    let at = |days: i64| Asn1Time::from_unix(now + days * 24 * 60 * 60).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&at(-60)).unwrap();
    builder.set_not_after(&at(days)).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    fs::write(program.path("tls.pem"), builder.build().to_pem().unwrap()).unwrap();
    fs::write(
        program.path("tls.key"),
        key.private_key_to_pem_pkcs8().unwrap(),
    )
    .unwrap();
}

const FILES: (&str, &str) = (
    "LOGOUT_ISSUER__HTTP__TLS",
    "{ cert = \"tls.pem\", key = \"tls.key\" }",
);

#[test]
fn a_development_server_is_trusted_by_those_who_trust_its_authority() {
    let program = Program::new();
    let mut server = start(&program, &[SELF_SIGNED]);
    assert_eq!(server.issuer, format!("https://{}/", server.address));
    let authority = program.path("development-ca.pem");
    let mut told = server.next_line();
    while !told.contains("NODE_EXTRA_CA_CERTS=") {
        assert!(!told.contains("SSL_CERT_FILE"), "{told}");
        told = server.next_line();
    }
    assert!(told.contains(authority.to_str().unwrap()), "{told}");
    assert!(server.next_line().contains("SSL_CERT_FILE="));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut stream = connect(server.address, name, &authority).unwrap();
        assert_eq!(status(&mut stream), 200, "{name}");
        assert_eq!(
            stream.ssl().selected_alpn_protocol(),
            Some(&b"http/1.1"[..])
        );
    }
    let error = connect(server.address, "id.example", &authority).unwrap_err();
    assert!(error.contains("mismatch"), "{error}");
    let other = Program::new();
    let _running = start(&other, &[SELF_SIGNED]);
    let stranger = connect(
        server.address,
        "localhost",
        &other.path("development-ca.pem"),
    );
    assert!(stranger.is_err());
}

#[test]
fn only_the_owner_reads_the_keys_and_the_authority_vouches_for_this_machine_alone() {
    let program = Program::new();
    start(&program, &[SELF_SIGNED]);
    for (file, mode) in [
        ("development-ca.pem", 0o644),
        ("development-tls.pem", 0o644),
        ("development-ca.key", 0o600),
        ("development-tls.key", 0o600),
    ] {
        let metadata = fs::metadata(program.path(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{file}");
        let text = fs::read_to_string(program.path(file)).unwrap();
        assert_eq!(text.contains("PRIVATE KEY"), mode == 0o600, "{file}");
    }
    let authority = fs::read(program.path("development-ca.pem")).unwrap();
    let text = X509::from_pem(&authority).unwrap().to_text().unwrap();
    let text = String::from_utf8(text).unwrap();
    for part in [
        "Name Constraints: critical",
        "DNS:localhost",
        "127.0.0.0",
        "pathlen:0",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn the_authority_outlives_the_server() {
    let program = Program::new();
    let first = start(&program, &[SELF_SIGNED]);
    let authority = fs::read(program.path("development-ca.pem")).unwrap();
    let before = serial(&certificate(first.address));
    drop(first);
    let second = start(&program, &[SELF_SIGNED]);
    assert_eq!(
        fs::read(program.path("development-ca.pem")).unwrap(),
        authority
    );
    assert_ne!(serial(&certificate(second.address)), before);
    let path = program.path("development-ca.pem");
    assert!(connect(second.address, "localhost", &path).is_ok());
}

#[test]
fn an_authority_that_is_not_whole_is_told() {
    let program = Program::new();
    start(&program, &[SELF_SIGNED]);
    let other = Program::new();
    start(&other, &[SELF_SIGNED]);
    let key = "development-ca.key";
    fs::copy(other.path(key), program.path(key)).unwrap();
    for _ in 0..2 {
        let mut command = program.command(&["serve"]);
        command.envs([SELF_SIGNED]);
        let run = crate::program::run(command, "");
        assert_eq!(run.code, 1);
        assert!(
            run.err.contains("delete both") && run.err.contains(key),
            "{}",
            run.err
        );
        let _ = fs::remove_file(program.path(key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_client_of_this_workspace_trusts_it_too() {
    let program = Program::new();
    let server = start(&program, &[SELF_SIGNED]);
    let pem = fs::read(program.path("development-ca.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own client calls loopback only"
    )]
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/readyz", server.address.port());
        assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_certificate_is_renewed_before_it_ends() {
    let program = Program::new();
    let clock = ManualClock::at(SystemClock.now());
    let mut config = Config::load(Some(&program.path("issuer.toml"))).unwrap();
    config.http.tls = Some(Tls::SelfSigned);
    let server = Server::builder(config).clock(Arc::new(clock.clone()));
    let server = server.start().await.unwrap();
    let at = server.local_addr();
    let ask = move || tokio::task::spawn_blocking(move || certificate(at));
    let first = ask().await.unwrap();
    clock.advance(Duration::from_hours(21 * 24));
    let second = tokio::task::spawn_blocking(move || {
        until("the certificate is renewed", || {
            let now = certificate(at);
            (serial(&now) != serial(&first)).then_some((first.clone(), now))
        })
    });
    let (first, second) = second.await.unwrap();
    assert!(second.not_after() > first.not_after());
    server.shutdown().await;
}

#[test]
fn files_that_change_count_for_new_connections_and_old_ones_go_on() {
    let program = Program::new();
    write_certificate(&program, 1, 30);
    let server = start(&program, &[FILES]);
    let mut old = connect_to_anybody(server.address).unwrap();
    assert_eq!(status(&mut old), 200);
    write_certificate(&program, 2, 30);
    until("new connections get the new certificate", || {
        (serial(&certificate(server.address)) == "02").then_some(())
    });
    assert_eq!(serial(&old.ssl().peer_certificate().unwrap()), "01");
    assert_eq!(status(&mut old), 200);
}

#[test]
fn what_cannot_be_used_leaves_the_certificate_before_and_is_told() {
    let program = Program::new();
    write_certificate(&program, 1, 30);
    let mut server = start(&program, &[FILES]);
    let good = fs::read(program.path("tls.pem")).unwrap();
    let told = server.listen_to_errors();
    let wait_for = |part: &str| {
        until(part, || {
            told.try_recv().ok().filter(|line| line.contains(part))
        });
        assert_eq!(serial(&certificate(server.address)), "01");
    };
    fs::write(program.path("tls.pem"), "nothing").unwrap();
    wait_for("holds no certificate");
    fs::remove_file(program.path("tls.pem")).unwrap();
    wait_for("cannot read");
    write_certificate(&program, 2, -1);
    wait_for("renew it and put it there");
    fs::write(program.path("tls.pem"), good).unwrap();
    wait_for("put the pair");
    write_certificate(&program, 3, 30);
    until("the good one is taken", || {
        (serial(&certificate(server.address)) == "03").then_some(())
    });
}

#[test]
fn a_handshake_that_hangs_is_cut_off_and_counts_as_a_connection() {
    let program = Program::new();
    let server = start(
        &program,
        &[
            SELF_SIGNED,
            ("LOGOUT_ISSUER__HTTP__MAX_CONNECTIONS", "1"),
            ("LOGOUT_ISSUER__HTTP__HANDSHAKE_TIMEOUT", "500ms"),
        ],
    );
    let mut silent = TcpStream::connect(server.address).unwrap();
    let mut stream = connect_to_anybody(server.address).unwrap();
    assert_eq!(status(&mut stream), 200);
    // The other was let in once the silent one was gone.
    silent.set_nonblocking(true).unwrap();
    let gone = silent.read(&mut [0; 1]);
    assert!(
        matches!(&gone, Ok(0))
            || gone.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    );
}

#[test]
fn a_handshake_in_progress_does_not_keep_the_server_from_stopping() {
    let program = Program::new();
    let server = start(&program, &[SELF_SIGNED]);
    let _silent = TcpStream::connect(server.address).unwrap();
    let mut stream = connect_to_anybody(server.address).unwrap();
    assert_eq!(status(&mut stream), 200);
    server.signal("TERM");
    let (status, error) = server.wait();
    assert_eq!(status.code(), Some(0), "{error}");
    assert!(!error.contains("are cut"), "{error}");
}

#[test]
fn config_check_names_what_is_wrong_with_the_files() {
    let program = Program::new();
    write_certificate(&program, 1, 30);
    let check = || {
        let mut command = program.command(&["config", "check"]);
        command.envs([FILES]);
        crate::program::run(command, "")
    };
    let run = check();
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("tls = { cert = \"tls.pem\", key = \"tls.key\" }")
    );
    let key = fs::read(program.path("tls.key")).unwrap();
    write_certificate(&program, 2, 30);
    fs::write(program.path("tls.key"), key).unwrap();
    assert!(
        check()
            .err
            .contains("does not go with the first certificate")
    );
    fs::write(program.path("tls.key"), "hunter2").unwrap();
    let error = check().err;
    assert!(
        error.contains("no private key") && error.contains("tls.key"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
    fs::remove_file(program.path("tls.key")).unwrap();
    assert!(check().err.contains("cannot read"));
}
