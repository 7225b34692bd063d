//! `/api/v2/actions/triggers`: when Actions run, and which of them.

mod bindings;
mod list;
mod update_bindings;
mod wire;

use axum::Router;
use axum::routing::get;

use super::refusals::NO_TRIGGER;
use super::wire::TRIGGER;
use crate::http::AppState;
use crate::http::api_error::ApiError;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/actions/triggers", get(list::handle))
        .route(
            "/actions/triggers/{id}/bindings",
            get(bindings::handle).patch(update_bindings::handle),
        )
}

fn check_trigger(id: &str) -> Result<(), ApiError> {
    if id == TRIGGER {
        Ok(())
    } else {
        Err(NO_TRIGGER)
    }
}
