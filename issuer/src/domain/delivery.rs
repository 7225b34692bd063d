//! One client, one URL, one ended session to tell: a delivery, and what an attempt makes of it.
//!
//! A delivery holds what to say, never a signed token: each attempt signs anew. An outcome is a
//! value; [`Delivery::after`] is the only place that decides what comes next. What one attempt
//! leaves behind is `attempt.rs`, when to attempt again `retry.rs`; sending is `delivery/` on
//! floor 3.

use std::fmt;
use std::time::Duration;

use logout_shared::{
    ClientId, RandomSource, SessionId, SessionMetadata, Subject, Timestamp, TraceId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::attempt::{
    Attempt, AttemptError, AttemptOutcome, LastAttempt, MAX_OAUTH_ERROR_CHARS, sanitise_oauth_error,
};
use super::initiator::Initiator;
use super::logout_settings::LogoutUrl;
use super::retry::RetrySchedule;

/// A delivery's id; sorts by the time it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub Uuid);

impl DeliveryId {
    /// A new id, made `now`.
    pub fn generate(now: Timestamp, random: &dyn RandomSource) -> Self {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl std::str::FromStr for DeliveryId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// What one client must be told at one URL.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Sorts by the time of making.
    pub id: DeliveryId,
    /// The client to tell.
    pub client: ClientId,
    /// The user concerned.
    pub user: Subject,
    /// What the token names.
    pub about: About,
    /// Why.
    pub initiator: Initiator,
    /// Where to.
    pub url: LogoutUrl,
    /// The same in every attempt and at every URL of one client for one ended session.
    pub trace_id: TraceId,
    /// The session's metadata as it was at the end, if the client had opted in.
    pub metadata: SessionMetadata,
    /// When the session ended: the token's `toe`, and the start of the give-up time.
    pub event_at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the next attempt is due; none once it is finished or while it is queued.
    pub next_attempt_at: Option<Timestamp>,
    /// Since when it waits for its endpoint and not for a time.
    pub queued_at: Option<Timestamp>,
    /// When it is given up.
    pub give_up_at: Timestamp,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
    /// The latest attempt.
    pub last: Option<LastAttempt>,
    /// Whether one more attempt follows a success, 10 s later: the client joined so shortly
    /// before the end that its app may still be making its own session.
    pub follow_up: bool,
}

/// Where a client hears of logouts: what slots, windows and waits are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The client.
    pub client: ClientId,
    /// One of its URLs.
    pub url: LogoutUrl,
}

/// What a delivery ends at the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// One session.
    Session(SessionId),
    /// All sessions of the user at the client that the event ended; told by one token without
    /// `sid` as long as the user has no other live session there.
    AllSessions(Vec<SessionId>),
}

impl About {
    /// The sessions, one or many.
    pub fn sessions(&self) -> &[SessionId] {
        match self {
            Self::Session(sid) => std::slice::from_ref(sid),
            Self::AllSessions(sids) => sids,
        }
    }

    /// The session, where it is one.
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Session(sid) => Some(sid),
            Self::AllSessions(_) => None,
        }
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its next attempt.
    Pending,
    /// An attempt is under way.
    InFlight,
    /// Waits, and the latest answer was one that a person may have to mend.
    Refusing,
    /// The client heard.
    Heard,
    /// The client said that it will not hear it.
    Refused,
    /// The time for trying is over.
    GivenUp,
    /// The client is gone or no longer wants to be told.
    Cancelled,
    /// Replaced by one delivery for each session.
    Expanded,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InFlight,
        Self::Refusing,
        Self::Heard,
        Self::Refused,
        Self::GivenUp,
        Self::Cancelled,
        Self::Expanded,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Refusing => "refusing",
            Self::Heard => "heard",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Cancelled => "cancelled",
            Self::Expanded => "expanded",
        }
    }

    /// Whether nothing comes after it by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InFlight | Self::Refusing)
    }
}

/// What an answer means for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The client heard; `odd` when the status was a success other than 200 and 204.
    Heard {
        /// Another success than 200 and 204.
        odd: bool,
    },
    /// The client will not hear it: no more attempts.
    Refused,
    /// Try again on the schedule.
    Retry,
    /// Try again, but not at once: a person may have to mend something.
    Refusing,
}

