//! The private half of a key: makes and reads it, and signs tokens.
//!
//! A [`SigningKey`] is bound to one algorithm for its whole life and holds OpenSSL's parsed key,
//! so signing never parses. The `rsa` crate makes RSA keys and reads their numbers but never
//! signs with them (RUSTSEC-2023-0071). Signing costs up to 0.3 ms of processor time: callers on
//! an asynchronous runtime do it on a thread that may block.
//! Neighbours: `jwk_private.rs` reads private keys, `jwk_public.rs` is the other half, `jws.rs`
//! reads what is signed here.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::KeyPair;
use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::ed::{EdCurve, EdKeyPair};
use josekit::jws::JwsSigner;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::jwa::{KeyFamily, SigningAlgorithm};
use crate::jwk::{MAX_RSA_BITS, MIN_RSA_BITS, VerificationKey, thumbprint};
use crate::jwk_private::{hmac_signer, read_pair};
use crate::secret::Secret;

/// Size of the RSA keys that [`SigningKey::generate`] makes.
const RSA_BITS: usize = 2048;

/// A private key, or a shared secret, bound to one algorithm. Cloning is cheap.
///
/// # Examples
///
/// ```
/// use logout_shared::jwa::SigningAlgorithm;
/// use logout_shared::jwk::SigningKey;
/// use logout_shared::jws::UnverifiedJws;
///
/// let key = SigningKey::generate(SigningAlgorithm::Es256)?;
/// let token = key.sign("logout+jwt", br#"{"iss":"https://issuer.example/"}"#)?;
///
/// let unverified = UnverifiedJws::parse(&token, 96_000)?;
/// let verified = unverified.verify(SigningAlgorithm::Es256, &[&key.verification_key()])?;
/// assert_eq!(verified.value().get("iss").unwrap(), "https://issuer.example/");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    algorithm: SigningAlgorithm,
    kid: String,
    public_jwk: Value,
    private: Private,
    signer: Box<dyn JwsSigner>,
}

enum Private {
    Pkcs8(Secret<String>),
    Shared(Secret<Vec<u8>>),
}

/// A key cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// The algorithm works with a shared secret, not with a key pair.
    #[error("{0} has no key pair: use the client secret")]
    NoKeyPair(SigningAlgorithm),
    /// The algorithm works with a key pair, not with a shared secret.
    #[error("{0} is not keyed with a secret")]
    NoSharedSecret(SigningAlgorithm),
    /// The secret is shorter than the hash (RFC 7518 §3.2).
    #[error("the secret has {bytes} bytes, but {algorithm} needs at least {least}")]
    SecretTooShort {
        /// The algorithm asked for.
        algorithm: SigningAlgorithm,
        /// The secret's length.
        bytes: usize,
        /// The least length.
        least: usize,
    },
    /// The text is not a PKCS#8 private key in PEM form that fits the algorithm.
    #[error("not a PKCS#8 private key for {0}")]
    NotAKey(SigningAlgorithm),
    /// The RSA key is too small or too large.
    #[error("the RSA key has {0} bits, but must have {MIN_RSA_BITS} to {MAX_RSA_BITS}")]
    RsaSize(usize),
    /// The generator failed.
    #[error("cannot make a key for {0}")]
    Generate(SigningAlgorithm),
}

/// A token cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signing with {0} failed")]
pub struct SignError(SigningAlgorithm);

