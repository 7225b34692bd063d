//! Tokens of this issuer that come back to it: access tokens and ID Tokens as hints.
//!
//! A token counts only with a signature of a published or kept key, this issuer as `iss`, and
//! exactly the type that is expected, so that no kind passes for another (RFC 8725 §3.11); a
//! logout token never does, whatever its type. Times are the caller's to check: an expired ID
//! Token is still a good hint.

use logout_shared::jws::{JwsError, Payload, UnverifiedJws};
use logout_shared::{ClientId, SessionId, SigningAlgorithm, Subject};
use serde_json::Value;

use crate::issuer::Issuer;

/// The `typ` of ID Tokens.
pub const ID_TOKEN_TYPE: &str = "JWT";

/// The longest token that is looked at, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Why a token is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignToken {
    /// The form or the signature.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Signed by an algorithm that no key of ours has.
    #[error("the token is signed by no algorithm of this issuer")]
    Algorithm,
    /// Another kind of token.
    #[error("the token is of another type")]
    Type,
    /// Signed by us in another name.
    #[error("the token is from another issuer")]
    Issuer,
    /// A claim that our tokens have is missing or malformed.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
}

/// What an ID Token says about whom it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// Who signed in.
    pub user: Subject,
    /// To which client.
    pub client: ClientId,
    /// In which session.
    pub session: Option<SessionId>,
}

/// Reads a token of ours whose `typ` is `typ`; its times are not checked.
pub(super) fn read(issuer: &Issuer, token: &str, typ: &str) -> Result<Payload, ForeignToken> {
    let token = UnverifiedJws::parse(token, MAX_BYTES)?;
    let algorithm: SigningAlgorithm = token
        .header()
        .alg
        .parse()
        .map_err(|_| ForeignToken::Algorithm)?;
    if algorithm.is_symmetric() {
        return Err(ForeignToken::Algorithm);
    }
    let keys = issuer.keys().verification_keys();
    let candidates = keys.candidates(algorithm, token.header().kid.as_deref());
    let verified = token.verify(algorithm, &candidates)?;
    // Types are compared without case (RFC 7515 §4.1.9).
    if !verified
        .header()
        .typ
        .as_deref()
        .is_some_and(|found| found.eq_ignore_ascii_case(typ))
    {
        return Err(ForeignToken::Type);
    }
    let payload = verified.into_value();
    // A client may have asked for logout tokens of type `JWT`; `events` is what tells them apart.
    if payload.contains_key("events") {
        return Err(ForeignToken::Type);
    }
    if payload.get("iss").and_then(Value::as_str) != Some(issuer.id().as_str()) {
        return Err(ForeignToken::Issuer);
    }
    Ok(payload)
}

/// Reads an ID Token of ours, expired or not.
///
/// # Errors
///
/// [`ForeignToken`] if it is not one.
pub fn read_id_token(issuer: &Issuer, token: &str) -> Result<IdTokenHint, ForeignToken> {
    let payload = read(issuer, token, ID_TOKEN_TYPE)?;
    Ok(IdTokenHint {
        user: claim(&payload, "sub")?.ok_or(ForeignToken::Claim("sub"))?,
        client: claim(&payload, "aud")?.ok_or(ForeignToken::Claim("aud"))?,
        session: claim(&payload, "sid")?,
    })
}

/// A claim that is a string of its own kind, if it is there.
pub(super) fn claim<T: std::str::FromStr>(
    payload: &Payload,
    name: &'static str,
) -> Result<Option<T>, ForeignToken> {
    let Some(value) = payload.get(name) else {
        return Ok(None);
    };
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or(ForeignToken::Claim(name))
}
