//! `/api/v2/connections`: where people's accounts are.
//!
//! There is one, this issuer's own store of accounts with passwords; others cannot be made.

mod get;
mod list;
mod wire;

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use wire::ConnectionBody;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(get::handle))
}
