//! `GET /api/v2/resource-servers/{id}`: one API, by its id or its identifier.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::wire::ResourceServerBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::listing;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/resource-servers/{id}",
    operation_id = "get_resource_server",
    tag = "resource-servers",
    summary = "The API",
    params(
        ("id" = String, Path, description = "The API, by id or identifier"),
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = ResourceServerBody),
    ),
    security(("bearer" = ["read:resource_servers"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("read:resource_servers")?;
    let body = ResourceServerBody::of(&issuer);
    if id != body.id && id != body.identifier {
        return Err(ApiError::Missing(
            "The resource server does not exist",
            Some("inexistent_resource_server"),
        ));
    }
    listing::selected(&body, &query.fields()?).map(Json)
}
