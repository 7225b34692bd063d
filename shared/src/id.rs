//! Identifiers, checked once when they come in.
//!
//! Each kind is its own type, so a `sub` cannot stand where a `sid` is meant, and a value of the
//! type needs no further check. All compare as exact strings. Ids that we make ourselves come
//! from a [`RandomSource`].
//! Neighbours: `issuer.rs` holds the issuer identifier, which is a URL as well.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::random::RandomSource;

pub use crate::issuer::Issuer;

/// The most bytes that a `sid`, `sub`, `jti` or client id may have.
pub const MAX_ID_BYTES: usize = 255;

/// The text is not an identifier of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {reason}")]
pub struct InvalidId {
    /// Which kind of identifier was asked for.
    pub kind: &'static str,
    /// What is wrong with the text.
    pub reason: &'static str,
}

/// Declares one identifier: its documentation, name, kind in errors, and check.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                match $check(text.as_bytes()) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err(InvalidId { kind: $kind, reason }),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::try_from(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier! {
    /// `sid`: a login session at the issuer. 1 to 255 characters from space to `~`.
    ///
    /// # Examples
    ///
    /// ```
    /// use logout_shared::id::SessionId;
    /// use logout_shared::random::SystemRandom;
    ///
    /// let sid = SessionId::generate(&SystemRandom);
    /// assert_eq!(sid.as_str().len(), 32);
    /// assert!("a\nb".parse::<SessionId>().is_err());
    /// ```
    SessionId, "session id", check_vschars
}

identifier! {
    /// `sub`: a user as tokens name them. 1 to 255 bytes without control characters.
    Subject, "subject", check_no_control
}

identifier! {
    /// `client_id`: a relying party's registration. 1 to 255 characters from space to `~`.
    ClientId, "client id", check_vschars
}

identifier! {
    /// `jti`: one token. 1 to 255 bytes.
    TokenId, "token id", check_length
}

identifier! {
    /// `trace_id`: what all deliveries of one ended session to one client share. 16 lower hex digits.
    TraceId, "trace id", check_trace
}

impl SessionId {
    /// A new session id: 192 random bits as 32 characters that are safe in URLs and, since none
    /// begins with a hyphen, as an argument on a command line.
    pub fn generate(random: &dyn RandomSource) -> Self {
        let mut bytes = [0; 24];
        random.fill(&mut bytes);
        // The first six bits are the first character; 62 is the hyphen.
        if bytes[0] >> 2 == 62 {
            bytes[0] ^= 0x80;
        }
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl TokenId {
    /// A new token id: a random UUID (version 4).
    pub fn generate(random: &dyn RandomSource) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        bytes[6] = (bytes[6] & 0x0F) | 0x40;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        let word = u128::from_be_bytes(bytes);
        let hex = format!("{word:032x}");
        let groups = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        Self(groups.join("-"))
    }
}

impl TraceId {
    /// A new trace id: 64 random bits.
    pub fn generate(random: &dyn RandomSource) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Self(format!("{:016x}", u64::from_be_bytes(bytes)))
    }
}

type Check = Result<(), &'static str>;

fn check_length(bytes: &[u8]) -> Check {
    match bytes.len() {
        0 => Err("it is empty"),
        1..=MAX_ID_BYTES => Ok(()),
        _ => Err("it has more than 255 bytes"),
    }
}

fn check_vschars(bytes: &[u8]) -> Check {
    check_length(bytes)?;
    if bytes.iter().all(|byte| (0x20..=0x7E).contains(byte)) {
        Ok(())
    } else {
        Err("it has a character outside of space to ~")
    }
}

fn check_no_control(bytes: &[u8]) -> Check {
    check_length(bytes)?;
    // U+0080 to U+009F are C2 80 to C2 9F in UTF-8.
    let c1 = || {
        bytes
            .windows(2)
            .any(|pair| pair[0] == 0xC2 && (0x80..=0x9F).contains(&pair[1]))
    };
    if bytes.iter().any(u8::is_ascii_control) || (!bytes.is_ascii() && c1()) {
        Err("it has a control character")
    } else {
        Ok(())
    }
}

fn check_trace(bytes: &[u8]) -> Check {
    let hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if bytes.len() == 16 && bytes.iter().all(hex) {
        Ok(())
    } else {
        Err("it is not 16 lower-case hex digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_new_session_id_never_begins_with_a_hyphen() {
        struct AllOf(u8);
        impl RandomSource for AllOf {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(self.0);
            }
        }
        for byte in 0..=u8::MAX {
            let id = SessionId::generate(&AllOf(byte));
            assert!(!id.as_str().starts_with('-'), "{id}");
            assert_eq!(id.as_str().len(), 32);
        }
    }

    #[test]
    fn lengths_from_1_to_255_are_accepted() {
        for (length, good) in [(0, false), (1, true), (255, true), (256, false)] {
            let text = "a".repeat(length);
            assert_eq!(
                SessionId::try_from(text.as_str()).is_ok(),
                good,
                "sid of {length}"
            );
            assert_eq!(
                Subject::try_from(text.as_str()).is_ok(),
                good,
                "sub of {length}"
            );
            assert_eq!(
                ClientId::try_from(text.as_str()).is_ok(),
                good,
                "client of {length}"
            );
            assert_eq!(
                TokenId::try_from(text.as_str()).is_ok(),
                good,
                "jti of {length}"
            );
        }
    }

    #[test]
    fn session_and_client_ids_are_printable_ascii() {
        assert!(" ~".parse::<SessionId>().is_ok());
        for bad in ["é", "a\u{7f}", "a\tb", "\0"] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn subjects_may_have_any_letter_but_no_control_character() {
        assert!("auth0|Jürgen 日本".parse::<Subject>().is_ok());
        for bad in ["a\nb", "\0", "a\u{85}b", "\u{7f}"] {
            assert!(bad.parse::<Subject>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn trace_ids_are_16_lower_hex_digits() {
        assert!("0123456789abcdef".parse::<TraceId>().is_ok());
        for bad in [
            "0123456789ABCDEF",
            "0123456789abcde",
            "0123456789abcdefg",
            "",
        ] {
            assert!(bad.parse::<TraceId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn made_ids_are_valid_and_differ() {
        let random = SeededRandom::new(3);
        let (a, b) = (SessionId::generate(&random), SessionId::generate(&random));
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse(), Ok(a));
        let trace = TraceId::generate(&random);
        assert_eq!(trace.as_str().parse(), Ok(trace));
    }

    #[test]
    fn a_made_token_id_is_a_version_4_uuid() {
        let id = TokenId::generate(&SeededRandom::new(9));
        let text = id.as_str();
        let dashes: Vec<_> = text.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((text.len(), dashes), (36, vec![8, 13, 18, 23]));
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]), "{text}");
    }

    #[test]
    fn json_is_checked_on_the_way_in() {
        assert!(serde_json::from_str::<SessionId>("\"\"").is_err());
        let sid: SessionId = serde_json::from_str("\"s-1\"").expect("valid");
        assert_eq!(serde_json::to_string(&sid).expect("serializes"), "\"s-1\"");
    }
}
