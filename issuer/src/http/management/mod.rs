//! The Management API, mounted at `/api/v2`.
//!
//! A folder is a noun of the URL, a file is one endpoint: its scope, its rules, its answer. Wire
//! forms are in each noun's `wire.rs`; what all endpoints share is beside this file. Endpoints
//! decide nothing about sessions or deliveries: they call the lower floors and put the record of
//! the change (`audit.rs`) into the same transaction.
//! Limits on the body, unknown paths and wrong methods are `http/mod.rs`'.

pub mod actions;
mod audit;
mod body;
mod client_grants;
pub mod clients;
mod connections;
mod keys;
mod listing;
pub mod logout_deliveries;
mod logout_endpoints;
pub mod logs;
pub mod openapi;
mod property;
mod query;
mod resource_servers;
pub mod search_query;
pub mod sessions;
pub(in crate::http) mod stats;
mod tenants;
pub mod users;

use std::fmt::Write as _;

use axum::Router;
use sha2::{Digest as _, Sha256};
use utoipa_axum::router::OpenApiRouter;

use super::AppState;

/// All endpoints of the Management API.
pub fn router() -> Router<AppState> {
    described().into()
}

/// The endpoints with their description.
fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(actions::router())
        .merge(client_grants::router())
        .merge(clients::router())
        .merge(connections::router())
        .merge(keys::router())
        .merge(logout_deliveries::router())
        .merge(logout_endpoints::router())
        .merge(resource_servers::router())
        .merge(logs::router())
        .merge(sessions::router())
        .merge(stats::router())
        .merge(tenants::router())
        .merge(users::router())
}

/// An id for what is not stored: always the same for the same text.
fn derived_id(prefix: &str, text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut id = prefix.to_owned();
    for byte in digest.iter().take(8) {
        // Writing to a text cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
