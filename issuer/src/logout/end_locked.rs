//! Writes the end of locked sessions: the sessions, what clients are told, and the log rows.
//!
//! Everything is read and written for all sessions at once, so that a sweep of hundreds or the
//! thousands of sessions of one user cost a handful of statements. Who is told is `fan_out.rs`'s.

use std::collections::{HashMap, HashSet};

use logout_shared::{ClientId, RandomSource, SessionId, Subject, Timestamp};

use super::end_session::{Ended, Ending};
use super::event_rows::{self, LogContext};
use super::fan_out::{Coalescing, Concerned, Event, FanOut, fan_out};
use crate::domain::logout_settings::LogoutSettings;
use crate::domain::refresh_token::RefreshTokensLost;
use crate::domain::session::{EndedSession, Participant, Session};
use crate::storage::{RefreshGrants, StorageError, Transaction, UntoldParticipant};

/// What is over.
#[derive(Debug)]
pub(super) struct Over {
    /// Sessions whose rows are locked.
    pub(super) sessions: Vec<Session>,
    /// Who asked for the end of each, where that is not the same for all.
    pub(super) contexts: HashMap<SessionId, LogContext>,
    /// Whose sessions they are, if all of one user end.
    pub(super) user: Option<Subject>,
    /// Clients of that user that hear of it though their sessions ended before.
    pub(super) remembered: Vec<UntoldParticipant>,
    pub(super) coalescing: Coalescing,
}

impl Over {
    /// Sessions that have nothing to do with each other.
    pub(super) fn each(sessions: Vec<Session>) -> Self {
        Self {
            sessions,
            contexts: HashMap::new(),
            user: None,
            remembered: Vec::new(),
            coalescing: Coalescing::Never,
        }
    }
}

