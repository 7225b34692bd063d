//! `POST /api/v2/actions/actions/{id}/deploy`: makes the draft the version that runs.
//!
//! When the answer is out the version is deployed, so the status is 200 and not 202.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::versions::deployed_version;
use super::wire::VersionBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::actions::keep;

#[utoipa::path(
    post,
    path = "/actions/actions/{id}/deploy",
    operation_id = "deploy_action",
    tag = "actions",
    summary = "Makes a version of the draft, which runs from now on",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
    ),
    responses(
        (status = 200, description = "Done.", body = VersionBody),
    ),
    security(("bearer" = ["create:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<Json<VersionBody>, ApiError> {
    bearer.require("create:actions")?;
    let now = issuer.now();
    let properties = (StatusCode::OK, Vec::new());
    let event = call.changed(&bearer, "Deploy an Action", properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let action = keep::release(tx, &id, now).await?;
            tx.append_events(&[event]).await?;
            deployed_version(tx, action).await
        })
    });
    written.await.map(Json)
}
