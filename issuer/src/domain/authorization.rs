//! A login on its way from the browser to the app: the code and what it stands for.
//!
//! Codes are single use and kept as SHA-256 only. A code that comes a second time is an attack
//! or a broken client either way: it is refused, and it is still known who used it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::{ClientId, SessionId, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a code may be exchanged.
pub const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// How long a code is remembered, so that a second use is known for what it is.
pub const CODES_ARE_KEPT: Duration = Duration::from_hours(24);

/// A SHA-256 digest of something a browser or an app holds.
pub type TokenDigest = [u8; 32];

/// The digest under which a handle, code or refresh token is stored.
pub fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The code's digest.
    pub digest: TokenDigest,
    /// Who may exchange it.
    pub client: ClientId,
    /// The session it was made in.
    pub session: SessionId,
    /// Who signed in.
    pub user: Subject,
    /// The redirect URI of the request, to be repeated at the exchange.
    pub redirect_uri: String,
    /// Granted scopes, separated by spaces.
    pub scope: String,
    /// To be repeated in the ID Token.
    pub nonce: Option<String>,
    /// PKCE challenge, method S256.
    pub code_challenge: Option<String>,
    /// What Actions add to the tokens.
    pub claims: CustomClaims,
    /// When the person proved who they are.
    pub authenticated_at: Timestamp,
    /// When the code was made.
    pub issued_at: Timestamp,
}

/// What Actions add to the tokens of a login.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomClaims {
    /// Claims of the ID Token.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub id_token: Map<String, Value>,
    /// Claims of the access token.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub access_token: Map<String, Value>,
}

impl AuthorizationCode {
    /// Whether the code's time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.issued_at + CODE_LIFETIME
    }

    /// Whether the verifier is the one whose challenge came with the request (RFC 7636 §4.6).
    ///
    /// A verifier without a challenge and a challenge without a verifier are both refused: the
    /// first is how a stolen code is injected into an honest client.
    pub fn accepts_verifier(&self, verifier: Option<&str>) -> bool {
        match (&self.code_challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
                bool::from(computed.as_bytes().ct_eq(challenge.as_bytes()))
            }
            _ => false,
        }
    }
}

/// Whether a text can be an S256 challenge: 43 characters of base64url.
pub fn is_code_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether a text can be a PKCE verifier (RFC 7636 §4.1).
pub fn is_code_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(challenge: Option<&str>) -> AuthorizationCode {
        AuthorizationCode {
            digest: digest("code"),
            client: "app".parse().unwrap(),
            session: "s1".parse().unwrap(),
            user: "u1".parse().unwrap(),
            redirect_uri: "https://app.example/cb".into(),
            scope: "openid".into(),
            nonce: None,
            claims: CustomClaims::default(),
            code_challenge: challenge.map(str::to_owned),
            authenticated_at: Timestamp::from_secs(0),
            issued_at: Timestamp::from_secs(100),
        }
    }

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn a_verifier_fits_its_own_challenge_only() {
        assert!(code(Some(CHALLENGE)).accepts_verifier(Some(VERIFIER)));
        assert!(!code(Some(CHALLENGE)).accepts_verifier(Some(&VERIFIER.replace('d', "e"))));
        assert!(!code(Some(CHALLENGE)).accepts_verifier(None));
        assert!(!code(None).accepts_verifier(Some(VERIFIER)));
        assert!(code(None).accepts_verifier(None));
    }

    #[test]
    fn a_code_lives_sixty_seconds() {
        assert!(!code(None).is_expired(Timestamp::from_millis(159_999)));
        assert!(code(None).is_expired(Timestamp::from_secs(160)));
    }

    #[test]
    fn challenge_and_verifier_have_their_lengths() {
        assert!(is_code_challenge(CHALLENGE) && !is_code_challenge(&CHALLENGE[1..]));
        assert!(is_code_verifier(VERIFIER) && !is_code_verifier(&VERIFIER[1..]));
        assert!(is_code_verifier(&"a".repeat(128)) && !is_code_verifier(&"a".repeat(129)));
    }
}
