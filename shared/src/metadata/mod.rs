//! Session metadata: up to 25 short texts that a session carries.
//!
//! The same limits hold wherever metadata comes in: from an Action, the Management API, or a
//! logout token of a foreign issuer. A [`SessionMetadata`] therefore always obeys them, and there
//! is one [`MetadataError`] per rule, whose message is part of the wire contract.
//! Neighbours: `typed.rs` reads metadata into a struct of the application's own.

mod typed;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

pub use typed::TypedMetadataError;

/// The most entries that one session may carry.
pub const MAX_ENTRIES: usize = 25;
/// The most characters of a key.
pub const MAX_KEY_CHARS: usize = 255;
/// The most characters of a value, counted as JavaScript counts them (UTF-16 code units).
pub const MAX_VALUE_UTF16: usize = 255;

/// A rule that metadata breaks; the message is the one that callers of the API see.
///
/// The contract's messages on null bytes name the byte in escaped form; a real null byte inside
/// a message would not survive in an HTTP header or a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A key is not a string (only scripts can do this; JSON cannot).
    #[error("Invalid metadata: Metadata key must be a string")]
    KeyNotString,
    /// A value is not a string.
    #[error("Invalid metadata: Metadata value must be a string")]
    ValueNotString,
    /// The whole is not an object.
    #[error("Invalid metadata: Metadata must be an object")]
    NotAnObject,
    /// There would be more than [`MAX_ENTRIES`] entries.
    #[error("Invalid metadata: Metadata must not contain more than 25 entries")]
    TooManyEntries,
    /// A key has more than [`MAX_KEY_CHARS`] characters.
    #[error("Invalid metadata: All metadata keys must be at most 255 characters long")]
    KeyTooLong,
    /// A key has a null byte.
    #[error("Invalid metadata: Metadata keys must not contain null bytes (\\x00)")]
    KeyNullByte,
    /// A key is empty or has a character outside of `[A-Za-z0-9_-]`.
    #[error(
        "Invalid metadata: Metadata keys may only include letters, numbers, underscores, or hyphens"
    )]
    KeyCharacters,
    /// A value has more than [`MAX_VALUE_UTF16`] characters.
    #[error("Invalid metadata: All metadata values must be at most 255 characters long")]
    ValueTooLong,
    /// A value has a null byte.
    #[error("Invalid metadata: Metadata values must not contain null bytes (\\x00)")]
    ValueNullByte,
}

/// Keys and values that a session carries; always within the limits.
///
/// # Examples
///
/// ```
/// use logout_shared::metadata::{MetadataError, SessionMetadata};
///
/// let mut metadata = SessionMetadata::new();
/// metadata.set("deviceName", "kiosk 7")?;
/// assert_eq!(metadata.get("deviceName"), Some("kiosk 7"));
/// assert_eq!(metadata.set("device name", "kiosk 7"), Err(MetadataError::KeyCharacters));
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Device { device_name: String }
/// let device: Device = metadata.parse_into()?;
/// assert_eq!(device.device_name, "kiosk 7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct SessionMetadata(BTreeMap<String, String>);

impl SessionMetadata {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one entry, replacing an older value of the key.
    ///
    /// # Errors
    ///
    /// The first rule that the change would break; nothing is changed then.
    pub fn set(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), MetadataError> {
        let (key, value) = (key.into(), value.into());
        if self.0.len() >= MAX_ENTRIES && !self.0.contains_key(&key) {
            return Err(MetadataError::TooManyEntries);
        }
        check_entry(&key, &value)?;
        self.0.insert(key, value);
        Ok(())
    }

    /// Removes one entry and tells whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All entries, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a JSON object of strings.
    ///
    /// # Errors
    ///
    /// The first rule that the value breaks.
    pub fn from_json(json: &Value) -> Result<Self, MetadataError> {
        let object = json.as_object().ok_or(MetadataError::NotAnObject)?;
        if !object.values().all(Value::is_string) {
            return Err(MetadataError::ValueNotString);
        }
        if object.len() > MAX_ENTRIES {
            return Err(MetadataError::TooManyEntries);
        }
        let mut metadata = Self::new();
        for (key, value) in object {
            metadata.set(key, value.as_str().unwrap_or_default())?;
        }
        Ok(metadata)
    }

    /// Reads the entries into a struct of the application's own.
    ///
    /// Fields may be strings, numbers, `bool`, `char`, field-less enums, options and newtypes of
    /// these: the text of the value is parsed. Entries without a field are ignored.
    ///
    /// # Errors
    ///
    /// [`TypedMetadataError`] if a field without default has no entry, or a value does not parse.
    pub fn parse_into<T: DeserializeOwned>(&self) -> Result<T, TypedMetadataError> {
        typed::parse(&self.0)
    }
}

/// Shows the keys alone: values may be personal and do not belong in logs.
impl fmt::Debug for SessionMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionMetadata")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl TryFrom<BTreeMap<String, String>> for SessionMetadata {
    type Error = MetadataError;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        if entries.len() > MAX_ENTRIES {
            return Err(MetadataError::TooManyEntries);
        }
        for (key, value) in &entries {
            check_entry(key, value)?;
        }
        Ok(Self(entries))
    }
}

