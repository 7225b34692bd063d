//! What is done to a finished token, after it was signed.
//!
//! Each operation takes the token as text and gives the damaged one; none signs again.
//! Neighbours: `vector.rs` lists them per vector.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::public_forms;

/// One change of a finished token.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Something else altogether.
    Whole { text: String },
    /// Text behind the token.
    Append { text: String },
    /// Text before the token.
    Prepend { text: String },
    /// Text behind one part.
    AppendTo { part: Part, text: String },
    /// Another text for one part.
    Replace { part: Part, text: String },
    /// One part and a dot less.
    DropPart { part: Part },
    /// One bit of the decoded part changed.
    FlipBit { part: Part },
    /// Left-over bits of the last character set.
    SpareBits { part: Part },
    /// Claims set without signing again.
    Reclaim { claims: Map<String, Value> },
    /// Header members set without signing again.
    Reheader { header: Map<String, Value> },
    /// The signature's bytes changed.
    Signature { how: How },
    /// The flattened JSON form.
    JsonFlattened,
    /// The general JSON form.
    JsonGeneral,
}

/// A part of the compact form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Header,
    Payload,
    Signature,
}

/// What becomes of the signature's bytes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Truncated,
    ZeroBefore,
    ZeroAfter,
    Doubled,
    Huge,
    Der,
    AllZero,
    FirstHalfZero,
    SecondHalfZero,
    AllOnes,
}

impl Operation {
    pub(super) fn sets_spare_bits_of(&self, name: &str) -> bool {
        let Self::SpareBits { part } = self else {
            return false;
        };
        let own = match part {
            Part::Header => "header",
            Part::Payload => "payload",
            Part::Signature => "signature",
        };
        own == name
    }

    pub(super) fn apply(&self, token: &str) -> String {
        let change = |part: Part, change: &dyn Fn(&mut String)| {
            let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
            change(&mut parts[part as usize]);
            parts.join(".")
        };
        match self {
            Self::Whole { text } => text.clone(),
            Self::Append { text } => format!("{token}{text}"),
            Self::Prepend { text } => format!("{text}{token}"),
            Self::AppendTo { part, text } => change(*part, &|part| part.push_str(text)),
            Self::Replace { part, text } => change(*part, &|part| part.clone_from(text)),
            Self::DropPart { part } => {
                let mut parts: Vec<&str> = token.split('.').collect();
                parts.remove(*part as usize);
                parts.join(".")
            }
            Self::FlipBit { part } => change(*part, &|part| {
                let mut bytes = decode(part);
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                *part = URL_SAFE_NO_PAD.encode(bytes);
            }),
            Self::SpareBits { part } => change(*part, &set_spare_bits),
            Self::Reclaim { claims } => change(Part::Payload, &|part| set_members(part, claims)),
            Self::Reheader { header } => change(Part::Header, &|part| set_members(part, header)),
            Self::Signature { how } => change(Part::Signature, &|part| {
                *part = URL_SAFE_NO_PAD.encode(how.apply(decode(part)));
            }),
            Self::JsonFlattened => json_form(token, false),
            Self::JsonGeneral => json_form(token, true),
        }
    }
}

impl How {
    fn apply(self, mut signature: Vec<u8>) -> Vec<u8> {
        let half = signature.len() / 2;
        match self {
            Self::Truncated => signature.truncate(signature.len() - 1),
            Self::ZeroBefore => signature.insert(0, 0),
            Self::ZeroAfter => signature.push(0),
            Self::Doubled => signature.extend_from_within(..),
            Self::Huge => signature.resize(50_000, 7),
            Self::Der => return public_forms::ecdsa_der(&signature),
            Self::AllZero => signature.fill(0),
            Self::FirstHalfZero => signature[..half].fill(0),
            Self::SecondHalfZero => signature[half..].fill(0),
            Self::AllOnes => signature.fill(0xFF),
        }
        signature
    }
}

/// Sets a bit of the last character that belongs to no byte.
///
/// # Panics
///
/// If the part ends on a whole byte and has none.
pub(super) fn set_spare_bits(part: &mut String) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert!(
        !part.len().is_multiple_of(4),
        "the part has no bits to spare"
    );
    let last = part.pop().expect("a last character");
    let value = ALPHABET
        .iter()
        .position(|known| char::from(*known) == last)
        .expect("base64url");
    part.push(char::from(ALPHABET[value | 1]));
}

fn set_members(part: &mut String, members: &Map<String, Value>) {
    let mut object: Map<String, Value> =
        serde_json::from_slice(&decode(part)).expect("a JSON object");
    object.extend(members.clone());
    *part = URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
}

fn json_form(token: &str, general: bool) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let form = if general {
        let signatures = [json!({ "protected": header, "signature": signature })];
        json!({ "payload": payload, "signatures": signatures })
    } else {
        json!({ "payload": payload, "protected": header, "signature": signature })
    };
    form.to_string()
}

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(part)
        .expect("a part of a token that is still whole")
}
