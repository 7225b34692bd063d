//! `POST /api/v2/actions/actions`: makes an Action, with `deploy` a first version of it too.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::change;
use super::wire::{ActionBody, action_body};
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::issuer::Issuer;
use crate::login::actions::keep;

#[utoipa::path(
    post,
    path = "/actions/actions",
    operation_id = "create_action",
    tag = "actions",
    summary = "Makes an Action",
    request_body = openapi::NewAction,
    responses(
        (status = 201, description = "Made.", body = ActionBody),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["create:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
    body: UnreadBody,
) -> Result<(StatusCode, Json<ActionBody>), ApiError> {
    bearer.require("create:actions")?;
    let body = body.object().await?;
    let (name, change, deploy) = change::read_new(&body)?;
    let now = issuer.now();
    let action = keep::prepare(&issuer, &name, change, now)?;
    let properties = (
        StatusCode::CREATED,
        body.into_iter().map(|(name, _)| name).collect(),
    );
    let event = call.changed(&bearer, "Create an Action", properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let mut action = keep::insert(tx, action).await?;
            if deploy {
                action = keep::release(tx, &action.id, now).await?;
            }
            tx.append_events(&[event]).await?;
            Ok(action)
        })
    });
    let action = written.await?;
    let body = action_body(&mut *issuer.store().read().await?, action).await?;
    Ok((StatusCode::CREATED, Json(body)))
}
