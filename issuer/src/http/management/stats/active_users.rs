//! `GET /api/v2/stats/active-users`: how many people signed in in the last 30 days.
//!
//! They are counted in the event log, so no further back than it is kept.

use axum::Json;
use axum::extract::State;

use super::Turn;
use crate::domain::daily_stats::ACTIVE_FOR;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/stats/active-users",
    operation_id = "count_active_users",
    tag = "stats",
    summary = "How many people signed in in the last 30 days",
    responses(
        (status = 200, description = "Done.", body = u64, content_type = "application/json"),
    ),
    security(("bearer" = ["read:stats"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    State(turn): State<Turn>,
) -> Result<Json<u64>, ApiError> {
    bearer.require("read:stats")?;
    let since = issuer.now() - ACTIVE_FOR;
    let _permit = turn.take().await?;
    let mut snapshot = issuer.store().read().await?;
    Ok(Json(snapshot.count_active_users(since).await?))
}
