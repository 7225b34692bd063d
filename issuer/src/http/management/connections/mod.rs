//! `/api/v2/connections`: where people's accounts are.
//!
//! There is one, this issuer's own store of accounts with passwords; others cannot be made.

mod get;
mod list;
mod wire;

use axum::Router;
use axum::routing::get;

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/connections", get(list::handle))
        .route("/connections/{id}", get(self::get::handle))
}
