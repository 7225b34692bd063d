//! What `action` prints: tables for people, objects for programs. No value of a secret is in any.

use serde_json::Value;

use super::load;
use crate::cli::output;
use crate::domain::action::Action;
use crate::http::management::actions::{ExecutionBody, action_bodies, action_body, version_bodies};
use crate::issuer::Issuer;

/// An Action as an object.
pub(super) async fn body(issuer: &Issuer, action: Action) -> anyhow::Result<Value> {
    let body = action_body(&mut *issuer.store().read().await?, action).await?;
    Ok(serde_json::to_value(body)?)
}

pub(super) async fn list(issuer: &Issuer, json: bool) -> anyhow::Result<()> {
    let mut snapshot = issuer.store().read().await?;
    let actions = snapshot.list_actions().await?;
    let bound = snapshot.action_bindings().await?;
    print(issuer, actions, &bound, json).await
}

pub(super) async fn bindings(issuer: &Issuer, json: bool) -> anyhow::Result<()> {
    let mut snapshot = issuer.store().read().await?;
    let mut actions = snapshot.list_actions().await?;
    let bound = snapshot.action_bindings().await?;
    actions.retain(|action| bound.contains(&action.id));
    actions.sort_by_key(|action| bound.iter().position(|id| *id == action.id));
    print(issuer, actions, &bound, json).await
}

async fn print(
    issuer: &Issuer,
    actions: Vec<Action>,
    bound: &[String],
    json: bool,
) -> anyhow::Result<()> {
    if json {
        let all = action_bodies(&mut *issuer.store().read().await?, actions).await?;
        return Ok(output::json(&serde_json::to_value(all)?)?);
    }
    let rows: Vec<_> = actions
        .into_iter()
        .map(|action| row(action, bound))
        .collect();
    Ok(output::table(["NAME", "ID", "DEPLOYED", "RUNS"], &rows)?)
}

fn row(action: Action, bound: &[String]) -> [String; 4] {
    let place = bound.iter().position(|id| *id == action.id);
    let runs = place.map_or("no".to_owned(), |place| format!("as number {}", place + 1));
    let deployed = action
        .deployed
        .map_or("no".to_owned(), |number| format!("version {number}"));
    [action.name, action.id, deployed, runs]
}

pub(super) async fn one(issuer: &Issuer, which: &str, json: bool) -> anyhow::Result<()> {
    let action = load(issuer, which).await?;
    if json {
        return Ok(output::json(&body(issuer, action).await?)?);
    }
    let deployed = action
        .deployed
        .map_or("no".to_owned(), |number| format!("version {number}"));
    output::fields(&[
        ("name", action.name.clone()),
        ("id", action.id.clone()),
        ("deployed", deployed),
        (
            "secrets",
            output::list(action.secrets.iter().map(|secret| secret.name.clone())),
        ),
        ("changed", action.updated_at.to_rfc3339()),
    ])?;
    let lines: Vec<String> = action.code.lines().map(printable).collect();
    Ok(output::text(&format!("\n{}\n", lines.join("\n")))?)
}

/// Code comes from whoever may deploy, but not always from whoever reads it.
fn printable(line: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
    line.chars().map(shown).collect()
}

pub(super) async fn versions(issuer: &Issuer, which: &str, json: bool) -> anyhow::Result<()> {
    let action = load(issuer, which).await?;
    let versions = issuer
        .store()
        .read()
        .await?
        .list_action_versions(&action.id)
        .await?;
    if json {
        let all = version_bodies(&action, versions);
        return Ok(output::json(&serde_json::to_value(all)?)?);
    }
    let rows = versions.into_iter().map(|version| {
        let runs = output::yes_no(action.deployed == Some(version.number));
        let bytes = version.code.len().to_string();
        [
            version.number.to_string(),
            version.created_at.to_rfc3339(),
            bytes,
            runs,
        ]
    });
    Ok(output::table(
        ["VERSION", "DEPLOYED AT", "BYTES", "IN FORCE"],
        &rows.collect::<Vec<_>>(),
    )?)
}

pub(super) async fn executions(
    issuer: &Issuer,
    which: Option<&str>,
    limit: u32,
    json: bool,
) -> anyhow::Result<()> {
    let action = match which {
        Some(which) => Some(load(issuer, which).await?.id),
        None => None,
    };
    let mut snapshot = issuer.store().read().await?;
    let runs = snapshot
        .list_action_executions(action.as_deref(), limit)
        .await?;
    if json {
        let all: Vec<_> = runs.into_iter().map(ExecutionBody::new).collect();
        return Ok(output::json(&serde_json::to_value(all)?)?);
    }
    let rows = runs.into_iter().map(|run| {
        let took = format!("{:.1} ms", run.duration.as_secs_f64() * 1000.0);
        let outcome = run.error.map_or("done".to_owned(), |error| error.message);
        let action = format!("{} v{}", run.name, run.version);
        [
            run.started_at.to_rfc3339(),
            action,
            took,
            outcome,
            run.console,
        ]
    });
    let heading = ["STARTED AT", "ACTION", "TOOK", "OUTCOME", "PRINTED"];
    Ok(output::table(heading, &rows.collect::<Vec<_>>())?)
}
