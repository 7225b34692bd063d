//! `/api/v2/users`: the people who sign in, and what belongs to one of them.

mod by_email;
mod change;
mod create;
mod delete;
mod get;
mod list;
mod refusals;
mod revoke_access;
mod search;
mod sessions;
mod update;
mod wire;

use axum::Router;
use axum::routing::{get, post};
use logout_shared::Subject;

pub use search::{UserSearchError, read_search};
pub use wire::user_body;

use crate::http::AppState;
use crate::http::api_error::ApiError;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/users", get(list::handle).post(create::handle))
        .route("/users-by-email", get(by_email::handle))
        .route(
            "/users/{id}",
            get(self::get::handle)
                .patch(update::handle)
                .delete(delete::handle),
        )
        .route("/users/{id}/revoke-access", post(revoke_access::handle))
        .route(
            "/users/{id}/sessions",
            get(sessions::list::handle).delete(sessions::delete::handle),
        )
}

/// The user id in a path. What cannot be one is the id of no user.
fn user_id(text: &str) -> Result<Subject, ApiError> {
    text.parse().map_err(|_| ApiError::UserNotFound)
}
