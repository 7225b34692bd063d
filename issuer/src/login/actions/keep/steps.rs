//! The rules of keeping Actions, each inside a transaction that the caller has.
//!
//! Whatever has to be read to decide is read in that transaction, so that of two who change the
//! same Action each decides on what the other left. Limits are `domain/action.rs`'; which Actions
//! run is `bindings.rs`'.

use logout_shared::{RandomSource, Timestamp};

use super::{ActionChange, KeepError};
use crate::domain::action::{
    Action, ActionFault, ActionSecret, ActionVersion, MAX_ACTIONS, MAX_SECRETS, MAX_VERSIONS,
    check_code, check_name, check_secret,
};
use crate::issuer::Issuer;
use crate::keyring::{ACTION_SECRET_PURPOSE, action_secret_row};
use crate::storage::Transaction;

/// A new Action that is not stored yet.
///
/// # Errors
///
/// [`KeepError`] if a limit does not hold.
pub fn prepare(
    issuer: &Issuer,
    name: &str,
    change: ActionChange,
    now: Timestamp,
) -> Result<Action, KeepError> {
    let fresh = Action {
        id: new_id(&**issuer.random()),
        name: name.to_owned(),
        code: String::new(),
        runtime: None,
        secrets: Vec::new(),
        deployed: None,
        created_at: now,
        updated_at: now,
    };
    changed(issuer, fresh, change, now)
}

/// Stores a new Action.
///
/// # Errors
///
/// [`KeepError`] if there are too many or the name is taken.
pub async fn insert(tx: &mut dyn Transaction, action: Action) -> Result<Action, KeepError> {
    if tx.list_actions().await?.len() >= MAX_ACTIONS {
        return Err(ActionFault::TooManyActions.into());
    }
    save(tx, action).await
}

/// Changes an Action's draft, name or secrets.
///
/// # Errors
///
/// [`KeepError`] if there is none, a limit does not hold or the name is taken.
pub async fn change(
    tx: &mut dyn Transaction,
    issuer: &Issuer,
    which: &str,
    change: ActionChange,
) -> Result<Action, KeepError> {
    let action = load(tx, which).await?;
    save(tx, changed(issuer, action, change, issuer.now())?).await
}

/// Deploys an Action's draft as a new version.
///
/// # Errors
///
/// [`KeepError::NotFound`] if there is none.
pub async fn release(
    tx: &mut dyn Transaction,
    which: &str,
    now: Timestamp,
) -> Result<Action, KeepError> {
    let action = load(tx, which).await?;
    release_draft(tx, action, now).await
}

/// Deploys the code of an earlier version again, as a new version; the draft becomes that code.
///
/// # Errors
///
/// [`KeepError::NoVersion`] if the version is not kept.
pub async fn release_again(
    tx: &mut dyn Transaction,
    which: &str,
    number: u32,
    now: Timestamp,
) -> Result<Action, KeepError> {
    let mut action = load(tx, which).await?;
    let version = tx.find_action_version(&action.id, number).await?;
    let Some(version) = version else {
        return Err(KeepError::NoVersion {
            action: action.name,
            number,
        });
    };
    action.code = version.code;
    release_draft(tx, action, now).await
}

/// Deletes an Action that is not bound.
///
/// # Errors
///
/// [`KeepError::Bound`] if it is bound, [`KeepError::NotFound`] if there is none.
pub async fn remove(tx: &mut dyn Transaction, which: &str) -> Result<Action, KeepError> {
    let action = load(tx, which).await?;
    if tx.action_bindings().await?.contains(&action.id) {
        return Err(KeepError::Bound(action.name));
    }
    tx.delete_action(&action.id).await?;
    Ok(action)
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
    action.runtime = change.runtime.or(action.runtime);
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
    if let Some(all) = change.all_secrets {
        keep_only(&mut action.secrets, &all)?;
    }
    if action.secrets.len() > MAX_SECRETS {
        return Err(ActionFault::TooManySecrets.into());
    }
    action.updated_at = now;
    Ok(action)
}

/// Leaves the secrets with these names, in the order of the names.
fn keep_only(secrets: &mut Vec<ActionSecret>, names: &[String]) -> Result<(), ActionFault> {
    let find = |name: &String| {
        let known = secrets.iter().find(|secret| secret.name == *name);
        known
            .cloned()
            .ok_or_else(|| ActionFault::SecretWithoutValue(name.chars().take(64).collect()))
    };
    *secrets = names.iter().map(find).collect::<Result<_, _>>()?;
    Ok(())
}

pub(super) async fn load(tx: &mut dyn Transaction, which: &str) -> Result<Action, KeepError> {
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

async fn release_draft(
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

fn new_id(random: &dyn RandomSource) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}
