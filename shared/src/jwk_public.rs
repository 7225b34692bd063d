//! The public half of a key: verifies signatures.
//!
//! A [`VerificationKey`] comes from a JWK that somebody else published, so nothing in it is
//! believed: declared use and algorithm are checked here, the numbers in `jwk_clean.rs`, before
//! OpenSSL sees them in `jwk_check.rs`. It answers for the algorithms it fits and for no other.
//! Neighbours: `jwks.rs` reads whole sets, `jws.rs` asks keys to verify.

use std::fmt;

use josekit::jws::JwsSigner;
use serde_json::Value;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::jwa::{KeyFamily, SigningAlgorithm};
use crate::jwk::{MAX_RSA_BITS, MIN_RSA_BITS};
use crate::jwk_check::PublicKey;
use crate::jwk_clean::{Point, RsaNumbers};
use crate::jwk_private::hmac_signer;
use crate::jwk_signing::SigningKeyError;
use crate::secret::Secret;

/// A key that verifies signatures of the algorithms it fits.
pub struct VerificationKey {
    kid: Option<String>,
    declared: Option<SigningAlgorithm>,
    material: Material,
}

enum Material {
    /// Fits six algorithms.
    Rsa(PublicKey),
    /// A curve, which fits exactly one algorithm.
    Curve(SigningAlgorithm, PublicKey),
    /// A shared secret: verifying is signing again.
    Shared(SigningAlgorithm, Box<dyn JwsSigner>),
}

/// A JWK is not a public key that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// Not an object, or without a `kty`.
    #[error("not a JWK")]
    NotAJwk,
    /// A key type or curve that we do not know; shared secrets have no place in a published set.
    #[error("its kty or crv is not supported")]
    UnsupportedType,
    /// `use` or `key_ops` name another purpose.
    #[error("it is for another purpose")]
    WrongPurpose,
    /// `alg` is unknown or belongs to another type of key.
    #[error("its alg does not belong to its type")]
    WrongAlgorithm,
    /// A member is missing, is not base64url, or is no number or point of this type of key.
    #[error("its member {0} is missing or broken")]
    Member(&'static str),
    /// The RSA modulus is too small or too large.
    #[error("its modulus has {0} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}")]
    RsaSize(usize),
}

impl VerificationKey {
    /// Reads a public key from a JWK that somebody published.
    ///
    /// # Errors
    ///
    /// [`JwkError`] says which check it failed.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        let text = |name: &'static str| match jwk.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(JwkError::Member(name)),
        };
        let kty = text("kty")?.ok_or(JwkError::NotAJwk)?;
        let kid = text("kid")?.map(str::to_owned);
        check_purpose(jwk, text("use")?)?;
        let declared = match text("alg")? {
            None => None,
            Some(name) => Some(name.parse().map_err(|_| JwkError::WrongAlgorithm)?),
        };
        let material = match (kty, text("crv")?) {
            ("RSA", _) => read_rsa(jwk, declared)?,
            ("EC", Some("P-256")) => read_curve(jwk, SigningAlgorithm::Es256)?,
            ("EC", Some("P-384")) => read_curve(jwk, SigningAlgorithm::Es384)?,
            ("EC", Some("P-521")) => read_curve(jwk, SigningAlgorithm::Es512)?,
            ("OKP", Some("Ed25519")) => read_curve(jwk, SigningAlgorithm::EdDsa)?,
            _ => return Err(JwkError::UnsupportedType),
        };
        let key = Self {
            kid,
            declared,
            material,
        };
        match declared {
            Some(algorithm) if !key.fits(algorithm) => Err(JwkError::WrongAlgorithm),
            _ => Ok(key),
        }
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
        let signer = hmac_signer(algorithm, secret.expose().as_ref())?;
        let material = Material::Shared(algorithm, signer);
        Ok(Self {
            kid: None,
            declared: Some(algorithm),
            material,
        })
    }

    /// The name that tokens select this key by.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether this key may verify signatures of `algorithm`.
    pub fn fits(&self, algorithm: SigningAlgorithm) -> bool {
        if self.declared.is_some_and(|declared| declared != algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa(_) => algorithm.family() == KeyFamily::Rsa,
            Material::Curve(own, _) | Material::Shared(own, _) => *own == algorithm,
        }
    }

    /// Whether `signature` is this key's over `message`, by `algorithm`.
    pub(crate) fn verifies(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa(key) | Material::Curve(_, key) => {
                key.verifies(algorithm, message, signature)
            }
            // josekit compares with `==`, whose time depends on the first difference.
            Material::Shared(_, signer) => signer
                .sign(message)
                .is_ok_and(|expected| expected.as_slice().ct_eq(signature).into()),
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.material {
            Material::Rsa(_) => "RSA",
            Material::Curve(own, _) | Material::Shared(own, _) => own.as_str(),
        };
        write!(f, "VerificationKey({kind} {:?})", self.kid)
    }
}

