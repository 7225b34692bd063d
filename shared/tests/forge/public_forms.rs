//! Public keys and signatures in other forms than JOSE's.
//!
//! An attacker who knows the issuer's public key may key an HMAC with any of its forms (RFC 8725
//! §2.1), and a careless verifier may take an ECDSA signature in DER.
//! Neighbours: `mod.rs` and `operations.rs` ask for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// An RSA public key as PEM (`BEGIN PUBLIC KEY`).
pub(super) fn pem(jwk: &Value) -> String {
    let text = STANDARD.encode(der(jwk));
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).expect("ASCII"))
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

/// An RSA public key as DER (`SubjectPublicKeyInfo`).
pub(super) fn der(jwk: &Value) -> Vec<u8> {
    const RSA_ENCRYPTION: [u8; 15] = [
        0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0,
    ];
    let key = tagged(
        0x30,
        &[integer(&modulus(jwk)), integer(&member(jwk, "e"))].concat(),
    );
    let bits = tagged(3, &[&[0], key.as_slice()].concat());
    tagged(0x30, &[&RSA_ENCRYPTION, bits.as_slice()].concat())
}

/// The modulus of an RSA public key.
pub(super) fn modulus(jwk: &Value) -> Vec<u8> {
    member(jwk, "n")
}

/// An ECDSA signature as DER, from the two numbers side by side.
pub(super) fn ecdsa_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    tagged(0x30, &[integer(r), integer(s)].concat())
}

fn member(jwk: &Value, name: &str) -> Vec<u8> {
    let text = jwk[name].as_str().expect("a member of an RSA key");
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut content = number[zeros..].to_vec();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    tagged(2, &content)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short @ ..0x80) => bytes.push(short),
        Ok(medium) => bytes.extend([0x81, medium]),
        Err(_) => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(length).expect("a key is short").to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}
