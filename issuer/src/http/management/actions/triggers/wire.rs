//! A binding as the Management API shows it.

use logout_shared::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::wire::{ActionBody, TRIGGER, action_body};
use crate::domain::action::{Action, ActionBinding};
use crate::storage::{Snapshot, StorageError};

/// The JSON form of a binding.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionBinding)]
pub(super) struct BindingBody {
    id: String,
    trigger_id: &'static str,
    display_name: String,
    action: ActionBody,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A binding with its Action.
pub(super) async fn binding_body(
    snapshot: &mut (dyn Snapshot + Send),
    binding: ActionBinding,
    action: Action,
) -> Result<BindingBody, StorageError> {
    // Bindings from before they had names and times have those of their Action.
    let named = !binding.display_name.is_empty();
    let since = if binding.bound_at == Timestamp::from_millis(0) {
        action.created_at
    } else {
        binding.bound_at
    };
    Ok(BindingBody {
        id: binding.id(),
        trigger_id: TRIGGER,
        display_name: if named {
            binding.display_name
        } else {
            action.name.clone()
        },
        action: action_body(snapshot, action).await?,
        created_at: since,
        updated_at: since,
    })
}
