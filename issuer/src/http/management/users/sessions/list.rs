//! `GET /api/v2/users/{id}/sessions`: the live sessions of a user, page by page.
//!
//! `include_totals` is accepted and changes nothing: SDKs always send it, and the answer has no
//! member for a total.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::http::management::sessions::wire::SessionBody;
use crate::http::management::users::user_id;
use crate::issuer::Issuer;

/// A page of sessions; without `next` it is the last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserSessions)]
pub(in crate::http::management) struct Sessions {
    sessions: Vec<SessionBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[utoipa::path(
    get,
    path = "/users/{id}/sessions",
    operation_id = "list_user_sessions",
    tag = "users",
    summary = "The live sessions of a user",
    params(
        ("id" = String, Path, description = "The user"),
        openapi::Cursor,
        ("include_totals" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = Sessions),
    ),
    security(("bearer" = ["read:sessions"])),
)]
pub(in crate::http::management::users) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Json<Sessions>, ApiError> {
    bearer.require("read:sessions")?;
    let user = user_id(&id)?;
    let (from, take) = (query.text("from"), query.take()?);
    query.flag("include_totals")?;
    let mut read = issuer.store().read().await?;
    read.find_user(&user).await?.ok_or(ApiError::UserNotFound)?;
    let page = read
        .list_sessions_of_user(&user, from, take, issuer.now())
        .await?;
    let body = |(session, clients)| SessionBody::new(session, clients);
    let sessions = page.sessions.into_iter().map(body).collect();
    Ok(Json(Sessions {
        sessions,
        next: page.next,
    }))
}
