//! `/api/v2/client-grants`: what clients may do in this API.
//!
//! A grant is a view of a client's `management_scopes`: a client with scopes has one grant, for the
//! Management API, whose id is made of the client's. Whoever changes one here changes the other.

mod change;
mod create;
mod delete;
mod get;
mod list;
mod update;
mod wire;

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use wire::GrantBody;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(get::handle, update::handle, delete::handle))
}
