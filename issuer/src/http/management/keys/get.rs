//! `GET /api/v2/keys/signing/{kid}`: one key.

use axum::Json;
use axum::extract::State;

use super::NO_KEY;
use super::wire::KeyBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/keys/signing/{kid}",
    operation_id = "get_signing_key",
    tag = "keys",
    summary = "A signing key",
    params(
        ("kid" = String, Path, description = "The key"),
    ),
    responses(
        (status = 200, description = "Done.", body = KeyBody),
    ),
    security(("bearer" = ["read:signing_keys"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(kid): Id,
) -> Result<Json<KeyBody>, ApiError> {
    bearer.require("read:signing_keys")?;
    let keys = issuer.store().read().await?.signing_keys().await?;
    let key = keys.into_iter().find(|key| key.kid == kid).ok_or(NO_KEY)?;
    Ok(Json(KeyBody::new(key)))
}
