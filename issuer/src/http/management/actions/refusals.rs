//! What callers are told where an Action cannot be kept as asked.

use crate::domain::action::ActionFault;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::login::actions::keep::KeepError;

/// No Action has the id or name in the path.
pub(super) const NO_ACTION: ApiError = ApiError::Missing("That action does not exist.", None);

/// No version that is still kept has the id in the path.
pub(super) const NO_VERSION: ApiError =
    ApiError::Missing("That action version does not exist.", None);

/// There is one trigger only.
pub(super) const NO_TRIGGER: ApiError = ApiError::Missing("That trigger does not exist.", None);

impl From<KeepError> for ApiError {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::NotFound(_) => NO_ACTION,
            KeepError::NoVersion { .. } => NO_VERSION,
            KeepError::NameTaken(_) => Self::Conflict("An action with this name already exists."),
            KeepError::Bound(_) => Self::Conflict(
                "The action is bound to a trigger: unbind it first, or delete it with force=true.",
            ),
            KeepError::NotDeployed(_) | KeepError::Twice(_) | KeepError::NoBinding(_) => {
                let reason = error.to_string();
                Invalid::property(
                    Place::Payload,
                    reason,
                    "bindings",
                    "What runs at each login",
                )
                .into()
            }
            KeepError::Fault(fault) => {
                let reason = fault.to_string();
                Invalid::property(Place::Payload, reason, place(&fault), "").into()
            }
            error => Self::internal(error),
        }
    }
}

/// The property that a limit is about.
fn place(fault: &ActionFault) -> &'static str {
    match fault {
        ActionFault::Name | ActionFault::TooManyActions => "name",
        ActionFault::CodeTooLong(_) => "code",
        ActionFault::SecretName
        | ActionFault::SecretValue
        | ActionFault::SecretWithoutValue(_)
        | ActionFault::TooManySecrets => "secrets",
        ActionFault::DisplayName | ActionFault::TooManyBindings => "bindings",
    }
}
