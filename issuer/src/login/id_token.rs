//! ID Tokens (OpenID Connect Core §2): who signed in, when, and in which session.
//!
//! `sid` is what a logout token will name later (Back-Channel Logout §2.1); there is none once the
//! session is over. Claims about the
//! person come from `profile.rs`, by scope.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::{SigningAlgorithm, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::issued::Granted;
use super::{own_token, profile};
use crate::domain::signing_key::TOKENS_LIVE_AT_MOST;
use crate::issuer::Issuer;
use crate::keyring::KeyRingError;

/// How long an app may take an ID Token for fresh; the session is another matter.
const LIFETIME: Duration = Duration::from_hours(10);

// A retired key is published for as long as this says.
const _: () = assert!(LIFETIME.as_secs() <= TOKENS_LIVE_AT_MOST.as_secs());

/// Signs the ID Token of an exchange.
///
/// # Errors
///
/// [`KeyRingError`] if there is no key for the algorithm.
pub(super) async fn mint(
    issuer: &Issuer,
    granted: &Granted<'_>,
    access_token: &str,
    now: Timestamp,
) -> Result<String, KeyRingError> {
    let algorithm = granted.client.signing_algorithm;
    let mut claims = profile::claims(granted.user, granted.scope);
    claims.extend(granted.claims.id_token.clone());
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(issuer.id()));
    set("sub", json!(granted.user.id));
    set("aud", json!(granted.client.id));
    set("iat", json!(now.as_secs()));
    set("exp", json!((now + LIFETIME).as_secs()));
    let auth_time = granted.authenticated_at.as_secs();
    set("auth_time", json!(auth_time));
    set("at_hash", json!(half_hash(access_token, algorithm)));
    if let Some(session) = granted.session {
        set("sid", json!(session));
    }
    if let Some(nonce) = granted.nonce {
        set("nonce", json!(nonce));
    }
    let payload = Map::from_iter(claims);
    let payload = Value::Object(payload).to_string().into_bytes();
    issuer
        .keys()
        .sign(algorithm, own_token::ID_TOKEN_TYPE, payload)
        .await
}

/// The left half of the token's hash, by the hash of the signature algorithm (OpenID Connect
/// Core §3.1.3.6).
fn half_hash(token: &str, algorithm: SigningAlgorithm) -> String {
    use SigningAlgorithm as Alg;
    let token = token.as_bytes();
    let hash = match algorithm {
        Alg::Rs256 | Alg::Ps256 | Alg::Es256 | Alg::Hs256 => Sha256::digest(token).to_vec(),
        Alg::Rs384 | Alg::Ps384 | Alg::Es384 | Alg::Hs384 => Sha384::digest(token).to_vec(),
        // Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
        Alg::Rs512 | Alg::Ps512 | Alg::Es512 | Alg::Hs512 | Alg::EdDsa => {
            Sha512::digest(token).to_vec()
        }
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of OpenID Connect Core, appendix A.3.
    #[test]
    fn the_access_token_hash_is_the_left_half() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(
            half_hash(token, SigningAlgorithm::Rs256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(half_hash(token, SigningAlgorithm::EdDsa).len(), 43);
    }
}
