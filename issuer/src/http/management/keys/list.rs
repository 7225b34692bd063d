//! `GET /api/v2/keys/signing`: all keys that are not forgotten, those that sign first.

use axum::Json;
use axum::extract::State;

use super::wire::{KeyBody, in_order};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::issuer::Issuer;

pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
) -> Result<Json<Vec<KeyBody>>, ApiError> {
    bearer.require("read:signing_keys")?;
    let keys = issuer.store().read().await?.signing_keys().await?;
    Ok(Json(in_order(keys, issuer.keys().algorithms())))
}