impl Verdict {
    /// What operators call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heard { .. } => "heard",
            Self::Refused => "refused",
            Self::Retry => "retry",
            Self::Refusing => "refusing",
        }
    }
}

impl Attempt {
    /// What this attempt means (the status table of Back-Channel Logout §2.5 and §2.8, widened).
    pub fn verdict(&self) -> Verdict {
        match (self.status, self.error) {
            // With the error, a refusal was of a token that the client could not read.
            (_, Some(AttemptError::ClientKeys)) | (Some(408 | 425 | 429 | 500..=599), _) => {
                Verdict::Retry
            }
            (Some(200 | 204), None | Some(AttemptError::Body)) => Verdict::Heard { odd: false },
            (Some(200..=299), None | Some(AttemptError::Body)) => Verdict::Heard { odd: true },
            (Some(400 | 410 | 413 | 415), _) => Verdict::Refused,
            (None, Some(AttemptError::AddressRefused)) | (Some(_), _) => Verdict::Refusing,
            (None, _) => Verdict::Retry,
        }
    }
}

/// How long after a success the extra attempt of [`Delivery::follow_up`] comes.
pub const FOLLOW_UP_WAIT: Duration = Duration::from_secs(10);

impl Delivery {
    /// The client and the URL to tell.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            client: self.client.clone(),
            url: self.url.clone(),
        }
    }

    /// The same thing to say, as a delivery of its own that is due now.
    #[must_use]
    pub fn again(&self, about: About, url: LogoutUrl, id: DeliveryId, now: Timestamp) -> Self {
        Self {
            id,
            about,
            url,
            state: DeliveryState::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            queued_at: None,
            finished_at: None,
            last: None,
            ..self.clone()
        }
    }

    /// The delivery after an attempt that ended `now`; `jitter` from 0 to 1.
    #[must_use]
    pub fn after(
        mut self,
        outcome: &AttemptOutcome,
        schedule: &RetrySchedule,
        now: Timestamp,
        jitter: f64,
    ) -> Self {
        let attempt = match outcome {
            AttemptOutcome::Expand => return self.finish(DeliveryState::Expanded, now),
            AttemptOutcome::Cancelled | AttemptOutcome::Moved => {
                return self.finish(DeliveryState::Cancelled, now);
            }
            AttemptOutcome::Tried(attempt, _) => attempt,
        };
        self.attempts = attempt.number;
        self.last = Some(LastAttempt {
            at: attempt.at,
            status: attempt.status,
            error: attempt.error,
            duration: attempt.duration,
        });
        match attempt.verdict() {
            Verdict::Heard { .. } if self.follow_up => {
                self.follow_up = false;
                self.wait(DeliveryState::Pending, FOLLOW_UP_WAIT, now)
            }
            Verdict::Heard { .. } => self.finish(DeliveryState::Heard, now),
            Verdict::Refused => self.finish(DeliveryState::Refused, now),
            Verdict::Retry => {
                let wait = schedule.wait(self.attempts, outcome.retry_after(), jitter);
                self.wait(DeliveryState::Pending, wait, now)
            }
            Verdict::Refusing => {
                let wait = schedule.refusing_wait(self.attempts, jitter);
                self.wait(DeliveryState::Refusing, wait, now)
            }
        }
    }

    /// The delivery after a failed attempt at an endpoint that is down: it is told when the endpoint
    /// is back, whatever the schedule says. A finished one stays finished.
    #[must_use]
    pub fn queued(mut self, now: Timestamp) -> Self {
        if !self.state.is_final() {
            self.next_attempt_at = None;
            self.queued_at = Some(now);
        }
        self
    }

    fn wait(mut self, state: DeliveryState, wait: Duration, now: Timestamp) -> Self {
        if now >= self.give_up_at {
            return self.finish(DeliveryState::GivenUp, now);
        }
        self.state = state;
        self.queued_at = None;
        // The last attempt is made when the time is over, not a wait later.
        self.next_attempt_at = Some((now + wait).min(self.give_up_at));
        self
    }

    fn finish(mut self, state: DeliveryState, now: Timestamp) -> Self {
        self.state = state;
        self.next_attempt_at = None;
        self.queued_at = None;
        self.finished_at = Some(now);
        self
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
