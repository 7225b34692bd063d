//! `GET /api/v2/logs/{id}`: one record of the event log.

use axum::Json;
use axum::extract::State;

use super::Sight;
use super::wire::LogBody;
use crate::domain::log_id::LogId;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/logs/{id}",
    operation_id = "get_log",
    tag = "logs",
    summary = "A record of the event log",
    params(
        ("id" = String, Path, description = "The `log_id`"),
    ),
    responses(
        (status = 200, description = "Done.", body = LogBody),
    ),
    security(("bearer" = ["read:logs"]), ("bearer" = ["read:logs_users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
) -> Result<Json<LogBody>, ApiError> {
    let sight = Sight::of(&bearer)?;
    let id: LogId = id.parse().map_err(|_| ApiError::LogNotFound)?;
    let found = issuer.store().read().await?.find_event(id.number).await?;
    // The same number at another time is a record of another store.
    let record = found.filter(|record| {
        let is_about_user = record.event.get("user").is_some();
        record.log_id == id && (sight == Sight::Everything || is_about_user)
    });
    let record = record.ok_or(ApiError::LogNotFound)?;
    Ok(Json(LogBody::new(record)))
}
