//! The Management API, mounted at `/api/v2`.
//!
//! A folder is a noun of the URL, a file is one endpoint: its scope, its rules, its answer. Wire
//! forms are in each noun's `wire.rs`; what all endpoints share is beside this file. Endpoints
//! decide nothing about sessions or deliveries: they call the lower floors and put the record of
//! the change (`audit.rs`) into the same transaction.
//! Limits on the body, unknown paths and wrong methods are `http/mod.rs`'.

mod audit;
mod body;
pub mod clients;
pub mod logout_deliveries;
mod logout_endpoints;
pub mod logs;
mod property;
mod query;
pub mod search_query;
pub mod sessions;
pub(in crate::http) mod stats;
pub mod users;

use axum::Router;

use super::AppState;

/// All endpoints of the Management API.
pub fn router() -> Router<AppState> {
    Router::new()
        .merge(clients::router())
        .merge(logout_deliveries::router())
        .merge(logout_endpoints::router())
        .merge(logs::router())
        .merge(sessions::router())
        .merge(stats::router())
        .merge(users::router())
}