fn check_entry(key: &str, value: &str) -> Result<(), MetadataError> {
    if longer_than(key, MAX_KEY_CHARS) {
        return Err(MetadataError::KeyTooLong);
    }
    if key.contains('\0') {
        return Err(MetadataError::KeyNullByte);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if key.is_empty() || !key.bytes().all(allowed) {
        return Err(MetadataError::KeyCharacters);
    }
    if longer_than(value, MAX_VALUE_UTF16) {
        return Err(MetadataError::ValueTooLong);
    }
    if value.contains('\0') {
        return Err(MetadataError::ValueNullByte);
    }
    Ok(())
}

/// Counts UTF-16 code units, because the contract's limit is JavaScript's `length`.
fn longer_than(text: &str, limit: usize) -> bool {
    // A UTF-16 unit has at least one byte of UTF-8, so short texts need no counting.
    text.len() > limit && text.encode_utf16().nth(limit).is_some()
}

impl Serialize for SessionMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = SessionMetadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut metadata = SessionMetadata::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    metadata.set(key, value).map_err(A::Error::custom)?;
                }
                Ok(metadata)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_has_its_error_and_its_exact_message() {
        let long = "k".repeat(256);
        let many: serde_json::Map<String, Value> =
            (0..26).map(|n| (format!("k{n}"), json!("v"))).collect();
        let cases = [
            (json!({"k": 1}), "Metadata value must be a string"),
            (json!({"k": null}), "Metadata value must be a string"),
            (json!([]), "Metadata must be an object"),
            (json!("text"), "Metadata must be an object"),
            (
                Value::Object(many),
                "Metadata must not contain more than 25 entries",
            ),
            (
                json!({long.as_str(): ""}),
                "All metadata keys must be at most 255 characters long",
            ),
            (
                json!({"a\0": ""}),
                "Metadata keys must not contain null bytes (\\x00)",
            ),
            (
                json!({"a b": ""}),
                "Metadata keys may only include letters, numbers, underscores, or hyphens",
            ),
            (
                json!({"": ""}),
                "Metadata keys may only include letters, numbers, underscores, or hyphens",
            ),
            (
                json!({"clé": ""}),
                "Metadata keys may only include letters, numbers, underscores, or hyphens",
            ),
            (
                json!({"k": long}),
                "All metadata values must be at most 255 characters long",
            ),
            (
                json!({"k": "a\0b"}),
                "Metadata values must not contain null bytes (\\x00)",
            ),
        ];
        for (json, message) in cases {
            let error = SessionMetadata::from_json(&json).expect_err(message);
            assert_eq!(error.to_string(), format!("Invalid metadata: {message}"));
        }
        assert_eq!(
            MetadataError::KeyNotString.to_string(),
            "Invalid metadata: Metadata key must be a string"
        );
    }

    #[test]
    fn rules_are_checked_in_the_order_of_the_contract() {
        let mut full = SessionMetadata::new();
        for n in 0..MAX_ENTRIES {
            full.set(format!("k{n}"), "v").expect("within the limits");
        }
        let long = "\0".repeat(256);
        assert_eq!(
            full.set(long.as_str(), "v"),
            Err(MetadataError::TooManyEntries)
        );
        full.clear();
        assert_eq!(
            full.set(long.as_str(), long.as_str()),
            Err(MetadataError::KeyTooLong)
        );
        assert_eq!(
            full.set("\0 ", long.as_str()),
            Err(MetadataError::KeyNullByte)
        );
        assert_eq!(
            full.set(" ", long.as_str()),
            Err(MetadataError::KeyCharacters)
        );
        assert_eq!(
            full.set("k", long.as_str()),
            Err(MetadataError::ValueTooLong)
        );
    }

    #[test]
    fn values_are_counted_in_utf_16_units() {
        let mut metadata = SessionMetadata::new();
        assert_eq!(metadata.set("k", "é".repeat(255)), Ok(()));
        assert_eq!(metadata.set("k", "😀".repeat(127)), Ok(()));
        assert_eq!(
            metadata.set("k", "😀".repeat(128)),
            Err(MetadataError::ValueTooLong)
        );
        assert_eq!(metadata.get("k"), Some("😀".repeat(127).as_str()));
    }

    #[test]
    fn a_full_map_can_still_change_its_entries() {
        let entries: BTreeMap<_, _> = (0..25).map(|n| (format!("k{n}"), String::new())).collect();
        let mut metadata = SessionMetadata::try_from(entries).expect("25 fit");
        assert_eq!(metadata.set("k3", "new"), Ok(()));
        assert_eq!(metadata.set("k25", ""), Err(MetadataError::TooManyEntries));
        assert!(metadata.remove("k3"));
        assert!(!metadata.remove("k3"));
        assert_eq!(metadata.set("k25", ""), Ok(()));
    }

    #[test]
    fn debug_shows_keys_and_no_values() {
        let metadata = SessionMetadata::from_json(&json!({"k": "personal"})).expect("valid");
        assert_eq!(format!("{metadata:?}"), r#"SessionMetadata{"k"}"#);
    }

    #[test]
    fn json_goes_out_and_comes_back() {
        let json = json!({"a": "1", "b": ""});
        let metadata = SessionMetadata::from_json(&json).expect("valid");
        assert_eq!(serde_json::to_value(&metadata).expect("serializes"), json);
        assert_eq!(
            serde_json::from_value::<SessionMetadata>(json).expect("valid"),
            metadata
        );
        assert!(serde_json::from_str::<SessionMetadata>(r#"{"a b": ""}"#).is_err());
    }
}
