//! Reads the body of a request before any handler runs, within its size and time limits.
//!
//! Handlers therefore see whole bodies within the limit of their path
//! ([`Dialect::max_body_bytes`]), and a client that sends slowly holds no transaction and no
//! password check. A body that is too large is drained a
//! little further, so that the client reads our answer instead of a broken connection.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;

use super::dialect::{Dialect, Refusal, WantsPage};
use super::settings::Settings;

/// What is read and thrown away of a body that is too large, in bytes.
const MAX_DRAINED_BYTES: usize = 1024 * 1024;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The middleware; wraps each part of the router with its dialect.
pub(super) async fn read_first(
    State((settings, dialect)): State<(Arc<Settings>, Dialect)>,
    request: Request,
    next: Next,
) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let page = WantsPage::of(request.headers());
    // A client that asks before it sends has sent nothing that would have to be drained.
    let asks_first = request.headers().contains_key(EXPECT);
    let announced = request.body().size_hint().lower();
    let limit = dialect.max_body_bytes(request.uri().path());
    let (parts, body) = request.into_parts();
    let too_large = usize::try_from(announced).is_ok_and(|bytes| bytes > limit);
    let read = if too_large && asks_first {
        Err(Refusal::TooLarge(limit))
    } else {
        match tokio::time::timeout(settings.body_timeout, read(body, limit)).await {
            Ok(read) => read,
            Err(_) => Err(Refusal::TooSlow),
        }
    };
    match read {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(refusal) => {
            let mut response = dialect.refuse(refusal, page);
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut read = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::Incomplete)?;
        if read.len() + chunk.len() > limit {
            drain(chunks).await;
            return Err(Refusal::TooLarge(limit));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

async fn drain(mut chunks: axum::body::BodyDataStream) {
    let all = async {
        let mut drained = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            drained += chunk.len();
            if drained > MAX_DRAINED_BYTES {
                break;
            }
        }
    };
    // Past the time the connection is closed in any case.
    let _ = tokio::time::timeout(DRAIN_TIME, all).await;
}
