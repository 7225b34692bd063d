//! `GET /api/v2/actions/triggers`: when Actions can run.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::wire::{RUNTIME, TRIGGER, TRIGGER_VERSION};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;

/// All triggers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionTriggers)]
pub(super) struct Triggers {
    triggers: [Trigger; 1],
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionTriggerDetails)]
struct Trigger {
    id: &'static str,
    version: &'static str,
    status: &'static str,
    runtimes: [&'static str; 1],
    default_runtime: &'static str,
    binding_policy: &'static str,
    #[schema(value_type = Vec<String>)]
    compatible_triggers: [(); 0],
}

#[utoipa::path(
    get,
    path = "/actions/triggers",
    operation_id = "list_action_triggers",
    tag = "actions",
    summary = "When Actions can run",
    responses(
        (status = 200, description = "Done.", body = Triggers),
    ),
    security(("bearer" = ["read:actions"])),
)]
pub(super) async fn handle(bearer: Bearer) -> Result<Json<Triggers>, ApiError> {
    bearer.require("read:actions")?;
    Ok(Json(Triggers {
        triggers: [Trigger {
            id: TRIGGER,
            version: TRIGGER_VERSION,
            status: "CURRENT",
            runtimes: [RUNTIME],
            default_runtime: RUNTIME,
            binding_policy: "trigger-bound",
            compatible_triggers: [],
        }],
    }))
}
