//! `DELETE /api/v2/actions/actions/{id}`: deletes an Action with its versions and secrets.
//!
//! A bound one stays, unless `force=true` takes its binding away too.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;
use crate::login::actions::keep;

#[utoipa::path(
    delete,
    path = "/actions/actions/{id}",
    operation_id = "delete_action",
    tag = "actions",
    summary = "Deletes an Action",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
        ("force" = Option<bool>, Query, description = "Whether also one that is bound"),
    ),
    responses(
        (status = 204, description = "Gone."),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["delete:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require("delete:actions")?;
    let force = query.flag("force")?.unwrap_or(false);
    let properties = (StatusCode::NO_CONTENT, Vec::new());
    let event = call.changed(&bearer, "Delete an Action", properties, issuer.now());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            if force {
                keep::unbind(tx, &id).await?;
            }
            keep::remove(tx, &id).await?;
            Ok(tx.append_events(&[event]).await?)
        })
    });
    written.await?;
    Ok(StatusCode::NO_CONTENT)
}
