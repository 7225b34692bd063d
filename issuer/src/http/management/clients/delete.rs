//! `DELETE /api/v2/clients/{id}`: deletes a client.
//!
//! What it still had to be told is discarded. A client that is gone already is answered alike.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::client_id;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::logout;

#[utoipa::path(
    delete,
    path = "/clients/{id}",
    operation_id = "delete_client",
    tag = "clients",
    summary = "Deletes a client",
    params(
        ("id" = String, Path, description = "The client"),
    ),
    responses(
        (status = 204, description = "Gone."),
    ),
    security(("bearer" = ["delete:clients"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require("delete:clients")?;
    let Ok(id) = client_id(&id) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let now = issuer.now();
    let properties = (StatusCode::NO_CONTENT, Vec::new());
    let event = call.changed(&bearer, "Delete a client", properties, now);
    let (deleted, random) = (id.clone(), Arc::clone(issuer.random()));
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            if logout::delete_client(tx, &deleted, now, &*random).await? {
                tx.append_events(&[event]).await?;
            }
            Ok(())
        })
    });
    written.await?;
    logout::settle_client(&**issuer.store(), &id, now, issuer.random()).await?;
    Ok(StatusCode::NO_CONTENT)
}