/// Ends locked sessions and tells clients, also those that are remembered; gives the sessions and
/// who is told.
pub(super) async fn end_locked(
    tx: &mut dyn Transaction,
    over: Over,
    ending: &Ending,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<(Vec<SessionId>, FanOut), StorageError> {
    let contexts = over.contexts;
    let end = |session: Session| session.end(ending.initiator, now);
    let ended: Vec<EndedSession> = over.sessions.into_iter().map(end).collect();
    let sessions: Vec<SessionId> = ended.iter().map(|one| one.session.id.clone()).collect();
    let mut concerned = concerned(tx, ended.iter().map(|one| &one.session)).await?;
    let remembered = over.user.as_ref().map(|user| group(user, over.remembered));
    let remembered = remembered.unwrap_or_default();
    let before: HashSet<(SessionId, ClientId)> = remembered.iter().flat_map(pairs).collect();
    concerned.extend(remembered);

    let told = whom_to_tell(tx, &concerned, &over.coalescing, (ending, now), random).await?;
    if !ended.is_empty() {
        tx.end_sessions(&ended).await?;
    }
    revoke_refresh_tokens(tx, &ended, over.user, (ending, now)).await?;
    mark_untold(tx, &told, &before).await?;
    // Last: a delivery may be attempted as what it finds here, and these sessions are over.
    if !told.deliveries.is_empty() {
        tx.insert_deliveries(&told.deliveries).await?;
    }
    let row = |one: &EndedSession| {
        let context = contexts.get(&one.session.id).unwrap_or(&ending.context);
        event_rows::row(one, context)
    };
    let rows: Vec<_> = ended.iter().filter_map(row).collect();
    if !rows.is_empty() {
        tx.append_events(&rows).await?;
    }
    Ok((sessions, told))
}

/// Notes who of the participants is not told now, and who of those remembered is.
async fn mark_untold(
    tx: &mut dyn Transaction,
    told: &FanOut,
    before: &HashSet<(SessionId, ClientId)>,
) -> Result<(), StorageError> {
    let is_remembered = |one: &&(SessionId, ClientId)| before.contains(*one);
    let heard: Vec<_> = told.told.iter().filter(is_remembered).cloned().collect();
    let untold = told.untold.iter().filter(|one| !is_remembered(one));
    let untold: Vec<_> = untold.cloned().collect();
    if !untold.is_empty() {
        tx.mark_untold(&untold, true).await?;
    }
    if !heard.is_empty() {
        tx.mark_untold(&heard, false).await?;
    }
    Ok(())
}

/// Takes away the refresh tokens that die with sessions, or with what happened to their user.
async fn revoke_refresh_tokens(
    tx: &mut dyn Transaction,
    ended: &[EndedSession],
    user: Option<Subject>,
    (ending, now): (&Ending, Timestamp),
) -> Result<(), StorageError> {
    let sessions = || ended.iter().map(|one| one.session.id.clone()).collect();
    let (ids, users): (Vec<SessionId>, Vec<Subject>);
    let which = match ending.refresh_tokens {
        RefreshTokensLost::OfUsers => {
            let theirs = ended.iter().map(|one| one.session.user.clone());
            users = theirs
                .chain(user)
                .collect::<HashSet<_>>()
                .into_iter()
                .collect();
            RefreshGrants::OfUsers(&users)
        }
        _ if ended.is_empty() => return Ok(()),
        RefreshTokensLost::OfSessions => {
            ids = sessions();
            RefreshGrants::OfSessions(&ids)
        }
        RefreshTokensLost::Online => {
            ids = sessions();
            RefreshGrants::OnlineOfSessions(&ids)
        }
    };
    tx.revoke_refresh_grants(which, now).await?;
    Ok(())
}

/// What clients must hear of an event now.
pub(super) async fn whom_to_tell(
    tx: &mut dyn Transaction,
    concerned: &[Concerned],
    coalescing: &Coalescing,
    (ending, now): (&Ending, Timestamp),
    random: &dyn RandomSource,
) -> Result<FanOut, StorageError> {
    let participants = concerned.iter().flat_map(|one| &one.participants);
    let ids: HashSet<&ClientId> = participants.map(|one| &one.client).collect();
    let ids: Vec<ClientId> = ids.into_iter().cloned().collect();
    if ids.is_empty() {
        return Ok(FanOut::default());
    }
    let clients = tx.find_clients(&ids).await?;
    let clients: HashMap<&ClientId, &LogoutSettings> = clients
        .iter()
        .filter_map(|client| Some((&client.id, client.logout.as_ref()?)))
        .collect();
    let event = Event {
        initiator: ending.initiator,
        at: now,
        give_up_at: now + ending.give_up_after,
    };
    Ok(fan_out(event, concerned, &clients, coalescing, random))
}

/// What callers learn of it.
pub(super) fn summary((sessions, told): (Vec<SessionId>, FanOut)) -> Ended {
    Ended {
        sessions,
        deliveries: told.deliveries.iter().map(|one| one.id).collect(),
        waits: told.waits,
    }
}

/// Sessions with those that take part in them.
pub(super) async fn concerned(
    tx: &mut dyn Transaction,
    sessions: impl Iterator<Item = &Session>,
) -> Result<Vec<Concerned>, StorageError> {
    let concerned = sessions.map(|session| Concerned {
        session: session.id.clone(),
        user: session.user.clone(),
        metadata: session.metadata.clone(),
        participants: Vec::new(),
    });
    let mut concerned: Vec<Concerned> = concerned.collect();
    let ids: Vec<SessionId> = concerned.iter().map(|one| one.session.clone()).collect();
    let mut of_session: HashMap<SessionId, Vec<Participant>> = HashMap::new();
    for (session, participant) in tx.participants_of(&ids).await? {
        of_session.entry(session).or_default().push(participant);
    }
    for one in &mut concerned {
        one.participants = of_session.remove(&one.session).unwrap_or_default();
    }
    Ok(concerned)
}

/// A session with each of its clients.
fn pairs(one: &Concerned) -> impl Iterator<Item = (SessionId, ClientId)> {
    let clients = one.participants.iter().map(|it| it.client.clone());
    clients.map(|client| (one.session.clone(), client))
}

/// Remembered clients by their sessions, in the order in which these come first.
fn group(user: &Subject, untold: Vec<UntoldParticipant>) -> Vec<Concerned> {
    let mut grouped: Vec<Concerned> = Vec::new();
    let mut places: HashMap<SessionId, usize> = HashMap::new();
    for one in untold {
        if let Some(place) = places.get(&one.session) {
            grouped[*place].participants.push(one.participant);
            continue;
        }
        places.insert(one.session.clone(), grouped.len());
        grouped.push(Concerned {
            session: one.session,
            user: user.clone(),
            metadata: one.metadata,
            participants: vec![one.participant],
        });
    }
    grouped
}
