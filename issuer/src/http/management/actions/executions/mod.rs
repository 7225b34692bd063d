//! `/api/v2/actions/executions/{id}`: what a run of an Action left; it is kept for ten days.
//!
//! Each Action of a login has an execution of its own here.

mod get;

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get::handle))
}
