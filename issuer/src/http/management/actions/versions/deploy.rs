//! `POST /api/v2/actions/actions/{id}/versions/{version}/deploy`: deploys an earlier version again.
//!
//! It becomes a new version, and the draft becomes its code.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::super::refusals::NO_ACTION;
use super::super::wire::VersionBody;
use super::{deployed_version, find};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Ids;
use crate::issuer::Issuer;
use crate::login::actions::keep;

#[utoipa::path(
    post,
    path = "/actions/actions/{id}/versions/{version}/deploy",
    operation_id = "deploy_action_version",
    tag = "actions",
    summary = "Lets an earlier version run again",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
        ("version" = String, Path, description = "The version, by id or number"),
    ),
    responses(
        (status = 202, description = "Done.", body = VersionBody),
    ),
    security(("bearer" = ["create:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Ids(id, version): Ids,
    call: Call,
) -> Result<(StatusCode, Json<VersionBody>), ApiError> {
    bearer.require("create:actions")?;
    let now = issuer.now();
    let properties = (StatusCode::ACCEPTED, Vec::new());
    let what = "Deploy an earlier version of an Action";
    let event = call.changed(&bearer, what, properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let action = tx.find_action(&id).await?.ok_or(NO_ACTION)?;
            let number = find(tx, &action, &version).await?.number;
            let action = keep::release_again(tx, &action.id, number, now).await?;
            tx.append_events(&[event]).await?;
            deployed_version(tx, action).await
        })
    });
    Ok((StatusCode::ACCEPTED, Json(written.await?)))
}
