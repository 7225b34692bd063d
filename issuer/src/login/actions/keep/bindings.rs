//! Which Actions run at each login, and in which order; inside a transaction that the caller has.

use logout_shared::Timestamp;

use super::KeepError;
use super::steps::load;
use crate::domain::action::{Action, ActionBinding, ActionFault, MAX_BINDINGS, check_display_name};
use crate::storage::Transaction;

/// What a wanted binding is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingOf {
    /// The Action's id or name.
    Action(String),
    /// The id of a binding that is there already.
    Binding(String),
}

/// A binding as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedBinding {
    /// Which Action.
    pub of: BindingOf,
    /// Another name for the binding; without one it keeps its own, or has the Action's.
    pub display_name: Option<String>,
}

impl WantedBinding {
    /// A binding of an Action, by the Action's id or name.
    pub fn of_action(which: String) -> Self {
        Self {
            of: BindingOf::Action(which),
            display_name: None,
        }
    }
}

/// A binding with its Action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The binding.
    pub binding: ActionBinding,
    /// The Action.
    pub action: Action,
}

/// Binds these Actions and no others, in this order. What was bound before keeps its time.
///
/// # Errors
///
/// [`KeepError`] if one is not there, was never deployed or is named twice, or there are too many.
pub async fn bind_all(
    tx: &mut dyn Transaction,
    wanted: Vec<WantedBinding>,
    now: Timestamp,
) -> Result<Vec<Bound>, KeepError> {
    if wanted.len() > MAX_BINDINGS {
        return Err(ActionFault::TooManyBindings.into());
    }
    let before = tx.list_action_bindings().await?;
    let mut bound: Vec<Bound> = Vec::new();
    for wanted in wanted {
        let action = load(tx, of(&wanted.of, &before)?).await?;
        if action.deployed.is_none() {
            return Err(KeepError::NotDeployed(action.name));
        }
        if bound.iter().any(|known| known.action.id == action.id) {
            return Err(KeepError::Twice(action.name));
        }
        let known = before.iter().find(|known| known.action == action.id);
        let mut binding = known.cloned().unwrap_or_else(|| ActionBinding {
            action: action.id.clone(),
            display_name: action.name.clone(),
            bound_at: now,
        });
        if let Some(name) = wanted.display_name {
            check_display_name(&name)?;
            binding.display_name = name;
        }
        bound.push(Bound { binding, action });
    }
    let bindings: Vec<_> = bound.iter().map(|bound| bound.binding.clone()).collect();
    tx.bind_actions(&bindings).await?;
    Ok(bound)
}

/// Takes an Action out of those that run, if it is among them.
///
/// # Errors
///
/// [`KeepError::NotFound`] if there is no such Action.
pub async fn unbind(tx: &mut dyn Transaction, which: &str) -> Result<(), KeepError> {
    let action = load(tx, which).await?;
    let mut bindings = tx.list_action_bindings().await?;
    bindings.retain(|binding| binding.action != action.id);
    Ok(tx.bind_actions(&bindings).await?)
}

fn of<'w>(wanted: &'w BindingOf, before: &'w [ActionBinding]) -> Result<&'w str, KeepError> {
    match wanted {
        BindingOf::Action(which) => Ok(which),
        BindingOf::Binding(id) => {
            let found = before.iter().find(|binding| binding.id() == *id);
            found
                .map(|binding| binding.action.as_str())
                .ok_or_else(|| KeepError::NoBinding(id.clone()))
        }
    }
}
