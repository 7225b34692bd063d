//! The search syntax of `q`: a subset of Lucene's, read into a tree of conditions.
//!
//! Fields are names here and nothing more; what a noun can be searched for and what its values
//! mean is that noun's (`logs/search.rs`). Queries come from strangers, so length, depth, terms and
//! wildcards have limits, and what the syntax does not know is refused with its place, never
//! guessed.
//!
//! ```text
//! type:s                       a member that is this text, whole and case by case
//! description:"two words"      the same for a text with blanks; \ takes the meaning of a character
//! user_name:ada*               with anything where the * is; field:* asks whether there is one
//! date:[2026-01-01 TO *]       from and to, in it; { and } for ends that are not in it
//! type:(s OR f)                the same field for all of these
//! ada                          without a field
//! a AND b, a OR b, NOT a, -a   AND before OR; side by side is OR, and with NOT, - or + beside
//!                              others: none that is NOT or -, all that are +
//! ```

pub(in crate::http::management) mod date;
mod parser;
#[cfg(test)]
mod tests;

use std::ops::Bound;

use crate::storage::search::{Condition, TextTest};

/// The longest query, in bytes.
pub const MAX_BYTES: usize = 8_192;

/// The most parentheses in one another.
pub const MAX_DEPTH: usize = 16;

/// The most terms.
pub const MAX_TERMS: usize = 64;

/// The most wildcards in a term.
pub const MAX_WILDCARDS: usize = 8;

/// A term: a test, of one member or of those that are searched without naming one.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The name before the colon.
    pub field: Option<String>,
    /// The test.
    pub test: TextTest,
}

/// Why a query cannot be read. Places are counted in characters, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchSyntaxError {
    /// More than [`MAX_BYTES`].
    #[error("a search has at most {MAX_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_DEPTH`].
    #[error("a search has at most {MAX_DEPTH} parentheses in one another")]
    TooDeep,
    /// More than [`MAX_TERMS`].
    #[error("a search has at most {MAX_TERMS} terms")]
    TooManyTerms,
    /// More than [`MAX_WILDCARDS`].
    #[error("a term has at most {MAX_WILDCARDS} wildcards (character {0})")]
    TooManyWildcards(usize),
    /// Something that must follow does not.
    #[error("{0} is missing at character {1}")]
    Missing(&'static str, usize),
    /// Something that has no place there.
    #[error("\"{0}\" has no place at character {1}")]
    Unexpected(char, usize),
    /// Part of Lucene's syntax that is not part of this one.
    #[error("\"{0}\" at character {1} is not supported; write \\{0} for the character itself")]
    Unsupported(char, usize),
}

/// Reads a query; one without a term means every record.
///
/// # Errors
///
/// [`SearchSyntaxError`] says what is wrong, and where.
pub fn parse(query: &str) -> Result<Condition<Term>, SearchSyntaxError> {
    if query.len() > MAX_BYTES {
        return Err(SearchSyntaxError::TooLong);
    }
    parser::Parser::new(query).parse()
}

/// A bound with something else in it; `None` if it has a value that is nothing.
pub(in crate::http::management) fn each<'a, T, U>(
    bound: Bound<&'a T>,
    read: impl Fn(&'a T) -> Option<U>,
) -> Option<Bound<U>> {
    Some(match bound {
        Bound::Included(value) => Bound::Included(read(value)?),
        Bound::Excluded(value) => Bound::Excluded(read(value)?),
        Bound::Unbounded => Bound::Unbounded,
    })
}

/// The name in `sort`, and whether the highest comes first: `created_at:-1`.
pub(in crate::http::management) fn direction(sort: &str) -> Option<(&str, bool)> {
    let (name, direction) = sort.split_once(':')?;
    match direction {
        "1" => Some((name, false)),
        "-1" => Some((name, true)),
        _ => None,
    }
}
