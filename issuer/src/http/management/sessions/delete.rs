//! `DELETE /api/v2/sessions/{id}`: ends a session.
//!
//! When the answer is out, the end and the deliveries are durable. A session that is gone already
//! is answered alike, because callers repeat what they are not sure of.

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
    bearer.require("delete:sessions")?;
    let Ok(id) = session_id(&id) else {
        return Ok(StatusCode::ACCEPTED);
    };
    match end(&issuer, id, &bearer, &call, "Delete a session").await {
        Ok(_) | Err(ApiError::SessionNotFound) => Ok(StatusCode::ACCEPTED),
        Err(error) => Err(error),
    }
}
