//! What a body asks of an Action, checked before anything is written.
//!
//! `secrets` is the whole list: one that it lacks is removed, one without a value keeps its value.
//! What this issuer cannot do is refused: another trigger than `post-login`, packages of npm, and
//! modules. `runtime` is kept and shown; what runs is the issuer's own engine.

use logout_shared::Secret;
use serde_json::{Map, Value};

use super::wire::{TRIGGER, TRIGGER_VERSION};
use crate::domain::action::MAX_SECRETS;
use crate::http::api_error::ApiError;
use crate::http::management::property::{Property, missing, unknown};
use crate::login::actions::keep::ActionChange;

/// What `POST` and `PATCH` take.
const KNOWN: [&str; 7] = [
    "code",
    "dependencies",
    "modules",
    "name",
    "runtime",
    "secrets",
    "supported_triggers",
];

/// What an Action can be written for; this issuer's engine runs all of it alike.
const RUNTIMES: [&str; 5] = ["node12", "node16", "node18", "node18-actions", "node22"];

/// The property of `POST` that asks for a version at once.
const DEPLOY: &str = "deploy";

/// Reads a body as `PATCH` takes it.
pub(super) fn read(body: &Map<String, Value>) -> Result<ActionChange, ApiError> {
    let names = body.keys().map(String::as_str);
    let strange: Vec<_> = names.filter(|name| !KNOWN.contains(name)).collect();
    if !strange.is_empty() {
        return Err(unknown(&strange));
    }
    let get = |name: &str, what| Some(Property::new(name, body.get(name)?, what));
    if let Some(triggers) = get("supported_triggers", "The triggers of the action") {
        check_trigger(&triggers)?;
    }
    for name in ["dependencies", "modules"] {
        if let Some(list) = get(name, "What the code loads").and_then(Property::not_null)
            && !list.items(usize::MAX)?.is_empty()
        {
            return Err(list.refuse("Nothing can be loaded here: put it into the code itself"));
        }
    }
    let text = |name, what| get(name, what).map(|it| it.text().map(str::to_owned));
    let runtime = get("runtime", "What the code is written for").and_then(Property::not_null);
    let mut change = ActionChange {
        name: text("name", "Name of the action").transpose()?,
        code: text("code", "Code of the action").transpose()?,
        runtime: runtime
            .map(|it| it.one_of(&RUNTIMES).map(str::to_owned))
            .transpose()?,
        ..ActionChange::default()
    };
    if let Some(secrets) = get("secrets", "Secrets of the action") {
        read_secrets(&secrets, &mut change)?;
    }
    Ok(change)
}

/// Reads a body as `POST` takes it: the name, the rest, and whether to deploy at once.
pub(super) fn read_new(
    body: &Map<String, Value>,
) -> Result<(String, ActionChange, bool), ApiError> {
    let mut rest = body.clone();
    let deploy = rest.remove(DEPLOY);
    let deploy = deploy
        .map(|value| Property::new(DEPLOY, &value, "Whether to deploy at once").boolean())
        .transpose()?;
    let mut change = read(&rest)?;
    if !rest.contains_key("supported_triggers") {
        return Err(missing("supported_triggers"));
    }
    let name = change.name.take().ok_or_else(|| missing("name"))?;
    Ok((name, change, deploy.unwrap_or(false)))
}

fn check_trigger(triggers: &Property<'_>) -> Result<(), ApiError> {
    let items = triggers.items(1)?;
    let Some(trigger) = items.first() else {
        return Err(triggers.refuse("Array is too short (0), minimum 1"));
    };
    let members = trigger.object()?;
    members
        .get("id", "The trigger")
        .ok_or_else(|| trigger.refuse("Missing required property: id"))?
        .one_of(&[TRIGGER])?;
    if let Some(version) = members.get("version", "The version of the trigger") {
        version.one_of(&[TRIGGER_VERSION])?;
    }
    Ok(())
}

fn read_secrets(secrets: &Property<'_>, change: &mut ActionChange) -> Result<(), ApiError> {
    let mut names: Vec<String> = Vec::new();
    for item in secrets.items(MAX_SECRETS)? {
        // Whoever sends back what was read has `updated_at` in it.
        let members = item.object_of(&["name", "value", "updated_at"])?;
        let name = members
            .get("name", "Name of the secret")
            .ok_or_else(|| item.refuse("Missing required property: name"))?;
        let name = name.text()?.to_owned();
        if names.contains(&name) {
            return Err(item.refuse("A secret with this name is in the list already"));
        }
        let value = members
            .get("value", "Value of the secret")
            .and_then(Property::not_null);
        if let Some(value) = value {
            let value = Secret::new(value.text()?.to_owned());
            change.set_secrets.push((name.clone(), value));
        }
        names.push(name);
    }
    change.all_secrets = Some(names);
    Ok(())
}
