//! One line in the log for each request, and an id that ties it to the answer.
//!
//! The line has method, path, status and time. Never the query (it carries codes and hints), a
//! header (cookies, bearers) or a body. The id is ours and goes out as `x-request-id`; one that
//! a caller sends is not believed.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::http::header::HeaderName;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::issuer::Issuer;
use crate::telemetry;

/// The header of the answer that carries the id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request in progress; handlers may take it as an extension.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The middleware; outermost, so that it sees every answer.
pub(super) async fn log(
    State(issuer): State<Issuer>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = new_id(&issuer);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", request.id = %id);
    request.extensions_mut().insert(RequestId(id.clone()));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (took, status) = (begun.elapsed(), response.status().as_u16());
    let duration_ms = took.as_millis();
    let route = route.as_ref().map(MatchedPath::as_str);
    telemetry::answered(method.as_str(), route, status, took);
    span.in_scope(|| {
        if response.status().is_server_error() {
            tracing::warn!(%method, path, status, duration_ms, "{method} {path}: {status}");
        } else {
            tracing::debug!(%method, path, status, duration_ms, "{method} {path}: {status}");
        }
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn new_id(issuer: &Issuer) -> String {
    let mut bytes = [0_u8; 8];
    issuer.random().fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}
