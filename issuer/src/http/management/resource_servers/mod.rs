//! `/api/v2/resource-servers`: the APIs that tokens are made for.
//!
//! There is one, this Management API itself; others cannot be made.

mod get;
mod list;
mod wire;

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use wire::ResourceServerBody;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(get::handle))
}
