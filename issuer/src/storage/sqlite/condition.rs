//! A condition as SQLite reads it.
//!
//! The text of a statement is put together from constants alone: [`Sql::push`] takes nothing else,
//! and whatever a caller typed goes in as a value ([`Sql::bind`]). A member that is missing gives
//! `NULL`, which is neither equal nor unequal to anything, so `NOT` is written as `IS NOT TRUE`.

use std::ops::Bound;

use sqlx::AssertSqlSafe;

use super::handle::Query;
use crate::storage::search::{Condition, TextTest};

/// A statement in the making.
#[derive(Debug, Default)]
pub(super) struct Sql {
    text: String,
    values: Vec<SqlValue>,
}

/// A value that a statement is given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SqlValue {
    Text(String),
    Number(i64),
}

impl Sql {
    pub(super) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn bind(&mut self, value: SqlValue) -> &mut Self {
        self.text.push('?');
        self.values.push(value);
        self
    }

    /// The statement with its values. It is not kept prepared: each search has its own text, and
    /// those of the hot paths must stay.
    pub(super) fn query(&self) -> Query<'_> {
        let text = AssertSqlSafe(self.text.clone());
        let query = sqlx::query(text).persistent(false);
        self.values.iter().fold(query, |query, value| match value {
            SqlValue::Text(text) => query.bind(text.as_str()),
            SqlValue::Number(number) => query.bind(number),
        })
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds that a condition holds; `test` adds that one of its tests does.
    pub(super) fn condition<T>(&mut self, condition: &Condition<T>, test: fn(&mut Self, &T)) {
        match condition {
            Condition::All(all) => self.joined(all, (" AND ", "TRUE"), test),
            Condition::Any(any) => self.joined(any, (" OR ", "FALSE"), test),
            Condition::Not(not) => {
                self.push("(");
                self.condition(not, test);
                self.push(" IS NOT TRUE)");
            }
            Condition::Test(one) => test(self, one),
        }
    }

    fn joined<T>(
        &mut self,
        conditions: &[Condition<T>],
        (word, empty): (&'static str, &'static str),
        test: fn(&mut Self, &T),
    ) {
        if conditions.is_empty() {
            self.push(empty);
            return;
        }
        self.push("(");
        for (at, one) in conditions.iter().enumerate() {
            if at > 0 {
                self.push(word);
            }
            self.condition(one, test);
        }
        self.push(")");
    }

    /// Adds that a text is as a test wants it.
    pub(super) fn text_test(&mut self, column: &'static str, test: &TextTest) {
        match test {
            TextTest::Is(value) => {
                self.push(column)
                    .push(" = ")
                    .bind(SqlValue::Text(value.clone()));
            }
            TextTest::Like(pieces) => {
                self.push(column)
                    .push(" GLOB ")
                    .bind(SqlValue::Text(glob(pieces)));
            }
            TextTest::Between(from, to) => {
                let (from, to) = (from.clone(), to.clone());
                self.range(column, from.map(SqlValue::Text), to.map(SqlValue::Text));
            }
            TextTest::Present => {
                self.push(column).push(" IS NOT NULL");
            }
        }
    }

    /// Without an end on either side, that there is a value at all.
    pub(super) fn range(
        &mut self,
        column: &'static str,
        from: Bound<SqlValue>,
        to: Bound<SqlValue>,
    ) {
        self.push("(").push(column).push(" IS NOT NULL");
        let (above, below) = (
            match from {
                Bound::Included(from) => Some((" >= ", from)),
                Bound::Excluded(from) => Some((" > ", from)),
                Bound::Unbounded => None,
            },
            match to {
                Bound::Included(to) => Some((" <= ", to)),
                Bound::Excluded(to) => Some((" < ", to)),
                Bound::Unbounded => None,
            },
        );
        for (compares, value) in [above, below].into_iter().flatten() {
            self.push(" AND ").push(column).push(compares).bind(value);
        }
        self.push(")");
    }
}

/// The pattern with anything between the pieces; what means something in a pattern is put into a
/// set of its own.
fn glob(pieces: &[String]) -> String {
    let escaped = pieces.iter().map(|piece| {
        let mut escaped = String::with_capacity(piece.len());
        for c in piece.chars() {
            match c {
                '*' => escaped.push_str("[*]"),
                '?' => escaped.push_str("[?]"),
                '[' => escaped.push_str("[[]"),
                c => escaped.push(c),
            }
        }
        escaped
    });
    escaped.collect::<Vec<_>>().join("*")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Test = (&'static str, TextTest);

    fn test(sql: &mut Sql, (column, test): &Test) {
        sql.text_test(column, test);
    }

    #[test]
    fn values_stay_out_of_the_text() {
        let evil = "x' OR 1=1 --";
        let like = TextTest::Like(vec![evil.into(), String::new()]);
        let between = TextTest::Between(Bound::Included(evil.into()), Bound::Excluded(evil.into()));
        let condition = Condition::All(vec![
            Condition::Test(("code", TextTest::Is(evil.into()))),
            Condition::Not(Box::new(Condition::Any(vec![
                Condition::Test(("ip", like)),
                Condition::Test(("user_name", between)),
            ]))),
        ]);
        let mut sql = Sql::default();
        sql.condition(&condition, test);
        let wanted = "(code = ? AND ((ip GLOB ? OR (user_name IS NOT NULL AND user_name >= ? \
                      AND user_name < ?)) IS NOT TRUE))";
        assert_eq!(sql.text(), wanted);
        assert_eq!(sql.values.len(), 4);
    }

    #[test]
    fn everything_and_nothing_have_their_words() {
        for (condition, wanted) in [
            (Condition::everything(), "TRUE"),
            (Condition::nothing(), "FALSE"),
            (
                Condition::Not(Box::new(Condition::nothing())),
                "(FALSE IS NOT TRUE)",
            ),
        ] {
            let mut sql = Sql::default();
            sql.condition::<Test>(&condition, test);
            assert_eq!(sql.text(), wanted);
        }
    }

    #[test]
    fn what_a_pattern_knows_stands_for_itself_in_a_piece() {
        let pieces = ["a*".to_owned(), "b?[c]".to_owned(), String::new()];
        assert_eq!(glob(&pieces), "a[*]*b[?][[]c]*");
    }
}
