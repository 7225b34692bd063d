//! `DELETE /api/v2/sessions/{id}`: ends a session.
//!
//! When the answer is out, the end and the deliveries are durable. A session that is gone already
//! is answered alike, because callers repeat what they are not sure of. Refresh tokens with offline
//! access outlive it.

use axum::extract::State;
use axum::http::StatusCode;

use super::{end, session_id};
use crate::domain::refresh_token::RefreshTokensLost;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    operation_id = "delete_session",
    tag = "sessions",
    summary = "Ends a session",
    params(
        ("id" = String, Path, description = "The session"),
    ),
    responses(
        (status = 202, description = "Done."),
    ),
    security(("bearer" = ["delete:sessions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require("delete:sessions")?;
    let Ok(id) = session_id(&id) else {
        return Ok(StatusCode::ACCEPTED);
    };
    let what = ("Delete a session", RefreshTokensLost::Online);
    match end(&issuer, id, &bearer, &call, what).await {
        Ok(_) | Err(ApiError::SessionNotFound) => Ok(StatusCode::ACCEPTED),
        Err(error) => Err(error),
    }
}
