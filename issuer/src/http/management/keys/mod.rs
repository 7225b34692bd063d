//! `/api/v2/keys/signing`: the keys that sign tokens.
//!
//! There is one key for each algorithm and not one for all, so a list has several that are
//! `current`, `next` or `previous`; each says its algorithm. Keys are no certificates: there is no
//! `cert`, and the public half is in `public_jwk`.

mod get;
mod list;
mod revoke;
mod rotate;
mod wire;

use axum::Router;
use axum::routing::{get, post, put};

use crate::http::AppState;
use crate::http::api_error::ApiError;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/keys/signing", get(list::handle))
        .route("/keys/signing/rotate", post(rotate::handle))
        .route("/keys/signing/{kid}", get(self::get::handle))
        .route("/keys/signing/{kid}/revoke", put(revoke::handle))
}

/// No key has the name in the path.
const NO_KEY: ApiError = ApiError::Missing(
    "The signing key does not exist.",
    Some("inexistent_signing_key"),
);
