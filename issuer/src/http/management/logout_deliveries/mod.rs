//! `/api/v2/logout-deliveries`: what clients were told, and what they still have to be told.

pub(in crate::http) mod events;
mod get;
mod list;
mod retry;
mod retry_many;
mod wire;

pub use wire::{DeliveryBody, DeliveryWithHistory, history};

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(events::handle))
        .routes(routes!(retry_many::handle))
        .routes(routes!(get::handle))
        .routes(routes!(retry::handle))
}
