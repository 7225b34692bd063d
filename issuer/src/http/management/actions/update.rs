//! `PATCH /api/v2/actions/actions/{id}`: changes an Action's draft, name or secrets.
//!
//! What runs is what was deployed; secrets count at once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::change;
use super::wire::{ActionBody, action_body};
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::actions::keep;

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
