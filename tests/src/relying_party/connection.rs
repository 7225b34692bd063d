//! Serves one connection of a programmable relying party, one request after another.
//!
//! Hand-written, since an HTTP library would not let a test misbehave below HTTP. It reads what
//! our own issuer sends (a request line, headers, `Content-Length`) and nothing more.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::form_urlencoded;

use super::{Answer, Shared, Told};

/// Accepts until aborted; its connections end with it.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(told)) = read_request(&mut stream).await {
        if told.method == "GET" {
            // A browser that comes back from the issuer's login.
            if send(stream.get_mut(), 200, &[], "").await.is_err() {
                return;
            }
            continue;
        }
        let answer = shared.next_answer();
        shared.note(told);
        match give(stream.get_mut(), answer).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Told>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (mut length, mut content_type) = (0, None);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else {
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "content-type" => content_type = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let at = Instant::now();
    let fields = form_urlencoded::parse(&body).into_owned().collect();
    Ok(Some(Told {
        at,
        method,
        target,
        content_type,
        fields,
    }))
}

/// Gives an answer; `false` if the connection is over.
async fn give(stream: &mut TcpStream, answer: Answer) -> io::Result<bool> {
    let mut answer = answer;
    while let Answer::After(wait, then) = answer {
        tokio::time::sleep(wait).await;
        answer = *then;
    }
    match answer {
        Answer::Status(status) => send(stream, status, &[], "").await,
        Answer::Full {
            status,
            headers,
            body,
        } => send(stream, status, &headers, &body).await,
        Answer::Hang => std::future::pending().await,
        Answer::Close | Answer::After(..) => Ok(false),
        Answer::Reset => {
            // With a linger of zero, closing sends RST instead of FIN.
            stream.set_zero_linger()?;
            Ok(false)
        }
        Answer::Garbage => {
            stream
                .write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
                .await?;
            Ok(false)
        }
        Answer::EndlessBody => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            loop {
                let chunk = [b'x'; 1024];
                stream.write_all(b"400\r\n").await?;
                stream.write_all(&chunk).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
    }
}

async fn send(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<bool> {
    let mut answer = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        answer.extend([name, ": ", value, "\r\n"]);
    }
    if !matches!(status, 204 | 304) {
        answer.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    answer.push_str("\r\n");
    answer.push_str(body);
    stream.write_all(answer.as_bytes()).await?;
    Ok(true)
}
