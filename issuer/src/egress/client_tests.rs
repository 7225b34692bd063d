//! The way out against sockets that misbehave.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::egress::MAX_ANSWER_BYTES;

#[path = "address_tests.rs"]
mod addresses;

const LONG: Duration = Duration::from_secs(20);

/// Gives one answer after the other, the last one for ever, and notes what it was asked for.
struct Changing {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Changing {
    /// Each answer may be several addresses with spaces between.
    fn new(answers: &[&str]) -> Arc<Self> {
        let answer = |text: &&str| {
            let addresses = text.split(' ').map(|address| address.parse().unwrap());
            addresses.collect()
        };
        Arc::new(Self {
            answers: Mutex::new(answers.iter().rev().map(answer).collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Lookup for Changing {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop()
        } else {
            answers.last().cloned()
        };
        answer.ok_or_else(|| io::Error::other("no such name"))
    }
}

/// A server that counts connections and answers each request with the same bytes, then hangs up.
async fn server(answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    server_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), answer).await
}

async fn server_on(address: SocketAddr, answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(socket, answer.clone()));
        }
    });
    (address, connections)
}

async fn serve(mut socket: TcpStream, answer: Vec<u8>) {
    let mut request = Vec::new();
    let is_whole = |request: &[u8]| {
        let is_get = request.starts_with(b"GET ") && request.ends_with(b"\r\n\r\n");
        is_get || request.ends_with(b"logout_token=a.b.c")
    };
    while !is_whole(&request) {
        let mut chunk = [0; 1024];
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
    }
    let _ = socket.write_all(&answer).await;
}

fn development() -> Settings {
    Settings {
        danger_allow_http: true,
        danger_allow_private_addresses: true,
        ..Settings::default()
    }
}

async fn post(egress: &Egress, url: &str, timeout: Duration) -> Result<Answer, AttemptError> {
    let url = LogoutUrl::from_stored(url.to_owned());
    let answer = egress
        .post_form(&url, "logout_token", "a.b.c", timeout)
        .await;
    answer.map_err(|error| error.class)
}

async fn answer_to(bytes: &[u8]) -> Result<Answer, AttemptError> {
    let (address, _) = server(bytes.to_vec()).await;
    let egress = Egress::new(&development()).unwrap();
    post(&egress, &format!("http://{address}/bcl?tenant=1"), LONG).await
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn g13_an_answer_comes_back_with_status_and_retry_after() {
    let answer = answer_to(
        b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 26\r\n\r\n\
          {\"error\":\"store_is_away\" }\n",
    )
    .await
    .unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer
            .retry_after
            .unwrap()
            .from_now(logout_shared::Timestamp::MIN)
            .as_secs(),
        7
    );
    assert_eq!(answer.oauth_error.as_deref(), Some("store_is_away"));
}

#[tokio::test]
async fn g20_an_endless_body_is_cut_at_the_limit() {
    let mut endless = b"HTTP/1.1 500 Oops\r\n\r\n{\"error\":\"".to_vec();
    endless.resize(endless.len() + 40 * MAX_ANSWER_BYTES, b'x');
    let answer = answer_to(&endless).await.unwrap();
    assert_eq!((answer.status, answer.body_complete), (500, false));
    assert_eq!(answer.oauth_error, None);
}

#[tokio::test]
async fn g20_a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
    for (length, read) in [(MAX_ANSWER_BYTES, true), (MAX_ANSWER_BYTES + 1, false)] {
        let head = format!("HTTP/1.1 500 Oops\r\ncontent-length: {length}\r\n\r\n");
        let mut body = b"{\"error\":\"too_much\"}".to_vec();
        body.resize(length, b' ');
        let answer = answer_to(&[head.as_bytes(), &body].concat()).await.unwrap();
        assert_eq!((answer.status, answer.body_complete), (500, read));
        assert_eq!(answer.oauth_error.is_some(), read);
    }
}

#[tokio::test]
async fn g20_a_body_that_breaks_off_does_not_undo_the_status() {
    let answer = answer_to(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhal")
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body_complete), (200, false));
}

