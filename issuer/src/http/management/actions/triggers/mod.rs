//! `/api/v2/actions/triggers`: when Actions run, and which of them.

mod bindings;
mod list;
mod update_bindings;
mod wire;

use super::refusals::NO_TRIGGER;
use super::wire::TRIGGER;
use crate::http::AppState;
use crate::http::api_error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(bindings::handle, update_bindings::handle))
}

fn check_trigger(id: &str) -> Result<(), ApiError> {
    if id == TRIGGER {
        Ok(())
    } else {
        Err(NO_TRIGGER)
    }
}
