//! `/api/v2/logout-endpoints`: each URL of each client, whether it answers, and what waits for it.
//!
//! Windows are those of the process that is asked; what waits is counted in the store.

mod list;
mod probe;

use axum::Router;
use axum::routing::{get, post};

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/logout-endpoints", get(list::handle))
        .route("/logout-endpoints/{id}/probe", post(probe::handle))
}
