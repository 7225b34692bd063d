//! `/api/v2/actions/actions/{id}/versions`: what was deployed of an Action.
//!
//! A version is named by its id or its number; the fifty newest are kept.

mod deploy;
mod get;
mod list;

use axum::Router;
use axum::routing::{get, post};

use super::refusals::NO_VERSION;
use super::wire::{VersionBody, version_bodies};
use crate::domain::action::{Action, ActionVersion};
use crate::http::AppState;
use crate::http::api_error::ApiError;
use crate::storage::{Snapshot, Transaction};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/actions/actions/{id}/versions", get(list::handle))
        .route(
            "/actions/actions/{id}/versions/{version}",
            get(self::get::handle),
        )
        .route(
            "/actions/actions/{id}/versions/{version}/deploy",
            post(deploy::handle),
        )
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
