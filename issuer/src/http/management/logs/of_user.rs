//! `GET /api/v2/users/{id}/logs`: the records about one user, page by page.

use axum::extract::State;
use logout_shared::Subject;

use super::Sight;
use super::list::{Found, Numbered};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;
use crate::storage::search::{Condition, TextTest};
use crate::storage::{EventField, EventTest};

#[utoipa::path(
    get,
    path = "/users/{id}/logs",
    operation_id = "list_user_logs",
    tag = "users",
    summary = "The records about a user",
    params(
        ("id" = String, Path, description = "The user"),
        openapi::Numbered,
        openapi::Selected,
        ("sort" = Option<String>, Query, description = "`<field>:1` or `<field>:-1`"),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::LogRecords),
    ),
    security(("bearer" = ["read:logs"]), ("bearer" = ["read:logs_users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Found, ApiError> {
    Sight::of(&bearer)?;
    // What cannot be an id is that of no user. One who is gone leaves records.
    let user: Subject = id.parse().map_err(|_| ApiError::UserNotFound)?;
    let of_user = EventTest::Text(EventField::User, TextTest::Is(user.to_string()));
    let numbered = Numbered::read(&query)?;
    numbered.find(&issuer, Condition::Test(of_user)).await
}
