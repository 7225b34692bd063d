//! `GET /api/v2/actions/actions/{id}/versions`: versions, newest first, page by page.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::super::list::PAGE;
use super::super::refusals::NO_ACTION;
use super::super::wire::{VersionBody, version_bodies};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

/// A page of versions.
#[derive(Debug, Serialize)]
pub(super) struct VersionPage {
    versions: Vec<VersionBody>,
    total: usize,
    page: u32,
    per_page: u32,
}

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
