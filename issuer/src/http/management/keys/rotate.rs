//! `POST /api/v2/keys/signing/rotate`: replaces the keys of all algorithms, without breaking anything.
//!
//! The next keys are published from now on and sign a day later, because apps keep the key set; one
//! that is announced already stays. To replace a key at once, revoke it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::{KeyBody, in_order};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::issuer::Issuer;

/// The keys that sign next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RotatedKeys)]
pub(super) struct Rotated {
    /// That of the first algorithm.
    kid: Option<String>,
    /// All of them.
    keys: Vec<KeyBody>,
}

#[utoipa::path(
    post,
    path = "/keys/signing/rotate",
    operation_id = "rotate_signing_keys",
    tag = "keys",
    summary = "Announces the keys that sign next",
    responses(
        (status = 201, description = "Made.", body = Rotated),
    ),
    security(("bearer" = ["create:signing_keys"]), ("bearer" = ["update:signing_keys"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
) -> Result<(StatusCode, Json<Rotated>), ApiError> {
    bearer.require_any(&["create:signing_keys", "update:signing_keys"])?;
    // A key whose day has come is let sign before another is announced.
    issuer.turn_keys().await.map_err(ApiError::internal)?;
    let now = issuer.now();
    let properties = (StatusCode::CREATED, Vec::new());
    let event = call.changed(&bearer, "Rotate the signing keys", properties, now);
    let (keys, store) = (issuer.keys(), &**issuer.store());
    let announced = keys.announce_and_record(store, None, vec![event], now);
    let next = announced.await.map_err(ApiError::internal)?;
    let next = in_order(next, keys.algorithms());
    let rotated = Rotated {
        kid: next.first().map(|key| key.kid.clone()),
        keys: next,
    };
    Ok((StatusCode::CREATED, Json(rotated)))
}
