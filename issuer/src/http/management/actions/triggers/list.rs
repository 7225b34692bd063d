//! `GET /api/v2/actions/triggers`: when Actions can run.

use axum::Json;
use serde::Serialize;

use super::super::wire::{RUNTIME, TRIGGER, TRIGGER_VERSION};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;

/// All triggers.
#[derive(Debug, Serialize)]
pub(super) struct Triggers {
    triggers: [Trigger; 1],
}

#[derive(Debug, Serialize)]
struct Trigger {
    id: &'static str,
    version: &'static str,
    status: &'static str,
    runtimes: [&'static str; 1],
    default_runtime: &'static str,
    binding_policy: &'static str,
    compatible_triggers: [(); 0],
}

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
