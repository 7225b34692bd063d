//! `GET /api/v2/users/{id}`: one user.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::{user_id, wire};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/users/{id}",
    operation_id = "get_user",
    tag = "users",
    summary = "A user",
    params(
        ("id" = String, Path, description = "The user"),
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::User),
    ),
    security(("bearer" = ["read:users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("read:users")?;
    let (id, fields) = (user_id(&id)?, query.fields()?);
    let user = issuer.store().read().await?.find_user(&id).await?;
    let user = user.ok_or(ApiError::UserNotFound)?;
    Ok(Json(wire::selected(&user, &fields)))
}
