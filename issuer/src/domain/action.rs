//! Actions: JavaScript of the operator's own that runs at each login, and its limits.
//!
//! What people write is a draft; [`ActionVersion`]s are what was deployed of it. Only a deployed
//! Action that is bound runs, in the order of the bindings. The limits are those of Auth0's Actions
//! (its pages "Actions limitations" and "entity limit policy"). What one run takes in and gives back
//! is in `action_run.rs`; the engine room is `actions/`.

use logout_shared::{ClientId, SessionId, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use super::action_run::ActionError;

/// The most bytes that an Action's code may have.
pub const MAX_CODE_BYTES: usize = 100_000;
/// The most Actions that there may be.
pub const MAX_ACTIONS: usize = 100;
/// The most Actions that may be bound.
pub const MAX_BINDINGS: usize = 20;
/// The most versions that are kept of one Action.
pub const MAX_VERSIONS: usize = 50;
/// The most secrets of one Action.
pub const MAX_SECRETS: usize = 30;
/// The most characters of a secret's name.
pub const MAX_SECRET_NAME_CHARS: usize = 128;
/// The most characters of a secret's value.
pub const MAX_SECRET_VALUE_CHARS: usize = 4096;
/// The most characters of the name of a binding.
pub const MAX_DISPLAY_NAME_CHARS: usize = 255;
/// The most characters of an Action's name.
pub const MAX_NAME_CHARS: usize = 255;
/// How long a run is remembered.
pub const EXECUTIONS_ARE_KEPT: Duration = Duration::from_hours(10 * 24);

/// An Action as it is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Names it for good.
    pub id: String,
    /// Names it for people; no two have the same.
    pub name: String,
    /// The draft.
    pub code: String,
    /// What the author wrote it for, such as `node22`; only shown.
    pub runtime: Option<String>,
    /// What the code finds in `event.secrets`.
    pub secrets: Vec<ActionSecret>,
    /// The number of the version that runs.
    pub deployed: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
}

/// A secret of an Action; the value is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionSecret {
    /// Its name in `event.secrets`.
    pub name: String,
    /// The value under the master key.
    pub sealed: String,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// Code that was deployed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionVersion {
    /// The Action.
    pub action: String,
    /// Counts from one.
    pub number: u32,
    /// The code.
    pub code: String,
    /// When it was deployed.
    pub created_at: Timestamp,
}

impl ActionVersion {
    /// Names the version for good.
    pub fn id(&self) -> String {
        version_id(&self.action, self.number)
    }
}

/// The name of a version of an Action.
pub fn version_id(action: &str, number: u32) -> String {
    derived_id(&format!("version {number} of {action}"))
}

/// That an Action is to run at each login, once it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionBinding {
    /// The Action; it is bound once at most.
    pub action: String,
    /// What people call the binding.
    pub display_name: String,
    /// Since when the Action has been bound.
    pub bound_at: Timestamp,
}

impl ActionBinding {
    /// Names the binding for as long as the Action is there.
    pub fn id(&self) -> String {
        binding_id(&self.action)
    }
}

/// The name of the binding of an Action.
pub fn binding_id(action: &str) -> String {
    derived_id(&format!("binding of {action}"))
}

/// An id in the form of a UUID, always the same for the same text.
fn derived_id(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(half)
        .into_uuid()
        .to_string()
}

/// An Action that runs at each login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundAction {
    /// The Action.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which version runs.
    pub version: u32,
    /// The code of that version.
    pub code: String,
    /// What the code finds in `event.secrets`.
    pub secrets: Vec<ActionSecret>,
}

/// One run of an Action in a login.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionExecution {
    /// Names the run.
    pub id: String,
    /// The Action.
    pub action: String,
    /// Its name at the time.
    pub name: String,
    /// The version that ran.
    pub version: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// Why it failed.
    pub error: Option<ActionError>,
    /// What it printed.
    pub console: String,
    /// Who signed in.
    pub user: Subject,
    /// To which client.
    pub client: ClientId,
    /// In which session.
    pub session: Option<SessionId>,
}