#[tokio::test]
async fn g13_garbage_and_silence_are_a_broken_connection() {
    assert_eq!(
        answer_to(b"220 smtp.example ESMTP\r\n").await,
        Err(AttemptError::Reset)
    );
    assert_eq!(answer_to(b"").await, Err(AttemptError::Reset));
}

#[tokio::test]
async fn g13_nobody_listening_is_no_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let egress = Egress::new(&development()).unwrap();
    assert_eq!(
        post(&egress, &format!("http://{address}/"), LONG).await,
        Err(AttemptError::Connect)
    );
}

#[tokio::test]
async fn g15_a_server_that_hangs_is_left_in_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let egress = Egress::new(&development()).unwrap();
    let answer = post(&egress, &url, Duration::from_millis(50)).await;
    assert_eq!(answer, Err(AttemptError::Timeout));
}

#[tokio::test]
async fn g29_a_plain_server_behind_https_is_a_tls_error() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let talks_plain = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(OK).await;
        }
    });
    let egress = Egress::new(&development()).unwrap();
    let url = format!("https://{talks_plain}/");
    assert_eq!(post(&egress, &url, LONG).await, Err(AttemptError::Tls));
}

#[tokio::test]
async fn g13_a_name_without_address_is_a_dns_error() {
    let egress = Egress::with_lookup(&development(), Changing::new(&[])).unwrap();
    assert_eq!(
        post(&egress, "http://app.example/", LONG).await,
        Err(AttemptError::Dns)
    );
}

#[tokio::test]
async fn g29_http_needs_the_danger_switch() {
    let settings = Settings {
        danger_allow_http: false,
        ..development()
    };
    let egress = Egress::new(&settings).unwrap();
    assert_eq!(
        post(&egress, "http://127.0.0.1:9/", LONG).await,
        Err(AttemptError::AddressRefused)
    );
    assert!(!egress.url_policy().danger_allow_http);
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "nothing").unwrap();
    let settings = Settings {
        ca_file: Some(path),
        ..Settings::default()
    };
    let error = Egress::new(&settings).unwrap_err().to_string();
    assert!(error.contains("ca.pem"), "{error}");
}

async fn document(answer: &[u8], max_bytes: usize) -> Result<Bytes, AttemptError> {
    let (address, _) = server(answer.to_vec()).await;
    let egress = Egress::new(&development()).unwrap();
    let url = LogoutUrl::from_stored(format!("http://{address}/jwks"));
    let read = egress.fetch(&url, max_bytes, LONG).await;
    read.map_err(|error| error.class)
}

#[tokio::test]
async fn a_document_is_read_up_to_the_limit_and_not_one_byte_past() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde";
    assert_eq!(document(answer, 5).await.unwrap(), "abcde");
    assert_eq!(document(answer, 4).await, Err(AttemptError::Body));
}

#[tokio::test]
async fn a_document_comes_with_200_and_whole_or_not_at_all() {
    for (answer, class) in [
        (
            &b"HTTP/1.1 404 Gone\r\ncontent-length: 2\r\n\r\n{}"[..],
            AttemptError::Status,
        ),
        (
            b"HTTP/1.1 302 There\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
            AttemptError::Redirect,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
            AttemptError::Reset,
        ),
    ] {
        assert_eq!(document(answer, 100).await, Err(class));
    }
}

#[tokio::test]
async fn a_document_that_does_not_come_is_waited_for_until_the_limit() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let egress = Egress::new(&development()).unwrap();
    let url = LogoutUrl::from_stored(url);
    let read = egress.fetch(&url, 100, Duration::from_millis(50)).await;
    assert_eq!(read.unwrap_err().class, AttemptError::Timeout);
}

#[tokio::test]
async fn g18_a_document_is_not_read_where_the_guard_forbids_it() {
    let egress = Egress::new(&Settings::default()).unwrap();
    for url in [
        "https://127.0.0.1/jwks",
        "https://169.254.169.254/jwks",
        "http://a.example/",
    ] {
        let url = LogoutUrl::from_stored(url.to_owned());
        let error = egress.fetch(&url, 100, LONG).await.unwrap_err();
        assert_eq!(error.class, AttemptError::AddressRefused);
    }
}
