//! Who must hear that a session ended, where, and what is said to them.
//!
//! Pure: participants × settings × URLs make deliveries. What a client wants is read here, at the
//! event; how it wants it is read again at each attempt.

use std::collections::HashMap;
use std::time::Duration;

use logout_shared::{ClientId, RandomSource, SessionMetadata, Timestamp, TraceId};

use crate::domain::client::Client;
use crate::domain::delivery::{About, Delivery, DeliveryId, DeliveryState};
use crate::domain::logout_settings::LogoutSettings;
use crate::domain::session::{EndedSession, Participant};

/// A client that joined this shortly before the end may still be making its own session when the
/// first token arrives, and is told once more.
pub(super) const JOINED_JUST_NOW: Duration = Duration::from_secs(10);

/// What one client is told, with how long a sign-out waits for its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) wait: Duration,
}

/// The deliveries of one ended session, client by client in the order they joined.
///
/// A participant whose client is not among `clients` is gone and is skipped.
pub(super) fn fan_out(
    ended: &EndedSession,
    participants: &[Participant],
    clients: &[Client],
    give_up_after: Duration,
    random: &dyn RandomSource,
) -> Vec<Told> {
    let known: HashMap<&ClientId, &LogoutSettings> = clients
        .iter()
        .filter_map(|client| Some((&client.id, client.logout.as_ref()?)))
        .collect();
    let told = participants.iter().filter_map(|participant| {
        let settings = *known.get(&participant.client)?;
        let wanted = settings.wants(ended.initiator) && !settings.urls.is_empty();
        wanted.then(|| tell(ended, participant, settings, give_up_after, random))
    });
    told.collect()
}

fn tell(
    ended: &EndedSession,
    participant: &Participant,
    settings: &LogoutSettings,
    give_up_after: Duration,
    random: &dyn RandomSource,
) -> Told {
    let now = ended.ended_at;
    let session = &ended.session;
    // One trace id for all URLs: to the client it is one event.
    let trace_id = TraceId::generate(random);
    let metadata = if settings.includes_session_metadata() {
        session.metadata.clone()
    } else {
        SessionMetadata::new()
    };
    let deliveries = settings.urls.iter().map(|url| Delivery {
        id: DeliveryId::generate(now, random),
        client: participant.client.clone(),
        user: session.user.clone(),
        about: About::Session(session.id.clone()),
        initiator: ended.initiator,
        url: url.clone(),
        trace_id: trace_id.clone(),
        metadata: metadata.clone(),
        event_at: now,
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: Some(now),
        queued_at: None,
        give_up_at: now + give_up_after,
        finished_at: None,
        last: None,
        follow_up: joined_just_now(participant, now),
    });
    let wait = Duration::from_millis(u64::from(settings.delivery.wait_ms));
    Told {
        deliveries: deliveries.collect(),
        wait,
    }
}

fn joined_just_now(participant: &Participant, now: Timestamp) -> bool {
    now.saturating_since(participant.last_joined_at) < JOINED_JUST_NOW
}

#[cfg(test)]
#[path = "fan_out_tests.rs"]
mod tests;
