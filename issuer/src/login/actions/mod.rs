//! Actions of the trigger `post-login`: run before anything is written, applied in the write.
//!
//! [`post_login`] runs the bound Actions one after the other on a snapshot, with nothing locked.
//! What comes of it is a [`Decided`]: commands that the login applies in its own transaction and
//! checks once more there (`apply.rs`), or a refusal, of which [`refuse()`] keeps the history. The
//! `event` is made in `event.rs`; operators keep their Actions through `keep.rs`; scripts run in
//! `crate::actions`.

mod apply;
mod event;
pub mod keep;
mod refuse;

use logout_shared::{SessionId, Subject, Timestamp, TokenId};
use serde_json::Value;

use crate::domain::action::{ActionExecution, BoundAction};
use crate::domain::action_run::{
    ActionCommand, ActionError, ActionErrorKind, ActionJob, ActionRun, RunLimits,
};
use crate::domain::client::Client;
use crate::domain::refresh_token::RefreshGrant;
use crate::domain::session::{Device, Session};
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::storage::StorageError;

pub use event::CONNECTION;
pub use refuse::refuse;

/// What the event log says where an Action set an end beyond the configured lifetimes.
pub const CAPPED: &str = "An Action set a session's end beyond the configured lifetimes.";

/// A login, or an exchange of a refresh token, before it is written.
#[derive(Debug, Clone)]
pub struct PostLogin {
    /// Who asks.
    pub client: Client,
    /// Who signed in.
    pub user: User,
    /// The session as it will be; none where a refresh token outlived its session.
    pub session: Option<Session>,
    /// Where the request came from.
    pub device: Device,
    /// `event.transaction`, from [`PostLogin::transaction`] or with other members of that form.
    pub transaction: Value,
    /// What the refresh token belongs to, at an exchange.
    pub refresh_token: Option<RefreshGrant>,
}

/// What the Actions of one login decided.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    commands: Vec<ActionCommand>,
    executions: Vec<ActionExecution>,
    refusal: Option<Refusal>,
}

/// Why a login goes no further.
#[derive(Debug, Clone)]
enum Refusal {
    Failed(ActionError),
    Denied(String),
    Revoked {
        reason: String,
        preserve_refresh_tokens: bool,
    },
}

impl Decided {
    /// What the app is told as `error_description` of `access_denied`, if the login is refused.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_ref().map(|refusal| match refusal {
            Refusal::Failed(error) => error.message.as_str(),
            Refusal::Denied(reason) | Refusal::Revoked { reason, .. } => reason,
        })
    }

    /// The same with a refusal that came up in the write.
    #[must_use]
    pub fn but_failed(mut self, error: ActionError) -> Self {
        if let Some(last) = self.executions.last_mut() {
            last.error = Some(error.clone());
        }
        self.refusal = Some(Refusal::Failed(error));
        self
    }
}

/// The Actions of one login could not be run, or their commands not be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionsError {
    /// What an Action asked for does not hold any more.
    #[error(transparent)]
    Conflict(#[from] ActionError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Whether any Action runs at a login.
///
/// # Errors
///
/// [`StorageError`] if the store failed.
pub async fn are_bound(issuer: &Issuer) -> Result<bool, StorageError> {
    let mut snapshot = issuer.store().read().await?;
    Ok(!snapshot.action_bindings().await?.is_empty())
}

/// Runs the bound Actions in their order; each sees what those before it changed.
///
/// The first that fails, denies or revokes is the last. Nothing is written: the caller applies
/// the commands in its own transaction, or calls [`refuse()`] if there is a
/// [`refusal`](Decided::refusal).
///
/// # Errors
///
/// [`StorageError`] if the Actions cannot be read. An Action that fails is no error.
pub async fn post_login(issuer: &Issuer, login: &PostLogin) -> Result<Decided, StorageError> {
    let mut snapshot = issuer.store().read().await?;
    let bound = snapshot.bound_actions().await?;
    if bound.is_empty() {
        return Ok(Decided::default());
    }
    let clients = match &login.session {
        Some(session) => snapshot.participants(&session.id).await?,
        None => Vec::new(),
    };
    drop(snapshot);
    let mut trigger = Trigger {
        issuer,
        event: event::of(issuer, login, &clients),
        left: issuer.actions().limits(),
        user: login.user.id.clone(),
        session: login.session.as_ref().map(|session| session.id.clone()),
        login,
        decided: Decided::default(),
    };
    for action in &bound {
        trigger.run(action).await;
        if trigger.decided.refusal.is_some() {
            break;
        }
    }
    let mut decided = trigger.decided;
    if decided.refusal.is_none()
        && let Err(error) = decided.check(login)
    {
        decided = decided.but_failed(error);
    }
    Ok(decided)
}

/// The Actions of one login while they run.
struct Trigger<'l> {
    issuer: &'l Issuer,
    event: Value,
    left: RunLimits,
    user: Subject,
    session: Option<SessionId>,
    login: &'l PostLogin,
    decided: Decided,
}

impl Trigger<'_> {
    async fn run(&mut self, action: &BoundAction) {
        let (issuer, now) = (self.issuer, self.issuer.now());
        let run = match keep::open_secrets(issuer, &action.id, &action.secrets) {
            _ if self.left.time.is_zero() => ActionRun::failed(
                ActionErrorKind::Timeout,
                "The Actions before this one have used up the time of the login.",
            ),
            Err(error) => {
                tracing::error!(action.id, "a secret of an Action cannot be opened: {error}");
                let text = "A secret of the Action cannot be opened.";
                ActionRun::failed(ActionErrorKind::Crashed, text)
            }
            Ok(secrets) => {
                let job = ActionJob {
                    action: action.id.clone(),
                    name: action.name.clone(),
                    code: action.code.clone(),
                    event: self.event.clone(),
                    secrets,
                    cache: issuer.actions().cached(&action.id, now),
                    limits: self.left,
                };
                issuer.actions().run(job).await
            }
        };
        self.left.time = self.left.time.saturating_sub(run.duration);
        let error = run.result.as_ref().err().cloned();
        let execution = self.execution(action, now, error);
        self.decided.executions.push(ActionExecution {
            duration: run.duration,
            console: run.console,
            ..execution
        });
        match run.result {
            Ok(commands) => self.take(commands),
            Err(error) => self.decided.refusal = Some(Refusal::Failed(error)),
        }
    }

    fn take(&mut self, commands: Vec<ActionCommand>) {
        for command in commands {
            match &command {
                // A revoked session is denied as well, so it wins over a mere denial.
                ActionCommand::Revoke {
                    reason,
                    preserve_refresh_tokens,
                } => {
                    self.decided.refusal = Some(Refusal::Revoked {
                        reason: reason.clone(),
                        preserve_refresh_tokens: *preserve_refresh_tokens,
                    });
                }
                ActionCommand::Deny { reason } if self.decided.refusal.is_none() => {
                    self.decided.refusal = Some(Refusal::Denied(reason.clone()));
                }
                _ => command.show_in(&mut self.event),
            }
            self.decided.commands.push(command);
        }
    }

    fn execution(
        &self,
        action: &BoundAction,
        started_at: Timestamp,
        error: Option<ActionError>,
    ) -> ActionExecution {
        ActionExecution {
            id: TokenId::generate(&**self.issuer.random()).to_string(),
            action: action.id.clone(),
            name: action.name.clone(),
            version: action.version,
            started_at,
            duration: std::time::Duration::ZERO,
            error,
            console: String::new(),
            user: self.user.clone(),
            client: self.login.client.id.clone(),
            session: self.session.clone(),
        }
    }
}
