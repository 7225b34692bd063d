//! Checks a JSON text without building anything.
//!
//! One pass over the bytes (RFC 8259) that remembers where the members of the outermost object
//! are. Nothing is allocated for values, and for names only when an object is large or a name has
//! escapes, so a hostile text costs time in proportion to its length and little memory. What
//! passes here is read by `serde_json` without error; a property test holds the two together.
//! Neighbours: `tokens.rs` checks strings and numbers, `mod.rs` is the only caller.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::{MAX_DEPTH, StrictJsonError};

/// Up to this many members, names are compared one by one; beyond it, through a set.
const FEW_MEMBERS: usize = 16;

pub(super) type Scanned<T> = Result<T, StrictJsonError>;

/// Where a member of the outermost object is in the text.
#[derive(Debug, Clone)]
pub(super) struct Member {
    name: Name,
    pub(super) value: Range<usize>,
}

/// Where a member's name is, without its quotes.
#[derive(Debug, Clone)]
struct Name {
    at: Range<usize>,
    escaped: bool,
    /// Tells most names apart without looking into the text.
    start: u64,
}

impl Member {
    pub(super) fn name<'j>(&self, json: &'j str) -> Cow<'j, str> {
        self.name.text(json)
    }

    fn is(&self, name: &str, start: u64, json: &str) -> bool {
        self.name.start == start && self.name.text(json) == name
    }
}

impl Name {
    fn new(at: Range<usize>, escaped: bool, json: &str) -> Self {
        let start = start_of(&json.as_bytes()[at.clone()]);
        let mut name = Self { at, escaped, start };
        if escaped {
            name.start = start_of(name.text(json).as_bytes());
        }
        name
    }

    fn text<'j>(&self, json: &'j str) -> Cow<'j, str> {
        let raw = json.get(self.at.clone()).unwrap_or_default();
        if self.escaped {
            unescape(raw)
        } else {
            Cow::Borrowed(raw)
        }
    }
}

/// The member of this name.
pub(super) fn find<'m>(members: &'m [Member], name: &str, json: &str) -> Option<&'m Member> {
    let start = start_of(name.as_bytes());
    members.iter().find(|member| member.is(name, start, json))
}

/// The first eight bytes of a name as a number.
#[inline]
fn start_of(name: &[u8]) -> u64 {
    if let Some(first) = name.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    name.iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Checks a text that must be one object, and finds its members.
pub(super) fn object(json: &str) -> Scanned<Vec<Member>> {
    let members = Vec::with_capacity(FEW_MEMBERS);
    let mut scanner = Scanner {
        json,
        bytes: json.as_bytes(),
        at: 0,
        members,
    };
    scanner.blanks();
    let is_object = scanner.peek() == Some(b'{');
    scanner.value(0)?;
    scanner.blanks();
    if scanner.at != json.len() {
        return Err(StrictJsonError::Syntax);
    }
    if is_object {
        Ok(scanner.members)
    } else {
        Err(StrictJsonError::NotAnObject)
    }
}

/// The content of a JSON string that was checked before; `None` if it is of another kind.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    let raw = json.strip_prefix('"')?.strip_suffix('"')?;
    Some(if raw.contains('\\') {
        unescape(raw)
    } else {
        Cow::Borrowed(raw)
    })
}

fn unescape(raw: &str) -> Cow<'_, str> {
    Cow::Owned(serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_default())
}

pub(super) struct Scanner<'j> {
    pub(super) json: &'j str,
    pub(super) bytes: &'j [u8],
    pub(super) at: usize,
    /// The members of all objects that are open, the innermost last.
    members: Vec<Member>,
}

impl Scanner<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn expect(&mut self, byte: u8) -> Scanned<()> {
        if self.peek() != Some(byte) {
            return Err(StrictJsonError::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Scanned<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.elements(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(StrictJsonError::Syntax),
        }
    }

    fn literal(&mut self, word: &str) -> Scanned<()> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(StrictJsonError::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Scanned<()> {
        if depth == MAX_DEPTH {
            return Err(StrictJsonError::TooDeep);
        }
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let first = self.members.len();
        let mut many = HashSet::new();
        loop {
            let (at, escaped) = self.string()?;
            let name = Name::new(at, escaped, self.json);
            self.check_new(first, &mut many, &name)?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            let (own, start) = (self.members.len(), self.at);
            self.members.push(Member {
                name,
                value: start..start,
            });
            self.value(depth + 1)?;
            self.members[own].value = start..self.at;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(StrictJsonError::Syntax),
            }
            self.blanks();
        }
        self.at += 1;
        if depth > 0 {
            self.members.truncate(first);
        }
        Ok(())
    }

    /// Refuses a name that the innermost object has already; its members begin at `first`.
    fn check_new(&self, first: usize, many: &mut HashSet<String>, name: &Name) -> Scanned<()> {
        let text = name.text(self.json);
        let own = &self.members[first..];
        let is_new = if own.len() < FEW_MEMBERS {
            find(own, &text, self.json).is_none()
        } else {
            if many.is_empty() {
                many.extend(
                    own.iter()
                        .map(|other| other.name.text(self.json).into_owned()),
                );
            }
            many.insert(text.into_owned())
        };
        if is_new {
            Ok(())
        } else {
            Err(StrictJsonError::DuplicateMember)
        }
    }

    fn elements(&mut self, depth: usize) -> Scanned<()> {
        if depth == MAX_DEPTH {
            return Err(StrictJsonError::TooDeep);
        }
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(StrictJsonError::Syntax),
            }
            self.blanks();
        }
        self.at += 1;
        Ok(())
    }
}
