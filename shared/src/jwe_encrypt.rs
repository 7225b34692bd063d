//! Encrypts tokens for a client (feature `jwe`).
//!
//! An [`EncryptionKey`] is one public key of the client, parsed once and bound to the `alg` that
//! the client registered.
//! Neighbours: `jwe_decrypt.rs` is the other side, `jwk_clean.rs` checks the client's numbers.

use std::fmt;

use josekit::jwe::{self, JweEncrypter, JweHeader};
use serde_json::Value;

use crate::jwe::{ContentEncryption, KeyManagement};
use crate::jwk::JwkError;
use crate::jwk_clean::{Point, RsaNumbers};
use crate::jwks::{JwkSetError, MAX_KEYS, MAX_SET_BYTES};
use crate::strict_json::parse_object;

/// A client's public key, bound to one key management algorithm.
pub struct EncryptionKey {
    kid: Option<String>,
    encrypter: Box<dyn JweEncrypter>,
}

/// A token cannot be encrypted for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The client's key set is unreadable.
    #[error("the client's key set is unusable")]
    Set(#[from] JwkSetError),
    /// None of the client's keys fits the registered algorithm.
    #[error("the client has no key for {0}")]
    NoKey(KeyManagement),
    /// The operation failed.
    #[error("encrypting failed")]
    Failed,
}

impl EncryptionKey {
    /// Reads a public key from a client's JWK.
    ///
    /// # Errors
    ///
    /// [`JwkError`] says which check it failed.
    pub fn from_jwk(jwk: &Value, alg: KeyManagement) -> Result<Self, JwkError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        check_purpose(jwk)?;
        if jwk
            .get("alg")
            .is_some_and(|declared| declared != alg.as_str())
        {
            return Err(JwkError::WrongAlgorithm);
        }
        let clean = match (text("kty").ok_or(JwkError::NotAJwk)?, alg.is_rsa()) {
            ("RSA", true) => RsaNumbers::of(jwk)?.jwk(),
            ("EC", false) => Point::of(jwk)?.jwk(),
            _ => return Err(JwkError::UnsupportedType),
        };
        let clean = clean.ok_or(JwkError::Member("x"))?;
        let ecdh = |jose: jwe::alg::ecdh_es::EcdhEsJweAlgorithm| {
            jose.encrypter_from_jwk(&clean).ok().map(boxed)
        };
        let encrypter = match alg {
            KeyManagement::RsaOaep => jwe::RSA_OAEP.encrypter_from_jwk(&clean).ok().map(boxed),
            KeyManagement::RsaOaep256 => {
                jwe::RSA_OAEP_256.encrypter_from_jwk(&clean).ok().map(boxed)
            }
            KeyManagement::EcdhEs => ecdh(jwe::ECDH_ES),
            KeyManagement::EcdhEsA128kw => ecdh(jwe::ECDH_ES_A128KW),
            KeyManagement::EcdhEsA192kw => ecdh(jwe::ECDH_ES_A192KW),
            KeyManagement::EcdhEsA256kw => ecdh(jwe::ECDH_ES_A256KW),
        };
        let encrypter = encrypter.ok_or(JwkError::Member("x"))?;
        Ok(Self {
            kid: text("kid").map(str::to_owned),
            encrypter,
        })
    }

    /// Chooses from a client's key set: the first key that fits and is marked for encryption, else
    /// the first that fits and is not marked at all.
    ///
    /// # Errors
    ///
    /// [`EncryptError::Set`] or [`EncryptError::NoKey`].
    pub fn from_set(set: &[u8], alg: KeyManagement) -> Result<Self, EncryptError> {
        if set.len() > MAX_SET_BYTES {
            return Err(JwkSetError::TooLarge(set.len()).into());
        }
        let set = parse_object(set).map_err(JwkSetError::Json)?;
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(JwkSetError::NoKeys)?;
        if keys.len() > MAX_KEYS {
            return Err(JwkSetError::TooManyKeys(keys.len()).into());
        }
        let marked = |jwk: &&Value| jwk.get("use").is_some();
        let fit = |jwk| Self::from_jwk(jwk, alg).ok();
        keys.iter()
            .filter(marked)
            .find_map(fit)
            .or_else(|| keys.iter().find_map(fit))
            .ok_or(EncryptError::NoKey(alg))
    }

    /// Encrypts a signed token; the header repeats the issuer (Back-Channel Logout §2.4).
    ///
    /// # Errors
    ///
    /// [`EncryptError::Failed`] if OpenSSL fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use logout_shared::jwe::{ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement};
    ///
    /// let alg = KeyManagement::EcdhEsA256kw;
    /// let clients = [DecryptionKey::generate(alg, ContentEncryption::A256gcm)?];
    /// let key = EncryptionKey::from_jwk(&clients[0].public_jwk(), alg)?;
    /// let issuer = "https://issuer.example/";
    /// let token = key.encrypt(ContentEncryption::A256gcm, "JWT", issuer, b"signed.token.inside")?;
    ///
    /// let decrypted = logout_shared::jwe::decrypt(&token, 96_000, &clients)?;
    /// assert_eq!(decrypted.token(), "signed.token.inside");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encrypt(
        &self,
        enc: ContentEncryption,
        cty: &str,
        issuer: &str,
        payload: &[u8],
    ) -> Result<String, EncryptError> {
        let mut header = JweHeader::new();
        header.set_content_encryption(enc.as_str());
        header.set_content_type(cty);
        header.set_issuer(issuer);
        if let Some(kid) = &self.kid {
            header.set_key_id(kid);
        }
        jwe::serialize_compact(payload, &header, self.encrypter.as_ref())
            .map_err(|_| EncryptError::Failed)
    }

    /// The client's name for the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EncryptionKey({} {:?})",
            self.encrypter.algorithm().name(),
            self.kid
        )
    }
}

fn check_purpose(jwk: &Value) -> Result<(), JwkError> {
    let usable = |name: &Value| {
        ["encrypt", "wrapKey", "deriveKey", "deriveBits"]
            .iter()
            .any(|known| name == known)
    };
    let marked_otherwise = jwk.get("use").is_some_and(|purpose| purpose != "enc");
    let operations = jwk
        .get("key_ops")
        .map(|list| list.as_array().map(Vec::as_slice));
    let barred = operations.is_some_and(|list| !list.unwrap_or_default().iter().any(usable));
    if marked_otherwise || barred {
        Err(JwkError::WrongPurpose)
    } else {
        Ok(())
    }
}

fn boxed(encrypter: impl JweEncrypter + 'static) -> Box<dyn JweEncrypter> {
    Box::new(encrypter)
}
