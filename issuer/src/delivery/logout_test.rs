//! A harmless logout token, to see whether an app would hear.
//!
//! The token is as true as any: signed with today's key, by this client's settings, sent through
//! the same guard. It names a session that nobody has: its `sid` begins with [`MARK`], so that it
//! can be told in the app's log, and ends in chance. Where a client wants a `sub` in every token,
//! that too names nobody. Nothing is stored and nothing is repeated.

use futures_util::future::try_join_all;
use logout_shared::{RandomSource, SessionId, SessionMetadata, Timestamp, TokenId, TraceId};

use super::attempt::{Means, exchange};
use crate::domain::client::Client;
use crate::domain::delivery::{
    About, Attempt, AttemptError, AttemptOutcome, Delivery, DeliveryId, DeliveryState, Verdict,
};
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::LogoutUrl;
use crate::keyring::KeyRingError;
use crate::storage::ClaimedDelivery;

/// How the `sid` of every test begins.
pub const MARK: &str = "logout-test-";

/// Sends a test to each URL of a client, all at once; gives what came of each.
///
/// # Errors
///
/// [`KeyRingError`] if a token cannot be signed.
pub async fn test_client(
    client: &Client,
    means: Means<'_>,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Vec<Attempt>, KeyRingError> {
    let urls = client.logout.iter().flat_map(|logout| &logout.urls);
    let tests = urls.map(|url| async move {
        let claimed = claimed(client, url, now, random);
        let outcome = exchange(&claimed, means, now, TokenId::generate(random)).await?;
        Ok::<_, KeyRingError>(match outcome {
            AttemptOutcome::Tried(attempt, _) => Some(attempt),
            AttemptOutcome::Expand | AttemptOutcome::Cancelled | AttemptOutcome::Moved => None,
        })
    });
    Ok(try_join_all(tests).await?.into_iter().flatten().collect())
}

fn claimed(
    client: &Client,
    url: &LogoutUrl,
    now: Timestamp,
    random: &dyn RandomSource,
) -> ClaimedDelivery {
    let nobody = format!("{MARK}{}", SessionId::generate(random));
    let delivery = Delivery {
        id: DeliveryId::generate(now, random),
        client: client.id.clone(),
        user: nobody.parse().expect("it is short and printable"),
        about: About::Session(nobody.parse().expect("it is short and printable")),
        initiator: Initiator::SessionRevoked,
        url: url.clone(),
        trace_id: TraceId::generate(random),
        metadata: SessionMetadata::new(),
        event_at: now,
        state: DeliveryState::InFlight,
        attempts: 0,
        next_attempt_at: None,
        queued_at: None,
        give_up_at: now,
        finished_at: None,
        last: None,
        follow_up: false,
    };
    ClaimedDelivery {
        delivery,
        client: Some(std::sync::Arc::new(client.clone())),
        // A token that names only the session can end nothing else at any app.
        other_live_session: true,
    }
}

/// What the answer to a test means, for people.
pub fn meaning(test: &Attempt) -> &'static str {
    match (test.verdict(), test.status, test.error) {
        (Verdict::Heard { odd: false }, ..) => "The app hears logout tokens at this URL.",
        (Verdict::Heard { odd: true }, ..) => {
            "The app answered with a success that the specification does not name: 200 or 204 \
             would be right. It counts as heard."
        }
        (Verdict::Refused, ..) => {
            "The app refused the token for good: its error says why. Issuer, client id, algorithm \
             and the token's type are what differs most often. An app that only does not know the \
             session has to answer 200."
        }
        (_, Some(401 | 403), _) => {
            "Something before the app wants credentials: a logout token is its own proof, so \
             let the path through."
        }
        (_, Some(404 | 405), _) => "Nothing takes a POST at this path: check the URL.",
        (_, Some(429), _) => "The app has had too many requests: it is told again later.",
        (_, Some(500..), _) => "The app failed: its log should say why. It is told again later.",
        (_, Some(300..=399), _) => "The URL redirects, which is never followed: register the goal.",
        (_, _, Some(AttemptError::Timeout)) => "No answer in time: is the app up and not blocked?",
        (_, _, Some(AttemptError::Dns)) => "The host's name has no address.",
        (_, _, Some(AttemptError::Tls)) => {
            "No trusted TLS connection: check the certificate, its names and its chain."
        }
        (_, _, Some(AttemptError::AddressRefused)) => {
            "The egress guard forbids this address: private networks are opened with egress.allow."
        }
        (_, _, Some(AttemptError::Connect)) => "No connection: nothing listens, or a firewall.",
        (_, _, Some(AttemptError::Reset)) => "The connection broke before there was an answer.",
        _ => "The answer is none that a receiver of logout tokens gives.",
    }
}
