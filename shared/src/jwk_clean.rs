//! Public numbers out of a JWK that somebody else wrote, checked and written anew.
//!
//! The library below accepts an RSA exponent of 1, moduli of any size and coordinates of any
//! length, and believes `use` and `alg` in its own way. So a fresh JWK is made of the checked
//! numbers alone. For keys that verify and keys that encrypt.
//! Neighbours: `jwk_public.rs` and `jwe_encrypt.rs` are the callers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use serde_json::Value;

use crate::jwk::{JwkError, MAX_RSA_BITS, MIN_RSA_BITS};

/// The most bytes of an RSA public exponent; larger ones only make verifying slow.
const MAX_EXPONENT_BYTES: usize = 8;

/// The JWK of an RSA key: `kty`, `n` and `e`.
pub(crate) fn clean_rsa(jwk: &Value) -> Result<Jwk, JwkError> {
    let (n, e) = (number_of(jwk, "n")?, number_of(jwk, "e")?);
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(JwkError::RsaSize(bits));
    }
    if n.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(JwkError::Member("n"));
    }
    // With e = 1 every message is its own signature; the library below would accept it.
    if e == [1] || e.len() > MAX_EXPONENT_BYTES || e.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(JwkError::Member("e"));
    }
    let mut clean = Jwk::new("RSA");
    set(&mut clean, "n", &n)?;
    set(&mut clean, "e", &e)?;
    Ok(clean)
}

/// The JWK of a point on a curve: `kty`, `crv`, `x` and, but for Ed25519, `y`.
pub(crate) fn clean_curve(jwk: &Value) -> Result<Jwk, JwkError> {
    let crv = jwk.get("crv").and_then(Value::as_str).unwrap_or_default();
    let (kty, coordinate_bytes, coordinates): (_, _, &[&'static str]) = match crv {
        "P-256" => ("EC", 32, &["x", "y"]),
        "P-384" => ("EC", 48, &["x", "y"]),
        "P-521" => ("EC", 66, &["x", "y"]),
        "Ed25519" => ("OKP", 32, &["x"]),
        _ => return Err(JwkError::UnsupportedType),
    };
    let mut clean = Jwk::new(kty);
    clean.set_curve(crv);
    for &name in coordinates {
        let bytes = bytes_of(jwk, name)?;
        if bytes.len() != coordinate_bytes {
            return Err(JwkError::Member(name));
        }
        set(&mut clean, name, &bytes)?;
    }
    Ok(clean)
}

/// A base64url member as bytes.
fn bytes_of(jwk: &Value, name: &'static str) -> Result<Vec<u8>, JwkError> {
    jwk.get(name)
        .and_then(Value::as_str)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .ok_or(JwkError::Member(name))
}

/// A base64url member as a number: big-endian bytes without leading zeros.
fn number_of(jwk: &Value, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let mut bytes = bytes_of(jwk, name)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    if bytes.is_empty() {
        Err(JwkError::Member(name))
    } else {
        Ok(bytes)
    }
}

fn set(jwk: &mut Jwk, name: &'static str, bytes: &[u8]) -> Result<(), JwkError> {
    let text = Value::from(URL_SAFE_NO_PAD.encode(bytes));
    jwk.set_parameter(name, Some(text))
        .map_err(|_| JwkError::Member(name))
}
