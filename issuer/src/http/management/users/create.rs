//! `POST /api/v2/users`: makes a user who signs in with an address and a password.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::change;
use super::wire::user_body;
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::issuer::Issuer;
use crate::login::account_changes::Asked;
use crate::login::users::create_user_for;

#[utoipa::path(
    post,
    path = "/users",
    operation_id = "create_user",
    tag = "users",
    summary = "Makes a user",
    request_body = openapi::NewUser,
    responses(
        (status = 201, description = "Made.", body = openapi::User),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["create:users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
    body: UnreadBody,
) -> Result<(StatusCode, Json<Map<String, Value>>), ApiError> {
    bearer.require("create:users")?;
    let body = body.object().await?;
    let new = change::new_user(&body)?;
    let properties = body.into_iter().map(|(name, _)| name).collect();
    let what = (StatusCode::CREATED, properties);
    let line = call.changed(&bearer, "Create a user", what, issuer.now());
    let asked = Asked {
        by: call.context(&bearer),
        line: Some(line),
    };
    let user = create_user_for(&issuer, new, asked).await?;
    Ok((StatusCode::CREATED, Json(user_body(&user))))
}
