//! Ends sessions, in the caller's transaction.
//!
//! The session row is locked before its participants are read: a client that is joining at this
//! moment has either joined, and is told, or finds the session ended and is refused. Which
//! clients are told is `fan_out.rs`'s; telling them begins after the commit, in `delivery/`.

use std::collections::BTreeMap;
use std::time::Duration;

use logout_shared::{ClientId, RandomSource, SessionId, Subject, Timestamp};

use super::event_rows::{self, LogContext};
use super::fan_out::fan_out;
use crate::domain::delivery::{Delivery, DeliveryId};
use crate::domain::initiator::Initiator;
use crate::domain::session::Session;
use crate::storage::{StorageError, Transaction};

/// Why sessions end, and what is to be noted about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The event that is reported.
    pub initiator: Initiator,
    /// Who asked for it.
    pub context: LogContext,
    /// How long clients are tried.
    pub give_up_after: Duration,
}

/// Which session to end, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct EndSession {
    /// The session.
    pub id: SessionId,
    /// Why.
    pub ending: Ending,
}

/// Whose sessions to end, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct EndSessionsOfUser {
    /// The user.
    pub user: Subject,
    /// A session that stays, such as the one in which a password was changed.
    pub except: Option<SessionId>,
    /// Why.
    pub ending: Ending,
}

/// What the end of sessions caused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// The sessions that ended now; none if they had ended before.
    pub sessions: Vec<SessionId>,
    /// What clients will be told.
    pub deliveries: Vec<DeliveryId>,
    /// The same deliveries by how long a sign-out waits for their answers.
    pub waits: BTreeMap<Duration, Vec<DeliveryId>>,
}

/// A session cannot be ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndSessionError {
    /// The initiator is one that leaves sessions alive.
    #[error("{0} ends no session")]
    EndsNoSession(Initiator),
    /// No session has or had this id.
    #[error("no session {0}")]
    NotFound(SessionId),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Ends a session and puts one delivery in the outbox for each client and URL that must hear of it.
///
/// All of it happens in `tx`: after the commit the deliveries are certain, before it nothing has
/// happened. Ending an ended session changes nothing and gives an empty [`Ended`].
///
/// # Errors
///
/// [`EndSessionError::NotFound`] if no session has this id, [`EndSessionError::EndsNoSession`] for
/// an initiator that leaves sessions alive, [`EndSessionError::Storage`] otherwise.
pub async fn end_session(
    tx: &mut dyn Transaction,
    end: EndSession,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Ended, EndSessionError> {
    refuse_what_ends_nothing(&end.ending)?;
    if let Some(session) = tx.lock_session(&end.id).await? {
        return Ok(end_locked(tx, vec![session], &end.ending, now, random).await?);
    }
    match tx.find_session_end(&end.id).await? {
        Some(_) => Ok(Ended::default()),
        None => Err(EndSessionError::NotFound(end.id)),
    }
}

/// Ends all sessions of a user, or all but one.
///
/// The user is locked first, so that no session begins beside it. A user without sessions, or one
/// that does not exist, is no error.
///
/// # Errors
///
/// [`EndSessionError::EndsNoSession`] for an initiator that leaves sessions alive,
/// [`EndSessionError::Storage`] otherwise.
pub async fn end_sessions_of_user(
    tx: &mut dyn Transaction,
    end: EndSessionsOfUser,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Ended, EndSessionError> {
    refuse_what_ends_nothing(&end.ending)?;
    tx.lock_user(&end.user).await?;
    let mut sessions = tx.lock_sessions_of_user(&end.user).await?;
    sessions.retain(|session| Some(&session.id) != end.except.as_ref());
    Ok(end_locked(tx, sessions, &end.ending, now, random).await?)
}

fn refuse_what_ends_nothing(ending: &Ending) -> Result<(), EndSessionError> {
    if ending.initiator.ends_session() {
        return Ok(());
    }
    Err(EndSessionError::EndsNoSession(ending.initiator))
}

/// Ends sessions whose rows are locked.
pub(super) async fn end_locked(
    tx: &mut dyn Transaction,
    sessions: Vec<Session>,
    ending: &Ending,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Ended, StorageError> {
    let mut summary = Ended::default();
    let mut deliveries: Vec<Delivery> = Vec::new();
    let mut rows = Vec::new();
    for session in sessions {
        let participants = tx.participants(&session.id).await?;
        let ids: Vec<ClientId> = participants.iter().map(|one| one.client.clone()).collect();
        let clients = tx.find_clients(&ids).await?;
        let ended = session.end(ending.initiator, now);
        tx.end_session(&ended).await?;
        rows.extend(event_rows::row(&ended, &ending.context));
        for told in fan_out(
            &ended,
            &participants,
            &clients,
            ending.give_up_after,
            random,
        ) {
            let ids = told.deliveries.iter().map(|delivery| delivery.id);
            summary.waits.entry(told.wait).or_default().extend(ids);
            deliveries.extend(told.deliveries);
        }
        summary.sessions.push(ended.session.id);
    }
    summary.deliveries = deliveries.iter().map(|delivery| delivery.id).collect();
    if !deliveries.is_empty() {
        tx.insert_deliveries(&deliveries).await?;
    }
    if !rows.is_empty() {
        tx.append_events(&rows).await?;
    }
    Ok(summary)
}
