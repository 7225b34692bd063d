//! JSON from outside, read strictly.
//!
//! Headers, payloads and key sets are parsed here and nowhere else. An object with two members of
//! one name is refused, because two parsers may pick different ones; so is nesting deeper than
//! [`MAX_DEPTH`], bytes after the value, anything that is not UTF-8 and numbers beyond an `f64`.
//! Errors say what is wrong and never repeat the input, which may be hostile or personal.
//! Neighbours: `jws.rs`, `jwks.rs`, `jwe.rs` and `discovery.rs` read through this.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 32;

/// Members that a small object has without growing.
const USUAL_MEMBERS: usize = 12;

/// Why a text is not JSON as we read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrictJsonError {
    /// The grammar, UTF-8 or the range of a number is violated, or bytes follow the value.
    #[error("not valid JSON")]
    Syntax,
    /// An object has two members of one name (after unescaping).
    #[error("an object has two members of the same name")]
    DuplicateMember,
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("arrays or objects nest too deep")]
    TooDeep,
    /// The value is not an object.
    #[error("not a JSON object")]
    NotAnObject,
}

/// Reads one JSON object.
///
/// # Errors
///
/// [`StrictJsonError`] as its variants say.
///
/// # Examples
///
/// ```
/// use logout_shared::strict_json::{StrictJsonError, parse_object};
///
/// assert_eq!(parse_object(br#"{"alg":"RS256"}"#)?["alg"], "RS256");
/// let twice = parse_object(br#"{"alg":"none","\u0061lg":"RS256"}"#);
/// assert_eq!(twice, Err(StrictJsonError::DuplicateMember));
/// # Ok::<(), StrictJsonError>(())
/// ```
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, StrictJsonError> {
    match parse_value(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(StrictJsonError::NotAnObject),
    }
}

/// Reads one JSON value of any kind.
///
/// # Errors
///
/// [`StrictJsonError`] as its variants say.
pub fn parse_value(bytes: &[u8]) -> Result<Value, StrictJsonError> {
    let why = Cell::new(StrictJsonError::Syntax);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Strict {
        depth: 0,
        why: &why,
    };
    let value = seed.deserialize(&mut reader).map_err(|_| why.get())?;
    reader.end().map_err(|_| StrictJsonError::Syntax)?;
    Ok(value)
}

/// Builds a value; `why` carries the reason out, since a serde error is only a text.
#[derive(Clone, Copy)]
struct Strict<'w> {
    depth: usize,
    why: &'w Cell<StrictJsonError>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, why: StrictJsonError) -> E {
        self.why.set(why);
        E::custom("refused")
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(StrictJsonError::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            why: self.why,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::with_capacity(if self.depth == 0 { USUAL_MEMBERS } else { 0 });
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(self.refuse(StrictJsonError::DuplicateMember));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    }

    #[test]
    fn members_of_the_same_name_are_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1},{"b":1,"c":2,"b":3}]}"#,
        ] {
            assert_eq!(
                parse_object(text.as_bytes()),
                Err(StrictJsonError::DuplicateMember),
                "{text}"
            );
        }
        assert!(parse_object(br#"{"a":{"a":1},"A":2}"#).is_ok());
    }

    #[test]
    fn nesting_stops_at_the_limit() {
        assert!(parse_object(nested(MAX_DEPTH).as_bytes()).is_ok());
        for depth in [MAX_DEPTH + 1, 100_000] {
            assert_eq!(
                parse_object(nested(depth).as_bytes()),
                Err(StrictJsonError::TooDeep)
            );
        }
        let objects = "{\"a\":".repeat(100_000);
        assert_eq!(
            parse_object(objects.as_bytes()),
            Err(StrictJsonError::TooDeep)
        );
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let cases: [&[u8]; 13] = [
            b"",
            b"{",
            b"{}x",
            b"{} {}",
            b"\xEF\xBB\xBF{}",
            b"{\"a\":\"\xFF\"}",
            br#"{"a":"\ud800"}"#,
            br#"{"a":"\udc00\ud800"}"#,
            br#"{"a":1e400}"#,
            br#"{"a":NaN}"#,
            br#"{"a":01}"#,
            b"{'a':1}",
            b"{\"a\":1,}",
        ];
        for bytes in cases {
            assert_eq!(
                parse_object(bytes),
                Err(StrictJsonError::Syntax),
                "{bytes:?}"
            );
        }
        for bytes in [&b"[]"[..], b"null", b"\"{}\"", b"1"] {
            assert_eq!(
                parse_object(bytes),
                Err(StrictJsonError::NotAnObject),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn values_come_out_as_serde_json_reads_them() {
        let text = r#" {"a":[null,true,-1,18446744073709551615,1.5,"é\n"],"b":{}} "#;
        let wanted: Value = serde_json::from_str(text).expect("valid");
        assert_eq!(parse_value(text.as_bytes()), Ok(wanted));
    }
}
