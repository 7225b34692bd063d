//! A signing key's life: next, current, retired.
//!
//! A key is published a day before it signs, because verifiers keep key sets; once it is retired
//! its private half is gone, and its public half is published until the last token that it signed
//! is dead and kept after that for as long as a session can live, so that an ID Token still says
//! which session to end. The private half is sealed under the master key; `keyring/` opens it,
//! and takes the steps that [`due`] names.

use std::time::Duration;

use logout_shared::{SigningAlgorithm, Timestamp};
use serde_json::Value;

/// How long a key is published before it signs; verifiers may keep a key set for an hour.
pub const PUBLISHED_BEFORE: Duration = Duration::from_hours(24);

/// How long tokens live at most that the keys sign.
pub const TOKENS_LIVE_AT_MOST: Duration = Duration::from_hours(24);

/// How long a retired key is published: its tokens' lives, clocks that differ, and a process that
/// learns of the change a moment later.
pub const PUBLISHED_AFTER: Duration = TOKENS_LIVE_AT_MOST.saturating_add(Duration::from_mins(5));

/// The shortest time between two rotations: a key signs for as long as it was announced.
pub const ROTATE_AT_MOST_EVERY: Duration = Duration::from_hours(48);

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SigningKeyRecord {
    /// The key's `kid`.
    pub kid: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// Where it is in its life.
    pub state: SigningKeyState,
    /// PKCS#8 PEM under the master key; gone once the key is retired.
    pub sealed_private_key: Option<String>,
    /// The public half as JWK.
    pub public_jwk: Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
    /// Whether it was retired in an emergency: nothing that it signed is believed any more.
    pub distrusted: bool,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningKeyState {
    /// Published, signs later.
    Next,
    /// Published, signs now.
    Current,
    /// Signs no more.
    Retired,
}

impl SigningKeyState {
    /// The name in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}

impl SigningKeyRecord {
    /// When the key signs, or began to.
    pub fn signs_from(&self) -> Option<Timestamp> {
        match self.state {
            SigningKeyState::Next => Some(self.created_at + PUBLISHED_BEFORE),
            _ => self.activated_at,
        }
    }

    /// Until when a retired key is published.
    pub fn published_until(&self) -> Option<Timestamp> {
        let retired_at = self.retired_at?;
        Some(if self.distrusted {
            retired_at
        } else {
            retired_at + PUBLISHED_AFTER
        })
    }

    /// Whether the key stands in the published key set.
    pub fn is_published(&self, now: Timestamp) -> bool {
        self.published_until().is_none_or(|until| now < until)
    }

    /// Ends the key's life: the private half is destroyed.
    pub fn retire(&mut self, now: Timestamp) {
        self.state = SigningKeyState::Retired;
        self.sealed_private_key = None;
        self.retired_at = Some(now);
    }

    /// Makes the key sign.
    pub fn activate(&mut self, now: Timestamp) {
        self.state = SigningKeyState::Current;
        self.activated_at = Some(now);
    }
}

/// The numbers that a key's life goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLife {
    /// How often keys are replaced; `None`: only by hand.
    pub rotate_every: Option<Duration>,
    /// How long a session can live.
    pub longest_session: Duration,
}

/// What is to be done with keys now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueSteps {
    /// Algorithms whose next key is to be made.
    pub announce: Vec<SigningAlgorithm>,
    /// Next keys that are to sign, by `kid`.
    pub activate: Vec<String>,
    /// Retired keys that nobody needs any more, by `kid`.
    pub forget: Vec<String>,
}

impl DueSteps {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.announce.is_empty() && self.activate.is_empty() && self.forget.is_empty()
    }
}

/// The key of an algorithm that is in this state.
pub fn key_in(
    keys: &[SigningKeyRecord],
    algorithm: SigningAlgorithm,
    state: SigningKeyState,
) -> Option<&SigningKeyRecord> {
    keys.iter()
        .find(|key| key.algorithm == algorithm && key.state == state)
}

/// What is to be done now with the keys of these algorithms.
pub fn due(
    keys: &[SigningKeyRecord],
    algorithms: &[SigningAlgorithm],
    life: &KeyLife,
    now: Timestamp,
) -> DueSteps {
    let mut steps = DueSteps::default();
    for algorithm in algorithms {
        let current = key_in(keys, *algorithm, SigningKeyState::Current);
        match (current, key_in(keys, *algorithm, SigningKeyState::Next)) {
            (_, Some(next)) if now >= next.created_at + PUBLISHED_BEFORE => {
                steps.activate.push(next.kid.clone());
            }
            (Some(current), None) if is_to_be_replaced(current, life, now) => {
                steps.announce.push(*algorithm);
            }
            _ => {}
        }
    }
    let keep = PUBLISHED_AFTER.max(life.longest_session);
    let forget = |key: &&SigningKeyRecord| key.retired_at.is_some_and(|at| now >= at + keep);
    steps.forget = keys
        .iter()
        .filter(forget)
        .map(|key| key.kid.clone())
        .collect();
    steps
}

