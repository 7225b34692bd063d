//! What operators do with Actions: write, deploy, roll back, bind, try, delete.
//!
//! The command line and the Management API go through here, so that the limits hold for both.
//! Secrets are sealed under the master key, each bound to its Action and name, and are never
//! given back.

use logout_shared::{RandomSource, Secret, Timestamp};
use serde_json::{Map, Value};

use crate::domain::action::{
    Action, ActionFault, ActionSecret, ActionVersion, MAX_ACTIONS, MAX_BINDINGS, MAX_SECRETS,
    MAX_VERSIONS, check_code, check_name, check_secret,
};
use crate::domain::action_run::{ActionJob, ActionRun};
use crate::issuer::Issuer;
use crate::keyring::{ACTION_SECRET_PURPOSE, KeyRingError, action_secret_row};
use crate::storage::{StorageError, Transaction};

/// Why an Action cannot be kept as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// No Action has this id or name.
    #[error("there is no Action {0:?}; `action list` shows those that there are")]
    NotFound(String),
    /// Another Action has the name.
    #[error("another Action has the name {0:?}; choose another, or update that one")]
    NameTaken(String),
    /// It was never deployed, or its version is not kept any more.
    #[error(
        "there is no version {number} of the Action {action:?}; `action versions` shows those kept"
    )]
    NoVersion {
        /// The Action's name.
        action: String,
        /// The version asked for.
        number: u32,
    },
    /// A bound Action cannot be deleted.
    #[error("the Action {0:?} is bound; unbind it first")]
    Bound(String),
    /// An Action that was never deployed cannot be bound.
    #[error("the Action {0:?} was never deployed; deploy it first")]
    NotDeployed(String),
    /// An Action was to be bound twice.
    #[error("the Action {0:?} is named twice")]
    Twice(String),
    /// A limit does not hold.
    #[error(transparent)]
    Fault(#[from] ActionFault),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What to change of an Action.
#[derive(Debug, Clone, Default)]
pub struct ActionChange {
    /// Another name.
    pub name: Option<String>,
    /// Another draft.
    pub code: Option<String>,
    /// Secrets to set; those that are not named stay.
    pub set_secrets: Vec<(String, Secret<String>)>,
    /// Secrets to take away.
    pub remove_secrets: Vec<String>,
}

/// Makes an Action.
///
/// # Errors
///
/// [`KeepError`] if a limit does not hold or the name is taken.
pub async fn create(
    issuer: &Issuer,
    name: &str,
    change: ActionChange,
) -> Result<Action, KeepError> {
    let now = issuer.now();
    let fresh = Action {
        id: new_id(&**issuer.random()),
        name: name.to_owned(),
        code: String::new(),
        secrets: Vec::new(),
        deployed: None,
        created_at: now,
        updated_at: now,
    };
    let action = changed(issuer, fresh, change, now)?;
    write(issuer, move |tx| {
        Box::pin(async move {
            if tx.list_actions().await?.len() >= MAX_ACTIONS {
                return Err(ActionFault::TooManyActions.into());
            }
            save(tx, action).await
        })
    })
    .await
}

/// Changes an Action's draft, name or secrets; what runs is what was deployed, with the secrets as
/// they are now.
///
/// # Errors
///
/// [`KeepError`] if there is none, a limit does not hold or the name is taken.
pub async fn update(
    issuer: &Issuer,
    which: &str,
    change: ActionChange,
) -> Result<Action, KeepError> {
    let (which, issuer_too, now) = (which.to_owned(), issuer.clone(), issuer.now());
    write(issuer, move |tx| {
        Box::pin(async move {
            let action = load(tx, &which).await?;
            save(tx, changed(&issuer_too, action, change, now)?).await
        })
    })
    .await
}

/// Deploys an Action's draft as a new version; from the next login on it runs, if it is bound.
///
/// # Errors
///
/// [`KeepError::NotFound`] if there is none.
pub async fn deploy(issuer: &Issuer, which: &str) -> Result<Action, KeepError> {
    let (which, now) = (which.to_owned(), issuer.now());
    write(issuer, move |tx| {
        Box::pin(async move {
            let action = load(tx, &which).await?;
            release(tx, action, now).await
        })
    })
    .await
}

/// Deploys the code of an earlier version again, as a new version; the draft becomes that code.
///
/// # Errors
///
/// [`KeepError::NoVersion`] if the version is not kept.
pub async fn roll_back(issuer: &Issuer, which: &str, number: u32) -> Result<Action, KeepError> {
    let (which, now) = (which.to_owned(), issuer.now());
    write(issuer, move |tx| {
        Box::pin(async move {
            let mut action = load(tx, &which).await?;
            let mut versions = tx.list_action_versions(&action.id).await?.into_iter();
            let Some(version) = versions.find(|version| version.number == number) else {
                return Err(KeepError::NoVersion {
                    action: action.name,
                    number,
                });
            };
            action.code = version.code;
            release(tx, action, now).await
        })
    })
    .await
}

/// Binds these Actions and no others, in this order.
///
/// # Errors
///
/// [`KeepError`] if one is not there, was never deployed or is named twice, or there are too many.
pub async fn bind(issuer: &Issuer, which: Vec<String>) -> Result<Vec<Action>, KeepError> {
    write(issuer, move |tx| {
        Box::pin(async move {
            if which.len() > MAX_BINDINGS {
                return Err(ActionFault::TooManyBindings.into());
            }
            let mut bound: Vec<Action> = Vec::new();
            for which in &which {
                let action = load(tx, which).await?;
                if action.deployed.is_none() {
                    return Err(KeepError::NotDeployed(action.name));
                }
                if bound.iter().any(|known| known.id == action.id) {
                    return Err(KeepError::Twice(action.name));
                }
                bound.push(action);
            }
            let ids: Vec<String> = bound.iter().map(|action| action.id.clone()).collect();
            tx.bind_actions(&ids).await?;
            Ok(bound)
        })
    })
    .await
}

/// Deletes an Action that is not bound.
///
/// # Errors
///
/// [`KeepError::Bound`] if it is bound, [`KeepError::NotFound`] if there is none.
pub async fn delete(issuer: &Issuer, which: &str) -> Result<Action, KeepError> {
    let which = which.to_owned();
    write(issuer, move |tx| {
        Box::pin(async move {
            let action = load(tx, &which).await?;
            if tx.action_bindings().await?.contains(&action.id) {
                return Err(KeepError::Bound(action.name));
            }
            tx.delete_action(&action.id).await?;
            Ok(action)
        })
    })
    .await
}

/// Runs an Action's draft on an event that somebody made up; nothing is kept.
///
/// # Errors
///
/// [`KeepError::NotFound`] if there is none, [`KeepError::KeyRing`] if a secret cannot be opened.
pub async fn try_out(issuer: &Issuer, which: &str, event: Value) -> Result<ActionRun, KeepError> {
    let found = issuer.store().read().await?.find_action(which).await?;
    let action = found.ok_or_else(|| KeepError::NotFound(which.to_owned()))?;
    let secrets = open_secrets(issuer, &action.id, &action.secrets)?;
    let job = ActionJob {
        action: action.id,
        name: action.name,
        code: action.code,
        event,
        secrets,
        cache: Map::new(),
        limits: issuer.actions().limits(),
    };
    Ok(issuer.actions().try_out(job).await)
}

/// The secrets of an Action as its code finds them.
pub(super) fn open_secrets(
    issuer: &Issuer,
    action: &str,
    sealed: &[ActionSecret],
) -> Result<Map<String, Value>, KeyRingError> {
    let open = |secret: &ActionSecret| {
        let row = action_secret_row(action, &secret.name);
        let keys = issuer.keys();
        let opened = keys.unseal(ACTION_SECRET_PURPOSE, &row, &secret.sealed)?;
        let text = String::from_utf8_lossy(opened.expose()).into_owned();
        Ok((secret.name.clone(), Value::String(text)))
    };
    sealed.iter().map(open).collect()
}

fn changed(
    issuer: &Issuer,
    mut action: Action,
    change: ActionChange,
    now: Timestamp,
) -> Result<Action, KeepError> {
    if let Some(name) = change.name {
        action.name = name;
    }
    if let Some(code) = change.code {
        action.code = code;
    }
    check_name(&action.name)?;
    check_code(&action.code)?;
    action
        .secrets
        .retain(|secret| !change.remove_secrets.contains(&secret.name));
    for (name, value) in change.set_secrets {
        check_secret(&name, value.expose())?;
        let row = action_secret_row(&action.id, &name);
        let sealed = issuer
            .keys()
            .seal(ACTION_SECRET_PURPOSE, &row, value.expose().as_bytes())?;
        action.secrets.retain(|secret| secret.name != name);
        action.secrets.push(ActionSecret {
            name,
            sealed,
            updated_at: now,
        });
    }
    if action.secrets.len() > MAX_SECRETS {
        return Err(ActionFault::TooManySecrets.into());
    }
    action.updated_at = now;
    Ok(action)
}

async fn load(tx: &mut dyn Transaction, which: &str) -> Result<Action, KeepError> {
    let found = tx.find_action(which).await?;
    found.ok_or_else(|| KeepError::NotFound(which.to_owned()))
}

async fn save(tx: &mut dyn Transaction, action: Action) -> Result<Action, KeepError> {
    if tx.save_action(&action).await? {
        Ok(action)
    } else {
        Err(KeepError::NameTaken(action.name))
    }
}

async fn release(
    tx: &mut dyn Transaction,
    mut action: Action,
    now: Timestamp,
) -> Result<Action, KeepError> {
    let versions = tx.list_action_versions(&action.id).await?;
    let number = versions.first().map_or(1, |newest| newest.number + 1);
    let version = ActionVersion {
        action: action.id.clone(),
        number,
        code: action.code.clone(),
        created_at: now,
    };
    action.deployed = Some(number);
    action.updated_at = now;
    let action = save(tx, action).await?;
    tx.insert_action_version(&version, MAX_VERSIONS).await?;
    Ok(action)
}

async fn write<T: Send + 'static>(
    issuer: &Issuer,
    work: impl for<'t> FnOnce(
        &'t mut dyn Transaction,
    ) -> futures_util::future::BoxFuture<'t, Result<T, KeepError>>
    + Send
    + 'static,
) -> Result<T, KeepError> {
    issuer.store().write(work).await
}

fn new_id(random: &dyn RandomSource) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}
