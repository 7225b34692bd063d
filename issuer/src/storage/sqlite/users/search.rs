//! Searching users.
//!
//! An id, an address and the order of making have indexes; anything else is looked for user by
//! user. Texts other than the id are compared in lower case on both sides.

use std::ops::Bound;

use logout_shared::Timestamp;
use serde_json::{Map, Value};

use super::{SELECT_WHERE, user};
use crate::storage::search::{Condition, TextTest};
use crate::storage::sqlite::condition::{Sql, SqlValue};
use crate::storage::sqlite::handle::{Link, SqliteHandle};
use crate::storage::sqlite::row::count;
use crate::storage::{
    FoundUsers, StorageError, UserField, UserFlag, UserKey, UserSearch, UserTest, UserTime,
};

/// The claims of a profile that are kept in lower case.
const NAMES: [&str; 5] = [
    "name",
    "nickname",
    "given_name",
    "family_name",
    "phone_number",
];

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn found_users(
        &mut self,
        search: &UserSearch,
    ) -> Result<FoundUsers, StorageError> {
        let sql = page(search);
        let users = self.all("searching users", sql.query(), user).await?;
        let mut found = FoundUsers { users, count: None };
        if search.count {
            let sql = counting(&search.condition);
            let counted = self.one("counting users", sql.query(), count).await?;
            found.count = Some(counted.unwrap_or_default());
        }
        Ok(found)
    }
}

/// The claims that are searched for, in lower case; those that are no texts are nobody's names.
pub(super) fn names(profile: &Map<String, Value>) -> Map<String, Value> {
    let lowered = NAMES.into_iter().filter_map(|name| {
        let text = profile.get(name)?.as_str()?.to_lowercase();
        Some((name.to_owned(), Value::String(text)))
    });
    lowered.collect()
}

fn page(search: &UserSearch) -> Sql {
    let mut sql = Sql::default();
    sql.push(SELECT_WHERE).condition(&search.condition, test);
    sql.push(" ORDER BY ").push(match search.key {
        UserKey::Text(field) => column(field),
        UserKey::Flag(flag) => flag_column(flag),
        UserKey::Time(time) => time_column(time),
        UserKey::LoginsCount => "logins_count",
    });
    sql.push(if search.descending {
        " DESC, id DESC LIMIT "
    } else {
        ", id LIMIT "
    });
    sql.bind(SqlValue::Number(search.take.into()))
        .push(" OFFSET ")
        .bind(SqlValue::Number(search.skip.into()));
    sql
}

fn counting(condition: &Condition<UserTest>) -> Sql {
    let mut sql = Sql::default();
    sql.push("SELECT count(*) FROM logout_users WHERE ")
        .condition(condition, test);
    sql
}

fn test(sql: &mut Sql, test: &UserTest) {
    match test {
        UserTest::Text(UserField::Id, test) => sql.text_test("id", test),
        UserTest::Text(field, test) => sql.text_test(column(*field), &lowered(test)),
        UserTest::Flag(flag, wanted) => {
            sql.push(flag_column(*flag))
                .push(" = ")
                .bind(SqlValue::Number(i64::from(*wanted)));
        }
        UserTest::Time(time, from, to) => {
            let millis = |it: Timestamp| SqlValue::Number(it.as_millis());
            sql.range(time_column(*time), from.map(millis), to.map(millis));
        }
        UserTest::LoginsCount(from, to) => {
            let (from, to) = (from.map(SqlValue::Number), to.map(SqlValue::Number));
            sql.range("logins_count", from, to);
        }
    }
}

fn lowered(test: &TextTest) -> TextTest {
    let lower = |bound: &Bound<String>| bound.as_ref().map(|text| text.to_lowercase());
    match test {
        TextTest::Is(value) => TextTest::Is(value.to_lowercase()),
        TextTest::Like(pieces) => {
            TextTest::Like(pieces.iter().map(|piece| piece.to_lowercase()).collect())
        }
        TextTest::Between(from, to) => TextTest::Between(lower(from), lower(to)),
        TextTest::Present => TextTest::Present,
    }
}

fn column(field: UserField) -> &'static str {
    match field {
        UserField::Id => "id",
        UserField::Email => "email_key",
        UserField::Name => "names ->> '$.name'",
        UserField::Nickname => "names ->> '$.nickname'",
        UserField::GivenName => "names ->> '$.given_name'",
        UserField::FamilyName => "names ->> '$.family_name'",
        UserField::PhoneNumber => "names ->> '$.phone_number'",
    }
}

fn flag_column(flag: UserFlag) -> &'static str {
    match flag {
        UserFlag::Blocked => "blocked",
        UserFlag::EmailVerified => "email_verified",
    }
}

fn time_column(time: UserTime) -> &'static str {
    match time {
        UserTime::Created => "created_at",
        UserTime::Updated => "updated_at",
        UserTime::LastLogin => "last_login",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::plan_of;

    fn search(condition: Condition<UserTest>) -> UserSearch {
        UserSearch {
            condition,
            key: UserKey::Time(UserTime::Created),
            descending: false,
            skip: 0,
            take: 50,
            count: false,
        }
    }

    #[tokio::test]
    async fn addresses_ids_and_the_order_of_making_are_read_from_indexes() {
        let is = |field| Condition::Test(UserTest::Text(field, TextTest::Is("x".into())));
        for (condition, index) in [
            (is(UserField::Email), "(email_key=?)"),
            (is(UserField::Id), "(id=?)"),
            (Condition::everything(), "logout_users_by_age"),
        ] {
            let plan = plan_of(page(&search(condition)).text()).await;
            assert!(plan.contains(index), "no {index} in {plan}");
        }
    }
}
