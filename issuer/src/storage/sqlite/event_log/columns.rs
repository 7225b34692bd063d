//! The columns of the members of a record, and the tests of them.

use crate::storage::sqlite::condition::{Sql, SqlValue};
use crate::storage::{EventField, EventTest};

/// The column of a member.
pub(super) fn column(field: EventField) -> &'static str {
    match field {
        EventField::Code => "code",
        EventField::Client => "client_id",
        EventField::ClientName => "client_name",
        EventField::User => "user_id",
        EventField::UserName => "user_name",
        EventField::Ip => "ip",
        EventField::UserAgent => "user_agent",
        EventField::Description => "description",
    }
}

/// Adds that a test of a record holds.
pub(super) fn test(sql: &mut Sql, test: &EventTest) {
    match test {
        EventTest::Text(field, test) => sql.text_test(column(*field), test),
        EventTest::Date(from, to) => {
            sql.range(
                "date",
                from.map(|it| SqlValue::Number(it.as_millis())),
                to.map(|it| SqlValue::Number(it.as_millis())),
            );
        }
        EventTest::Number(from, to) => {
            let row_id = |it| SqlValue::Number(super::as_row_id(it));
            sql.range("id", from.map(row_id), to.map(row_id));
        }
    }
}