fn is_to_be_replaced(current: &SigningKeyRecord, life: &KeyLife, now: Timestamp) -> bool {
    let Some(every) = life.rotate_every else {
        return false;
    };
    let since = current.activated_at.unwrap_or(current.created_at);
    now + PUBLISHED_BEFORE >= since + every
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_795_413_600);
    const DAY: Duration = Duration::from_hours(24);
    const TICK: Duration = Duration::from_millis(1);
    const ES256: [SigningAlgorithm; 1] = [SigningAlgorithm::Es256];
    const LIFE: KeyLife = KeyLife {
        rotate_every: Some(Duration::from_hours(90 * 24)),
        longest_session: Duration::from_hours(7 * 24),
    };

    fn key(kid: &str, state: SigningKeyState, at: Timestamp) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: kid.into(),
            algorithm: SigningAlgorithm::Es256,
            state,
            sealed_private_key: Some("sealed".into()),
            public_jwk: json!({}),
            created_at: at,
            activated_at: (state != SigningKeyState::Next).then_some(at),
            retired_at: (state == SigningKeyState::Retired).then_some(at),
            distrusted: false,
        }
    }

    fn at(keys: &[SigningKeyRecord], now: Timestamp) -> DueSteps {
        due(keys, &ES256, &LIFE, now)
    }

    #[test]
    fn the_next_key_is_announced_a_day_before_its_time_and_not_earlier() {
        let keys = [key("a", SigningKeyState::Current, START)];
        let moment = START + DAY * 89;
        assert!(at(&keys, moment - TICK).is_empty());
        assert_eq!(at(&keys, moment).announce, ES256);
        let never = KeyLife {
            rotate_every: None,
            ..LIFE
        };
        assert!(due(&keys, &ES256, &never, moment + DAY * 900).is_empty());
        assert!(
            due(&keys, &[], &LIFE, moment).is_empty(),
            "no longer configured"
        );
    }

    #[test]
    fn a_key_signs_once_it_was_published_for_a_day_and_not_earlier() {
        let next = key("b", SigningKeyState::Next, START);
        let keys = [
            key("a", SigningKeyState::Current, START - DAY * 89),
            next.clone(),
        ];
        assert_eq!(next.signs_from(), Some(START + DAY));
        assert!(next.is_published(START));
        assert!(at(&keys, START + DAY - TICK).is_empty());
        assert_eq!(at(&keys, START + DAY).activate, ["b"]);
        // A key made by hand is not forgotten where the timer is off.
        let never = KeyLife {
            rotate_every: None,
            ..LIFE
        };
        assert_eq!(due(&keys, &ES256, &never, START + DAY).activate, ["b"]);
    }

    #[test]
    fn a_retired_key_is_published_until_its_last_token_is_dead() {
        let retired = key("a", SigningKeyState::Retired, START);
        assert!(retired.is_published(START + TOKENS_LIVE_AT_MOST));
        assert!(retired.is_published(START + PUBLISHED_AFTER - TICK));
        assert!(!retired.is_published(START + PUBLISHED_AFTER));
        let distrusted = SigningKeyRecord {
            distrusted: true,
            ..retired
        };
        assert!(!distrusted.is_published(START));
    }

    #[test]
    fn a_retired_key_is_forgotten_once_no_session_is_left_that_it_could_name() {
        let keys = [key("a", SigningKeyState::Retired, START)];
        let moment = START + LIFE.longest_session;
        assert!(at(&keys, moment - TICK).is_empty());
        assert_eq!(at(&keys, moment).forget, ["a"]);
        // It is not forgotten while it is published.
        let short = KeyLife {
            longest_session: Duration::from_hours(1),
            ..LIFE
        };
        assert!(due(&keys, &ES256, &short, START + PUBLISHED_AFTER - TICK).is_empty());
        assert_eq!(
            due(&keys, &ES256, &short, START + PUBLISHED_AFTER).forget,
            ["a"]
        );
    }

    #[test]
    fn retiring_destroys_the_private_half() {
        let mut key = key("a", SigningKeyState::Current, START);
        key.retire(START + DAY);
        assert_eq!(
            (key.state, key.sealed_private_key),
            (SigningKeyState::Retired, None)
        );
    }
}
