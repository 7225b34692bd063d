//! `DELETE /api/v2/client-grants/{id}`: takes all scopes from a client.
//!
//! A grant that is gone already is answered alike.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Map;

use super::change::{self, Granting};
use super::wire::client_of;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    delete,
    path = "/client-grants/{id}",
    operation_id = "delete_client_grant",
    tag = "client-grants",
    summary = "Takes all scopes from a client",
    params(
        ("id" = String, Path, description = "The grant"),
    ),
    responses(
        (status = 204, description = "Gone."),
    ),
    security(("bearer" = ["delete:client_grants"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require("delete:client_grants")?;
    let Ok(client) = client_of(&id) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let granting = Granting {
        client,
        scopes: Vec::new(),
        is_new: false,
    };
    let what = ("Delete a client grant", StatusCode::NO_CONTENT);
    let event = change::record(&call, &bearer, what, Map::new(), &issuer);
    match change::write(&issuer, granting, event).await {
        Ok(_) | Err(ApiError::Missing(..)) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error),
    }
}
