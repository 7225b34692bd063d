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

use logout_shared::Subject;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use search::{UserSearchError, read_search};
pub use wire::user_body;

use crate::http::AppState;
use crate::http::api_error::ApiError;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(by_email::handle))
        .routes(routes!(get::handle, update::handle, delete::handle))
        .routes(routes!(revoke_access::handle))
        .routes(routes!(sessions::list::handle, sessions::delete::handle))
}

/// The user id in a path. What cannot be one is the id of no user.
fn user_id(text: &str) -> Result<Subject, ApiError> {
    text.parse().map_err(|_| ApiError::UserNotFound)
}
