//! `GET /api/v2/connections`: the one connection, page by page as any list.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::wire::{ConnectionBody, STRATEGY};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::listing::{self, Item};
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/connections",
    operation_id = "list_connections",
    tag = "connections",
    summary = "The connection, in a list",
    params(
        openapi::Numbered,
        openapi::Cursor,
        openapi::Selected,
        ("strategy" = Option<String>, Query),
        ("name" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::Connections),
    ),
    security(("bearer" = ["read:connections"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    bearer.require("read:connections")?;
    let body = ConnectionBody::of(&issuer);
    let wanted = query.text("name").is_none_or(|name| name == body.name)
        && query.text("strategy").is_none_or(|it| it == STRATEGY);
    let item = Item {
        key: body.id.clone(),
        body,
    };
    let items = wanted.then_some(item).into_iter().collect();
    listing::answer(&query, "connections", items).map(Json)
}
