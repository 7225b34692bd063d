//! `PATCH /api/v2/client-grants/{id}`: replaces the scopes of a grant.
//!
//! A scope that is taken away counts from the answer on, also for tokens that are out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::change::{self, Granting};
use super::wire::{GrantBody, client_of};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    patch,
    path = "/client-grants/{id}",
    operation_id = "update_client_grant",
    tag = "client-grants",
    summary = "Replaces the scopes of a grant",
    params(
        ("id" = String, Path, description = "The grant"),
    ),
    request_body = openapi::ClientGrantScopes,
    responses(
        (status = 200, description = "Done.", body = GrantBody),
    ),
    security(("bearer" = ["update:client_grants"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<GrantBody>, ApiError> {
    bearer.require("update:client_grants")?;
    let body = body.object().await?;
    let granting = Granting {
        client: client_of(&id)?,
        scopes: change::scopes(&body, false)?,
        is_new: false,
    };
    let what = ("Update a client grant", StatusCode::OK);
    let event = change::record(&call, &bearer, what, body, &issuer);
    let client = change::write(&issuer, granting, event).await?;
    Ok(Json(change::body_of(&client, &issuer)?))
}
