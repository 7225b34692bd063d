//! Reads private keys into what signs.
//!
//! Everything here turns a text that an operator or the key ring gave us into OpenSSL's parsed
//! key, once. Errors never carry the text of the library below, which may quote the input.
//! Neighbours: `jwk_signing.rs` is the only caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::JoseError;
use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::ed::{EdCurve, EdKeyPair};
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jwk::{Jwk, KeyPair};
use josekit::jws::alg::ecdsa::EcdsaJwsAlgorithm;
use josekit::jws::{self, JwsSigner};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Map, Value};

use crate::jwa::{KeyFamily, SigningAlgorithm};
use crate::jwk::{MAX_RSA_BITS, MIN_RSA_BITS};
use crate::jwk_signing::SigningKeyError;

/// What signs, and the bare members of the public JWK.
type SignerAndPublic = (Box<dyn JwsSigner>, Map<String, Value>);

/// Reads a key pair for `algorithm` from its PKCS#8 PEM form.
pub(crate) fn read_pair(
    algorithm: SigningAlgorithm,
    pem: &str,
) -> Result<SignerAndPublic, SigningKeyError> {
    let not_a_key = || SigningKeyError::NotAKey(algorithm);
    if algorithm.family() == KeyFamily::Rsa {
        let public = read_rsa_numbers(algorithm, pem)?;
        let signer = rsa_signer(algorithm, pem).map_err(|_| not_a_key())?;
        return Ok((signer, public));
    }
    let (signer, public) = elliptic_pair(algorithm, pem).map_err(|_| not_a_key())?;
    let mut jwk = Map::new();
    for name in ["kty", "crv", "x", "y"] {
        if let Some(value) = public.parameter(name) {
            jwk.insert(name.into(), value.clone());
        }
    }
    jwk.insert("kty".into(), public.key_type().into());
    Ok((signer, jwk))
}

fn read_rsa_numbers(
    algorithm: SigningAlgorithm,
    pem: &str,
) -> Result<Map<String, Value>, SigningKeyError> {
    let key =
        rsa::RsaPrivateKey::from_pkcs8_pem(pem).map_err(|_| SigningKeyError::NotAKey(algorithm))?;
    let bits = key.n().bits();
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(SigningKeyError::RsaSize(bits));
    }
    let mut jwk = Map::new();
    jwk.insert("kty".into(), "RSA".into());
    jwk.insert(
        "n".into(),
        URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()).into(),
    );
    jwk.insert(
        "e".into(),
        URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()).into(),
    );
    Ok(jwk)
}

fn rsa_signer(algorithm: SigningAlgorithm, pem: &str) -> Result<Box<dyn JwsSigner>, NotAPair> {
    // josekit reads PSS keys from PEM only under the id-RSASSA-PSS object identifier, which
    // ordinary RSA keys do not bear; the way through a JWK works.
    let jwk = || RsaKeyPair::from_pem(pem).map(|pair| pair.to_jwk_key_pair());
    Ok(match algorithm {
        SigningAlgorithm::Rs384 => Box::new(jws::RS384.signer_from_pem(pem)?),
        SigningAlgorithm::Rs512 => Box::new(jws::RS512.signer_from_pem(pem)?),
        SigningAlgorithm::Ps256 => Box::new(jws::PS256.signer_from_jwk(&jwk()?)?),
        SigningAlgorithm::Ps384 => Box::new(jws::PS384.signer_from_jwk(&jwk()?)?),
        SigningAlgorithm::Ps512 => Box::new(jws::PS512.signer_from_jwk(&jwk()?)?),
        _ => Box::new(jws::RS256.signer_from_pem(pem)?),
    })
}

/// The text is not a private key that fits the algorithm.
struct NotAPair;

impl From<JoseError> for NotAPair {
    fn from(_: JoseError) -> Self {
        Self
    }
}

/// The signer of an elliptic-curve key, and its public JWK as josekit writes it.
fn elliptic_pair(
    algorithm: SigningAlgorithm,
    pem: &str,
) -> Result<(Box<dyn JwsSigner>, Jwk), NotAPair> {
    let ec = |jose: EcdsaJwsAlgorithm, curve| -> Result<(Box<dyn JwsSigner>, Jwk), NotAPair> {
        let public = EcKeyPair::from_pem(pem, Some(curve))?.to_jwk_public_key();
        Ok((Box::new(jose.signer_from_pem(pem)?), public))
    };
    match algorithm.family() {
        KeyFamily::P384 => ec(jws::ES384, EcCurve::P384),
        KeyFamily::P521 => ec(jws::ES512, EcCurve::P521),
        KeyFamily::Ed25519 => {
            let pair = EdKeyPair::from_pem(pem)?;
            (pair.curve() == EdCurve::Ed25519)
                .then_some(())
                .ok_or(NotAPair)?;
            Ok((
                Box::new(jws::EdDSA.signer_from_pem(pem)?),
                pair.to_jwk_public_key(),
            ))
        }
        _ => ec(jws::ES256, EcCurve::P256),
    }
}

/// Makes the signer of an `HS…` algorithm.
pub(crate) fn hmac_signer(
    algorithm: SigningAlgorithm,
    secret: &[u8],
) -> Result<Box<dyn JwsSigner>, SigningKeyError> {
    let jose = match algorithm {
        SigningAlgorithm::Hs256 => jws::HS256,
        SigningAlgorithm::Hs384 => jws::HS384,
        SigningAlgorithm::Hs512 => jws::HS512,
        _ => return Err(SigningKeyError::NoSharedSecret(algorithm)),
    };
    let (bytes, least) = (secret.len(), algorithm.least_secret_bytes());
    if bytes < least {
        return Err(SigningKeyError::SecretTooShort {
            algorithm,
            bytes,
            least,
        });
    }
    let signer = jose
        .signer_from_bytes(secret)
        .map_err(|_| SigningKeyError::NotAKey(algorithm))?;
    Ok(Box::new(signer))
}