/// What is wrong with an Action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionFault {
    /// The name is empty or too long.
    #[error("an Action's name has 1 to {MAX_NAME_CHARS} characters, and no control characters")]
    Name,
    /// The name of a binding is empty or too long.
    #[error(
        "a binding's name has 1 to {MAX_DISPLAY_NAME_CHARS} characters, and no control characters"
    )]
    DisplayName,
    /// The code is too long.
    #[error("the code has {0} bytes; at most {MAX_CODE_BYTES} are allowed: shorten it")]
    CodeTooLong(usize),
    /// The name of a secret is empty or too long.
    #[error("a secret's name has 1 to {MAX_SECRET_NAME_CHARS} characters")]
    SecretName,
    /// The value of a secret is too long.
    #[error("a secret's value has at most {MAX_SECRET_VALUE_CHARS} characters")]
    SecretValue,
    /// A secret is to keep its value and has none.
    #[error("the secret {0:?} has no value yet; give it one")]
    SecretWithoutValue(String),
    /// Too many secrets.
    #[error("an Action has at most {MAX_SECRETS} secrets; remove one first")]
    TooManySecrets,
    /// Too many Actions.
    #[error("there are at most {MAX_ACTIONS} Actions; delete one first")]
    TooManyActions,
    /// Too many bindings.
    #[error("at most {MAX_BINDINGS} Actions can be bound; unbind one first")]
    TooManyBindings,
}

/// Whether an Action may have this name.
///
/// # Errors
///
/// [`ActionFault::Name`] if not.
pub fn check_name(name: &str) -> Result<(), ActionFault> {
    let good = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && name.trim() == name;
    good.then_some(()).ok_or(ActionFault::Name)
}

/// Whether a binding may be called this.
///
/// # Errors
///
/// [`ActionFault::DisplayName`] if not.
pub fn check_display_name(name: &str) -> Result<(), ActionFault> {
    let good = (1..=MAX_DISPLAY_NAME_CHARS).contains(&name.chars().count())
        && !name.chars().any(char::is_control);
    good.then_some(()).ok_or(ActionFault::DisplayName)
}

/// Whether code is short enough.
///
/// # Errors
///
/// [`ActionFault::CodeTooLong`] if not.
pub fn check_code(code: &str) -> Result<(), ActionFault> {
    if code.len() > MAX_CODE_BYTES {
        return Err(ActionFault::CodeTooLong(code.len()));
    }
    Ok(())
}

/// Whether an Action may have this secret.
///
/// # Errors
///
/// [`ActionFault::SecretName`] or [`ActionFault::SecretValue`] if not.
pub fn check_secret(name: &str, value: &str) -> Result<(), ActionFault> {
    if !(1..=MAX_SECRET_NAME_CHARS).contains(&name.chars().count()) {
        return Err(ActionFault::SecretName);
    }
    if value.chars().count() > MAX_SECRET_VALUE_CHARS {
        return Err(ActionFault::SecretValue);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_versions_and_bindings_are_always_the_same() {
        let id = version_id("a", 1);
        assert_eq!(id.len(), 36);
        assert_eq!(version_id("a", 1), id);
        assert_ne!(version_id("a", 2), id);
        assert_ne!(version_id("b", 1), id);
    }

    #[test]
    fn each_limit_holds_at_its_number_and_one_past_it() {
        assert!(check_code(&"x".repeat(MAX_CODE_BYTES)).is_ok());
        assert!(check_code(&"x".repeat(MAX_CODE_BYTES + 1)).is_err());
        assert!(check_name(&"ü".repeat(MAX_NAME_CHARS)).is_ok());
        assert!(check_name(&"ü".repeat(MAX_NAME_CHARS + 1)).is_err());
        assert!(check_name("").is_err() && check_name("a\nb").is_err());
        assert!(check_display_name(&"ü".repeat(MAX_DISPLAY_NAME_CHARS)).is_ok());
        assert!(check_display_name(&"ü".repeat(MAX_DISPLAY_NAME_CHARS + 1)).is_err());
        assert!(check_display_name("").is_err() && check_display_name("a\nb").is_err());
        let (name, value) = (
            "n".repeat(MAX_SECRET_NAME_CHARS),
            "v".repeat(MAX_SECRET_VALUE_CHARS),
        );
        assert_eq!(check_secret(&name, &value), Ok(()));
        assert_eq!(check_secret("", &value), Err(ActionFault::SecretName));
        assert_eq!(
            check_secret(&format!("{name}n"), &value),
            Err(ActionFault::SecretName)
        );
        assert_eq!(
            check_secret(&name, &format!("{value}v")),
            Err(ActionFault::SecretValue)
        );
    }
}
