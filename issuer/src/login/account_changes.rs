//! What happens to a user after it was made: another password, address or profile, blocked, deleted.
//!
//! Each change, the end of the sessions that it costs and what clients are told of it are one
//! write, under the user's lock: no session begins with the old password, or after the block. What
//! each change ends is decided in `logout/`. Used by the command line and the Management API alike.

use logout_shared::{Secret, SessionId, Subject, Timestamp};
use serde_json::{Map, Value};

use super::users::{self, UnusablePassword};
use super::{account_history, history};
use crate::domain::initiator::Initiator;
use crate::domain::user::{PasswordHash, User};
use crate::issuer::Issuer;
use crate::logout::{EndSessionError, EndSessionsOfUser, Ended, LogContext, account_changed};
use crate::storage::{StorageError, Transaction};

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
    /// Claims of [`User::profile`] with other values; `null` takes one away.
    Profile(Map<String, Value>),
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
    /// The sessions could not be ended.
    #[error(transparent)]
    End(#[from] EndSessionError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
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
    let changed = write_change(issuer, user, change.clone(), context.clone()).await;
    if let Err(error) = &changed {
        let wanted = (&change, user);
        let event = account_history::not_changed(wanted, error, &context, issuer.now());
        if let Some(event) = event {
            history::record(issuer, event).await?;
        }
    }
    changed
}

async fn write_change(
    issuer: &Issuer,
    user: &Subject,
    change: AccountChange,
    context: LogContext,
) -> Result<Ended, AccountChangeError> {
    let hash = match &change {
        // The version inside is set under the lock.
        AccountChange::Password { password, .. } => Some(users::hash(password, 0).await?),
        AccountChange::Email(email) if !users::is_email(email) => {
            return Err(AccountChangeError::Email(email.chars().take(64).collect()));
        }
        _ => None,
    };
    let change = Change {
        user: user.clone(),
        wanted: change,
        hash,
        context,
        now: issuer.now(),
        issuer: issuer.clone(),
    };
    issuer
        .store()
        .write(move |tx| Box::pin(change.run(tx)))
        .await
}

struct Change {
    user: Subject,
    wanted: AccountChange,
    hash: Option<PasswordHash>,
    context: LogContext,
    now: Timestamp,
    issuer: Issuer,
}

impl Change {
    async fn run(mut self, tx: &mut dyn Transaction) -> Result<Ended, AccountChangeError> {
        let user = tx.lock_user(&self.user).await?;
        let mut user = user.ok_or_else(|| AccountChangeError::NotFound(self.user.clone()))?;
        let before = user.clone();
        user.updated_at = self.now;
        let initiator = self.apply(&mut user);
        let initiator = initiator.filter(|it| is_news(*it, &before, &user));
        if let Some(mut hash) = self.hash.take() {
            hash.version = user.password_version + 1;
            tx.set_password(&user.id, &hash).await?;
        }
        let users = (&before, &user);
        let event =
            initiator.and_then(|it| account_history::changed(it, users, &self.context, self.now));
        if let Some(event) = event {
            tx.append_events(&[event]).await?;
        }
        let ended = match initiator {
            Some(initiator) => self.tell(tx, initiator).await?,
            None => Ended::default(),
        };
        if matches!(self.wanted, AccountChange::Delete) {
            tx.delete_user(&user.id).await?;
        } else {
            self.store(tx, &user).await?;
        }
        Ok(ended)
    }

    /// Changes the user and gives what that is called; unblocking has no name.
    fn apply(&self, user: &mut User) -> Option<Initiator> {
        match self.wanted.clone() {
            AccountChange::Password { .. } => Some(Initiator::PasswordChanged),
            AccountChange::Email(email) => {
                user.email_verified &= user.email == email;
                user.email = email;
                Some(Initiator::EmailIdentifierChanged)
            }
            AccountChange::Profile(claims) => {
                for (name, value) in claims {
                    if value.is_null() {
                        user.profile.remove(&name);
                    } else {
                        user.profile.insert(name, value);
                    }
                }
                Some(Initiator::ProfileChanged)
            }
            AccountChange::UnenrollMfaPhone => Some(Initiator::MfaPhoneUnenrolled),
            AccountChange::Block => {
                user.blocked = true;
                Some(Initiator::AccountDeactivated)
            }
            AccountChange::Unblock => {
                user.blocked = false;
                None
            }
            AccountChange::Delete => Some(Initiator::AccountDeleted),
        }
    }

    async fn store(&self, tx: &mut dyn Transaction, user: &User) -> Result<(), AccountChangeError> {
        // The row is locked, so only the address can be in the way.
        if tx.update_user(user).await? {
            return Ok(());
        }
        Err(AccountChangeError::Taken(user.email.clone()))
    }

    async fn tell(
        &self,
        tx: &mut dyn Transaction,
        initiator: Initiator,
    ) -> Result<Ended, EndSessionError> {
        let except = match &self.wanted {
            AccountChange::Password { keep, .. } => keep.clone(),
            _ => None,
        };
        let ending = self.issuer.ending(initiator, self.context.clone());
        let end = EndSessionsOfUser {
            user: self.user.clone(),
            except,
            ending,
        };
        account_changed(tx, end, self.now, &**self.issuer.random()).await
    }
}

/// Whether something has changed that clients are told of.
fn is_news(initiator: Initiator, before: &User, now: &User) -> bool {
    match initiator {
        Initiator::EmailIdentifierChanged => before.email != now.email,
        Initiator::ProfileChanged => PROFILE_NEWS
            .iter()
            .any(|name| before.profile.get(*name) != now.profile.get(*name)),
        _ => true,
    }
}

/// The claims whose change clients can be told of.
const PROFILE_NEWS: [&str; 4] = ["name", "nickname", "picture", "phone_number"];
