//! `PATCH /api/v2/actions/triggers/{id}/bindings`: which Actions run from now on, and no others.
//!
//! The list replaces the one before; its order is the order in which they run. An Action is named
//! by its id, its name, or its binding.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::check_trigger;
use super::wire::{BindingBody, binding_body};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{Property, missing, unknown};
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::login::actions::keep::{self, BindingOf, WantedBinding};

const BINDINGS: &str = "bindings";

/// The bindings as they are now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionBindings)]
pub(super) struct Updated {
    bindings: Vec<BindingBody>,
}

#[utoipa::path(
    patch,
    path = "/actions/triggers/{id}/bindings",
    operation_id = "update_action_bindings",
    tag = "actions",
    summary = "Which Actions run from now on",
    params(
        ("id" = String, Path, description = "The trigger, `post-login`"),
    ),
    request_body = openapi::Bindings,
    responses(
        (status = 200, description = "Done.", body = Updated),
    ),
    security(("bearer" = ["update:actions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(trigger): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<Updated>, ApiError> {
    bearer.require("update:actions")?;
    check_trigger(&trigger)?;
    let wanted = read(&body.object().await?)?;
    let now = issuer.now();
    let properties = (StatusCode::OK, vec![BINDINGS.to_owned()]);
    let event = call.changed(&bearer, "Update the bindings of a trigger", properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let bound = keep::bind_all(tx, wanted, now).await?;
            tx.append_events(&[event]).await?;
            let mut bindings = Vec::with_capacity(bound.len());
            for one in bound {
                bindings.push(binding_body(tx, one.binding, one.action).await?);
            }
            Ok(Updated { bindings })
        })
    });
    written.await.map(Json)
}

fn read(body: &Map<String, Value>) -> Result<Vec<WantedBinding>, ApiError> {
    if let Some(other) = body.keys().find(|name| *name != BINDINGS) {
        return Err(unknown(&[other]));
    }
    let value = body.get(BINDINGS).ok_or_else(|| missing(BINDINGS))?;
    let list = Property::new(BINDINGS, value, "What runs at each login");
    list.items(usize::MAX)?.iter().map(read_one).collect()
}

fn read_one(item: &Property<'_>) -> Result<WantedBinding, ApiError> {
    let members = item.object_of(&["ref", "display_name", "secrets"])?;
    let missing = |name: &str| item.refuse(format!("Missing required property: {name}"));
    let secrets = members.get("secrets", "Secrets of the binding");
    if let Some(secrets) = secrets.and_then(Property::not_null)
        && !secrets.items(usize::MAX)?.is_empty()
    {
        return Err(secrets.refuse("Secrets belong to an action here: set them there"));
    }
    let reference = members
        .get("ref", "The action")
        .ok_or_else(|| missing("ref"))?;
    let reference = reference.object_of(&["type", "value"])?;
    let kind = reference
        .get("type", "How the action is named")
        .ok_or_else(|| missing("ref.type"))?;
    let value = reference
        .get("value", "The action's id or name")
        .ok_or_else(|| missing("ref.value"))?;
    let value = value.text()?.to_owned();
    let of = match kind.one_of(&["action_id", "action_name", "binding_id"])? {
        "binding_id" => BindingOf::Binding(value),
        _ => BindingOf::Action(value),
    };
    let name = members
        .get("display_name", "Name of the binding")
        .and_then(Property::not_null);
    Ok(WantedBinding {
        of,
        display_name: name
            .map(|name| name.text().map(str::to_owned))
            .transpose()?,
    })
}
