//! `GET /api/v2/actions/actions`: Actions by name, page by page.
//!
//! `triggerId`, `actionName`, `deployed` and `installed` narrow the list. Nothing is installed
//! from a marketplace here.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::{ActionBody, TRIGGER, action_bodies};
use crate::domain::action::Action;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;

/// How many Actions a page has unless the caller says otherwise.
pub(super) const PAGE: u32 = 20;

/// A page of Actions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionPage {
    actions: Vec<ActionBody>,
    total: usize,
    page: u32,
    per_page: u32,
}

#[utoipa::path(
    get,
    path = "/actions/actions",
    operation_id = "list_actions",
    tag = "actions",
    summary = "Actions by name, page by page",
    params(
        openapi::Pages,
        ("triggerId" = Option<String>, Query),
        ("actionName" = Option<String>, Query),
        ("deployed" = Option<bool>, Query),
        ("installed" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = ActionPage),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<ActionPage>, ApiError> {
    bearer.require("read:actions")?;
    let page = query.page_of(PAGE)?;
    let filter = Filter::read(&query)?;
    let mut snapshot = issuer.store().read().await?;
    let mut actions = snapshot.list_actions().await?;
    actions.retain(|action| filter.lets(action));
    let total = actions.len();
    Ok(Json(ActionPage {
        actions: action_bodies(&mut *snapshot, page.of(actions)).await?,
        total,
        page: page.number,
        per_page: page.limit,
    }))
}

struct Filter {
    /// Of another trigger, or from a marketplace.
    nothing: bool,
    name: Option<String>,
    deployed: Option<bool>,
}

impl Filter {
    fn read(query: &Query) -> Result<Self, ApiError> {
        let trigger = query.text("triggerId");
        Ok(Self {
            nothing: trigger.is_some_and(|trigger| trigger != TRIGGER)
                || query.flag("installed")? == Some(true),
            name: query.text("actionName").map(str::to_owned),
            deployed: query.flag("deployed")?,
        })
    }

    fn lets(&self, action: &Action) -> bool {
        !self.nothing
            && self.name.as_ref().is_none_or(|name| *name == action.name)
            && self
                .deployed
                .is_none_or(|wanted| wanted == action.deployed.is_some())
    }
}
