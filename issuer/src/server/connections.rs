//! Accepts connections and speaks HTTP/1.1 on them, over TLS where there is a certificate.
//!
//! A loop of our own instead of the framework's, because that one has no time limit for the head
//! of a request: a few hundred clients that send one byte a minute would hold every connection.
//! A handshake has its time limit for the same reason, and its connection counts from the start.
//! Stopping is in three steps: no new connections, requests in progress within the grace, then
//! the rest is cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::http::Settings;

/// How long accepting pauses when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// An address that is listened on.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    /// What does handshakes; `None` for plain HTTP.
    pub(super) tls: Option<TlsAcceptor>,
}

/// Serves until `stop`, then finishes what is in progress within the grace.
pub(super) async fn serve(
    Door { listener, tls }: Door,
    app: Router,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let tracker = TaskTracker::new();
    let cut = CancellationToken::new();
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (
                slot.expect("the slots are never closed"),
                listener.accept().await,
            )
        };
        let (slot, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection {
                    app: app.clone(),
                    peer,
                    settings: Arc::clone(&settings),
                    stop: stop.clone(),
                    cut: cut.clone(),
                    slot,
                };
                tracker.spawn(connection.run(stream, tls.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("cannot accept connections: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    finish(&tracker, &cut, settings.shutdown_grace).await;
}

/// Waits within the grace for requests in progress, then cuts the rest.
async fn finish(tracker: &TaskTracker, cut: &CancellationToken, grace: Duration) {
    tracker.close();
    if tokio::time::timeout(grace, tracker.wait()).await.is_err() {
        tracing::warn!("{} connections are cut at shutdown", tracker.len());
        cut.cancel();
        tracker.wait().await;
    }
}

/// Whether an error of `accept` concerns a caller that went away, not this process.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

struct Connection {
    app: Router,
    peer: SocketAddr,
    settings: Arc<Settings>,
    stop: CancellationToken,
    cut: CancellationToken,
    /// Free again when the connection ends, however it does.
    slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // An answer is written at once; waiting for more to send only adds latency.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return self.speak(stream).await;
        };
        let handshake = tokio::time::timeout(self.settings.handshake_timeout, tls.accept(stream));
        let done = tokio::select! {
            done = handshake => done,
            () = self.stop.cancelled() => return,
        };
        match done {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(error)) => tracing::debug!("no TLS with {}: {error}", self.peer),
            Err(_) => tracing::debug!("{} did not finish the TLS handshake in time", self.peer),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let Self {
            app,
            peer,
            settings,
            stop,
            cut,
            slot: _slot,
        } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            app.clone().oneshot(request)
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = cut.cancelled() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection from {peer} broke: {error}");
        }
    }
}
