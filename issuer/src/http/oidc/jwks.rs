//! `/.well-known/jwks.json`: the public keys that our tokens are signed with.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::response::{IntoResponse, Response};

use crate::issuer::Issuer;

/// A key is published at least a day before it signs, so an hour-old copy is good (D12).
const CACHE: &str = "public, max-age=3600";

/// The endpoint.
pub(super) async fn show(State(issuer): State<Issuer>) -> Response {
    let headers = [(CACHE_CONTROL, CACHE), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, Json(issuer.keys().published(issuer.now()))).into_response()
}
