//! `GET /api/v2/actions/triggers/{id}/bindings`: which Actions run, in their order.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::super::list::PAGE;
use super::check_trigger;
use super::wire::{BindingBody, binding_body};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

/// A page of bindings.
#[derive(Debug, Serialize)]
pub(super) struct BindingPage {
    bindings: Vec<BindingBody>,
    total: usize,
    page: u32,
    per_page: u32,
}

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
