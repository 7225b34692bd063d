//! How long an app waits for the news: from `DELETE /api/v2/sessions/{id}` answered to the app's
//! endpoint hit, on an idle machine, beside one bare POST over loopback.
//!
//! `cargo bench -p logout-tests --bench told`. The server is a process of its own; a figure below
//! zero means that the app had heard before the administrator had the answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use logout_tests::browser::Browser;
use logout_tests::http::Management;
use logout_tests::issuer_process::{IssuerHome, IssuerProcess};
use logout_tests::relying_party::TestRelyingParty;
use logout_tests::sign_in::SignIn;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SESSIONS: usize = 200;
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";

#[tokio::main]
async fn main() {
    let folder = TempDir::new().expect("a temporary folder");
    let home = IssuerHome::new(folder.path(), "").expect("a configuration");
    let shop = TestRelyingParty::start().await;
    let client = home.create_client(&shop.callback(), &shop.url()).await;
    home.create_user(EMAIL, PASSWORD).await;
    let server = IssuerProcess::start(&home).await;
    let (issuer, callback) = (home.issuer(), shop.callback());
    let sign_in = SignIn {
        issuer: &issuer,
        client: &client,
        callback: &callback,
        email: EMAIL,
        password: PASSWORD,
    };
    let mut sids = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        sids.push(sign_in.walk(&Browser::new()).await.sid().to_owned());
    }
    let management = Management::sign_in(&issuer, &client.id, &client.secret).await;

    let (mut waits, mut deletes) = (Vec::new(), Vec::new());
    for (number, sid) in sids.iter().enumerate() {
        let asked = Instant::now();
        let (status, body) = management.delete_session(sid).await;
        let answered = Instant::now();
        assert_eq!(status, 202, "{body}");
        let told = shop.wait_for(number + 1).await;
        waits.push(signed_millis(answered, told[number].at));
        deletes.push(millis(answered - asked));
    }
    print("DELETE answered, to the app's endpoint hit", &mut waits);
    print("DELETE asked, to answered", &mut deletes);

    let mut posts = Vec::new();
    for _ in 0..SESSIONS {
        let begun = Instant::now();
        bare_post(shop.address()).await.expect("the app answers");
        posts.push(millis(begun.elapsed()));
    }
    print("raw: one bare POST to the app, new connection", &mut posts);
    if let Some(resident) = server.resident_kib() {
        println!(
            "resident memory of the server after it: {} MiB",
            resident / 1024
        );
    }
}

/// The least that telling can cost: a connection, a request, an answer, and no HTTP client.
async fn bare_post(app: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(app).await?;
    let request = "POST /backchannel-logout HTTP/1.1\r\nhost: app\r\ncontent-length: 14\r\n\
                   content-type: application/x-www-form-urlencoded\r\n\r\nlogout_token=x";
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    assert_eq!(&status, b"HTTP/1.1 200");
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn signed_millis(from: Instant, to: Instant) -> f64 {
    to.checked_duration_since(from)
        .map_or_else(|| -millis(from - to), millis)
}

fn print(what: &str, values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| values[(values.len() * percent / 100).min(values.len() - 1)];
    println!(
        "{what}: p50 {:.2} ms, p95 {:.2} ms, n {}",
        at(50),
        at(95),
        values.len()
    );
}
