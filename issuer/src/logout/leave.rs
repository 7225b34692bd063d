//! Events that end no session: clients that name them are told and leave the session.
//!
//! To such a client the session is over until the person signs in there again; for all others it
//! goes on. Clients that chose `all` are not meant.

use logout_shared::{ClientId, RandomSource, SessionId, Subject, Timestamp};

use super::end_locked::{concerned, summary, whom_to_tell};
use super::end_session::{Ended, Ending};
use super::fan_out::Coalescing;
use crate::storage::{StorageError, Transaction};

/// Tells those clients of all live sessions of a user, and takes them away from the sessions.
pub(super) async fn tell_and_leave(
    tx: &mut dyn Transaction,
    user: &Subject,
    ending: &Ending,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Ended, StorageError> {
    tx.lock_user(user).await?;
    let mut sessions = tx.lock_sessions_of_user(user).await?;
    // One whose time has come is the sweep's.
    sessions.retain(|session| session.is_live(now));
    let concerned = concerned(tx, sessions.iter()).await?;
    let never = Coalescing::Never;
    let told = whom_to_tell(tx, &concerned, &never, (ending, now), random).await?;
    let left: &[(SessionId, ClientId)] = &told.told;
    if !left.is_empty() {
        tx.leave_sessions(left).await?;
        // After it: to these clients the sessions are over.
        tx.insert_deliveries(&told.deliveries).await?;
    }
    Ok(summary((Vec::new(), told)))
}
