//! Reads metadata into a struct of the application's own.
//!
//! Metadata values are always texts; an application's field may be a number or a `bool`. This is
//! the serde deserializer that parses the text into what the field asks for. It promises that an
//! error names the field and never shows the value, which may be personal.
//! Neighbours: `mod.rs` holds the entries and the limits.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer};
use serde::de::{Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// The entries do not fit the struct; the message names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("session metadata does not fit: {0}")]
pub struct TypedMetadataError(String);

impl serde::de::Error for TypedMetadataError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("a value is none of {expected:?}"))
    }

    fn invalid_value(_found: serde::de::Unexpected<'_>, wanted: &dyn serde::de::Expected) -> Self {
        Self(format!("a value is not {wanted}"))
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(
    entries: &'a BTreeMap<String, String>,
) -> Result<T, TypedMetadataError> {
    let entries = entries
        .iter()
        .map(|(key, value)| (key.as_str(), Text { key, value }));
    T::deserialize(MapDeserializer::new(entries))
}

/// The value of one entry, not parsed yet.
struct Text<'a> {
    key: &'a str,
    value: &'a str,
}

impl Text<'_> {
    fn parsed<N: FromStr>(&self, wanted: &str) -> Result<N, TypedMetadataError> {
        let refuse = |_| TypedMetadataError(format!("the value of {:?} is not {wanted}", self.key));
        self.value.parse().map_err(refuse)
    }
}

impl<'a> IntoDeserializer<'a, TypedMetadataError> for Text<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Forwards a number or `bool` to the parser of its own type.
macro_rules! parse_scalars {
    ($($method:ident, $visit:ident, $wanted:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.$visit(self.parsed($wanted)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = TypedMetadataError;

    parse_scalars! {
        deserialize_bool, visit_bool, "true or false";
        deserialize_i8, visit_i8, "a whole number that fits";
        deserialize_i16, visit_i16, "a whole number that fits";
        deserialize_i32, visit_i32, "a whole number that fits";
        deserialize_i64, visit_i64, "a whole number that fits";
        deserialize_i128, visit_i128, "a whole number that fits";
        deserialize_u8, visit_u8, "a whole number that fits";
        deserialize_u16, visit_u16, "a whole number that fits";
        deserialize_u32, visit_u32, "a whole number that fits";
        deserialize_u64, visit_u64, "a whole number that fits";
        deserialize_u128, visit_u128, "a whole number that fits";
        deserialize_f32, visit_f32, "a number";
        deserialize_f64, visit_f64, "a number";
        deserialize_char, visit_char, "one character";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let key = self.key;
        visitor
            .visit_borrowed_str(self.value)
            .map_err(|error: TypedMetadataError| {
                TypedMetadataError::custom(format_args!("in {key:?}, {}", error.0))
            })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let key = self.key;
        visitor
            .visit_enum(self)
            .map_err(|error| TypedMetadataError::custom(format_args!("in {key:?}, {}", error.0)))
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

impl<'de> EnumAccess<'de> for Text<'de> {
    type Error = TypedMetadataError;
    type Variant = NoContent;

    fn variant_seed<S: serde::de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, NoContent), Self::Error> {
        let name = BorrowedStrDeserializer::<Self::Error>::new(self.value);
        Ok((seed.deserialize(name)?, NoContent))
    }
}

/// The inside of an enum variant: there is none in a text.
struct NoContent;

impl NoContent {
    fn refuse<T>() -> Result<T, TypedMetadataError> {
        Err(TypedMetadataError(
            "only variants without content can be read from a text".into(),
        ))
    }
}

impl<'de> VariantAccess<'de> for NoContent {
    type Error = TypedMetadataError;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: serde::de::DeserializeSeed<'de>>(
        self,
        _seed: S,
    ) -> Result<S::Value, Self::Error> {
        Self::refuse()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _n: usize, _v: V) -> Result<V::Value, Self::Error> {
        Self::refuse()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Self::Error> {
        Self::refuse()
    }
}

#[cfg(test)]
mod tests {
    use crate::metadata::SessionMetadata;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Tier {
        Free,
        Paid,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Seat(u16);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Kiosk {
        name: String,
        seat: Seat,
        open: bool,
        tier: Tier,
        load: Option<f64>,
        #[serde(default)]
        floor: i8,
    }

    fn metadata(entries: &[(&str, &str)]) -> SessionMetadata {
        let mut metadata = SessionMetadata::new();
        for (key, value) in entries {
            metadata.set(*key, *value).expect("within the limits");
        }
        metadata
    }

    const GOOD: [(&str, &str); 5] = [
        ("name", "A"),
        ("seat", "12"),
        ("open", "true"),
        ("tier", "paid"),
        ("other", "x"),
    ];

    #[test]
    fn texts_become_the_types_of_the_fields() {
        let kiosk: Kiosk = metadata(&GOOD).parse_into().expect("fits");
        let wanted = Kiosk {
            name: "A".into(),
            seat: Seat(12),
            open: true,
            tier: Tier::Paid,
            load: None,
            floor: 0,
        };
        assert_eq!(kiosk, wanted);
    }

    #[test]
    fn errors_name_the_field_and_hide_the_value() {
        for (key, value) in [("seat", "70000"), ("open", "hidden"), ("tier", "hidden")] {
            let mut metadata = metadata(&GOOD);
            metadata.set(key, value).expect("within the limits");
            let error = metadata.parse_into::<Kiosk>().expect_err(key).to_string();
            assert!(error.contains(key) && !error.contains(value), "{error}");
        }
        let error = metadata(&[("name", "A")])
            .parse_into::<Kiosk>()
            .expect_err("incomplete");
        assert!(error.to_string().contains("seat"), "{error}");
    }

    #[test]
    fn a_plain_map_works_too() {
        let map: BTreeMap<String, String> = metadata(&GOOD).parse_into().expect("fits");
        assert_eq!(map["tier"], "paid");
    }
}
