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

use axum::Router;
use axum::routing::get;

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/client-grants", get(list::handle).post(create::handle))
        .route(
            "/client-grants/{id}",
            get(self::get::handle)
                .patch(update::handle)
                .delete(delete::handle),
        )
}
