//! Statements over many rows at once.
//!
//! One statement a row costs a round trip to the connection's thread each; one statement a chunk
//! does not. Chunks are short or of few lengths, so that each statement has a handful of texts and
//! all of them stay prepared, and never too long for SQLite's limit of 32 766 variables.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::handle::Query;

/// The longest chunk; times 28 columns it stays far below the limit of variables.
const MAX_CHUNK: usize = 128;

/// Up to this many rows are one chunk, whatever their number.
const SHORT: usize = 16;

/// Longer chunks have a multiple of this many rows.
const STEP: usize = 8;

/// Cuts rows into chunks that are short or whose lengths are multiples of eight.
pub(super) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let most = rows.len().min(MAX_CHUNK);
        let length = match most {
            0 => return None,
            1..=SHORT => most,
            _ => most - most % STEP,
        };
        let (chunk, rest) = rows.split_at(length);
        rows = rest;
        Some(chunk)
    })
}

/// A statement from its beginning, a `VALUES` list of `rows` × `columns` variables, and its end.
///
/// Only the number of variables is put into the text, never a value.
pub(super) fn statement<'q>(begin: &str, columns: usize, rows: usize, end: &str) -> Query<'q> {
    let row = format!("({}?)", "?,".repeat(columns - 1));
    let mut text = String::with_capacity(begin.len() + rows * (row.len() + 1) + end.len() + 8);
    // Writing to a text cannot fail.
    let _ = write!(text, "{begin} VALUES {row}");
    for _ in 1..rows {
        let _ = write!(text, ",{row}");
    }
    let _ = write!(text, " {end}");
    sqlx::query(AssertSqlSafe(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_all_rows_in_order_and_have_few_lengths() {
        for count in [0, 1, 2, 3, 10, 16, 17, 100, 127, 128, 129, 300] {
            let rows: Vec<usize> = (0..count).collect();
            let chunks: Vec<&[usize]> = chunks(&rows).collect();
            assert_eq!(chunks.concat(), rows);
            let has_a_text = |length: usize| length <= SHORT || length.is_multiple_of(STEP);
            assert!(chunks.iter().all(|chunk| has_a_text(chunk.len())));
        }
    }
}
