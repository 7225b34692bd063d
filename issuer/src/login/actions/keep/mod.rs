//! What operators do with Actions: write, deploy, roll back, bind, try, delete.
//!
//! The rules are in `steps.rs` and `bindings.rs`, inside a transaction that the caller has: the
//! Management API writes its record beside them. The functions here are the same in a transaction
//! of their own, for the command line. Secrets are sealed under the master key, each bound to its
//! Action and name, and are never given back.

mod bindings;
mod steps;

use logout_shared::Secret;
use serde_json::{Map, Value};

use crate::domain::action::{Action, ActionFault, ActionSecret};
use crate::domain::action_run::{ActionJob, ActionRun};
use crate::issuer::Issuer;
use crate::keyring::{ACTION_SECRET_PURPOSE, KeyRingError, action_secret_row};
use crate::storage::{StorageError, Transaction};

pub use bindings::{BindingOf, Bound, WantedBinding, bind_all, unbind};
pub use steps::{change, insert, prepare, release, release_again, remove};

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
    /// No binding has this id.
    #[error("there is no binding {0:?}")]
    NoBinding(String),
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
    /// What it was written for.
    pub runtime: Option<String>,
    /// Secrets to set; those that are not named stay.
    pub set_secrets: Vec<(String, Secret<String>)>,
    /// Secrets to take away.
    pub remove_secrets: Vec<String>,
    /// The names of all secrets that there are to be afterwards; `None`: as it comes.
    pub all_secrets: Option<Vec<String>>,
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
    let action = prepare(issuer, name, change, issuer.now())?;
    write(issuer, move |tx| Box::pin(insert(tx, action))).await
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
    asked: ActionChange,
) -> Result<Action, KeepError> {
    let (which, issuer_too) = (which.to_owned(), issuer.clone());
    write(issuer, move |tx| {
        Box::pin(async move { change(tx, &issuer_too, &which, asked).await })
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
        Box::pin(async move { release(tx, &which, now).await })
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
        Box::pin(async move { release_again(tx, &which, number, now).await })
    })
    .await
}

/// Binds these Actions and no others, in this order.
///
/// # Errors
///
/// [`KeepError`] if one is not there, was never deployed or is named twice, or there are too many.
pub async fn bind(issuer: &Issuer, which: Vec<String>) -> Result<Vec<Action>, KeepError> {
    let now = issuer.now();
    let wanted = which.into_iter().map(WantedBinding::of_action).collect();
    let bound = write(issuer, move |tx| Box::pin(bind_all(tx, wanted, now))).await?;
    Ok(bound.into_iter().map(|bound| bound.action).collect())
}

/// Deletes an Action that is not bound.
///
/// # Errors
///
/// [`KeepError::Bound`] if it is bound, [`KeepError::NotFound`] if there is none.
pub async fn delete(issuer: &Issuer, which: &str) -> Result<Action, KeepError> {
    let which = which.to_owned();
    write(issuer, move |tx| {
        Box::pin(async move { remove(tx, &which).await })
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
