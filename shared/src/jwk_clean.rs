//! Public numbers out of a JWK that somebody else wrote, checked.
//!
//! The libraries below accept an RSA exponent of 1, moduli of any size and coordinates of any
//! length, and believe `use` and `alg` in their own way. So they see the checked numbers alone. For
//! keys that verify and keys that encrypt.
//! Neighbours: `jwk_public.rs` and `jwe_encrypt.rs` are the callers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(feature = "jwe")]
use josekit::jwk::Jwk;
use serde_json::Value;

use crate::jwk::{JwkError, MAX_RSA_BITS, MIN_RSA_BITS};

/// The most bytes of an RSA public exponent; larger ones only make verifying slow.
const MAX_EXPONENT_BYTES: usize = 8;

/// An RSA key: big-endian, without leading zeros.
pub(crate) struct RsaNumbers {
    pub(crate) n: Vec<u8>,
    pub(crate) e: Vec<u8>,
}

impl RsaNumbers {
    pub(crate) fn of(jwk: &Value) -> Result<Self, JwkError> {
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
        Ok(Self { n, e })
    }

    /// `kty`, `n`, `e` and nothing else.
    #[cfg(feature = "jwe")]
    pub(crate) fn jwk(&self) -> Option<Jwk> {
        let mut clean = Jwk::new("RSA");
        set(&mut clean, "n", &self.n)?;
        set(&mut clean, "e", &self.e)?;
        Some(clean)
    }
}

/// A point on a curve that we know; whether it really is on it, the library below finds out.
pub(crate) struct Point {
    pub(crate) crv: &'static str,
    pub(crate) x: Vec<u8>,
    /// Empty for Ed25519, which has none.
    pub(crate) y: Vec<u8>,
}

impl Point {
    pub(crate) fn of(jwk: &Value) -> Result<Self, JwkError> {
        let (crv, bytes) = match jwk.get("crv").and_then(Value::as_str).unwrap_or_default() {
            "P-256" => ("P-256", 32),
            "P-384" => ("P-384", 48),
            "P-521" => ("P-521", 66),
            "Ed25519" => ("Ed25519", 32),
            _ => return Err(JwkError::UnsupportedType),
        };
        let coordinate = |name| match bytes_of(jwk, name)? {
            coordinate if coordinate.len() == bytes => Ok(coordinate),
            _ => Err(JwkError::Member(name)),
        };
        Ok(Self {
            crv,
            x: coordinate("x")?,
            y: if crv == "Ed25519" {
                Vec::new()
            } else {
                coordinate("y")?
            },
        })
    }

    /// `kty`, `crv`, `x`, `y` and nothing else, of a curve with two coordinates.
    #[cfg(feature = "jwe")]
    pub(crate) fn jwk(&self) -> Option<Jwk> {
        let mut clean = Jwk::new("EC");
        clean.set_curve(self.crv);
        set(&mut clean, "x", &self.x)?;
        set(&mut clean, "y", &self.y)?;
        Some(clean)
    }
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

#[cfg(feature = "jwe")]
fn set(jwk: &mut Jwk, name: &'static str, bytes: &[u8]) -> Option<()> {
    let text = Value::from(URL_SAFE_NO_PAD.encode(bytes));
    jwk.set_parameter(name, Some(text)).ok()
}