impl SigningKey {
    /// Makes a new key pair; an RSA key takes 0.1 to 1 s of processor time.
    ///
    /// # Errors
    ///
    /// [`SigningKeyError::NoKeyPair`] for `HS…`; [`SigningKeyError::Generate`] if the generator
    /// fails.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, SigningKeyError> {
        let failed = |_| SigningKeyError::Generate(algorithm);
        let ec = |curve| EcKeyPair::generate(curve).map(|pair| pair.to_pem_private_key());
        let pem = match algorithm.family() {
            KeyFamily::Rsa => return Self::generate_rsa(algorithm),
            KeyFamily::P256 => ec(EcCurve::P256).map_err(failed)?,
            KeyFamily::P384 => ec(EcCurve::P384).map_err(failed)?,
            KeyFamily::P521 => ec(EcCurve::P521).map_err(failed)?,
            KeyFamily::Ed25519 => EdKeyPair::generate(EdCurve::Ed25519)
                .map_err(failed)?
                .to_pem_private_key(),
            KeyFamily::Secret => return Err(SigningKeyError::NoKeyPair(algorithm)),
        };
        let pem = Zeroizing::new(pem);
        let text = str::from_utf8(&pem).map_err(|_| SigningKeyError::Generate(algorithm))?;
        Self::from_pkcs8_pem(algorithm, text)
    }

    fn generate_rsa(algorithm: SigningAlgorithm) -> Result<Self, SigningKeyError> {
        let pem = rsa::RsaPrivateKey::new(&mut rand_core::OsRng, RSA_BITS)
            .ok()
            .and_then(|key| key.to_pkcs8_pem(LineEnding::LF).ok())
            .ok_or(SigningKeyError::Generate(algorithm))?;
        Self::from_pkcs8_pem(algorithm, &pem)
    }

    /// Reads a PKCS#8 private key in PEM form (`BEGIN PRIVATE KEY`).
    ///
    /// # Errors
    ///
    /// [`SigningKeyError`] if the text is not such a key, does not fit the algorithm, or is an RSA
    /// key of a size we refuse.
    pub fn from_pkcs8_pem(algorithm: SigningAlgorithm, pem: &str) -> Result<Self, SigningKeyError> {
        let pem = pem.trim();
        if algorithm.is_symmetric() {
            return Err(SigningKeyError::NoKeyPair(algorithm));
        }
        if !pem.starts_with("-----BEGIN PRIVATE KEY-----") {
            return Err(SigningKeyError::NotAKey(algorithm));
        }
        let (signer, mut public_jwk) = read_pair(algorithm, pem)?;
        let kid = thumbprint(&public_jwk).ok_or(SigningKeyError::NotAKey(algorithm))?;
        public_jwk.insert("kid".into(), kid.as_str().into());
        public_jwk.insert("alg".into(), algorithm.as_str().into());
        public_jwk.insert("use".into(), "sig".into());
        let private = Private::Pkcs8(Secret::new(format!("{pem}\n")));
        let public_jwk = Value::Object(public_jwk);
        Ok(Self(Arc::new(Inner {
            algorithm,
            kid,
            public_jwk,
            private,
            signer,
        })))
    }

    /// Takes a client secret as the key of an `HS…` algorithm (its bytes as they are).
    ///
    /// # Errors
    ///
    /// [`SigningKeyError::SecretTooShort`] below the hash's length;
    /// [`SigningKeyError::NoSharedSecret`] for other algorithms.
    pub fn hmac(
        algorithm: SigningAlgorithm,
        secret: &Secret<impl Zeroize + AsRef<[u8]>>,
    ) -> Result<Self, SigningKeyError> {
        let bytes = secret.expose().as_ref();
        let signer = hmac_signer(algorithm, bytes)?;
        Ok(Self(Arc::new(Inner {
            algorithm,
            kid: String::new(),
            public_jwk: Value::Null,
            private: Private::Shared(Secret::new(bytes.to_vec())),
            signer,
        })))
    }

    /// The algorithm that this key signs with.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.0.algorithm
    }

    /// The key's RFC 7638 thumbprint, which tokens name in `kid`.
    ///
    /// Empty for a shared secret: a thumbprint would help to guess it.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The public half as a JWK with `kid`, `alg` and `use`; `null` for a shared secret.
    pub fn public_jwk(&self) -> Value {
        self.0.public_jwk.clone()
    }

    /// The key that verifies what this one signs.
    ///
    /// # Panics
    ///
    /// Never: what was read as a private key has a valid public half.
    pub fn verification_key(&self) -> VerificationKey {
        match &self.0.private {
            Private::Pkcs8(_) => VerificationKey::from_jwk(&self.0.public_jwk).ok(),
            Private::Shared(secret) => VerificationKey::hmac(self.0.algorithm, secret).ok(),
        }
        .expect("a private key that was read has a valid public half")
    }

    /// The private key in PEM form, to be sealed; empty for a shared secret, which has none.
    pub fn to_pkcs8_pem(&self) -> Secret<String> {
        match &self.0.private {
            Private::Pkcs8(pem) => pem.clone(),
            Private::Shared(_) => Secret::new(String::new()),
        }
    }

    /// Signs a token: compact form, header `alg`, `typ` and `kid`.
    ///
    /// # Errors
    ///
    /// [`SignError`] if OpenSSL fails.
    pub fn sign(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        self.sign_with_header(typ, &Map::new(), payload)
    }

    /// Signs a token whose header has further members (they replace ours of the same name).
    ///
    /// # Errors
    ///
    /// [`SignError`] if OpenSSL fails.
    pub fn sign_with_header(
        &self,
        typ: &str,
        extra: &Map<String, Value>,
        payload: &[u8],
    ) -> Result<String, SignError> {
        let mut header = Map::new();
        header.insert("alg".into(), self.0.algorithm.as_str().into());
        header.insert("typ".into(), typ.into());
        if !self.0.kid.is_empty() {
            header.insert("kid".into(), self.0.kid.as_str().into());
        }
        header.extend(extra.clone());
        self.sign_raw(Value::Object(header).to_string().as_bytes(), payload)
    }

    /// Signs exactly these header and payload bytes, whatever they are: for forging test tokens.
    ///
    /// # Errors
    ///
    /// [`SignError`] if OpenSSL fails.
    pub fn sign_raw(&self, header: &[u8], payload: &[u8]) -> Result<String, SignError> {
        let mut token = String::with_capacity((header.len() + payload.len() + 512) * 4 / 3);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The bare signature over `message`, in its JOSE form.
    ///
    /// # Errors
    ///
    /// [`SignError`] if OpenSSL fails.
    pub fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0
            .signer
            .sign(message)
            .map_err(|_| SignError(self.0.algorithm))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {:?})", self.0.algorithm, self.0.kid)
    }
}

#[cfg(test)]
#[path = "jwk_signing_tests.rs"]
mod tests;
