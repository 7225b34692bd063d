//! `/api/v2/tenants/settings`: settings of the whole issuer, changed while servers run.
//!
//! What is set here wins over the configuration file. A server that answers has taken the change
//! over; other servers on the same store do within a second.

mod change;
mod get;
mod update;
mod wire;

use axum::Router;
use axum::routing::get;

use crate::http::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new().route(
        "/tenants/settings",
        get(self::get::handle).patch(update::handle),
    )
}
