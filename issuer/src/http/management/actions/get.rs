//! `GET /api/v2/actions/actions/{id}`: one Action with its draft and the version that runs.

use axum::Json;
use axum::extract::State;

use super::refusals::NO_ACTION;
use super::wire::{ActionBody, action_body};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/actions/actions/{id}",
    operation_id = "get_action",
    tag = "actions",
    summary = "An Action",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
    ),
    responses(
        (status = 200, description = "Done.", body = ActionBody),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
) -> Result<Json<ActionBody>, ApiError> {
    bearer.require("read:actions")?;
    let mut snapshot = issuer.store().read().await?;
    let action = snapshot.find_action(&id).await?.ok_or(NO_ACTION)?;
    Ok(Json(action_body(&mut *snapshot, action).await?))
}
