//! A published set of keys (`/.well-known/jwks.json`).
//!
//! A set is read key by key: one that is broken or of a kind we do not use is skipped and counted,
//! and the good ones beside it work. The set as a whole must be strict JSON within the limits.
//! Choosing never guesses: a token's `kid` selects all keys of that name, without one all keys that
//! fit the algorithm are candidates.
//! Neighbours: `jwk_public.rs` checks a single key, `jws.rs` tries the candidates.

use serde_json::{Value, json};

use crate::jwa::SigningAlgorithm;
use crate::jwk::{SigningKey, VerificationKey};
use crate::strict_json::{StrictJsonError, parse_object};

/// The most bytes of a key set.
pub const MAX_SET_BYTES: usize = 512 * 1024;
/// The most keys of a set.
pub const MAX_KEYS: usize = 100;

/// Why a text is not a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkSetError {
    /// More than [`MAX_SET_BYTES`].
    #[error("the key set has {0} bytes, more than {MAX_SET_BYTES}")]
    TooLarge(usize),
    /// Not a strict JSON object.
    #[error("the key set is unreadable")]
    Json(#[from] StrictJsonError),
    /// There is no array `keys`.
    #[error("the key set has no array \"keys\"")]
    NoKeys,
    /// More than [`MAX_KEYS`].
    #[error("the key set has {0} keys, more than {MAX_KEYS}")]
    TooManyKeys(usize),
}

/// The usable keys of a published set.
///
/// # Examples
///
/// ```
/// use logout_shared::jwa::SigningAlgorithm;
/// use logout_shared::jwk::SigningKey;
/// use logout_shared::jwks::JwkSet;
///
/// let key = SigningKey::generate(SigningAlgorithm::EdDsa)?;
/// let published = JwkSet::of_public([&key]).to_string();
/// let set = JwkSet::parse(published.as_bytes())?;
/// assert_eq!(set.candidates(SigningAlgorithm::EdDsa, Some(key.kid())).len(), 1);
/// assert_eq!(set.candidates(SigningAlgorithm::Rs256, None).len(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct JwkSet {
    keys: Vec<VerificationKey>,
    skipped: usize,
}

impl JwkSet {
    /// Reads a key set.
    ///
    /// # Errors
    ///
    /// [`JwkSetError`] if the whole is not a key set; a single bad key is no error.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkSetError> {
        if bytes.len() > MAX_SET_BYTES {
            return Err(JwkSetError::TooLarge(bytes.len()));
        }
        let set = parse_object(bytes)?;
        let listed = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(JwkSetError::NoKeys)?;
        if listed.len() > MAX_KEYS {
            return Err(JwkSetError::TooManyKeys(listed.len()));
        }
        let keys: Vec<_> = listed
            .iter()
            .filter_map(|jwk| VerificationKey::from_jwk(jwk).ok())
            .collect();
        Ok(Self {
            skipped: listed.len() - keys.len(),
            keys,
        })
    }

    /// The keys that a token with this algorithm and `kid` may be signed with.
    pub fn candidates(&self, alg: SigningAlgorithm, kid: Option<&str>) -> Vec<&VerificationKey> {
        let named = |key: &VerificationKey| kid.is_none() || key.kid() == kid;
        self.keys
            .iter()
            .filter(|key| named(key) && key.fits(alg))
            .collect()
    }

    /// Whether a key of this name is in the set, for whatever algorithm.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// How many usable keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many listed keys are not used: broken, for another purpose, or of an unknown kind.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The JSON that an issuer publishes for its keys; shared secrets are left out.
    pub fn of_public<'k>(keys: impl IntoIterator<Item = &'k SigningKey>) -> Value {
        let public = keys
            .into_iter()
            .map(SigningKey::public_jwk)
            .filter(|jwk| !jwk.is_null());
        json!({ "keys": public.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn key(algorithm: SigningAlgorithm) -> SigningKey {
        SigningKey::generate(algorithm).expect("makes a key")
    }

    fn parse(set: &Value) -> JwkSet {
        JwkSet::parse(set.to_string().as_bytes()).expect("a key set")
    }

    #[test]
    fn a_bad_key_does_not_hide_the_good_one_beside_it() {
        let good = key(SigningAlgorithm::Es256);
        let set = parse(&json!({"keys": [
            {"kid": "no kty"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
            {"kty": "EC", "crv": "P-256", "x": 1, "y": 2},
            {"kty": "oct", "k": "c2VjcmV0"},
            {"kty": "post-quantum"},
            7,
            null,
            good.public_jwk(),
        ]}));
        assert_eq!((set.len(), set.skipped()), (1, 7));
        assert_eq!(set.candidates(SigningAlgorithm::Es256, None).len(), 1);
    }

    #[test]
    fn a_kid_selects_every_key_of_that_name_and_no_other() {
        let (a, b, c) = (
            key(SigningAlgorithm::Es256),
            key(SigningAlgorithm::Es256),
            key(SigningAlgorithm::EdDsa),
        );
        let named = |key: &SigningKey, kid: &str| {
            let mut jwk = key.public_jwk();
            jwk["kid"] = kid.into();
            jwk
        };
        let set = parse(&json!({"keys": [named(&a, "x"), named(&b, "x"), named(&c, "x")]}));
        assert_eq!(set.candidates(SigningAlgorithm::Es256, Some("x")).len(), 2);
        assert_eq!(
            set.candidates(SigningAlgorithm::Es256, Some("../x\0"))
                .len(),
            0
        );
        assert_eq!(set.candidates(SigningAlgorithm::Rs256, Some("x")).len(), 0);
        assert!(set.has_kid("x") && !set.has_kid("y"));
    }

    #[test]
    fn without_kid_all_fitting_keys_are_candidates() {
        let keys = [
            SigningAlgorithm::Es256,
            SigningAlgorithm::Es256,
            SigningAlgorithm::EdDsa,
        ]
        .map(key);
        let set = parse(&JwkSet::of_public(&keys));
        assert_eq!(set.candidates(SigningAlgorithm::Es256, None).len(), 2);
        assert_eq!(set.candidates(SigningAlgorithm::EdDsa, None).len(), 1);
    }

    #[test]
    fn limits_and_duplicates_are_refused() {
        let parse = |text: &str| JwkSet::parse(text.as_bytes()).expect_err("is refused");
        let many = format!("{{\"keys\":[{}]}}", vec!["{}"; 101].join(","));
        assert_eq!(parse(&many), JwkSetError::TooManyKeys(101));
        let large = " ".repeat(MAX_SET_BYTES + 1);
        assert_eq!(parse(&large), JwkSetError::TooLarge(MAX_SET_BYTES + 1));
        assert_eq!(parse("{}"), JwkSetError::NoKeys);
        assert_eq!(parse(r#"{"keys":{}}"#), JwkSetError::NoKeys);
        assert_eq!(
            parse(r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#),
            JwkSetError::Json(StrictJsonError::DuplicateMember)
        );
        assert_eq!(parse("<html>"), JwkSetError::Json(StrictJsonError::Syntax));
    }

    #[test]
    fn shared_secrets_are_never_published() {
        let secret = Secret::new("s".repeat(32));
        let shared = SigningKey::hmac(SigningAlgorithm::Hs256, &secret).expect("long enough");
        assert_eq!(JwkSet::of_public([&shared]), json!({"keys": []}));
    }
}
