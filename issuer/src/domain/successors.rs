//! The deliveries that take another's place.
//!
//! One about all of a user's sessions is taken apart into one for each, once the user has another
//! live session at the client. Thousands of sessions are taken apart piece by piece: what is left
//! of them stays together in one more delivery, whose next attempt looks anew whether it must be
//! taken apart at all. One to a URL that the client no longer has goes to those that it has now.

use logout_shared::{RandomSource, SessionId, Timestamp, TraceId};

use super::authorization::digest;
use super::delivery::{About, Delivery, DeliveryId};
use super::logout_settings::LogoutUrl;

impl Delivery {
    /// One delivery for each of the first `at_most` sessions, and one for the others.
    ///
    /// A delivery about one session has nothing to be taken apart.
    #[must_use]
    pub fn expand(&self, at_most: usize, now: Timestamp, random: &dyn RandomSource) -> Vec<Self> {
        let About::AllSessions(sids) = &self.about else {
            return Vec::new();
        };
        let (here, rest) = sids.split_at(at_most.min(sids.len()));
        let again = |about| {
            self.again(
                about,
                self.url.clone(),
                DeliveryId::generate(now, random),
                now,
            )
        };
        let mut apart: Vec<Self> = here
            .iter()
            .map(|sid| Self {
                trace_id: trace_id_of(&self.trace_id, sid),
                ..again(About::Session(sid.clone()))
            })
            .collect();
        if !rest.is_empty() {
            apart.push(again(About::AllSessions(rest.to_vec())));
        }
        apart
    }

    /// One delivery for each of the client's URLs, but for those where it was or will be `told` of
    /// the same event.
    #[must_use]
    pub fn moved(
        &self,
        urls: &[LogoutUrl],
        told: &[LogoutUrl],
        now: Timestamp,
        random: &dyn RandomSource,
    ) -> Vec<Self> {
        let new = urls.iter().filter(|url| !told.contains(url));
        let moved = new.map(|url| {
            let id = DeliveryId::generate(now, random);
            self.again(self.about.clone(), url.clone(), id, now)
        });
        moved.collect()
    }
}

/// To the client each session is an event of its own, and the same one at all of its URLs, which
/// are taken apart independently of each other: so the id is made of what they share.
fn trace_id_of(all: &TraceId, sid: &SessionId) -> TraceId {
    let digest = digest(&format!("{}.{}", all.as_str(), sid.as_str()));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    let hex = format!("{:016x}", u64::from_be_bytes(bytes));
    hex.parse().expect("sixteen hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use logout_shared::SessionMetadata;
    use logout_shared::random::SeededRandom;
    use uuid::Uuid;

    use super::*;
    use crate::domain::delivery::DeliveryState;
    use crate::domain::initiator::Initiator;
    use crate::domain::logout_settings::LogoutUrl;

    const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

    fn about(count: usize, url: &str) -> Delivery {
        let sids = (0..count).map(|number| format!("s{number}").parse().unwrap());
        Delivery {
            id: DeliveryId(Uuid::nil()),
            client: "shop".parse().unwrap(),
            user: "auth0|7".parse().unwrap(),
            about: About::AllSessions(sids.collect()),
            initiator: Initiator::AccountDeleted,
            url: LogoutUrl::from_stored(url.into()),
            trace_id: "0123456789abcdef".parse().unwrap(),
            metadata: SessionMetadata::new(),
            event_at: NOW,
            state: DeliveryState::InFlight,
            attempts: 3,
            next_attempt_at: None,
            queued_at: None,
            give_up_at: NOW + Duration::from_hours(72),
            finished_at: None,
            last: None,
            follow_up: false,
        }
    }

    fn expand(delivery: &Delivery, at_most: usize) -> Vec<Delivery> {
        delivery.expand(at_most, NOW + Duration::from_mins(1), &SeededRandom::new(1))
    }

    #[test]
    fn each_session_is_told_on_its_own_until_the_same_time_as_before() {
        let all = about(3, "https://a.example/");
        let apart = expand(&all, 3);
        let sids: Vec<_> = apart
            .iter()
            .map(|one| one.about.session().unwrap().as_str())
            .collect();
        assert_eq!(sids, ["s0", "s1", "s2"]);
        for one in &apart {
            assert_eq!(
                (one.event_at, one.give_up_at),
                (all.event_at, all.give_up_at)
            );
            assert_eq!((one.attempts, one.state), (0, DeliveryState::Pending));
            assert_eq!(one.next_attempt_at, Some(NOW + Duration::from_mins(1)));
        }
    }

    #[test]
    fn a_trace_id_is_one_for_each_session_and_the_same_at_every_url() {
        let first = expand(&about(3, "https://a.example/"), 3);
        let second = expand(&about(3, "https://b.example/"), 3);
        let ids: HashSet<_> = first.iter().map(|one| one.trace_id.as_str()).collect();
        assert_eq!(ids.len(), 3);
        let mut both = first.iter().zip(&second);
        assert!(both.all(|(one, two)| one.trace_id == two.trace_id));
    }

    #[test]
    fn what_exceeds_a_piece_stays_together() {
        let all = about(5, "https://a.example/");
        let apart = expand(&all, 2);
        let rest = ["s2", "s3", "s4"].map(|sid| sid.parse().unwrap());
        assert_eq!(apart.len(), 3);
        assert_eq!(apart[2].about, About::AllSessions(rest.to_vec()));
        assert_eq!(apart[2].trace_id, all.trace_id);
        assert_eq!(expand(&all, 5).len(), 5);
    }

    #[test]
    fn what_moves_goes_where_the_client_was_not_told() {
        let all = about(2, "https://old.example/");
        let urls = ["https://a.example/", "https://b.example/"];
        let urls = urls.map(|url| LogoutUrl::from_stored(url.into()));
        let moved = all.moved(&urls, &urls[..1], NOW, &SeededRandom::new(1));
        assert_eq!(moved.len(), 1);
        assert_eq!((&moved[0].url, &moved[0].about), (&urls[1], &all.about));
        assert_eq!(moved[0].trace_id, all.trace_id);
        assert_eq!(
            (moved[0].state, moved[0].attempts),
            (DeliveryState::Pending, 0)
        );
    }
}
