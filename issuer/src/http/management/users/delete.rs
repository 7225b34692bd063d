//! `DELETE /api/v2/users/{id}`: deletes a user, whose sessions end and whose clients are told.
//!
//! A user who is gone already is answered alike.

use axum::extract::State;
use axum::http::StatusCode;

use super::user_id;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::account_changes::{AccountChange, AccountChangeError, Asked, make_changes};

#[utoipa::path(
    delete,
    path = "/users/{id}",
    operation_id = "delete_user",
    tag = "users",
    summary = "Deletes a user and ends the sessions",
    params(
        ("id" = String, Path, description = "The user"),
    ),
    responses(
        (status = 204, description = "Gone."),
    ),
    security(("bearer" = ["delete:users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require("delete:users")?;
    let Ok(user) = user_id(&id) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let what = (StatusCode::NO_CONTENT, Vec::new());
    let line = call.changed(&bearer, "Delete a user", what, issuer.now());
    let asked = Asked {
        by: call.context(&bearer),
        line: Some(line),
    };
    match make_changes(&issuer, &user, vec![AccountChange::Delete], asked).await {
        Ok(_) | Err(AccountChangeError::NotFound(_)) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}
