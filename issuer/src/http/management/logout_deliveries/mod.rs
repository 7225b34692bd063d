//! `/api/v2/logout-deliveries`: what clients were told, and what they still have to be told.

pub(in crate::http) mod events;
mod get;
mod list;
mod retry;
mod retry_many;
mod wire;

use axum::Router;
use axum::routing::{get, post};

pub use wire::{DeliveryBody, DeliveryWithHistory, history};

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/logout-deliveries", get(list::handle))
        .route("/logout-deliveries/events", get(events::handle))
        .route("/logout-deliveries/retry", post(retry_many::handle))
        .route("/logout-deliveries/{id}", get(self::get::handle))
        .route("/logout-deliveries/{id}/retry", post(retry::handle))
}
