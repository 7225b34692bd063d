//! HTTP by hand, so that requests can be as wrong as the rows want them.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The one header of that name, if there is exactly one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found
            .next()
            .filter(|_| found.next().is_none())
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// Asserts a refusal for good, as the specification wants it.
    pub(crate) fn assert_refused(&self) {
        assert_eq!(self.status, 400, "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        assert_eq!(self.json()["error"], "invalid_request", "{self:?}");
    }

    /// Asserts a refusal for now, with a reason.
    pub(crate) fn assert_unavailable(&self, reason: &str) {
        assert_eq!(self.status, 503, "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert!(self.header("retry-after").is_some(), "{self:?}");
        assert_eq!(self.json()["error"], "temporarily_unavailable", "{self:?}");
        assert_eq!(self.json()["error_description"], reason, "{self:?}");
    }

    /// Asserts success.
    pub(crate) fn assert_ok(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, ""), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
    }
}

/// Sends bytes and reads one answer; the request should ask to close the connection.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw).await;
    parse(&raw)
}

/// A form request as a sender of logout tokens writes it.
pub(crate) fn form_request(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: rp\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Posts a logout token the right way.
pub(crate) async fn post_form(address: SocketAddr, path: &str, token: &str) -> Answer {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("logout_token={token}");
    exchange(address, &form_request(path, form, &body)).await
}

fn parse(raw: &[u8]) -> Answer {
    let text = String::from_utf8(raw.to_vec()).expect("an answer in UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer with a head");
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .expect("a status line");
    let headers = lines
        .map(|line| line.split_once(": ").expect("a header"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer {
        status: status.parse().expect("a number"),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}
