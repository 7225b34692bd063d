//! Who must hear of an event, where, and what is said to them.
//!
//! Pure: participants × settings × URLs make deliveries. What a client wants is read here, at the
//! event; how it wants it is read again at each attempt. A client that opted in to it is told of
//! all of a user's sessions by one delivery.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use logout_shared::TraceId;
use logout_shared::{ClientId, RandomSource, SessionId, SessionMetadata, Subject, Timestamp};

use crate::domain::delivery::{About, Delivery, DeliveryId, DeliveryState};
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::LogoutSettings;
use crate::domain::session::Participant;

/// A client that joined this shortly before the end may still be making its own session when the
/// first token arrives, and is told once more.
pub(super) const JOINED_JUST_NOW: Duration = Duration::from_secs(10);

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) initiator: Initiator,
    pub(super) at: Timestamp,
    pub(super) give_up_at: Timestamp,
}

/// A session that it happened to, with the clients that may have to hear of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Concerned {
    pub(super) session: SessionId,
    pub(super) user: Subject,
    pub(super) metadata: SessionMetadata,
    pub(super) participants: Vec<Participant>,
}

/// Whether clients that opted in hear of several sessions by one token without `sid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coalescing {
    /// Each session is told on its own.
    Never,
    /// All sessions of one user end, but for those at these clients.
    AllBut(HashSet<ClientId>),
}

/// What clients are told, and who of the participants is not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct FanOut {
    pub(super) deliveries: Vec<Delivery>,
    /// The deliveries by how long a sign-out waits for their answers.
    pub(super) waits: BTreeMap<Duration, Vec<DeliveryId>>,
    pub(super) told: Vec<(SessionId, ClientId)>,
    pub(super) untold: Vec<(SessionId, ClientId)>,
}

/// The deliveries of an event, session by session in the order clients joined; those about all
/// sessions of a user come last.
///
/// A participant without settings among `clients` cannot be told.
pub(super) fn fan_out(
    event: Event,
    concerned: &[Concerned],
    clients: &HashMap<&ClientId, &LogoutSettings>,
    coalescing: &Coalescing,
    random: &dyn RandomSource,
) -> FanOut {
    let mut out = FanOut::default();
    let mut together: BTreeMap<&ClientId, Vec<(&Concerned, &Participant)>> = BTreeMap::new();
    for one in concerned {
        for participant in &one.participants {
            let client = &participant.client;
            let key = (one.session.clone(), client.clone());
            match clients.get(client).copied().filter(|it| is_told(it, event)) {
                None => out.untold.push(key),
                Some(settings) => {
                    out.told.push(key);
                    if coalesces(coalescing, client, settings) {
                        together.entry(client).or_default().push((one, participant));
                    } else {
                        out.tell(event, &[(one, participant)], settings, random);
                    }
                }
            }
        }
    }
    for (client, sessions) in together {
        out.tell(event, &sessions, clients[client], random);
    }
    out
}

fn is_told(settings: &LogoutSettings, event: Event) -> bool {
    settings.wants(event.initiator) && !settings.urls.is_empty()
}

fn coalesces(coalescing: &Coalescing, client: &ClientId, settings: &LogoutSettings) -> bool {
    match coalescing {
        Coalescing::Never => false,
        Coalescing::AllBut(stays) => settings.accepts_subject_logout() && !stays.contains(client),
    }
}

impl FanOut {
    /// Tells one client of these sessions of one user, with one delivery for each URL.
    fn tell(
        &mut self,
        event: Event,
        sessions: &[(&Concerned, &Participant)],
        settings: &LogoutSettings,
        random: &dyn RandomSource,
    ) {
        let Some((first, participant)) = sessions.first() else {
            return;
        };
        let template = Delivery {
            id: DeliveryId::generate(event.at, random),
            client: participant.client.clone(),
            user: first.user.clone(),
            about: about(sessions),
            initiator: event.initiator,
            url: settings.urls[0].clone(),
            // One trace id for all URLs: to the client it is one event.
            trace_id: TraceId::generate(random),
            metadata: metadata(first, settings),
            event_at: event.at,
            state: DeliveryState::Pending,
            attempts: 0,
            next_attempt_at: Some(event.at),
            queued_at: None,
            give_up_at: event.give_up_at,
            finished_at: None,
            last: None,
            follow_up: sessions.iter().any(|(_, it)| joined_just_now(it, event.at)),
        };
        let wait = Duration::from_millis(u64::from(settings.delivery.wait_ms));
        for url in &settings.urls {
            let delivery = Delivery {
                id: DeliveryId::generate(event.at, random),
                url: url.clone(),
                ..template.clone()
            };
            self.waits.entry(wait).or_default().push(delivery.id);
            self.deliveries.push(delivery);
        }
    }
}

fn about(sessions: &[(&Concerned, &Participant)]) -> About {
    match sessions {
        [(only, _)] => About::Session(only.session.clone()),
        all => About::AllSessions(all.iter().map(|(one, _)| one.session.clone()).collect()),
    }
}

fn metadata(session: &Concerned, settings: &LogoutSettings) -> SessionMetadata {
    if settings.includes_session_metadata() {
        session.metadata.clone()
    } else {
        SessionMetadata::new()
    }
}

fn joined_just_now(participant: &Participant, now: Timestamp) -> bool {
    now.saturating_since(participant.last_joined_at) < JOINED_JUST_NOW
}

#[cfg(test)]
#[path = "fan_out_tests.rs"]
mod tests;
