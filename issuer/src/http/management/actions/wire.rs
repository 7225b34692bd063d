//! Actions, versions and runs as the Management API and the command line show them.
//!
//! Members and their names are Auth0's. Of a secret there are its name and the time when it was
//! set, never its value.

use logout_shared::{ClientId, SessionId, Subject, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::action::{Action, ActionExecution, ActionSecret, ActionVersion, version_id};
use crate::domain::action_run::ActionError;
use crate::storage::{Snapshot, StorageError};

/// The one trigger.
pub(super) const TRIGGER: &str = "post-login";
/// The version of its `event` and `api`.
pub(super) const TRIGGER_VERSION: &str = "v3";
/// What an Action is said to be written for unless it says something else.
pub(super) const RUNTIME: &str = "node22";

/// The only state of a build: there is nothing to wait for.
const BUILT: &str = "built";

/// The JSON form of an Action.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Action)]
pub struct ActionBody {
    id: String,
    name: String,
    supported_triggers: [TriggerRef; 1],
    code: String,
    #[schema(value_type = Vec<String>)]
    dependencies: [(); 0],
    runtime: String,
    secrets: Vec<SecretBody>,
    status: &'static str,
    /// Whether the draft is what was deployed last.
    all_changes_deployed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployed_version: Option<VersionBody>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    built_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionTrigger)]
struct TriggerRef {
    id: &'static str,
    version: &'static str,
}

const SUPPORTED: [TriggerRef; 1] = [TriggerRef {
    id: TRIGGER,
    version: TRIGGER_VERSION,
}];

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionSecretName)]
struct SecretBody {
    name: String,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<&ActionSecret> for SecretBody {
    fn from(secret: &ActionSecret) -> Self {
        Self {
            name: secret.name.clone(),
            updated_at: secret.updated_at,
        }
    }
}

/// The JSON form of a version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionVersion)]
pub struct VersionBody {
    id: String,
    action_id: String,
    number: u32,
    code: String,
    /// Whether it is the version that runs.
    deployed: bool,
    status: &'static str,
    #[schema(value_type = Vec<String>)]
    dependencies: [(); 0],
    runtime: String,
    secrets: Vec<SecretBody>,
    supported_triggers: [TriggerRef; 1],
    #[schema(value_type = Vec<String>)]
    errors: [(); 0],
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    built_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    action: Option<Box<ActionBody>>,
}

impl VersionBody {
    /// A version of an Action. Secrets are those of the Action: they are not kept by version.
    fn new(version: ActionVersion, action: &Action) -> Self {
        Self {
            id: version.id(),
            deployed: action.deployed == Some(version.number),
            action_id: version.action,
            number: version.number,
            code: version.code,
            status: BUILT,
            dependencies: [],
            runtime: runtime(action),
            secrets: action.secrets.iter().map(Into::into).collect(),
            supported_triggers: SUPPORTED,
            errors: [],
            created_at: version.created_at,
            updated_at: version.created_at,
            built_at: version.created_at,
            action: None,
        }
    }

    /// The same with its Action.
    pub(super) fn with_action(mut self, action: Action) -> Self {
        self.action = Some(Box::new(ActionBody::new(action, None)));
        self
    }
}

impl ActionBody {
    fn new(action: Action, deployed: Option<ActionVersion>) -> Self {
        let deployed_version = deployed.map(|version| VersionBody::new(version, &action));
        Self {
            all_changes_deployed: deployed_version
                .as_ref()
                .is_some_and(|version| version.code == action.code),
            deployed_version,
            supported_triggers: SUPPORTED,
            dependencies: [],
            runtime: runtime(&action),
            secrets: action.secrets.iter().map(Into::into).collect(),
            status: BUILT,
            id: action.id,
            name: action.name,
            code: action.code,
            created_at: action.created_at,
            updated_at: action.updated_at,
            built_at: action.updated_at,
        }
    }
}

fn runtime(action: &Action) -> String {
    let given = action.runtime.as_deref();
    given.unwrap_or(RUNTIME).to_owned()
}

/// An Action with the version that runs.
///
/// # Errors
///
/// [`StorageError`] if the version cannot be read.
pub async fn action_body(
    snapshot: &mut dyn Snapshot,
    action: Action,
) -> Result<ActionBody, StorageError> {
    let deployed = match action.deployed {
        Some(number) => snapshot.find_action_version(&action.id, number).await?,
        None => None,
    };
    Ok(ActionBody::new(action, deployed))
}

/// Actions with the versions that run.
///
/// # Errors
///
/// [`StorageError`] if a version cannot be read.
pub async fn action_bodies(
    snapshot: &mut dyn Snapshot,
    actions: Vec<Action>,
) -> Result<Vec<ActionBody>, StorageError> {
    let mut bodies = Vec::with_capacity(actions.len());
    for action in actions {
        bodies.push(action_body(snapshot, action).await?);
    }
    Ok(bodies)
}

/// The versions of an Action.
pub fn version_bodies(action: &Action, versions: Vec<ActionVersion>) -> Vec<VersionBody> {
    let bodies = versions.into_iter();
    bodies
        .map(|version| VersionBody::new(version, action))
        .collect()
}

/// The JSON form of a run: Auth0's members, and what this issuer keeps of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionExecution)]
pub struct ExecutionBody {
    id: String,
    trigger_id: &'static str,
    status: &'static str,
    results: [ResultBody; 1],
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    action_id: String,
    action_name: String,
    version: u32,
    version_id: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    duration_ms: f64,
    #[schema(value_type = Option<Object>)]
    error: Option<ActionError>,
    console: String,
    #[schema(value_type = String)]
    user_id: Subject,
    #[schema(value_type = String)]
    client_id: ClientId,
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionResult)]
struct ResultBody {
    action_name: String,
    error: Option<ErrorBody>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActionFailure)]
struct ErrorBody {
    id: &'static str,
    msg: String,
}

impl ExecutionBody {
    /// A remembered run.
    pub fn new(run: ActionExecution) -> Self {
        let ended_at = run.started_at + run.duration;
        Self {
            results: [ResultBody {
                action_name: run.name.clone(),
                error: run.error.as_ref().map(|error| ErrorBody {
                    id: error.kind.as_str(),
                    msg: error.message.clone(),
                }),
                started_at: run.started_at,
                ended_at,
            }],
            id: run.id,
            trigger_id: TRIGGER,
            status: "final",
            created_at: run.started_at,
            updated_at: ended_at,
            version_id: version_id(&run.action, run.version),
            action_id: run.action,
            action_name: run.name,
            version: run.version,
            started_at: run.started_at,
            duration_ms: run.duration.as_secs_f64() * 1000.0,
            error: run.error,
            console: run.console,
            user_id: run.user,
            client_id: run.client,
            session_id: run.session,
        }
    }
}
