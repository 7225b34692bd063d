//! `/api/v2/resource-servers`: the APIs that tokens are made for.
//!
//! There is one, this Management API itself; others cannot be made.

mod get;
mod list;
mod wire;

use axum::Router;
use axum::routing::get;

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/resource-servers", get(list::handle))
        .route("/resource-servers/{id}", get(self::get::handle))
}
