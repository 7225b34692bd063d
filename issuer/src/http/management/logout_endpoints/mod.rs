//! `/api/v2/logout-endpoints`: each URL of each client, whether it answers, and what waits for it.
//!
//! Windows are those of the process that is asked; what waits is counted in the store.

mod list;
mod probe;

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(probe::handle))
}
