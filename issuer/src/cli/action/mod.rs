//! `action`: writes, deploys, binds and tries the code that runs at each login.
//!
//! An Action is named by its name or id. What runs is what was deployed and bound; a running
//! server takes changes over at the next login. `show.rs` prints.

mod show;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use logout_shared::Secret;
use serde_json::Value;

use super::{WrongUsage, output, stdin};
use crate::domain::action::{Action, MAX_CODE_BYTES};
use crate::http::management::actions::TrialBody;
use crate::issuer::Issuer;
use crate::login::actions::keep::{self, ActionChange, KeepError};

/// What to do with Actions.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes an Action from a file, without deploying it.
    Create {
        /// The JavaScript file.
        file: PathBuf,
        /// Its name; the file's name without its ending by default.
        #[arg(long)]
        name: Option<String>,
        /// Prints the JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Lists all Actions.
    List {
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Shows an Action with its draft.
    Show {
        /// The Action's name or id.
        action: String,
        /// Prints the JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Replaces the draft, or the name, of an Action.
    Update {
        /// The Action's name or id.
        action: String,
        /// The JavaScript file with the new draft.
        #[arg(long)]
        file: Option<PathBuf>,
        /// Another name.
        #[arg(long)]
        name: Option<String>,
    },
    /// Deploys an Action: from a file, which makes or updates it first, or its draft.
    #[command(after_help = DEPLOY_EXAMPLES)]
    Deploy(Deploy),
    /// Lists the deployed versions of an Action.
    Versions {
        /// The Action's name or id.
        action: String,
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Deploys the code of an earlier version again.
    Rollback {
        /// The Action's name or id.
        action: String,
        /// The number of the version.
        version: u32,
    },
    /// Lets these Actions run at each login, in this order, and no others; none: none.
    Bind {
        /// Names or ids.
        actions: Vec<String>,
    },
    /// Takes one Action out of those that run at each login.
    Unbind {
        /// The Action's name or id.
        action: String,
    },
    /// Shows which Actions run at each login, in their order.
    Bindings {
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Runs an Action's draft on an event of your own; nothing is changed.
    Test {
        /// The Action's name or id.
        action: String,
        /// A JSON file with the event.
        #[arg(long)]
        payload: PathBuf,
    },
    /// Sets a secret of an Action, from standard input, or takes it away.
    Secret {
        /// The Action's name or id.
        action: String,
        /// The name in `event.secrets`.
        name: String,
        /// Takes the secret away.
        #[arg(long)]
        remove: bool,
    },
    /// Shows the latest runs and what they printed; they are kept for ten days.
    Executions {
        /// Only those of this Action.
        action: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Deletes an Action that is not bound, with its versions and secrets.
    Delete {
        /// The Action's name or id.
        action: String,
    },
}

const DEPLOY_EXAMPLES: &str = "\
Examples:
  logout-issuer action deploy device-name.js --bind
  logout-issuer action deploy --name device-name";

/// What to deploy.
#[derive(Debug, Args)]
pub(super) struct Deploy {
    /// The JavaScript file; without one the draft is deployed.
    #[arg(required_unless_present = "name")]
    file: Option<PathBuf>,
    /// The Action's name; the file's name without its ending by default.
    #[arg(long)]
    name: Option<String>,
    /// Also lets it run at each login, after those that run already.
    #[arg(long)]
    bind: bool,
    /// Prints the JSON object.
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::Create { file, name, json } => {
                let name = named(name, &file)?;
                let action = keep::create(issuer, &name, draft(&file)?).await?;
                tell(issuer, action, "is made", json).await
            }
            Self::Update { action, file, name } => {
                let mut change = match &file {
                    Some(file) => draft(file)?,
                    None => ActionChange::default(),
                };
                change.name = name;
                let action = keep::update(issuer, &action, change).await?;
                tell(issuer, action, "is changed", false).await
            }
            Self::Deploy(deploy) => deploy.run(issuer).await,
            Self::Rollback { action, version } => {
                let action = keep::roll_back(issuer, &action, version).await?;
                let what = deployed_as(&action);
                tell(issuer, action, &what, false).await
            }
            Self::Bind { actions } => bind(issuer, actions).await,
            Self::Unbind { action } => unbind(issuer, &action).await,
            Self::Test { action, payload } => try_out(issuer, &action, &payload).await,
            Self::Secret {
                action,
                name,
                remove,
            } => secret(issuer, &action, name, remove).await,
            Self::Delete { action } => {
                let action = keep::delete(issuer, &action).await?;
                tell(issuer, action, "is deleted", false).await
            }
            Self::List { json } => show::list(issuer, json).await,
            Self::Show { action, json } => show::one(issuer, &action, json).await,
            Self::Versions { action, json } => show::versions(issuer, &action, json).await,
            Self::Bindings { json } => show::bindings(issuer, json).await,
            Self::Executions {
                action,
                limit,
                json,
            } => show::executions(issuer, action.as_deref(), limit, json).await,
        }
    }
}

impl Deploy {
    async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let name = match &self.file {
            Some(file) => named(self.name, file)?,
            None => self.name.unwrap_or_default(),
        };
        if let Some(file) = &self.file {
            let change = draft(file)?;
            match keep::update(issuer, &name, change.clone()).await {
                Err(KeepError::NotFound(_)) => drop(keep::create(issuer, &name, change).await?),
                updated => drop(updated?),
            }
        }
        let action = keep::deploy(issuer, &name).await?;
        if self.bind {
            let mut bound = issuer.store().read().await?.action_bindings().await?;
            if !bound.contains(&action.id) {
                bound.push(action.id.clone());
                keep::bind(issuer, bound).await?;
            }
        }
        let what = deployed_as(&action);
        tell(issuer, action, &what, self.json).await
    }
}

async fn bind(issuer: &Issuer, actions: Vec<String>) -> anyhow::Result<()> {
    let bound = keep::bind(issuer, actions).await?;
    let names = output::list(bound.into_iter().map(|action| action.name));
    Ok(output::line(&format!("At each login run: {names}"))?)
}

async fn unbind(issuer: &Issuer, which: &str) -> anyhow::Result<()> {
    let action = load(issuer, which).await?;
    let mut bound = issuer.store().read().await?.action_bindings().await?;
    bound.retain(|id| *id != action.id);
    bind(issuer, bound).await
}

async fn try_out(issuer: &Issuer, action: &str, payload: &Path) -> anyhow::Result<()> {
    let text = read(payload)?;
    let event: Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not JSON", payload.display()))?;
    if !event.is_object() {
        return Err(WrongUsage::because(
            "the payload must be a JSON object: the event",
        ));
    }
    let run = keep::try_out(issuer, action, event).await?;
    let error = run.result.as_ref().err().cloned();
    output::json(&serde_json::to_value(TrialBody::new(run))?)?;
    match error {
        None => Ok(()),
        Some(error) => Err(anyhow::Error::new(error).context("the Action failed")),
    }
}

async fn secret(issuer: &Issuer, action: &str, name: String, remove: bool) -> anyhow::Result<()> {
    let mut change = ActionChange::default();
    if remove {
        change.remove_secrets.push(name);
    } else {
        let value: Secret<String> = stdin::read_secret("secret")?;
        change.set_secrets.push((name, value));
    }
    let action = keep::update(issuer, action, change).await?;
    let names = output::list(action.secrets.iter().map(|secret| secret.name.clone()));
    Ok(output::line(&format!(
        "The secrets of {:?} are now: {names}",
        action.name
    ))?)
}

async fn load(issuer: &Issuer, which: &str) -> anyhow::Result<Action> {
    let found = issuer.store().read().await?.find_action(which).await?;
    Ok(found.ok_or_else(|| KeepError::NotFound(which.to_owned()))?)
}

async fn tell(issuer: &Issuer, action: Action, what: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(output::json(&show::body(issuer, action).await?)?);
    }
    Ok(output::line(&format!(
        "The Action {:?} {what}.",
        action.name
    ))?)
}

fn deployed_as(action: &Action) -> String {
    format!(
        "is deployed as version {}",
        action.deployed.unwrap_or_default()
    )
}

fn draft(file: &Path) -> anyhow::Result<ActionChange> {
    Ok(ActionChange {
        code: Some(read(file)?),
        ..ActionChange::default()
    })
}

/// A file that is not much longer than code may be.
fn read(file: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let context = || format!("cannot read {}", file.display());
    let opened = std::fs::File::open(file).with_context(context)?;
    let mut text = String::new();
    let most = 10 * MAX_CODE_BYTES as u64;
    opened
        .take(most)
        .read_to_string(&mut text)
        .with_context(context)?;
    Ok(text)
}

fn named(name: Option<String>, file: &Path) -> anyhow::Result<String> {
    let stem = || Some(file.file_stem()?.to_str()?.to_owned());
    let named = name.or_else(stem);
    named.ok_or_else(|| WrongUsage::because("the file has no name; give one with --name"))
}
