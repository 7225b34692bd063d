//! Ends sessions, in the caller's transaction.
//!
//! The session row is locked before its participants are read: a client that is joining at this
//! moment has either joined, and is told, or finds the session ended and is refused. What each
//! initiator ends, and whether it tells those that were not told before, is decided here; which
//! clients want to hear of it is `fan_out.rs`'s. Telling begins after the commit, in `delivery/`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use logout_shared::{ClientId, RandomSource, SessionId, Subject, Timestamp};

use super::end_locked::{Over, end_locked, summary};
use super::event_rows::LogContext;
use super::expiry::REMEMBERED;
use super::fan_out::Coalescing;
use super::leave::tell_and_leave;
use crate::domain::delivery::DeliveryId;
use crate::domain::initiator::Initiator;
use crate::domain::refresh_token::RefreshTokensLost;
use crate::domain::session::Session;
use crate::storage::{StorageError, Transaction, UntoldParticipant};

/// Why sessions end, and what is to be noted about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The event that is reported.
    pub initiator: Initiator,
    /// Who asked for it.
    pub context: LogContext,
    /// How long clients are tried.
    pub give_up_after: Duration,
    /// Which refresh tokens die with the sessions.
    pub refresh_tokens: RefreshTokensLost,
}

impl Ending {
    /// An ending as the initiator has it.
    pub fn by(initiator: Initiator, context: LogContext, give_up_after: Duration) -> Self {
        Self {
            initiator,
            context,
            give_up_after,
            refresh_tokens: RefreshTokensLost::to(initiator),
        }
    }

    /// The same with other refresh tokens that die.
    #[must_use]
    pub fn losing(self, refresh_tokens: RefreshTokensLost) -> Self {
        Self {
            refresh_tokens,
            ..self
        }
    }
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

impl Ended {
    /// Adds what another end has caused.
    pub fn extend(&mut self, other: Self) {
        self.sessions.extend(other.sessions);
        self.deliveries.extend(other.deliveries);
        for (wait, deliveries) in other.waits {
            self.waits.entry(wait).or_default().extend(deliveries);
        }
    }
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
        let over = Over::each(vec![session]);
        return Ok(summary(
            end_locked(tx, over, &end.ending, now, random).await?,
        ));
    }
    ended_before(tx, end.id).await
}

/// What the end of a session causes that ended before: nothing. One that never was is an error.
pub(super) async fn ended_before(
    tx: &mut dyn Transaction,
    id: SessionId,
) -> Result<Ended, EndSessionError> {
    match tx.find_session_end(&id).await? {
        Some(_) => Ok(Ended::default()),
        None => Err(EndSessionError::NotFound(id)),
    }
}

/// Ends all sessions of a user, or all but one.
///
/// The user is locked first, so that no session begins beside it. A user without sessions, or one
/// that does not exist, is no error. If the account itself is concerned (deleted, blocked, another
/// password), clients hear of it too that were not told when a session of the user ended in the
/// last 30 days, and those that hold an offline grant of a session that is over. A client that
/// opted in, and at which all sessions of the user end, is told once.
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
    let sessions = tx.lock_sessions_of_user(&end.user).await?;
    let stays = |session: &Session| Some(&session.id) == end.except.as_ref();
    let (stay, over): (Vec<_>, Vec<_>) = sessions.into_iter().partition(stays);
    let stay: Vec<SessionId> = stay.into_iter().map(|session| session.id).collect();
    let over = Over {
        sessions: over,
        contexts: HashMap::new(),
        remembered: remembered(tx, &end, now).await?,
        user: Some(end.user.clone()),
        coalescing: Coalescing::AllBut(clients_of(tx, &stay).await?),
    };
    Ok(summary(
        end_locked(tx, over, &end.ending, now, random).await?,
    ))
}

/// Something happened to a user: ends what that ends, and tells whom it concerns.
///
/// This is the table of initiators in one call. Those that end no session tell the clients that
/// name them, which then leave the user's sessions; all others are [`end_sessions_of_user`].
///
/// # Errors
///
/// [`EndSessionError::Storage`] if the store fails.
pub async fn account_changed(
    tx: &mut dyn Transaction,
    change: EndSessionsOfUser,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Ended, EndSessionError> {
    if change.ending.initiator.ends_session() {
        return end_sessions_of_user(tx, change, now, random).await;
    }
    Ok(tell_and_leave(tx, &change.user, &change.ending, now, random).await?)
}

/// Who hears of it though no session of theirs ends: those that were not told before, and those
/// that hold an offline grant alone, which dies now.
async fn remembered(
    tx: &mut dyn Transaction,
    end: &EndSessionsOfUser,
    now: Timestamp,
) -> Result<Vec<UntoldParticipant>, StorageError> {
    if !end.ending.initiator.tells_remembered() {
        return Ok(Vec::new());
    }
    let mut untold = tx.untold_participants(&end.user, now - REMEMBERED).await?;
    let key = |one: &UntoldParticipant| (one.session.clone(), one.participant.client.clone());
    let known: HashSet<_> = untold.iter().map(key).collect();
    let offline = tx.clients_with_offline_grant_only(&end.user, now).await?;
    untold.extend(offline.into_iter().filter(|one| !known.contains(&key(one))));
    Ok(untold)
}

async fn clients_of(
    tx: &mut dyn Transaction,
    sessions: &[SessionId],
) -> Result<HashSet<ClientId>, StorageError> {
    if sessions.is_empty() {
        return Ok(HashSet::new());
    }
    let participants = tx.participants_of(sessions).await?.into_iter();
    Ok(participants.map(|(_, one)| one.client).collect())
}

pub(super) fn refuse_what_ends_nothing(ending: &Ending) -> Result<(), EndSessionError> {
    if ending.initiator.ends_session() {
        return Ok(());
    }
    Err(EndSessionError::EndsNoSession(ending.initiator))
}
