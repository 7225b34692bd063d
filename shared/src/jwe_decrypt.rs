//! Decrypts tokens that an issuer encrypted for us (feature `jwe`).
//!
//! A [`DecryptionKey`] is bound to the `alg` and `enc` that we registered; a token with others is
//! refused before any cryptography. All lengths are checked first, since the library below panics
//! on a wrapped key under 8 bytes and takes short tags. In CBC mode the tag is checked before the
//! padding is looked at, which that library does the other way round (a padding oracle).
//! Neighbours: `jwe_compact.rs` splits the text, `jws.rs` verifies what comes out.

use std::fmt;

use josekit::jwe::{self, JweDecrypter, JweHeader};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::id::Issuer;
use crate::jwa::SigningAlgorithm;
use crate::jwe::{ContentEncryption, JweError, KeyManagement};
use crate::jwe_compact::Compact;
use crate::jwk::{SigningKey, SigningKeyError};
use crate::secret::Secret;

/// A private key that decrypts tokens of one `alg` and `enc`.
pub struct DecryptionKey {
    kid: Option<String>,
    alg: KeyManagement,
    enc: ContentEncryption,
    /// The length of `n` for RSA; what else is encrypted has the length that `enc` demands.
    modulus_bytes: usize,
    public_jwk: Value,
    pem: Secret<String>,
    decrypter: Box<dyn JweDecrypter>,
}

/// A decryption key cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[error("not a private key for {alg}")]
pub struct DecryptionKeyError {
    alg: KeyManagement,
    #[source]
    source: Option<SigningKeyError>,
}

/// What was inside an encrypted token: a signed one, not verified yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Decrypted {
    token: String,
    issuer: Option<Value>,
}

/// Shows nothing of the token, which is a credential.
impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypted")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Decrypted {
    /// The token inside.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the header's `iss`, where there is one, is exactly this issuer.
    pub fn agrees_with(&self, issuer: &Issuer) -> bool {
        self.issuer
            .as_ref()
            .is_none_or(|claimed| claimed == issuer.as_str())
    }
}

impl DecryptionKey {
    /// Makes a new key: RSA of 2048 bits or P-256.
    ///
    /// # Errors
    ///
    /// [`DecryptionKeyError`] if the generator fails.
    pub fn generate(
        alg: KeyManagement,
        enc: ContentEncryption,
    ) -> Result<Self, DecryptionKeyError> {
        let like = if alg.is_rsa() {
            SigningAlgorithm::Rs256
        } else {
            SigningAlgorithm::Es256
        };
        let key = SigningKey::generate(like).map_err(|source| DecryptionKeyError {
            alg,
            source: Some(source),
        })?;
        Self::from_pkcs8_pem(Some(key.kid()), alg, enc, key.to_pkcs8_pem().expose())
    }

    /// Reads a PKCS#8 private key in PEM form; `kid` is its name in our registered key set.
    ///
    /// # Errors
    ///
    /// [`DecryptionKeyError`] if the text is not such a key or does not fit `alg`.
    pub fn from_pkcs8_pem(
        kid: Option<&str>,
        alg: KeyManagement,
        enc: ContentEncryption,
        pem: &str,
    ) -> Result<Self, DecryptionKeyError> {
        // A private key has one form whatever it is for; the curve is found by trying.
        let kinds: &[SigningAlgorithm] = if alg.is_rsa() {
            &[SigningAlgorithm::Rs256]
        } else {
            &[
                SigningAlgorithm::Es256,
                SigningAlgorithm::Es384,
                SigningAlgorithm::Es512,
            ]
        };
        let mut read = kinds
            .iter()
            .map(|kind| SigningKey::from_pkcs8_pem(*kind, pem));
        let key = read
            .find_map(Result::ok)
            .ok_or(DecryptionKeyError { alg, source: None })?;
        let pem = key.to_pkcs8_pem();
        let decrypter =
            decrypter(alg, pem.expose()).ok_or(DecryptionKeyError { alg, source: None })?;
        let mut public_jwk = key.public_jwk();
        public_jwk["kid"] = kid.unwrap_or(key.kid()).into();
        public_jwk["alg"] = alg.as_str().into();
        public_jwk["use"] = "enc".into();
        let modulus_bytes = public_jwk["n"].as_str().map_or(0, |n| n.len() * 3 / 4);
        let kid = kid.map(str::to_owned);
        Ok(Self {
            kid,
            alg,
            enc,
            modulus_bytes,
            public_jwk,
            pem,
            decrypter,
        })
    }

    /// The key management it is bound to (`id_token_encrypted_response_alg`).
    pub fn alg(&self) -> KeyManagement {
        self.alg
    }

    /// The content encryption it is bound to (`id_token_encrypted_response_enc`).
    pub fn enc(&self) -> ContentEncryption {
        self.enc
    }

    /// The public half as a JWK, for registering.
    pub fn public_jwk(&self) -> Value {
        self.public_jwk.clone()
    }

    /// The private key in PEM form.
    pub fn to_pkcs8_pem(&self) -> &Secret<String> {
        &self.pem
    }

