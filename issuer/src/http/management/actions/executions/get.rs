//! `GET /api/v2/actions/executions/{id}`: one run, with its outcome and what it printed.

use axum::Json;
use axum::extract::State;

use super::super::wire::ExecutionBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/actions/executions/{id}",
    operation_id = "get_action_execution",
    tag = "actions",
    summary = "A run of an Action",
    params(
        ("id" = String, Path, description = "The run"),
    ),
    responses(
        (status = 200, description = "Done.", body = ExecutionBody),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
) -> Result<Json<ExecutionBody>, ApiError> {
    bearer.require("read:actions")?;
    let mut snapshot = issuer.store().read().await?;
    let run = snapshot.find_action_execution(&id).await?;
    let run = run.ok_or(ApiError::Missing("That execution does not exist.", None))?;
    Ok(Json(ExecutionBody::new(run)))
}
