//! `GET /api/v2/users-by-email`: the users with an address, compared without case.
//!
//! An address is given once, so there is one or none; the answer is an array all the same.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::wire;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/users-by-email",
    operation_id = "list_users_by_email",
    tag = "users",
    summary = "The users with an address",
    params(
        ("email" = String, Query),
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = Vec<openapi::User>),
    ),
    security(("bearer" = ["read:users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Vec<Map<String, Value>>>, ApiError> {
    bearer.require("read:users")?;
    let email = query
        .text("email")
        .ok_or_else(|| query.refuse("email", "an e-mail address"))?;
    let fields = query.fields()?;
    let mut snapshot = issuer.store().read().await?;
    let found = snapshot.find_user_by_email(email).await?;
    let users = found.iter().map(|user| wire::selected(user, &fields));
    Ok(Json(users.collect()))
}
