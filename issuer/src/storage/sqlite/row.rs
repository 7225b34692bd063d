//! Columns read as values of the domain.
//!
//! What stands in a store passed its checks before it was written, and is checked again here: a
//! row that somebody edited by hand gives an error that names the column, never a wrong value.
//! Times are milliseconds, enums their names, JSON is text.

use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use logout_shared::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::handle::Unreadable;

/// A column whose content is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("column \"{column}\" is unreadable: {why}")]
struct BadColumn {
    column: &'static str,
    why: String,
}

fn bad(column: &'static str, why: impl Display) -> Unreadable {
    let why = why.to_string();
    Box::new(BadColumn { column, why })
}

pub(super) fn text(row: &SqliteRow, column: &'static str) -> Result<String, Unreadable> {
    Ok(row.try_get(column)?)
}

pub(super) fn optional_text(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<String>, Unreadable> {
    Ok(row.try_get(column)?)
}

pub(super) fn number<T>(row: &SqliteRow, column: &'static str) -> Result<T, Unreadable>
where
    T: TryFrom<i64, Error: Display>,
{
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|why| bad(column, why))
}

pub(super) fn flag(row: &SqliteRow, column: &'static str) -> Result<bool, Unreadable> {
    Ok(row.try_get(column)?)
}

pub(super) fn time(row: &SqliteRow, column: &'static str) -> Result<Timestamp, Unreadable> {
    Ok(Timestamp::from_millis(row.try_get(column)?))
}

pub(super) fn optional_time(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<Timestamp>, Unreadable> {
    let millis: Option<i64> = row.try_get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

pub(super) fn span(row: &SqliteRow, column: &'static str) -> Result<Duration, Unreadable> {
    Ok(Duration::from_millis(number(row, column)?))
}

/// A span as a column holds it.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A value that reads itself from its text.
pub(super) fn parsed<T>(row: &SqliteRow, column: &'static str) -> Result<T, Unreadable>
where
    T: FromStr<Err: Error>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|why| bad(column, why))
}

pub(super) fn optional_parsed<T>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, Unreadable>
where
    T: FromStr<Err: Error>,
{
    let text: Option<&str> = row.try_get(column)?;
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|why| bad(column, why))
}

pub(super) fn json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, Unreadable> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|why| bad(column, why))
}

pub(super) fn optional_json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, Unreadable> {
    let text: Option<&str> = row.try_get(column)?;
    let read = text.map(serde_json::from_str).transpose();
    read.map_err(|why| bad(column, why))
}

/// JSON as a column holds it.
///
/// # Panics
///
/// Never for values of the domain: their maps have texts as keys.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("values of the domain have a JSON form")
}

/// An enum without fields, from the name that serde gives it.
pub(super) fn named<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, Unreadable> {
    let name = Value::String(text(row, column)?);
    serde_json::from_value(name).map_err(|why| bad(column, why))
}

pub(super) fn optional_named<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, Unreadable> {
    let Some(name) = optional_text(row, column)? else {
        return Ok(None);
    };
    let read = serde_json::from_value(Value::String(name));
    read.map(Some).map_err(|why| bad(column, why))
}

/// The name that serde gives an enum without fields.
///
/// # Panics
///
/// If the value is something else.
pub(super) fn name_of<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => unreachable!("an enum without fields serializes as its name"),
    }
}

/// The first column as a count.
pub(super) fn count(row: &SqliteRow) -> Result<u64, Unreadable> {
    let count: i64 = row.try_get(0)?;
    Ok(u64::try_from(count)?)
}

/// The first column as the answer to a question.
pub(super) fn answer(row: &SqliteRow) -> Result<bool, Unreadable> {
    Ok(row.try_get(0)?)
}
