//! The one write that changes a user.

use logout_shared::{Subject, Timestamp};

use super::{AccountChange, AccountChangeError, Asked, Changed, step};
use crate::domain::event_log::LogEvent;
use crate::domain::initiator::Initiator;
use crate::domain::user::{PasswordHash, User};
use crate::issuer::Issuer;
use crate::login::{account_history, users};
use crate::logout::{EndSessionError, EndSessionsOfUser, Ended, LogContext, account_changed};
use crate::storage::Transaction;

/// Makes the changes.
pub(super) async fn write(
    issuer: &Issuer,
    user: &Subject,
    changes: Vec<AccountChange>,
    asked: Asked,
) -> Result<Changed, AccountChangeError> {
    let mut steps = Vec::with_capacity(changes.len());
    for wanted in changes {
        let hash = match &wanted {
            // The version inside is set under the lock.
            AccountChange::Password { password, .. } => Some(users::hash(password, 0).await?),
            AccountChange::Email(email) if !users::is_email(email) => {
                return Err(AccountChangeError::Email(email.chars().take(64).collect()));
            }
            _ => None,
        };
        steps.push((wanted, hash));
    }
    let write = Write {
        user: user.clone(),
        by: asked.by,
        now: issuer.now(),
        issuer: issuer.clone(),
    };
    issuer
        .store()
        .write(move |tx| Box::pin(write.run(tx, steps, asked.line)))
        .await
}

struct Write {
    user: Subject,
    by: LogContext,
    now: Timestamp,
    issuer: Issuer,
}

impl Write {
    async fn run(
        self,
        tx: &mut dyn Transaction,
        steps: Vec<(AccountChange, Option<PasswordHash>)>,
        line: Option<LogEvent>,
    ) -> Result<Changed, AccountChangeError> {
        let user = tx.lock_user(&self.user).await?;
        let mut user = user.ok_or_else(|| AccountChangeError::NotFound(self.user.clone()))?;
        user.updated_at = self.now;
        let mut ended = Ended::default();
        let mut is_deleted = false;
        for (change, hash) in steps {
            ended.extend(self.step(tx, &mut user, &change, hash).await?);
            is_deleted |= matches!(change, AccountChange::Delete);
        }
        if let Some(mut line) = line {
            line.user = Some(user.id.clone());
            tx.append_events(&[line]).await?;
        }
        if is_deleted {
            tx.delete_user(&user.id).await?;
        } else if !tx.update_user(&user).await? {
            // The row is locked, so only the address can be in the way.
            return Err(AccountChangeError::Taken(user.email));
        }
        Ok(Changed { user, ended })
    }

    async fn step(
        &self,
        tx: &mut dyn Transaction,
        user: &mut User,
        change: &AccountChange,
        hash: Option<PasswordHash>,
    ) -> Result<Ended, AccountChangeError> {
        let before = user.clone();
        let initiator = step::apply(change, user)?;
        if let Some(mut hash) = hash {
            hash.version = before.password_version + 1;
            tx.set_password(&user.id, &hash).await?;
            user.password_version = hash.version;
        }
        let Some(initiator) = initiator else {
            return Ok(Ended::default());
        };
        let event = account_history::changed(initiator, (&before, user), &self.by, self.now);
        if let Some(event) = event {
            tx.append_events(&[event]).await?;
        }
        Ok(self.tell(tx, change, initiator).await?)
    }

    async fn tell(
        &self,
        tx: &mut dyn Transaction,
        change: &AccountChange,
        initiator: Initiator,
    ) -> Result<Ended, EndSessionError> {
        let except = match change {
            AccountChange::Password { keep, .. } => keep.clone(),
            _ => None,
        };
        let ending = self.issuer.ending(initiator, self.by.clone());
        let end = EndSessionsOfUser {
            user: self.user.clone(),
            except,
            ending,
        };
        account_changed(tx, end, self.now, &**self.issuer.random()).await
    }
}
