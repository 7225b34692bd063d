//! A client proves itself with a token that it signed: `private_key_jwt` (RFC 7523 §2.2 and §3,
//! OpenID Connect Core §9).
//!
//! The order is that of cost and trust: form and algorithm, then the signature with a key that the
//! client published, then the claims (`rules.rs`, pure), and last the one write that uses the
//! assertion up; a forged one never gets as far as that. A client that signs with a key that its
//! `jwks_uri` did not have at the last look is given another look. Neighbours:
//! `client_authentication.rs` makes one answer out of whatever is wrong here.

mod rules;

use logout_shared::jws::{JwsError, Payload, UnverifiedJws, Verified};
use logout_shared::{Secret, SigningAlgorithm};

use self::rules::Expected;
use crate::domain::client::Client;
use crate::domain::token_encryption::ClientKeys;
use crate::issuer::Issuer;
use crate::keyring::client_keys::{KeySet, KeySetError};
use crate::storage::StorageError;

pub use rules::{LEEWAY, MAX_LIFETIME, RuleFault};

/// What assertions may be signed with: key pairs only, each with SHA-256 or better.
pub const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Ps256,
    SigningAlgorithm::Es256,
    SigningAlgorithm::EdDsa,
];

/// The longest assertion. Those of the usual libraries have less than 1 KiB.
pub const MAX_ASSERTION_BYTES: usize = 8 * 1024;

/// An assertion as it came.
#[derive(Debug, Clone)]
pub struct ShownAssertion {
    /// The signed token.
    pub assertion: Secret<String>,
    /// The URL of the token endpoint, which the assertion may name instead of the issuer.
    pub token_endpoint: String,
}

/// What is wrong with an assertion; for the log alone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionFault {
    /// Its form, its header, or its signature.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// It is signed in a way that is not offered.
    #[error("it is not signed with RS256, PS256, ES256 or EdDSA")]
    Algorithm,
    /// The client has registered no keys.
    #[error("the client has neither jwks nor jwks_uri")]
    NoKeys,
    /// The client's keys cannot be had.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// One of its claims.
    #[error(transparent)]
    Rule(#[from] RuleFault),
    /// It was used before.
    #[error("its jti was used before")]
    Used,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Whose assertion this says it is. Nothing is checked: it is good for finding the client only.
pub fn claimed_client(assertion: &Secret<String>) -> Option<String> {
    let jws = UnverifiedJws::parse(assertion.expose(), MAX_ASSERTION_BYTES).ok()?;
    jws.claimed("sub")
}

/// Whether a set has a key that assertions can be checked with.
pub fn has_key(set: &KeySet) -> bool {
    let keys = set.signatures();
    ALGORITHMS
        .into_iter()
        .any(|algorithm| !keys.candidates(algorithm, None).is_empty())
}

/// Checks an assertion of this client and uses it up.
///
/// # Errors
///
/// [`AssertionFault`].
pub async fn check(
    issuer: &Issuer,
    client: &Client,
    shown: &ShownAssertion,
) -> Result<(), AssertionFault> {
    let jws = UnverifiedJws::parse(shown.assertion.expose(), MAX_ASSERTION_BYTES)?;
    let algorithm = jws.header().alg.parse().ok();
    let algorithm = algorithm
        .filter(|algorithm| ALGORITHMS.contains(algorithm))
        .ok_or(AssertionFault::Algorithm)?;
    let verified = verify(issuer, client, &jws, algorithm).await?;
    let now = issuer.now();
    let expected = Expected {
        client: &client.id,
        audiences: [issuer.id().as_str(), &shown.token_endpoint],
        now,
    };
    let used = rules::check(verified.header(), verified.value(), &expected)?;
    let write = issuer
        .store()
        .write(move |tx| Box::pin(async move { tx.use_assertion(&used, now).await }));
    let is_first: Result<_, StorageError> = write.await;
    if is_first? {
        Ok(())
    } else {
        Err(AssertionFault::Used)
    }
}

/// Checks the signature with the client's keys.
async fn verify(
    issuer: &Issuer,
    client: &Client,
    jws: &UnverifiedJws<'_>,
    algorithm: SigningAlgorithm,
) -> Result<Verified<Payload>, AssertionFault> {
    let (keys, now) = (issuer.client_keys(), issuer.now());
    match &client.keys {
        None => Err(AssertionFault::NoKeys),
        Some(ClientKeys::Given(set)) => Ok(verify_with(&*keys.given(set)?, jws, algorithm)?),
        Some(ClientKeys::At(url)) => {
            let cached = keys.fetched(url, now).await?;
            let error = match verify_with(cached.set(), jws, algorithm) {
                Err(error @ (JwsError::NoKey | JwsError::Signature)) => error,
                verified => return Ok(verified?),
            };
            // The client may have replaced its keys since.
            match keys.replacement(url, &cached, now).await {
                Some(new) => Ok(verify_with(new.set(), jws, algorithm)?),
                None => Err(error.into()),
            }
        }
    }
}

fn verify_with(
    set: &KeySet,
    jws: &UnverifiedJws<'_>,
    algorithm: SigningAlgorithm,
) -> Result<Verified<Payload>, JwsError> {
    let kid = jws.header().kid.as_deref();
    jws.verify(algorithm, &set.signatures().candidates(algorithm, kid))
}
