//! What the event log can be searched for and sorted by, in the names of the wire.
//!
//! A term without a field is looked for in those that Auth0 names. Fields that Auth0 knows and no
//! record of this issuer has find nothing; those that nobody knows are refused, since a misspelt
//! one would find nothing without a word.

use std::ops::Bound;

use crate::domain::log_id::LogId;
use crate::http::management::search_query::date::{self, A_DATE};
use crate::http::management::search_query::{SearchSyntaxError, Term, direction, each, parse};
use crate::storage::search::{Condition, TextTest};
use crate::storage::{EventField, EventKey, EventTest};

/// Why a search is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogSearchError {
    /// It cannot be read.
    #[error(transparent)]
    Syntax(#[from] SearchSyntaxError),
    /// There is no such field.
    #[error("there is no field \"{0}\"; searched can be {list}", list = FIELDS.join(", "))]
    Field(String),
    /// The date is none.
    #[error("{A_DATE}")]
    Date,
    /// The id is none.
    #[error("a log_id is that of a record, its beginning with *, or a range of ids")]
    LogId,
}

const FIELDS: [&str; 16] = [
    "client_id",
    "client_name",
    "connection",
    "connection_id",
    "date",
    "description",
    "hostname",
    "ip",
    "log_id",
    "organization_id",
    "strategy",
    "strategy_type",
    "type",
    "user_agent",
    "user_id",
    "user_name",
];

/// Where a term without a field is looked for, besides the id.
const BARE: [EventField; 5] = [
    EventField::ClientName,
    EventField::Description,
    EventField::Ip,
    EventField::Code,
    EventField::UserName,
];

/// What a query of the event log means.
///
/// # Errors
///
/// [`LogSearchError`] says what is wrong with it.
pub fn read_search(query: &str) -> Result<Condition<EventTest>, LogSearchError> {
    parse(query)?.replace(&mut condition)
}

fn condition(term: Term) -> Result<Condition<EventTest>, LogSearchError> {
    let Term { field, test } = term;
    let Some(name) = field else {
        return Ok(bare(&test));
    };
    if let Some(field) = field_named(&name) {
        return Ok(Condition::Test(EventTest::Text(field, test)));
    }
    match name.as_str() {
        "date" => {
            let (from, to) = date::range(&test).ok_or(LogSearchError::Date)?;
            Ok(Condition::Test(EventTest::Date(from, to)))
        }
        "log_id" => log_id(&test).ok_or(LogSearchError::LogId),
        name if FIELDS.contains(&name) => Ok(Condition::nothing()),
        name => Err(LogSearchError::Field(name.chars().take(64).collect())),
    }
}

/// The text in any of the fields that need no name.
fn bare(test: &TextTest) -> Condition<EventTest> {
    let mut any = Vec::with_capacity(BARE.len() + 1);
    if let TextTest::Is(value) = test
        && let Ok(LogId { number, .. }) = value.parse()
    {
        let only = EventTest::Number(Bound::Included(number), Bound::Included(number));
        any.push(Condition::Test(only));
    }
    let in_field = |field| Condition::Test(EventTest::Text(field, test.clone()));
    any.extend(BARE.into_iter().map(in_field));
    Condition::Any(any)
}

/// Which numbers ids have; an id that is none is the id of no record.
fn log_id(test: &TextTest) -> Option<Condition<EventTest>> {
    let number = |text: &String| text.parse().ok().map(|id: LogId| id.number);
    let (from, to) = match test {
        TextTest::Is(value) => match number(value) {
            Some(number) => (Bound::Included(number), Bound::Included(number)),
            None => return Some(Condition::nothing()),
        },
        TextTest::Between(from, to) => (each(from.as_ref(), number)?, each(to.as_ref(), number)?),
        TextTest::Present => (Bound::Unbounded, Bound::Unbounded),
        TextTest::Like(pieces) => match &pieces[..] {
            [beginning, end] if end.is_empty() => {
                let (first, last) = LogId::beginning_with(beginning)?;
                (Bound::Included(first), Bound::Included(last))
            }
            _ => return None,
        },
    };
    Some(Condition::Test(EventTest::Number(from, to)))
}

fn field_named(name: &str) -> Option<EventField> {
    Some(match name {
        "type" => EventField::Code,
        "client_id" => EventField::Client,
        "client_name" => EventField::ClientName,
        "user_id" => EventField::User,
        "user_name" => EventField::UserName,
        "ip" => EventField::Ip,
        "user_agent" => EventField::UserAgent,
        "description" => EventField::Description,
        _ => return None,
    })
}

/// What `sort` asks for: the key, and whether its highest comes first.
pub(super) fn read_sort(sort: &str) -> Option<(EventKey, bool)> {
    let (name, descending) = direction(sort)?;
    let key = match name {
        "details" => EventKey::Details,
        // Of a member that no record has, all are equal.
        "date" | "log_id" | "connection" | "strategy" | "strategy_type" => EventKey::Number,
        name => EventKey::Field(field_named(name)?),
    };
    Some((key, descending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_without_a_field_is_looked_for_in_six_fields() {
        let Ok(Condition::Any(any)) = read_search("ada") else {
            panic!("alternatives")
        };
        assert_eq!(any.len(), 5);
        let id = "90000000000000000004711000000000000000000001795413600000";
        let Ok(Condition::Any(any)) = read_search(id) else {
            panic!("alternatives")
        };
        let only = EventTest::Number(Bound::Included(4_711), Bound::Included(4_711));
        assert_eq!(any[0], Condition::Test(only));
    }

    #[test]
    fn ids_are_numbers() {
        let id = "90000000000000000004711000000000000000000001795413600000";
        let numbers = |query: &str| match read_search(query) {
            Ok(Condition::Test(EventTest::Number(from, to))) => Some((from, to)),
            Ok(Condition::Any(any)) if any.is_empty() => None,
            other => panic!("{query}: {other:?}"),
        };
        let from = Bound::Included(4_711);
        assert_eq!(
            numbers(&format!("log_id:[{id} TO *]")),
            Some((from, Bound::Unbounded))
        );
        assert_eq!(numbers(&format!("log_id:{id}")), Some((from, from)));
        assert_eq!(numbers("log_id:7"), None);
        let all = (Bound::Included(0), Bound::Included(u64::MAX));
        assert_eq!(numbers("log_id:900*"), Some(all));
        for bad in ["log_id:[7 TO *]", "log_id:*7", "log_id:9*0*"] {
            assert_eq!(read_search(bad), Err(LogSearchError::LogId), "{bad}");
        }
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused_and_one_that_nobody_has_finds_nothing() {
        assert_eq!(
            read_search("sid:x"),
            Err(LogSearchError::Field("sid".into()))
        );
        assert_eq!(read_search("hostname:x"), Ok(Condition::nothing()));
        assert_eq!(read_search("date:2026*"), Err(LogSearchError::Date));
        let text = read_search("user:x").unwrap_err().to_string();
        assert!(text.contains("user_id"), "{text}");
    }

    #[test]
    fn a_sort_has_a_field_and_a_direction() {
        assert_eq!(read_sort("date:-1"), Some((EventKey::Number, true)));
        let by_type = EventKey::Field(EventField::Code);
        assert_eq!(read_sort("type:1"), Some((by_type, false)));
        for bad in ["date", "date:0", "date:desc", "x:1", ":1", ""] {
            assert_eq!(read_sort(bad), None, "{bad}");
        }
    }
}
