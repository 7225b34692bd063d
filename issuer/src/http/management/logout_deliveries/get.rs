//! `GET /api/v2/logout-deliveries/{id}`: one delivery with the history of its attempts.

use axum::Json;
use axum::extract::State;

use super::wire::{DeliveryWithHistory, history};
use crate::domain::delivery::DeliveryId;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/logout-deliveries/{id}",
    operation_id = "get_logout_delivery",
    tag = "logout-deliveries",
    summary = "A delivery with its attempts",
    params(
        ("id" = String, Path, description = "The delivery"),
    ),
    responses(
        (status = 200, description = "Done.", body = DeliveryWithHistory),
    ),
    security(("bearer" = ["read:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
) -> Result<Json<DeliveryWithHistory>, ApiError> {
    bearer.require("read:logout_deliveries")?;
    let id: DeliveryId = id.parse().map_err(|_| ApiError::DeliveryNotFound)?;
    let mut read = issuer.store().read().await?;
    let delivery = read
        .find_delivery(id)
        .await?
        .ok_or(ApiError::DeliveryNotFound)?;
    let attempts = read.attempts(id).await?;
    Ok(Json(DeliveryWithHistory::new(
        &delivery,
        history(&delivery, attempts),
    )))
}
