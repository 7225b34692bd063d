//! `GET /api/v2/resource-servers`: the one API, page by page as any list.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::wire::ResourceServerBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::listing::{self, Item};
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/resource-servers",
    operation_id = "list_resource_servers",
    tag = "resource-servers",
    summary = "The API, in a list",
    params(
        openapi::Numbered,
        openapi::Cursor,
        openapi::Selected,
        ("identifiers" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::ResourceServers),
    ),
    security(("bearer" = ["read:resource_servers"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    bearer.require("read:resource_servers")?;
    let body = ResourceServerBody::of(&issuer);
    let identifier = query.text("identifiers");
    let wanted = identifier.is_none_or(|it| it == body.identifier);
    let item = Item {
        key: body.id.clone(),
        body,
    };
    let items = wanted.then_some(item).into_iter().collect();
    listing::answer(&query, "resource_servers", items).map(Json)
}
