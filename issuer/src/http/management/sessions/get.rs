//! `GET /api/v2/sessions/{id}`: one session, with its clients and metadata.

use axum::Json;
use axum::extract::State;

use super::session_id;
use super::wire::SessionBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/sessions/{id}",
    operation_id = "get_session",
    tag = "sessions",
    summary = "A session",
    params(
        ("id" = String, Path, description = "The session"),
    ),
    responses(
        (status = 200, description = "Done.", body = SessionBody),
    ),
    security(("bearer" = ["read:sessions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
) -> Result<Json<SessionBody>, ApiError> {
    bearer.require("read:sessions")?;
    let id = session_id(&id)?;
    let mut read = issuer.store().read().await?;
    let session = read
        .find_session(&id, issuer.now())
        .await?
        .ok_or(ApiError::SessionNotFound)?;
    let clients = read.participants(&id).await?;
    Ok(Json(SessionBody::new(session, clients)))
}
