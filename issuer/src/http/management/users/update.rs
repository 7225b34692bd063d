//! `PATCH /api/v2/users/{id}`: changes a user; what the body lacks stays as it is.
//!
//! All of it is one write. Where the user's sessions end by it, clients are told of each change in
//! the order in which `change.rs` gives them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::wire::user_body;
use super::{change, user_id};
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::account_changes::{Asked, make_changes};

#[utoipa::path(
    patch,
    path = "/users/{id}",
    operation_id = "update_user",
    tag = "users",
    summary = "Changes a user",
    params(
        ("id" = String, Path, description = "The user"),
    ),
    request_body = openapi::UserChange,
    responses(
        (status = 200, description = "Done.", body = openapi::User),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["update:users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("update:users")?;
    let id = user_id(&id)?;
    let body = body.object().await?;
    let changes = change::changes(&body)?;
    let properties = body.into_iter().map(|(name, _)| name).collect();
    let what = (StatusCode::OK, properties);
    let line = call.changed(&bearer, "Update a user", what, issuer.now());
    let asked = Asked {
        by: call.context(&bearer),
        line: Some(line),
    };
    let user = make_changes(&issuer, &id, changes, asked).await?.user;
    Ok(Json(user_body(&user)))
}
