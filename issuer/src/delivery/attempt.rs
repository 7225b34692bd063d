//! One attempt: mint, sign, encrypt where the client wants it, send, and say what came of it.
//!
//! Nothing is stored here and nothing decided about later: the outcome is a value, and
//! `Delivery::after` says what it means. Settings and URLs are those of now, not those of the
//! event: a client whose URL was mistyped is told at the new one.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use logout_shared::logout_token::request::FIELD;
use logout_shared::{Issuer, Timestamp, TokenId};

use super::mint;
use crate::domain::client::Client;
use crate::domain::delivery::{Attempt, AttemptError, AttemptOutcome, Delivery};
use crate::domain::logout_settings::{LogoutSettings, LogoutUrl};
use crate::egress::{Answer, Egress, EgressError};
use crate::keyring::encrypter::{ClientKey, ClientKeyError, Encrypter};
use crate::keyring::{KeyRing, KeyRingError};
use crate::storage::ClaimedDelivery;
use crate::telemetry::{self, Attempted};

/// Posts a logout token to a client.
#[async_trait]
pub trait LogoutSender: Send + Sync + 'static {
    /// Posts the token and gives the client's answer.
    async fn send(
        &self,
        url: &LogoutUrl,
        token: &str,
        timeout: Duration,
    ) -> Result<Answer, EgressError>;
}

#[async_trait]
impl LogoutSender for Egress {
    async fn send(
        &self,
        url: &LogoutUrl,
        token: &str,
        timeout: Duration,
    ) -> Result<Answer, EgressError> {
        self.post_form(url, FIELD, token, timeout).await
    }
}

/// What an attempt is made with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The token's `iss`.
    pub issuer: &'a Issuer,
    /// Signs.
    pub keys: &'a KeyRing,
    /// Encrypts for clients that ask for it.
    pub encrypter: &'a Encrypter,
    /// Posts.
    pub sender: &'a dyn LogoutSender,
}

/// Makes one attempt at a claimed delivery.
///
/// # Errors
///
/// [`KeyRingError`] if the token cannot be signed: our fault, and no attempt was made.
pub async fn attempt(
    claimed: &ClaimedDelivery,
    means: Means<'_>,
    now: Timestamp,
    jti: TokenId,
) -> Result<AttemptOutcome, KeyRingError> {
    let outcome = exchange(claimed, means, now, jti).await?;
    if let AttemptOutcome::Tried(attempt, _) = &outcome {
        telemetry::attempted(Attempted {
            outcome: attempt.verdict().name(),
            error: attempt.error.map_or("", AttemptError::as_str),
            is_first: attempt.number == 1,
            delay: attempt.at.saturating_since(claimed.delivery.event_at),
            duration: attempt.duration,
        });
    }
    Ok(outcome)
}

/// An attempt that is not counted.
pub(super) async fn exchange(
    claimed: &ClaimedDelivery,
    means: Means<'_>,
    now: Timestamp,
    jti: TokenId,
) -> Result<AttemptOutcome, KeyRingError> {
    let delivery = &claimed.delivery;
    let Some((client, settings)) = recipient(claimed) else {
        return Ok(AttemptOutcome::Cancelled);
    };
    if !settings.urls.contains(&delivery.url) {
        return Ok(AttemptOutcome::Moved);
    }
    if mint::must_expand(delivery, settings, claimed.other_live_session) {
        return Ok(AttemptOutcome::Expand);
    }
    let begun = Instant::now();
    // First, since it may take as long as the client's key set does.
    let key = match means.encrypter.key_for(client, now).await {
        Ok(key) => key,
        Err(error) => return Ok(not_sent(claimed, &error, now, jti, begun.elapsed())),
    };
    let other_live = claimed.other_live_session;
    let claims = mint::claims(means.issuer, delivery, settings, other_live, now, &jti);
    let typ = settings.delivery.token_type.as_str();
    let (algorithm, signing) = (client.signing_algorithm, Instant::now());
    let token = means.keys.sign(algorithm, typ, claims.to_json()).await?;
    telemetry::signed(algorithm.as_str(), signing.elapsed());
    let token = match encrypted(key.as_ref(), means.issuer, token) {
        Ok(token) => token,
        Err(error) => return Ok(not_sent(claimed, &error, now, jti, begun.elapsed())),
    };
    let begun = Instant::now();
    let answer = means
        .sender
        .send(&delivery.url, &token, settings.delivery.timeout())
        .await;
    let (mut attempt, retry_after) = outcome(delivery, answer, now, jti, begun.elapsed());
    if could_not_read(&attempt, key.as_ref(), means.encrypter, now).await {
        attempt.error = Some(AttemptError::ClientKeys);
    }
    Ok(AttemptOutcome::Tried(attempt, retry_after))
}

