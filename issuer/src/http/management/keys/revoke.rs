//! `PUT /api/v2/keys/signing/{kid}/revoke`: takes a key back that leaked.
//!
//! It leaves the key set, and nothing that it signed is believed here any more: programs need new
//! access tokens, the caller perhaps too. A key that signs is replaced at once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::NO_KEY;
use super::wire::KeyBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    put,
    path = "/keys/signing/{kid}/revoke",
    operation_id = "revoke_signing_key",
    tag = "keys",
    summary = "Revokes a key that leaked",
    params(
        ("kid" = String, Path, description = "The key"),
    ),
    responses(
        (status = 200, description = "Done.", body = KeyBody),
    ),
    security(("bearer" = ["update:signing_keys"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(kid): Id,
    call: Call,
) -> Result<Json<KeyBody>, ApiError> {
    bearer.require("update:signing_keys")?;
    let now = issuer.now();
    let properties = (StatusCode::OK, Vec::new());
    let event = call.changed(&bearer, "Revoke a signing key", properties, now);
    let store = &**issuer.store();
    let revoked = issuer.keys().revoke(store, &kid, vec![event], now).await;
    let revoked = revoked.map_err(ApiError::internal)?.ok_or(NO_KEY)?;
    Ok(Json(KeyBody::new(revoked)))
}
