//! Pre-signed logout tokens, each with a `jti` of its own, and the raw check of their signatures.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_receiver::SigningAlgorithm;
use logout_shared::Timestamp;
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const CLIENT: &str = "client-1";

/// When all tokens were issued.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_secs(1_795_000_000)
}

pub(crate) struct Tokens {
    key: SigningKey,
    raw_key: RawKey,
    all: Vec<Token>,
}

struct Token {
    text: String,
    signed_bytes: usize,
    /// As OpenSSL takes it: for ECDSA in DER, which is made beforehand.
    signature: Vec<u8>,
}

impl Tokens {
    /// Signs that many tokens of about 700 bytes.
    pub(crate) fn sign(algorithm: SigningAlgorithm, count: usize) -> anyhow::Result<Tokens> {
        let key = SigningKey::generate(algorithm)?;
        let all = (0..count).map(|number| Token::sign(&key, number));
        let all = all.collect::<anyhow::Result<_>>()?;
        Ok(Tokens {
            raw_key: RawKey::of_jwk(algorithm, &key.public_jwk())?,
            key,
            all,
        })
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        self.key.algorithm()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn text(&self, number: usize) -> &str {
        &self.all[number].text
    }

    pub(crate) fn key_set(&self) -> String {
        JwkSet::of_public([&self.key]).to_string()
    }

    /// What OpenSSL alone does: a verifier made for the call, on a key that is kept.
    pub(crate) fn verify_raw(&self, number: usize) -> anyhow::Result<bool> {
        let token = &self.all[number];
        let message = &token.text.as_bytes()[..token.signed_bytes];
        self.raw_key.verify(message, &token.signature)
    }
}

/// A key as OpenSSL keeps it, without anything of ours.
pub(crate) struct RawKey {
    algorithm: SigningAlgorithm,
    key: PKey<Public>,
}

impl RawKey {
    /// The first key of a set.
    pub(crate) fn of_set(algorithm: SigningAlgorithm, set: &str) -> anyhow::Result<RawKey> {
        let set: Value = serde_json::from_str(set)?;
        RawKey::of_jwk(algorithm, &set["keys"][0])
    }

    fn of_jwk(algorithm: SigningAlgorithm, jwk: &Value) -> anyhow::Result<RawKey> {
        let key = raw_key(jwk)?;
        Ok(RawKey { algorithm, key })
    }

    /// Checks a token in compact form, whose signature must be as OpenSSL takes it.
    pub(crate) fn verify_compact(&self, token: &str) -> anyhow::Result<bool> {
        let (message, signature) = token.rsplit_once('.').context("no token")?;
        self.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?)
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> anyhow::Result<bool> {
        if self.algorithm == SigningAlgorithm::EdDsa {
            let mut verifier = Verifier::new_without_digest(&self.key)?;
            return Ok(verifier.verify_oneshot(signature, message)?);
        }
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key)?;
        verifier.update(message)?;
        Ok(verifier.verify(signature)?)
    }
}

impl Token {
    fn sign(key: &SigningKey, number: usize) -> anyhow::Result<Token> {
        let now = start().as_secs();
        let claims = json!({
            "iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 120,
            "jti": format!("0f5f2f7e-0000-4000-8000-{number:012}"),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "sid": format!("sid-{number:028}"),
            "trace_id": "00112233aabbccdd",
        });
        let text = key.sign("logout+jwt", claims.to_string().as_bytes())?;
        let (signed, signature) = text.rsplit_once('.').expect("a compact token");
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        let signature = match key.algorithm() {
            SigningAlgorithm::Es256 => {
                let (r, s) = signature.split_at(signature.len() / 2);
                EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?
                    .to_der()?
            }
            _ => signature,
        };
        Ok(Token {
            signed_bytes: signed.len(),
            signature,
            text,
        })
    }
}

fn raw_key(jwk: &Value) -> anyhow::Result<PKey<Public>> {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default());
    let number = |name: &str| anyhow::Ok(BigNum::from_slice(&bytes(name)?)?);
    Ok(match jwk["kty"].as_str() {
        Some("RSA") => PKey::from_rsa(Rsa::from_public_components(number("n")?, number("e")?)?)?,
        Some("EC") => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            let (x, y) = (number("x")?, number("y")?);
            PKey::from_ec_key(EcKey::from_public_key_affine_coordinates(&group, &x, &y)?)?
        }
        _ => PKey::public_key_from_raw_bytes(&bytes("x")?, Id::ED25519)?,
    })
}