fn encrypted(
    key: Option<&ClientKey>,
    issuer: &Issuer,
    token: String,
) -> Result<String, ClientKeyError> {
    match key {
        None => Ok(token),
        Some(key) => key.encrypt(issuer, &token),
    }
}

/// An attempt that ended before anything was sent, for want of a key of the client's.
fn not_sent(
    claimed: &ClaimedDelivery,
    error: &ClientKeyError,
    at: Timestamp,
    jti: TokenId,
    duration: Duration,
) -> AttemptOutcome {
    let delivery = &claimed.delivery;
    tracing::warn!(client.id = %delivery.client, "cannot encrypt for {}: {error}", delivery.client);
    let attempt = Attempt {
        error: Some(AttemptError::ClientKeys),
        ..made(delivery, at, jti, duration)
    };
    AttemptOutcome::Tried(attempt, None)
}

/// Whether a refusal may mean that the client has another key by now. A 400 is final, and that it
/// must not be for a token that the client could not read.
async fn could_not_read(
    attempt: &Attempt,
    key: Option<&ClientKey>,
    encrypter: &Encrypter,
    now: Timestamp,
) -> bool {
    match key {
        Some(key) if attempt.status == Some(400) => encrypter.may_be_replaced(key, now).await,
        _ => false,
    }
}

/// The client, if it is still there and has somewhere to be told.
pub(super) fn recipient(claimed: &ClaimedDelivery) -> Option<(&Client, &LogoutSettings)> {
    let client = claimed.client.as_deref()?;
    let settings = client
        .logout
        .as_ref()
        .filter(|settings| !settings.urls.is_empty())?;
    Some((client, settings))
}

fn outcome(
    delivery: &Delivery,
    answer: Result<Answer, EgressError>,
    at: Timestamp,
    jti: TokenId,
    duration: Duration,
) -> (Attempt, Option<Duration>) {
    let mut attempt = made(delivery, at, jti, duration);
    let mut retry_after = None;
    match answer {
        Ok(answer) => {
            attempt.status = Some(answer.status);
            attempt.error = error_of(&answer);
            retry_after = answer.retry_after.map(|wish| wish.from_now(at + duration));
            attempt.oauth_error = answer.oauth_error;
            attempt.oauth_error_description = answer.oauth_error_description;
        }
        Err(error) => attempt.error = Some(error.class),
    }
    (attempt, retry_after)
}

fn made(delivery: &Delivery, at: Timestamp, jti: TokenId, duration: Duration) -> Attempt {
    Attempt {
        number: delivery.attempts + 1,
        at,
        jti,
        url: delivery.url.clone(),
        status: None,
        error: None,
        duration,
        oauth_error: None,
        oauth_error_description: None,
    }
}

fn error_of(answer: &Answer) -> Option<AttemptError> {
    match answer.status {
        200..=299 => (!answer.body_complete).then_some(AttemptError::Body),
        300..=399 => Some(AttemptError::Redirect),
        _ => Some(AttemptError::Status),
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
#[path = "attempt_tests.rs"]
mod tests;