fn check_purpose(jwk: &Value, declared_use: Option<&str>) -> Result<(), JwkError> {
    if declared_use.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::WrongPurpose);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|name| name == "verify") => Ok(()),
        Some(_) => Err(JwkError::WrongPurpose),
    }
}

fn read_rsa(jwk: &Value, declared: Option<SigningAlgorithm>) -> Result<Material, JwkError> {
    let numbers = RsaNumbers::of(jwk)?;
    if declared.is_some_and(|declared| declared.family() != KeyFamily::Rsa) {
        return Err(JwkError::WrongAlgorithm);
    }
    let key = PublicKey::rsa(&numbers).map_err(|_| JwkError::Member("n"))?;
    Ok(Material::Rsa(key))
}

fn read_curve(jwk: &Value, algorithm: SigningAlgorithm) -> Result<Material, JwkError> {
    let key = PublicKey::point(&Point::of(jwk)?).ok_or(JwkError::Member("x"))?;
    Ok(Material::Curve(algorithm, key))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::jwk::SigningKey;

    fn public(algorithm: SigningAlgorithm) -> Value {
        SigningKey::generate(algorithm)
            .expect("makes a key")
            .public_jwk()
    }

    fn with(jwk: &Value, name: &str, value: Value) -> Value {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    }

    fn without(jwk: &Value, names: &[&str]) -> Value {
        let mut jwk = jwk.clone();
        for name in names {
            jwk.as_object_mut().expect("an object").remove(*name);
        }
        jwk
    }

    fn error(jwk: &Value) -> JwkError {
        VerificationKey::from_jwk(jwk).expect_err("is refused")
    }

    #[test]
    fn an_rsa_key_without_alg_fits_all_rsa_algorithms_and_no_other() {
        let jwk = without(&public(SigningAlgorithm::Rs256), &["alg"]);
        let key = VerificationKey::from_jwk(&jwk).expect("valid");
        let fitting: Vec<_> = SigningAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| key.fits(*algorithm))
            .collect();
        assert_eq!(fitting, SigningAlgorithm::ALL[..6]);
    }

    #[test]
    fn one_rsa_key_verifies_by_each_of_its_algorithms() {
        let pem = SigningKey::generate(SigningAlgorithm::Rs256)
            .expect("a key")
            .to_pkcs8_pem();
        let signers = SigningAlgorithm::ALL[..6]
            .iter()
            .map(|algorithm| SigningKey::from_pkcs8_pem(*algorithm, pem.expose()).expect("reads"));
        let signers: Vec<_> = signers.collect();
        let jwk = without(&signers[0].public_jwk(), &["alg"]);
        let key = VerificationKey::from_jwk(&jwk).expect("valid");
        for signer in &signers {
            let signature = signer.signature(b"m").expect("signs");
            for algorithm in &SigningAlgorithm::ALL[..6] {
                let same = *algorithm == signer.algorithm();
                assert_eq!(
                    key.verifies(*algorithm, b"m", &signature),
                    same,
                    "{signer:?}"
                );
            }
        }
    }

    #[test]
    fn a_declared_alg_binds_the_key() {
        let key = VerificationKey::from_jwk(&public(SigningAlgorithm::Rs256)).expect("valid");
        assert!(key.fits(SigningAlgorithm::Rs256));
        assert!(!key.fits(SigningAlgorithm::Ps256) && !key.fits(SigningAlgorithm::Rs512));
    }

    #[test]
    fn keys_for_other_purposes_are_refused() {
        let jwk = public(SigningAlgorithm::Es256);
        assert_eq!(
            error(&with(&jwk, "use", json!("enc"))),
            JwkError::WrongPurpose
        );
        for operations in [json!([]), json!(["sign"]), json!("verify")] {
            assert_eq!(
                error(&with(&jwk, "key_ops", operations)),
                JwkError::WrongPurpose
            );
        }
        assert!(VerificationKey::from_jwk(&with(&jwk, "key_ops", json!(["verify"]))).is_ok());
        assert_eq!(
            error(&with(&jwk, "alg", json!("RS256"))),
            JwkError::WrongAlgorithm
        );
        assert_eq!(
            error(&with(&jwk, "alg", json!("none"))),
            JwkError::WrongAlgorithm
        );
        assert_eq!(error(&with(&jwk, "alg", json!(1))), JwkError::Member("alg"));
    }

    #[test]
    fn shared_secrets_and_unknown_types_are_refused() {
        let secret = json!({"kty": "oct", "k": "A".repeat(43), "alg": "HS256"});
        assert_eq!(error(&secret), JwkError::UnsupportedType);
        assert_eq!(
            error(&json!({"kty": "EC", "crv": "secp256k1"})),
            JwkError::UnsupportedType
        );
        assert_eq!(
            error(&json!({"kty": "OKP", "crv": "Ed448"})),
            JwkError::UnsupportedType
        );
        assert_eq!(error(&json!([])), JwkError::NotAJwk);
        assert_eq!(error(&json!({})), JwkError::NotAJwk);
    }

    #[test]
    fn rsa_numbers_are_bounded() {
        let jwk = public(SigningAlgorithm::Rs256);
        let encode = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
        for exponent in [&[0][..], &[1], &[2], &[1, 0, 0], &[1; 9]] {
            assert_eq!(
                error(&with(&jwk, "e", encode(exponent))),
                JwkError::Member("e")
            );
        }
        for (bytes, bits) in [(128, 1024), (255, 2040), (1025, 8200)] {
            assert_eq!(
                error(&with(&jwk, "n", encode(&vec![255; bytes]))),
                JwkError::RsaSize(bits)
            );
        }
        assert_eq!(
            error(&with(&jwk, "n", encode(&[254; 256]))),
            JwkError::Member("n")
        );
        assert_eq!(
            error(&with(&jwk, "n", json!("a+b="))),
            JwkError::Member("n")
        );
        assert_eq!(error(&without(&jwk, &["n"])), JwkError::Member("n"));
        let n = URL_SAFE_NO_PAD
            .decode(jwk["n"].as_str().expect("text"))
            .expect("base64url");
        let padded = encode(&[&[0, 0][..], &n].concat());
        assert!(VerificationKey::from_jwk(&with(&jwk, "n", padded)).is_ok());
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        let jwk = public(SigningAlgorithm::Es256);
        let off = with(&jwk, "y", json!(URL_SAFE_NO_PAD.encode([7; 32])));
        assert_eq!(error(&off), JwkError::Member("x"));
        let short = with(&jwk, "x", json!(URL_SAFE_NO_PAD.encode([7; 31])));
        assert_eq!(error(&short), JwkError::Member("x"));
    }
}
