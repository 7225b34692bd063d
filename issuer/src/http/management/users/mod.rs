//! `/api/v2/users/{id}/…`: what belongs to one user.

mod sessions;
mod wire;

use axum::Router;
use axum::routing::get;
use logout_shared::Subject;

pub use wire::user_body;

use crate::http::AppState;
use crate::http::api_error::ApiError;

pub(super) fn router() -> Router<AppState> {
    Router::new().route(
        "/users/{id}/sessions",
        get(sessions::list::handle).delete(sessions::delete::handle),
    )
}

/// The user id in a path. What cannot be one is the id of no user.
fn user_id(text: &str) -> Result<Subject, ApiError> {
    text.parse().map_err(|_| ApiError::UserNotFound)
}
