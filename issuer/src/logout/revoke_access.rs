//! Takes a user's access away: sessions and refresh tokens, of one session or of all.
//!
//! Refresh tokens are found where their session is over already, too; those that may outlive it can
//! be spared. Who may ask for it and how is `http/`'s.

use logout_shared::{RandomSource, SessionId, Subject, Timestamp};

use super::end_locked::{Over, end_locked, summary};
use super::end_session::{EndSessionError, EndSessionsOfUser, Ended, Ending};
use super::end_session::{end_sessions_of_user, refuse_what_ends_nothing};
use crate::domain::refresh_token::RefreshTokensLost;
use crate::storage::{RefreshGrants, Transaction};

/// Whose access is taken away, and what of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RevokeAccess {
    /// The user.
    pub user: Subject,
    /// One session; `None`: all of them.
    pub session: Option<SessionId>,
    /// Whether refresh tokens with offline access stay.
    pub preserve_refresh_tokens: bool,
    /// Why; which refresh tokens die is not taken from here.
    pub ending: Ending,
}

/// Ends the sessions and revokes the refresh tokens.
///
/// A session that is over, unknown or another user's is no error; of one that is over the refresh
/// tokens are revoked.
///
/// # Errors
///
/// [`EndSessionError::EndsNoSession`] for an initiator that leaves sessions alive,
/// [`EndSessionError::Storage`] otherwise.
pub async fn revoke_access(
    tx: &mut dyn Transaction,
    revoke: RevokeAccess,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Ended, EndSessionError> {
    refuse_what_ends_nothing(&revoke.ending)?;
    let spares = revoke.preserve_refresh_tokens;
    let Some(session) = revoke.session else {
        let lost = if spares {
            RefreshTokensLost::Online
        } else {
            RefreshTokensLost::OfUsers
        };
        let end = EndSessionsOfUser {
            user: revoke.user,
            except: None,
            ending: revoke.ending.losing(lost),
        };
        return end_sessions_of_user(tx, end, now, random).await;
    };
    tx.lock_user(&revoke.user).await?;
    let locked = tx.lock_session(&session).await?;
    let locked = locked.filter(|session| session.user == revoke.user);
    let over = Over::each(locked.into_iter().collect());
    let ending = revoke.ending.losing(RefreshTokensLost::Online);
    let ended = summary(end_locked(tx, over, &ending, now, random).await?);
    if !spares {
        let theirs = RefreshGrants::OfSession(&revoke.user, &session);
        tx.revoke_refresh_grants(theirs, now).await?;
    }
    Ok(ended)
}
