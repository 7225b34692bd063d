//! `/api/v2/actions/actions/{id}/versions`: what was deployed of an Action.
//!
//! A version is named by its id or its number; the fifty newest are kept.

mod deploy;
mod get;
mod list;

use super::refusals::NO_VERSION;
use super::wire::{VersionBody, version_bodies};
use crate::domain::action::{Action, ActionVersion};
use crate::http::AppState;
use crate::http::api_error::ApiError;
use crate::storage::{Snapshot, Transaction};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(get::handle))
        .routes(routes!(deploy::handle))
}

/// The version of an Action that a path names.
async fn find(
    snapshot: &mut (dyn Snapshot + Send),
    action: &Action,
    which: &str,
) -> Result<ActionVersion, ApiError> {
    let versions = snapshot.list_action_versions(&action.id).await?;
    let number = which.parse().ok();
    let named = |version: &ActionVersion| number == Some(version.number) || version.id() == which;
    versions.into_iter().find(named).ok_or(NO_VERSION)
}

/// The version that an Action runs since the change in this transaction, with its Action.
pub(super) async fn deployed_version(
    tx: &mut dyn Transaction,
    action: Action,
) -> Result<VersionBody, ApiError> {
    let number = action.deployed.unwrap_or_default();
    let version = tx.find_action_version(&action.id, number).await?;
    let version = version.ok_or(NO_VERSION)?;
    let body = version_bodies(&action, vec![version]).pop();
    body.map(|body| body.with_action(action)).ok_or(NO_VERSION)
}
