//! What happens to a user after it was made: another password, address or profile, blocked, deleted.
//!
//! Changes that are asked for together, the end of the sessions that they cost and what clients are
//! told of it are one write, under the user's lock: no session begins with the old password, or
//! after the block. `step.rs` is what a change makes of a user, `write.rs` the write; what each
//! change ends is decided in `logout/`. Used by the command line and the Management API alike.

mod step;
mod write;

pub(in crate::login) use step::metadata_fits;

use logout_shared::{Secret, SessionId, Subject};
use serde_json::{Map, Value};

use super::users::UnusablePassword;
use super::{account_history, history};
use crate::domain::event_log::LogEvent;
use crate::domain::user::{MAX_METADATA_BYTES, User};
use crate::issuer::Issuer;
use crate::logout::{EndSessionError, Ended, LogContext};
use crate::storage::StorageError;

/// A change of a user.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AccountChange {
    /// Another password; the session in which it was changed may stay.
    Password {
        /// The new one.
        password: Secret<String>,
        /// The session that stays.
        keep: Option<SessionId>,
    },
    /// Another address, not proven yet.
    Email(String),
    /// Whether the address is proven.
    EmailVerified(bool),
    /// Claims of [`User::profile`] with other values; `null` takes one away.
    Profile(Map<String, Value>),
    /// Members of [`User::user_metadata`] with other values; `null` takes one away, and a change
    /// without members takes all.
    UserMetadata(Map<String, Value>),
    /// The same of [`User::app_metadata`].
    AppMetadata(Map<String, Value>),
    /// A phone is no second factor any more.
    UnenrollMfaPhone,
    /// May not sign in any more.
    Block,
    /// May sign in again.
    Unblock,
    /// Is no more.
    Delete,
}

/// Why a user is not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountChangeError {
    /// No user has this id.
    #[error("no user {0}")]
    NotFound(Subject),
    /// A password that nobody can use.
    #[error(transparent)]
    Password(#[from] UnusablePassword),
    /// Not the form of an address.
    #[error("\"{0}\" is not an e-mail address")]
    Email(String),
    /// The address is another user's.
    #[error("a user with the address \"{0}\" exists already")]
    Taken(String),
    /// More metadata of this name than a user can have.
    #[error("{0} would have more than {MAX_METADATA_BYTES} bytes as JSON")]
    TooMuchMetadata(&'static str),
    /// The sessions could not be ended.
    #[error(transparent)]
    End(#[from] EndSessionError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Who wants a change, and what else is written with it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Whom the event log names.
    pub by: LogContext,
    /// A line of the caller's own; the user is filled in.
    pub line: Option<LogEvent>,
}

impl From<LogContext> for Asked {
    fn from(by: LogContext) -> Self {
        Self { by, line: None }
    }
}

/// What came of changes.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The user as it is now, or was before it was deleted.
    pub user: User,
    /// The sessions that ended, and who is told.
    pub ended: Ended,
}

/// Changes a user and ends the sessions that it costs; gives what that caused.
///
/// # Errors
///
/// [`AccountChangeError`]; nothing has changed then, and the event log says so.
pub async fn change_account(
    issuer: &Issuer,
    user: &Subject,
    change: AccountChange,
    context: LogContext,
) -> Result<Ended, AccountChangeError> {
    let changed = make_changes(issuer, user, vec![change], context.into()).await?;
    Ok(changed.ended)
}

/// Makes several changes of a user, in this order: all of them or none.
///
/// # Errors
///
/// [`AccountChangeError`]; nothing has changed then, and the event log says so.
pub async fn make_changes(
    issuer: &Issuer,
    user: &Subject,
    changes: Vec<AccountChange>,
    asked: Asked,
) -> Result<Changed, AccountChangeError> {
    let (wanted, by) = (changes.clone(), asked.by.clone());
    let written = write::write(issuer, user, changes, asked).await;
    if let Err(error) = &written {
        let failed = wanted.iter().filter_map(|change| {
            account_history::not_changed((change, user), error, &by, issuer.now())
        });
        let failed: Vec<LogEvent> = failed.collect();
        if !failed.is_empty() {
            history::record_all(issuer, failed).await?;
        }
    }
    written
}
