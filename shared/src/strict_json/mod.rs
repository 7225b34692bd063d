//! JSON from outside, read strictly.
//!
//! Headers, payloads and key sets are read through here and nowhere else. An object with two
//! members of one name is refused, because two parsers may pick different ones; so is nesting
//! deeper than [`MAX_DEPTH`], bytes after the value, and anything that is not UTF-8. Errors say
//! what is wrong and never repeat the input, which may be hostile or personal.
//! Neighbours: `scan.rs` and `tokens.rs` check a text without building anything; `jws.rs`, `jwks.rs`,
//! `jwe_compact.rs` and `discovery.rs` read through this.

mod scan;
mod tokens;

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use scan::Member;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 32;

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

/// A JSON object that was checked whole and is read member by member.
///
/// Reading one member costs no more than that member: the tree of values is built only when
/// somebody asks for it.
///
/// # Examples
///
/// ```
/// use logout_shared::strict_json::{Object, StrictJsonError};
///
/// let object = Object::parse(br#"{"iss":"https://issuer.example/","iat":7}"#.to_vec())?;
/// assert_eq!(object.text("iss").unwrap().as_deref(), Some("https://issuer.example/"));
/// assert_eq!(object.get("iat").unwrap(), 7);
/// let twice = Object::parse(br#"{"alg":"none","\u0061lg":"RS256"}"#.to_vec());
/// assert_eq!(twice.unwrap_err(), StrictJsonError::DuplicateMember);
/// # Ok::<(), StrictJsonError>(())
/// ```
#[derive(Clone)]
pub struct Object {
    json: String,
    members: Vec<Member>,
    tree: OnceLock<Map<String, Value>>,
}

impl Object {
    /// Checks a whole text, which must be one object.
    ///
    /// # Errors
    ///
    /// [`StrictJsonError`] as its variants say.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, StrictJsonError> {
        let json = String::from_utf8(bytes).map_err(|_| StrictJsonError::Syntax)?;
        let members = scan::object(&json)?;
        Ok(Self {
            json,
            members,
            tree: OnceLock::new(),
        })
    }

    /// Whether there is such a member, whatever its value.
    pub fn contains_key(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The JSON text of a member.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let member = scan::find(&self.members, name, &self.json)?;
        self.json.get(member.value.clone())
    }

    /// A member that must be a string where it is there.
    ///
    /// # Errors
    ///
    /// [`NotAString`] if it is of another kind.
    pub fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>, NotAString> {
        self.raw(name).map(text_of).transpose()
    }

    /// A member, read into a type of the caller's.
    pub fn read<'a, T: Deserialize<'a>>(
        &'a self,
        name: &str,
    ) -> Option<Result<T, serde_json::Error>> {
        self.raw(name).map(serde_json::from_str)
    }

    /// A member as a value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map().get(name)
    }

    /// The members in the order of the text: name and JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        self.members
            .iter()
            .map(|member| (member.name(&self.json), &self.json[member.value.clone()]))
    }

    /// All members as values.
    pub fn as_map(&self) -> &Map<String, Value> {
        self.tree
            .get_or_init(|| serde_json::from_str(&self.json).unwrap_or_default())
    }

    /// The whole text.
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

/// Shows the names alone: values may be personal.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// A member is there, but is not a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a string")]
pub struct NotAString;

/// The content of a JSON text that was checked before and must be a string.
pub(crate) fn text_of(json: &str) -> Result<Cow<'_, str>, NotAString> {
    scan::string(json).ok_or(NotAString)
}

/// The JSON text of a member inside a text that was checked before; `None` if it is no object.
pub(crate) fn find<'j>(json: &'j str, name: &str) -> Option<&'j str> {
    let members = scan::object(json).ok()?;
    let member = scan::find(&members, name, json)?;
    json.get(member.value.clone())
}

/// Reads one JSON object into values.
///
/// # Errors
///
/// [`StrictJsonError`] as its variants say.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, StrictJsonError> {
    let json = str::from_utf8(bytes).map_err(|_| StrictJsonError::Syntax)?;
    scan::object(json)?;
    serde_json::from_str(json).map_err(|_| StrictJsonError::Syntax)
}

#[cfg(test)]
mod tests;
