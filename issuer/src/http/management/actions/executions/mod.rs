//! `/api/v2/actions/executions/{id}`: what a run of an Action left; it is kept for ten days.
//!
//! Each Action of a login has an execution of its own here.

mod get;

use axum::Router;
use axum::routing::get;

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/actions/executions/{id}", get(self::get::handle))
}
