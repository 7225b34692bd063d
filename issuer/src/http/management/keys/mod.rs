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

use crate::http::AppState;
use crate::http::api_error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(rotate::handle))
        .routes(routes!(get::handle))
        .routes(routes!(revoke::handle))
}

/// No key has the name in the path.
const NO_KEY: ApiError = ApiError::Missing(
    "The signing key does not exist.",
    Some("inexistent_signing_key"),
);
