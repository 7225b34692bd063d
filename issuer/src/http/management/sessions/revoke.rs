//! `POST /api/v2/sessions/{id}/revoke`: ends a session and takes its refresh tokens away.
//!
//! Unlike `DELETE` it tells a caller that there is no such session. A caller may ask with `wait_ms`
//! to be answered when the clients have answered, or when that time is over; the session has
//! ended before the wait begins.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{end, session_id};
use crate::domain::logout_settings::AskedWait;
use crate::domain::refresh_token::RefreshTokensLost;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{Property, unknown};
use crate::http::management::query::Id;
use crate::issuer::Issuer;

/// What came of the wait.
#[derive(Debug, Serialize)]
struct Waited {
    /// How many deliveries there are.
    deliveries: usize,
    /// Whether the first attempt at each of them has ended.
    answered: bool,
}

#[utoipa::path(
    post,
    path = "/sessions/{id}/revoke",
    operation_id = "revoke_session",
    tag = "sessions",
    summary = "Ends a session and revokes its refresh tokens",
    params(
        ("id" = String, Path, description = "The session"),
    ),
    request_body = Option<openapi::RevokeSession>,
    responses(
        (
            status = 202,
            description = "Done. With `wait_ms` the body is a JSON object: how many `deliveries` \
                there are, and whether each first attempt was `answered`.",
        ),
    ),
    security(("bearer" = ["delete:sessions", "delete:refresh_tokens"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Response, ApiError> {
    bearer.require_all(&["delete:sessions", "delete:refresh_tokens"])?;
    let wait = wait(&body.optional_object().await?)?;
    let id = session_id(&id)?;
    let what = ("Revoke a session", RefreshTokensLost::OfSessions);
    let ended = end(&issuer, id, &bearer, &call, what).await?;
    let Some(wait) = wait else {
        return Ok(StatusCode::ACCEPTED.into_response());
    };
    let waited = Waited {
        deliveries: ended.deliveries.len(),
        answered: issuer.wait_for_answers(&ended, Some(wait)).await?,
    };
    Ok((StatusCode::ACCEPTED, Json(waited)).into_response())
}

const WAIT: &str = "wait_ms";

fn wait(body: &Map<String, Value>) -> Result<Option<AskedWait>, ApiError> {
    let others: Vec<_> = body.keys().map(String::as_str).collect();
    let others: Vec<_> = others.into_iter().filter(|name| *name != WAIT).collect();
    if !others.is_empty() {
        return Err(unknown(&others));
    }
    let Some(value) = body.get(WAIT) else {
        return Ok(None);
    };
    let property = Property::new(WAIT, value, "How long to wait for first answers");
    let Some(property) = property.not_null() else {
        return Ok(None);
    };
    let wait = AskedWait::from_millis(property.whole_number()?);
    wait.map(Some)
        .map_err(|error| property.refuse(error.to_string()))
}
