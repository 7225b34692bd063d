//! `/api/v2/logout-deliveries`: what clients were told, and what they still have to be told.

mod get;
mod list;
mod wire;

use axum::Router;

pub use wire::DeliveryBody;

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/logout-deliveries", axum::routing::get(list::handle))
        .route("/logout-deliveries/{id}", axum::routing::get(get::handle))
}
