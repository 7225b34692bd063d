//! `POST /api/v2/sessions/{id}/revoke`: ends a session and takes its refresh tokens away.
//!
//! Unlike `DELETE` it tells a caller that there is no such session. A body is not looked at.

use axum::extract::State;
use axum::http::StatusCode;

use super::{end, session_id};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require_all(&["delete:sessions", "delete:refresh_tokens"])?;
    end(
        &issuer,
        session_id(&id)?,
        &bearer,
        &call,
        "Revoke a session",
    )
    .await?;
    Ok(StatusCode::ACCEPTED)
}
