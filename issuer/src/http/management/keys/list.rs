//! `GET /api/v2/keys/signing`: all keys that are not forgotten, those that sign first.

use axum::Json;
use axum::extract::State;

use super::wire::{KeyBody, in_order};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/keys/signing",
    operation_id = "list_signing_keys",
    tag = "keys",
    summary = "Signing keys, those that sign first",
    responses(
        (status = 200, description = "Done.", body = Vec<KeyBody>),
    ),
    security(("bearer" = ["read:signing_keys"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
) -> Result<Json<Vec<KeyBody>>, ApiError> {
    bearer.require("read:signing_keys")?;
    let keys = issuer.store().read().await?.signing_keys().await?;
    Ok(Json(in_order(keys, issuer.keys().algorithms())))
}
