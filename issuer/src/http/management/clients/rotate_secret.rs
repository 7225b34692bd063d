//! `POST /api/v2/clients/{id}/rotate-secret`: gives a client a new secret.
//!
//! The old one is refused from the answer on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::wire::{View, client_body};
use super::{client_id, generate_secret, seal_secret};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::openapi;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    post,
    path = "/clients/{id}/rotate-secret",
    operation_id = "rotate_client_secret",
    tag = "clients",
    summary = "Gives a client another secret",
    params(
        ("id" = String, Path, description = "The client"),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::Client),
    ),
    security(("bearer" = ["update:client_keys"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("update:client_keys")?;
    let id = client_id(&id)?;
    let secret = generate_secret(&**issuer.random());
    let sealed = seal_secret(&issuer, &id, &secret)?;
    let now = issuer.now();
    let properties = (StatusCode::OK, Vec::new());
    let event = call.changed(&bearer, "Rotate a client secret", properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let mut client = tx.find_client(&id).await?.ok_or(ApiError::ClientNotFound)?;
            client.sealed_secret = Some(sealed);
            client.updated_at = now;
            tx.update_client(&client).await?;
            tx.append_events(&[event]).await?;
            Ok(client)
        })
    });
    let client = written.await?;
    let view = View::of(&bearer).with_secret();
    Ok(Json(client_body(&client, Some(&secret), &issuer, view)))
}
