//! `PATCH /api/v2/actions/actions/{id}`: changes an Action's draft, name or secrets.
//!
//! What runs is what was deployed; secrets count at once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::change;
use super::wire::{ActionBody, action_body};
use crate::http::api_error::ErrorBody;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::actions::keep;

#[utoipa::path(
    patch,
    path = "/actions/actions/{id}",
    operation_id = "update_action",
    tag = "actions",
    summary = "Changes the draft of an Action",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
    ),
    request_body = openapi::ActionChange,
    responses(
        (status = 200, description = "Done.", body = ActionBody),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["update:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<ActionBody>, ApiError> {
    bearer.require("update:actions")?;
    let body = body.object().await?;
    if body.is_empty() {
        let reason = "Too few properties defined (0), minimum 1";
        return Err(Invalid::whole(Place::Payload, reason).into());
    }
    let asked = change::read(&body)?;
    let properties = (
        StatusCode::OK,
        body.into_iter().map(|(name, _)| name).collect(),
    );
    let event = call.changed(&bearer, "Update an Action", properties, issuer.now());
    let issuer_too = issuer.clone();
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let action = keep::change(tx, &issuer_too, &id, asked).await?;
            tx.append_events(&[event]).await?;
            Ok(action)
        })
    });
    let action = written.await?;
    let body = action_body(&mut *issuer.store().read().await?, action).await?;
    Ok(Json(body))
}
