//! What the session index knows of one issuer and client: the maps and how they stay consistent.
//!
//! Every session is in `sessions`, in `by_sub`, in `by_sid` if it has one, and once in `expiries`;
//! every mark is in `marks` and once in `expiries`. Only `insert`, `take` and `leave_mark` touch
//! more than one map.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use logout_shared::{SessionId, Subject, Timestamp};

use crate::session_index::{
    EndedSession, LocalSessionId, LoginIdentity, Logout, LogoutTarget, Marked,
};

pub(super) struct Session {
    pub(super) identity: LoginIdentity,
    pub(super) expires_at: Timestamp,
    pub(super) ended: bool,
    /// Where it stands in the queue of expiries; the state gives it out.
    ticket: Ticket,
}

impl Session {
    pub(super) fn new(identity: LoginIdentity, expires_at: Timestamp) -> Session {
        Session {
            identity,
            expires_at,
            ended: false,
            ticket: 0,
        }
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        !self.ended && self.expires_at > now
    }
}

pub(super) struct Mark {
    not_after_secs: i64,
    keep_until: Timestamp,
    ticket: Ticket,
}

/// Tells apart what expires in the same moment, without comparing names.
type Ticket = u64;

/// What the queue of expiries points at.
enum Expiring {
    Session(LocalSessionId),
    Mark(Arc<LogoutTarget>),
}

/// Everything of one issuer and client.
#[derive(Default)]
pub(super) struct State {
    pub(super) sessions: HashMap<LocalSessionId, Session>,
    by_sid: HashMap<SessionId, BTreeSet<LocalSessionId>>,
    by_sub: HashMap<Subject, BTreeSet<LocalSessionId>>,
    /// By what they name; a mark for both `sid` and `sub` never touches another user's session.
    pub(super) marks: HashMap<Arc<LogoutTarget>, Mark>,
    expiries: Expiries,
}

/// What expires, in the order of time.
#[derive(Default)]
struct Expiries {
    queue: BTreeMap<(Timestamp, Ticket), Expiring>,
    newest: Ticket,
}

impl Expiries {
    fn add(&mut self, at: Timestamp, what: Expiring) -> Ticket {
        self.newest += 1;
        self.queue.insert((at, self.newest), what);
        self.newest
    }

    fn remove(&mut self, at: Timestamp, ticket: Ticket) {
        self.queue.remove(&(at, ticket));
    }

    /// Takes out the first that has expired.
    fn pop_expired(&mut self, now: Timestamp) -> Option<Expiring> {
        let first = self.queue.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

impl State {
    pub(super) fn insert(&mut self, local: LocalSessionId, mut session: Session) {
        self.take(&local);
        let expiring = Expiring::Session(local.clone());
        session.ticket = self.expiries.add(session.expires_at, expiring);
        let identity = &session.identity;
        if let Some(sid) = &identity.sid {
            self.by_sid
                .entry(sid.clone())
                .or_default()
                .insert(local.clone());
        }
        self.by_sub
            .entry(identity.sub.clone())
            .or_default()
            .insert(local.clone());
        self.sessions.insert(local, session);
    }

    pub(super) fn take(&mut self, local: &LocalSessionId) -> Option<Session> {
        let session = self.sessions.remove(local)?;
        self.expiries.remove(session.expires_at, session.ticket);
        if let Some(sid) = &session.identity.sid {
            unlink(&mut self.by_sid, sid, local);
        }
        unlink(&mut self.by_sub, &session.identity.sub, local);
        Some(session)
    }

    /// Two logouts of one target: the later moment counts, and the longer memory.
    pub(super) fn leave_mark(&mut self, logout: &Logout) {
        let mut mark = Mark {
            not_after_secs: logout.not_after_secs,
            keep_until: logout.keep_until,
            ticket: 0,
        };
        let place = self.marks.entry(Arc::new(logout.target.clone()));
        if let Entry::Occupied(earlier) = &place {
            let earlier = earlier.get();
            self.expiries.remove(earlier.keep_until, earlier.ticket);
            mark.not_after_secs = mark.not_after_secs.max(earlier.not_after_secs);
            mark.keep_until = mark.keep_until.max(earlier.keep_until);
        }
        let target = Arc::clone(place.key());
        mark.ticket = self.expiries.add(mark.keep_until, Expiring::Mark(target));
        place.insert_entry(mark);
    }

    pub(super) fn end_matching(&mut self, logout: &Logout, now: Timestamp) -> Marked {
        let candidates = match &logout.target {
            LogoutTarget::Session(sid) | LogoutTarget::SessionOf { sid, .. } => {
                self.by_sid.get(sid)
            }
            LogoutTarget::User(sub) => self.by_sub.get(sub),
        };
        let mut marked = Marked::default();
        for local in candidates.into_iter().flatten() {
            let Some(session) = self.sessions.get_mut(local) else {
                continue;
            };
            if !logout.target.covers(&session.identity) {
                marked.owner_differs = true;
            } else if session.identity.issued_at_secs <= logout.not_after_secs
                && session.expires_at > now
            {
                session.ended = true;
                let identity = session.identity.clone();
                marked.ended.push(EndedSession {
                    local: local.clone(),
                    identity,
                });
            }
        }
        marked
    }

    pub(super) fn is_logged_out(&self, login: &LoginIdentity, now: Timestamp) -> bool {
        let by_sid = login.sid.iter().flat_map(|sid| {
            let (sid, sub) = (sid.clone(), login.sub.clone());
            [
                LogoutTarget::Session(sid.clone()),
                LogoutTarget::SessionOf { sid, sub },
            ]
        });
        by_sid
            .chain([LogoutTarget::User(login.sub.clone())])
            .filter_map(|target| self.marks.get(&target))
            .any(|mark| mark.keep_until > now && login.issued_at_secs <= mark.not_after_secs)
    }

    pub(super) fn drop_expired(&mut self, now: Timestamp) {
        for _ in 0..EXPIRED_PER_CALL {
            match self.expiries.pop_expired(now) {
                Some(Expiring::Session(local)) => drop(self.take(&local)),
                Some(Expiring::Mark(target)) => drop(self.marks.remove(&target)),
                None => return,
            }
        }
    }
}

/// How many expired entries one caller clears away: enough to keep up, too few to be felt.
const EXPIRED_PER_CALL: usize = 64;

fn unlink<K: Hash + Eq>(
    index: &mut HashMap<K, BTreeSet<LocalSessionId>>,
    key: &K,
    local: &LocalSessionId,
) {
    if let Some(locals) = index.get_mut(key) {
        locals.remove(local);
        if locals.is_empty() {
            index.remove(key);
        }
    }
}
