//! `GET /api/v2/actions/triggers/{id}/bindings`: which Actions run, in their order.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::list::PAGE;
use super::check_trigger;
use super::wire::{BindingBody, binding_body};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

/// A page of bindings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionBindingPage)]
pub(super) struct BindingPage {
    bindings: Vec<BindingBody>,
    total: usize,
    page: u32,
    per_page: u32,
}

#[utoipa::path(
    get,
    path = "/actions/triggers/{id}/bindings",
    operation_id = "list_action_bindings",
    tag = "actions",
    summary = "Which Actions run, in their order",
    params(
        ("id" = String, Path, description = "The trigger, `post-login`"),
        openapi::Pages,
    ),
    responses(
        (status = 200, description = "Done.", body = BindingPage),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(trigger): Id,
    query: Query,
) -> Result<Json<BindingPage>, ApiError> {
    bearer.require("read:actions")?;
    check_trigger(&trigger)?;
    let page = query.page_of(PAGE)?;
    let mut snapshot = issuer.store().read().await?;
    let all = snapshot.list_action_bindings().await?;
    let total = all.len();
    let mut bindings = Vec::new();
    for binding in page.of(all) {
        // A bound Action cannot be deleted, so there always is one.
        if let Some(action) = snapshot.find_action(&binding.action).await? {
            bindings.push(binding_body(&mut *snapshot, binding, action).await?);
        }
    }
    Ok(Json(BindingPage {
        bindings,
        total,
        page: page.number,
        per_page: page.limit,
    }))
}
