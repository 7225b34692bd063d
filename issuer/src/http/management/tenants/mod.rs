//! `/api/v2/tenants/settings`: settings of the whole issuer, changed while servers run.
//!
//! What is set here wins over the configuration file. A server that answers has taken the change
//! over; other servers on the same store do within a second.

mod change;
mod get;
mod update;
mod wire;

use crate::http::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get::handle, update::handle))
}
