//! `GET /api/v2/actions/actions/{id}/versions/{version}`: one version with its code.

use axum::Json;
use axum::extract::State;

use super::super::refusals::{NO_ACTION, NO_VERSION};
use super::super::wire::{VersionBody, version_bodies};
use super::find;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Ids;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/actions/actions/{id}/versions/{version}",
    operation_id = "get_action_version",
    tag = "actions",
    summary = "A version of an Action",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
        ("version" = String, Path, description = "The version, by id or number"),
    ),
    responses(
        (status = 200, description = "Done.", body = VersionBody),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Ids(id, version): Ids,
) -> Result<Json<VersionBody>, ApiError> {
    bearer.require("read:actions")?;
    let mut snapshot = issuer.store().read().await?;
    let action = snapshot.find_action(&id).await?.ok_or(NO_ACTION)?;
    let version = find(&mut *snapshot, &action, &version).await?;
    let body = version_bodies(&action, vec![version]).pop();
    let body = body.ok_or(NO_VERSION)?;
    Ok(Json(body.with_action(action)))
}
