//! `GET /api/v2/clients/{id}`: one client.
//!
//! Giving out the secret leaves a record in the event log.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::wire::{READ_SCOPES, View, client_body};
use super::{client_id, open_secret};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/clients/{id}",
    operation_id = "get_client",
    tag = "clients",
    summary = "A client",
    params(
        ("id" = String, Path, description = "The client"),
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::Client),
    ),
    security(("bearer" = ["read:clients"]), ("bearer" = ["read:client_keys"]), ("bearer" = ["read:client_credentials"]), ("bearer" = ["read:client_summary"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
    call: Call,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require_any(&READ_SCOPES)?;
    let fields = query.fields()?;
    let id = client_id(&id)?;
    let client = issuer.store().read().await?.find_client(&id).await?;
    let client = client.ok_or(ApiError::ClientNotFound)?;
    let view = View::of(&bearer);
    let secret = if view.shows_secret() {
        open_secret(&issuer, &client)?
    } else {
        None
    };
    let mut body = client_body(&client, secret.as_ref(), &issuer, view);
    fields.select(&mut body);
    record_secrets([&body], &bearer, &call, &issuer).await?;
    Ok(Json(body))
}

/// Leaves the record, if any of the clients goes out with its secret.
pub(super) async fn record_secrets<'a>(
    bodies: impl IntoIterator<Item = &'a Map<String, Value>>,
    bearer: &Bearer,
    call: &Call,
    issuer: &Issuer,
) -> Result<(), ApiError> {
    if !bodies
        .into_iter()
        .any(|body| body.contains_key("client_secret"))
    {
        return Ok(());
    }
    let event = call.gave_secret(bearer, "Read client secrets", issuer.now());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move { Ok(tx.append_events(&[event]).await?) })
    });
    written.await
}
