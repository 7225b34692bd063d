//! Keys: the private half that signs, the public half that verifies.
//!
//! A key is parsed once and bound to what it may do; using it never parses again (that would cost
//! four to twelve times the signature itself).
//! Neighbours: `jwk_signing.rs` and `jwk_public.rs` hold the two halves, `jwks.rs` a published set
//! of public ones, `jws.rs` the tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use crate::jwk_public::{JwkError, VerificationKey};
pub use crate::jwk_signing::{SignError, SigningKey, SigningKeyError};

/// The fewest bits of an RSA modulus.
pub const MIN_RSA_BITS: usize = 2048;
/// The most bits of an RSA modulus; beyond it a verification costs a millisecond.
pub const MAX_RSA_BITS: usize = 8192;

/// The RFC 7638 thumbprint of a JWK (SHA-256, base64url), or `None` if a member is missing.
pub fn thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    let members: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    // RFC 7638 §3.3: only these members, in lexicographic order, without blanks.
    let member = |name: &&str| {
        Some(format!(
            "\"{name}\":{}",
            Value::from(jwk.get(*name)?.as_str()?)
        ))
    };
    let members: Option<Vec<_>> = members.iter().map(member).collect();
    let canonical = format!("{{{}}}", members?.join(","));
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7638 §3.1 and RFC 8037 appendix A.3.
    #[test]
    fn thumbprints_are_those_of_the_specifications() {
        let rsa = json!({
            "kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        });
        let ed = json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        for (jwk, wanted) in [
            (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (ed, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            let jwk = jwk.as_object().expect("an object");
            assert_eq!(thumbprint(jwk).as_deref(), Some(wanted));
        }
    }
}
