//! Access tokens: JWTs in the form of RFC 9068, for userinfo and for the Management API.
//!
//! A token is good for one audience. One that a person's login gave names the session, and is
//! worth nothing once that has ended; one from a refresh token that outlived its session names the
//! grant, and dies with that; one that a client got for itself names neither. What its
//! scopes allow is decided by the endpoint that it is shown to.

use std::time::Duration;

use logout_shared::jws::JwsError;
use logout_shared::{
    ClientId, Issuer as IssuerId, SessionId, SigningAlgorithm, Timestamp, TokenId,
};
use serde_json::{Map, Value, json};

use super::own_token::{self, ForeignToken};
use crate::domain::signing_key::TOKENS_LIVE_AT_MOST;
use crate::issuer::Issuer;
use crate::keyring::KeyRingError;

/// The `typ` of access tokens.
pub const TYPE: &str = "at+jwt";

/// How long an access token is good.
pub const LIFETIME: Duration = Duration::from_hours(24);

// A retired key is published for as long as this says.
const _: () = assert!(LIFETIME.as_secs() <= TOKENS_LIVE_AT_MOST.as_secs());

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The user, or `<client id>@clients`.
    pub subject: String,
    /// Who was given it.
    pub client: ClientId,
    /// What for.
    pub audience: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// The person's session, if it came from a login and lives.
    pub session: Option<SessionId>,
    /// The refresh grant that it came from; the token says so where there is no session.
    pub grant: Option<TokenId>,
    /// What Actions add to it.
    pub custom: Map<String, Value>,
}

/// Why an access token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessTokenError {
    /// No token of this issuer.
    #[error("the access token is not from this issuer")]
    Foreign(#[source] ForeignToken),
    /// In the form of ours, but the signature is not.
    #[error("the access token's signature does not fit")]
    Signature,
    /// Too old.
    #[error("the access token has expired")]
    Expired,
    /// For something else.
    #[error("the access token is for another audience")]
    Audience,
}

/// The audience of the Management API.
pub fn management_audience(id: &IssuerId) -> String {
    format!("{}/api/v2/", id.as_str().trim_end_matches('/'))
}

/// The audience of userinfo.
pub fn userinfo_audience(id: &IssuerId) -> String {
    format!("{}/userinfo", id.as_str().trim_end_matches('/'))
}

/// Signs an access token.
///
/// # Errors
///
/// [`KeyRingError`] if there is no key for the algorithm.
pub async fn mint(
    issuer: &Issuer,
    token: &AccessToken,
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Result<String, KeyRingError> {
    let jti = TokenId::generate(&**issuer.random());
    let mut claims = json!({
        "iss": issuer.id(),
        "sub": token.subject,
        "aud": token.audience,
        "azp": token.client,
        "client_id": token.client,
        "scope": token.scopes.join(" "),
        "iat": now.as_secs(),
        "exp": (now + LIFETIME).as_secs(),
        "jti": jti,
    });
    for (name, value) in &token.custom {
        if claims.get(name).is_none() {
            claims[name.as_str()] = value.clone();
        }
    }
    match (&token.session, &token.grant) {
        (Some(session), _) => claims["sid"] = json!(session),
        (None, Some(grant)) => claims["grant_id"] = json!(grant),
        (None, None) => claims["gty"] = json!("client-credentials"),
    }
    issuer
        .keys()
        .sign(algorithm, TYPE, claims.to_string().into_bytes())
        .await
}

/// Reads an access token of ours that is for this audience and has not expired.
///
/// # Errors
///
/// [`AccessTokenError`]; whether the session, client or user still exists is not checked.
pub fn check(
    issuer: &Issuer,
    token: &str,
    audience: &str,
    now: Timestamp,
) -> Result<AccessToken, AccessTokenError> {
    let payload = own_token::read(issuer, token, TYPE).map_err(|error| match error {
        ForeignToken::Jws(JwsError::Signature | JwsError::NoKey) => AccessTokenError::Signature,
        error => AccessTokenError::Foreign(error),
    })?;
    let expires_at = payload.get("exp").and_then(Value::as_i64);
    if expires_at.is_none_or(|secs| Timestamp::from_secs(secs) <= now) {
        return Err(AccessTokenError::Expired);
    }
    if payload.get("aud").and_then(Value::as_str) != Some(audience) {
        return Err(AccessTokenError::Audience);
    }
    let missing = |name| AccessTokenError::Foreign(ForeignToken::Claim(name));
    let text = |name| payload.get(name).and_then(Value::as_str);
    Ok(AccessToken {
        subject: text("sub").ok_or(missing("sub"))?.to_owned(),
        client: own_token::claim(&payload, "azp")
            .map_err(AccessTokenError::Foreign)?
            .ok_or(missing("azp"))?,
        audience: audience.to_owned(),
        scopes: text("scope")
            .unwrap_or_default()
            .split(' ')
            .map(str::to_owned)
            .collect(),
        session: own_token::claim(&payload, "sid").map_err(AccessTokenError::Foreign)?,
        grant: own_token::claim(&payload, "grant_id").map_err(AccessTokenError::Foreign)?,
        custom: Map::new(),
    })
}
