//! `GET /api/v2/actions/actions/{id}/versions`: versions, newest first, page by page.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::list::PAGE;
use super::super::refusals::NO_ACTION;
use super::super::wire::{VersionBody, version_bodies};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionVersionPage)]
pub(super) struct VersionPage {
    versions: Vec<VersionBody>,
    total: usize,
    page: u32,
    per_page: u32,
}

#[utoipa::path(
    get,
    path = "/actions/actions/{id}/versions",
    operation_id = "list_action_versions",
    tag = "actions",
    summary = "The versions of an Action, newest first",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
        openapi::Pages,
    ),
    responses(
        (status = 200, description = "Done.", body = VersionPage),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Json<VersionPage>, ApiError> {
    bearer.require("read:actions")?;
    let page = query.page_of(PAGE)?;
    let mut snapshot = issuer.store().read().await?;
    let action = snapshot.find_action(&id).await?.ok_or(NO_ACTION)?;
    let versions = snapshot.list_action_versions(&action.id).await?;
    let total = versions.len();
    Ok(Json(VersionPage {
        versions: version_bodies(&action, page.of(versions)),
        total,
        page: page.number,
        per_page: page.limit,
    }))
}
