//! `/api/v2/clients`: the registrations of relying parties.
//!
//! The command line makes clients by the same rules ([`draft`]) and shows them in the same form
//! ([`client_body`]).

pub(super) mod change;
mod client_authentication;
mod create;
mod delete;
pub(super) mod echoed;
mod encryption;
mod get;
mod list;
mod logout_settings;
pub(in crate::http) mod logout_test;
mod refresh_token;
mod rotate_secret;
mod secret;
mod update;
pub(super) mod urls;
mod wire;

use logout_shared::ClientId;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use create::{Draft, draft};
pub use secret::{generate_secret, open_secret, seal_secret};
pub use update::change_client;
pub use wire::{View, client_body};

use crate::http::AppState;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(get::handle, update::handle, delete::handle))
        .routes(routes!(logout_test::handle))
        .routes(routes!(rotate_secret::handle))
}

/// The client id in a path. What cannot be one is the id of no client.
fn client_id(text: &str) -> Result<ClientId, ApiError> {
    text.parse().map_err(|_| ApiError::ClientNotFound)
}

/// Whoever writes `management_scopes` gives rights away: `update:clients` alone would let a
/// caller give itself every right.
fn require_for_grants(bearer: &Bearer, body: &Map<String, Value>) -> Result<(), ApiError> {
    if body.contains_key("management_scopes") {
        bearer.require_any(&["create:client_grants", "update:client_grants"])?;
    }
    Ok(())
}
