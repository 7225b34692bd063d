//! `GET /api/v2/connections/{id}`: one connection.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::wire::ConnectionBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::listing;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/connections/{id}",
    operation_id = "get_connection",
    tag = "connections",
    summary = "The connection",
    params(
        ("id" = String, Path, description = "The connection"),
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = ConnectionBody),
    ),
    security(("bearer" = ["read:connections"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("read:connections")?;
    let body = ConnectionBody::of(&issuer);
    if id != body.id {
        return Err(ApiError::Missing(
            "The connection does not exist",
            Some("inexistent_connection"),
        ));
    }
    listing::selected(&body, &query.fields()?).map(Json)
}
