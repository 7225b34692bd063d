//! What happens to a user after it was made: another password, another address, blocked, deleted.
//!
//! Each change and the end of the sessions that it costs (design D21) are one write, under the
//! user's lock: no session begins with the old password, or after the block. Used by the command
//! line and the Management API alike.

use logout_shared::{Secret, SessionId, Subject, Timestamp};

use super::users::{self, UnusablePassword};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::initiator::Initiator;
use crate::domain::user::{PasswordHash, User};
use crate::issuer::Issuer;
use crate::logout::{EndSessionError, EndSessionsOfUser, Ended, LogContext, end_sessions_of_user};
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
/// [`AccountChangeError`]; nothing has changed then.
pub async fn change_account(
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
        user.updated_at = self.now;
        let (initiator, line) = match self.wanted.clone() {
            AccountChange::Password { .. } => {
                if let Some(mut hash) = self.hash.take() {
                    hash.version = user.password_version + 1;
                    tx.set_password(&user.id, &hash).await?;
                }
                (
                    Initiator::PasswordChanged,
                    Some((LogCode::PasswordChanged, "Password changed")),
                )
            }
            AccountChange::Email(email) => {
                user.email = email;
                user.email_verified = false;
                let line = (LogCode::EmailChanged, "E-mail address changed");
                (Initiator::EmailIdentifierChanged, Some(line))
            }
            AccountChange::Block => {
                user.blocked = true;
                (Initiator::AccountDeactivated, None)
            }
            AccountChange::Unblock => {
                user.blocked = false;
                self.store(tx, &user).await?;
                return Ok(Ended::default());
            }
            AccountChange::Delete => {
                let line = (LogCode::UserDeleted, "User deleted");
                (Initiator::AccountDeleted, Some(line))
            }
        };
        if let Some((code, text)) = line {
            tx.append_events(&[self.line(code, text, &user)]).await?;
        }
        let ended = self.end_sessions(tx, initiator).await?;
        if matches!(self.wanted, AccountChange::Delete) {
            tx.delete_user(&user.id).await?;
        } else {
            self.store(tx, &user).await?;
        }
        Ok(ended)
    }

    async fn store(&self, tx: &mut dyn Transaction, user: &User) -> Result<(), AccountChangeError> {
        // The row is locked, so only the address can be in the way.
        if tx.update_user(user).await? {
            return Ok(());
        }
        Err(AccountChangeError::Taken(user.email.clone()))
    }

    async fn end_sessions(
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
        end_sessions_of_user(tx, end, self.now, &**self.issuer.random()).await
    }

    fn line(&self, code: LogCode, text: &str, user: &User) -> LogEvent {
        LogEvent {
            client: self.context.client.clone(),
            client_name: self.context.client_name.clone(),
            user: Some(user.id.clone()),
            user_name: Some(user.email.clone()),
            ip: self.context.ip.clone(),
            user_agent: self.context.user_agent.clone(),
            ..LogEvent::new(code, text, self.now)
        }
    }
}
