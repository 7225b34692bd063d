//! `GET /api/v2/client-grants/{id}`: one grant.

use axum::Json;
use axum::extract::State;

use super::change;
use super::wire::{GrantBody, NO_GRANT, client_of};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/client-grants/{id}",
    operation_id = "get_client_grant",
    tag = "client-grants",
    summary = "A grant",
    params(
        ("id" = String, Path, description = "The grant"),
    ),
    responses(
        (status = 200, description = "Done.", body = GrantBody),
    ),
    security(("bearer" = ["read:client_grants"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
) -> Result<Json<GrantBody>, ApiError> {
    bearer.require("read:client_grants")?;
    let id = client_of(&id)?;
    let client = issuer.store().read().await?.find_client(&id).await?;
    let client = client.ok_or(NO_GRANT)?;
    Ok(Json(change::body_of(&client, &issuer)?))
}
