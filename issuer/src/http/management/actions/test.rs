//! `POST /api/v2/actions/actions/{id}/test`: runs an Action's draft on the caller's own event.
//!
//! Nothing that it asks for is done. The answer has it as data, with what the Action printed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::action_run::{ActionCommand, ActionError, ActionRun};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{Property, missing, unknown};
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::actions::keep;

const PAYLOAD: &str = "payload";

/// The JSON form of a trial's outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionTrialPayload)]
pub struct TrialBody {
    #[schema(value_type = Option<Vec<Object>>)]
    commands: Option<Vec<ActionCommand>>,
    console: String,
    duration_ms: f64,
    #[schema(value_type = Option<Object>)]
    error: Option<ActionError>,
}

impl TrialBody {
    /// What came of a run.
    pub fn new(run: ActionRun) -> Self {
        let (commands, error) = match run.result {
            Ok(commands) => (Some(commands), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            commands,
            console: run.console,
            duration_ms: run.duration.as_secs_f64() * 1000.0,
            error,
        }
    }
}

/// What Auth0 calls the outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionTrial)]
pub(super) struct Tried {
    payload: TrialBody,
}

#[utoipa::path(
    post,
    path = "/actions/actions/{id}/test",
    operation_id = "test_action",
    tag = "actions",
    summary = "Runs the draft on an event and does nothing of what it asks for",
    params(
        ("id" = String, Path, description = "The Action, by id or name"),
    ),
    request_body = openapi::Trial,
    responses(
        (status = 200, description = "Done.", body = Tried),
    ),
    security(("bearer" = ["create:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<Tried>, ApiError> {
    bearer.require("create:actions")?;
    let event = read(&body.object().await?)?;
    let run = keep::try_out(&issuer, &id, Value::Object(event)).await?;
    let properties = (StatusCode::OK, vec![PAYLOAD.to_owned()]);
    let record = call.changed(&bearer, "Test an Action", properties, issuer.now());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move { Ok(tx.append_events(&[record]).await?) })
    });
    written.await?;
    Ok(Json(Tried {
        payload: TrialBody::new(run),
    }))
}

fn read(body: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    if let Some(other) = body.keys().find(|name| *name != PAYLOAD) {
        return Err(unknown(&[other]));
    }
    let payload = body.get(PAYLOAD).ok_or_else(|| missing(PAYLOAD))?;
    let event = Property::new(PAYLOAD, payload, "The event").object()?;
    Ok(event.as_map().clone())
}
