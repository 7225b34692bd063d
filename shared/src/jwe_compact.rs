//! The five parts of an encrypted text in compact form.
//!
//! Both sealing and encrypted tokens are read through this, because the library below is lenient
//! where it must not be: it takes authentication tags cut short (a tag of one byte is guessed in
//! 256 tries), ignores `crit`, and inflates `zip` without limit. Here the header is strict JSON,
//! such members are refused, and initialisation vector and tag have exactly their length.
//! Neighbours: `seal.rs`, `jwe.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::jws::MAX_HEADER_BYTES;
use crate::strict_json::parse_object;

/// Members that would change what is decrypted, or name a key of the sender's choice.
const REFUSED_MEMBERS: [&str; 9] = [
    "crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "p2c", "p2s",
];

/// Why a text is not an encrypted one that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompactError {
    Form,
    Base64,
    Header,
    RefusedMember(&'static str),
}

/// The decoded parts.
pub(crate) struct Compact<'a> {
    /// The header as it was encoded, which is what the tag covers.
    pub(crate) aad: &'a [u8],
    pub(crate) header: Map<String, Value>,
    pub(crate) encrypted_key: Vec<u8>,
    pub(crate) iv: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) tag: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Splits a text and reads its header. The caller has capped the text's length.
    pub(crate) fn parse(text: &'a str) -> Result<Self, CompactError> {
        let parts: Vec<&str> = text.splitn(6, '.').collect();
        let &[header, encrypted_key, iv, ciphertext, tag] = parts.as_slice() else {
            return Err(CompactError::Form);
        };
        if header.is_empty() || header.len() > MAX_HEADER_BYTES.div_ceil(3) * 4 {
            return Err(CompactError::Header);
        }
        let members = parse_object(&decode(header)?).map_err(|_| CompactError::Header)?;
        if let Some(name) = REFUSED_MEMBERS
            .into_iter()
            .find(|name| members.contains_key(*name))
        {
            return Err(CompactError::RefusedMember(name));
        }
        Ok(Self {
            aad: header.as_bytes(),
            header: members,
            encrypted_key: decode(encrypted_key)?,
            iv: decode(iv)?,
            ciphertext: decode(ciphertext)?,
            tag: decode(tag)?,
        })
    }

    /// A header member that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, CompactError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| CompactError::Base64)
}