    fn open(&self, parts: &Compact<'_>) -> Result<String, JweError> {
        let enc = self.enc.jose();
        let wrapped_bytes = match self.alg {
            KeyManagement::EcdhEs => 0,
            alg if alg.is_rsa() => self.modulus_bytes,
            _ => enc.key_len() + 8,
        };
        let lengths = [parts.encrypted_key.len(), parts.iv.len(), parts.tag.len()];
        if lengths != [wrapped_bytes, enc.iv_len(), self.enc.tag_bytes()] {
            return Err(JweError::Decrypt);
        }
        let header = JweHeader::from_map(parts.header.clone()).map_err(|_| JweError::Header)?;
        let wrapped = Some(parts.encrypted_key.as_slice()).filter(|key| !key.is_empty());
        let key = self
            .decrypter
            .decrypt(wrapped, enc, &header)
            .map_err(|_| JweError::Decrypt)?;
        let key = Zeroizing::new(key.into_owned());
        if key.len() != enc.key_len() || !self.tag_holds(&key, parts) {
            return Err(JweError::Decrypt);
        }
        let (iv, tag) = (Some(parts.iv.as_slice()), Some(parts.tag.as_slice()));
        let content = enc.decrypt(&key, iv, &parts.ciphertext, parts.aad, tag);
        let content = content.map_err(|_| JweError::Decrypt)?;
        String::from_utf8(content).map_err(|_| JweError::Decrypt)
    }

    /// Checks the tag of a CBC mode (RFC 7518 §5.2.2.2 step 2); GCM does so as it decrypts.
    fn tag_holds(&self, key: &[u8], parts: &Compact<'_>) -> bool {
        let digest = match self.enc {
            ContentEncryption::A128cbcHs256 => MessageDigest::sha256(),
            ContentEncryption::A192cbcHs384 => MessageDigest::sha384(),
            ContentEncryption::A256cbcHs512 => MessageDigest::sha512(),
            _ => return true,
        };
        let mac = || {
            let mac_key = PKey::hmac(&key[..key.len() / 2])?;
            let mut signer = Signer::new(digest, &mac_key)?;
            let aad_bits = parts.aad.len() as u64 * 8;
            for part in [
                parts.aad,
                &parts.iv,
                &parts.ciphertext,
                &aad_bits.to_be_bytes(),
            ] {
                signer.update(part)?;
            }
            signer.sign_to_vec()
        };
        let expected: Result<Vec<u8>, openssl::error::ErrorStack> = mac();
        expected.is_ok_and(|mac| mac[..parts.tag.len()].ct_eq(&parts.tag).into())
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({} {} {:?})", self.alg, self.enc, self.kid)
    }
}

fn decrypter(alg: KeyManagement, pem: &str) -> Option<Box<dyn JweDecrypter>> {
    Some(match alg {
        KeyManagement::RsaOaep => Box::new(jwe::RSA_OAEP.decrypter_from_pem(pem).ok()?),
        KeyManagement::RsaOaep256 => Box::new(jwe::RSA_OAEP_256.decrypter_from_pem(pem).ok()?),
        KeyManagement::EcdhEs => Box::new(jwe::ECDH_ES.decrypter_from_pem(pem).ok()?),
        KeyManagement::EcdhEsA128kw => Box::new(jwe::ECDH_ES_A128KW.decrypter_from_pem(pem).ok()?),
        KeyManagement::EcdhEsA192kw => Box::new(jwe::ECDH_ES_A192KW.decrypter_from_pem(pem).ok()?),
        KeyManagement::EcdhEsA256kw => Box::new(jwe::ECDH_ES_A256KW.decrypter_from_pem(pem).ok()?),
    })
}

/// Decrypts a token of at most `max_bytes` with the key it names, or with each that fits.
///
/// # Errors
///
/// [`JweError`] as its variants say; whatever fails after the keys were chosen is
/// [`JweError::Decrypt`].
pub fn decrypt(
    token: &str,
    max_bytes: usize,
    keys: &[DecryptionKey],
) -> Result<Decrypted, JweError> {
    if token.len() > max_bytes {
        return Err(JweError::TooLarge(token.len()));
    }
    if token.bytes().filter(|byte| *byte == b'.').take(5).count() == 2 {
        return Err(JweError::NotEncrypted);
    }
    let parts = Compact::parse(token)?;
    let (alg, enc) = (parts.text("alg"), parts.text("enc"));
    let agreed =
        |key: &&DecryptionKey| alg == Some(key.alg.as_str()) && enc == Some(key.enc.as_str());
    if !keys.iter().any(|key| agreed(&key)) {
        return Err(JweError::WrongAlgorithm);
    }
    let kid = match parts.header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.as_str()),
        Some(_) => return Err(JweError::Header),
    };
    let named = |key: &&DecryptionKey| match (kid, key.kid.as_deref()) {
        (Some(wanted), Some(own)) => wanted == own,
        _ => true,
    };
    let mut outcome = Err(JweError::NoKey);
    for key in keys.iter().filter(agreed).filter(named) {
        outcome = key.open(&parts);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(|token| Decrypted {
        token,
        issuer: parts.header.get("iss").cloned(),
    })
}
