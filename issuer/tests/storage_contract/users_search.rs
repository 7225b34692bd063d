//! Searches of users.

use std::ops::Bound;

use logout_issuer::domain::user::User;
use logout_issuer::storage::search::{Condition, TextTest};
use logout_issuer::storage::{Store, UserField, UserFlag, UserKey, UserSearch, UserTest, UserTime};
use serde_json::json;

use crate::samples::{at, user};
use crate::{commit, each_store};

/// Four users, made in the order of their ids.
async fn fill(store: &dyn Store) {
    let named = |id, email, name: &str| {
        let mut user = user(id, email);
        user.profile.insert("name".into(), json!(name));
        user
    };
    let users = [
        User {
            created_at: at(1),
            logins_count: 0,
            last_login: None,
            ..named("u1", "Ann@Example.org", "Änne Ö")
        },
        User {
            created_at: at(2),
            blocked: true,
            logins_count: 5,
            ..named("u2", "bob@example.org", "Bob")
        },
        User {
            created_at: at(3),
            email_verified: false,
            logins_count: 9,
            ..named("u3", "cid@other.net", "bob*")
        },
        User {
            created_at: at(3),
            logins_count: 5,
            ..named("u4", "Änne@other.net", "Dan")
        },
    ];
    for user in users {
        assert!(commit!(store, |tx| tx.insert_user(&user, None).await).unwrap());
    }
}

fn by_age(condition: Condition<UserTest>) -> UserSearch {
    UserSearch {
        condition,
        key: UserKey::Time(UserTime::Created),
        descending: false,
        skip: 0,
        take: 50,
        count: false,
    }
}

async fn ids(store: &dyn Store, search: UserSearch) -> String {
    let found = store
        .read()
        .await
        .unwrap()
        .search_users(&search)
        .await
        .unwrap();
    let ids: Vec<&str> = found.users.iter().map(|user| user.id.as_str()).collect();
    ids.join(" ")
}

fn text(field: UserField, test: TextTest) -> Condition<UserTest> {
    Condition::Test(UserTest::Text(field, test))
}

fn is(field: UserField, value: &str) -> Condition<UserTest> {
    text(field, TextTest::Is(value.into()))
}

fn like(field: UserField, pieces: &[&str]) -> Condition<UserTest> {
    let pieces = pieces.iter().map(|piece| (*piece).to_owned());
    text(field, TextTest::Like(pieces.collect()))
}

each_store! {
    async fn texts_but_ids_are_found_in_any_case(store: &dyn Store) {
        fill(store).await;
        let between = TextTest::Between(Bound::Included("B".into()), Bound::Excluded("D".into()));
        for (condition, wanted) in [
            (is(UserField::Email, "ÄNNE@other.NET"), "u4"),
            (like(UserField::Email, &["", "@EXAMPLE.", ""]), "u1 u2"),
            (is(UserField::Name, "änne ö"), "u1"),
            (like(UserField::Name, &["BOB*", ""]), "u3"),
            (text(UserField::Name, between), "u2 u3"),
            (is(UserField::Id, "u2"), "u2"),
            (is(UserField::Id, "U2"), ""),
            (text(UserField::Nickname, TextTest::Present), ""),
            (Condition::Not(Box::new(is(UserField::Nickname, "x"))), "u1 u2 u3 u4"),
        ] {
            assert_eq!(ids(store, by_age(condition.clone())).await, wanted, "{condition:?}");
        }
    }

    async fn flags_times_and_numbers_are_found(store: &dyn Store) {
        fill(store).await;
        let flag = |flag, wanted| Condition::Test(UserTest::Flag(flag, wanted));
        let time = |time, from, to| Condition::Test(UserTest::Time(time, from, to));
        let logins = |from, to| Condition::Test(UserTest::LoginsCount(from, to));
        for (condition, wanted) in [
            (flag(UserFlag::Blocked, true), "u2"),
            (flag(UserFlag::EmailVerified, false), "u3"),
            (time(UserTime::Created, Bound::Excluded(at(1)), Bound::Excluded(at(3))), "u2"),
            (time(UserTime::LastLogin, Bound::Unbounded, Bound::Unbounded), "u2 u3 u4"),
            (logins(Bound::Included(5), Bound::Excluded(9)), "u2 u4"),
            (logins(Bound::Included(5), Bound::Unbounded).and(flag(UserFlag::Blocked, false)), "u3 u4"),
        ] {
            assert_eq!(ids(store, by_age(condition.clone())).await, wanted, "{condition:?}");
        }
    }

    async fn users_come_in_the_order_asked_for_and_equal_ones_by_id(store: &dyn Store) {
        fill(store).await;
        for (key, descending, wanted) in [
            (UserKey::Time(UserTime::Created), false, "u1 u2 u3 u4"),
            (UserKey::Time(UserTime::Created), true, "u4 u3 u2 u1"),
            (UserKey::LoginsCount, false, "u1 u2 u4 u3"),
            (UserKey::LoginsCount, true, "u3 u4 u2 u1"),
            (UserKey::Text(UserField::Email), false, "u1 u2 u3 u4"),
            (UserKey::Text(UserField::Name), false, "u2 u3 u4 u1"),
            (UserKey::Flag(UserFlag::Blocked), true, "u2 u4 u3 u1"),
            (UserKey::Time(UserTime::LastLogin), false, "u1 u2 u3 u4"),
        ] {
            let search = UserSearch { key, descending, ..by_age(Condition::everything()) };
            assert_eq!(ids(store, search).await, wanted, "{key:?} {descending}");
        }
    }

    async fn a_page_is_a_part_and_the_count_is_the_whole(store: &dyn Store) {
        fill(store).await;
        let all = by_age(Condition::everything());
        let page = UserSearch { skip: 1, take: 2, count: true, ..all.clone() };
        let found = store.read().await.unwrap().search_users(&page).await.unwrap();
        assert_eq!(found.count, Some(4));
        assert_eq!(ids(store, page).await, "u2 u3");
        let none = UserSearch { take: 0, count: true, ..by_age(is(UserField::Name, "bob")) };
        let found = store.read().await.unwrap().search_users(&none).await.unwrap();
        assert_eq!((found.users.len(), found.count), (0, Some(1)));
        let past = UserSearch { skip: 4, ..all };
        assert_eq!(ids(store, past).await, "");
    }

    async fn a_changed_name_is_found_and_the_old_one_is_not(store: &dyn Store) {
        fill(store).await;
        let mut changed = user("u2", "bob@example.org");
        changed.profile.insert("name".into(), json!("Robert"));
        changed.profile.insert("nickname".into(), json!(7));
        commit!(store, |tx| tx.update_user(&changed).await).unwrap();
        assert_eq!(ids(store, by_age(is(UserField::Name, "robert"))).await, "u2");
        assert_eq!(ids(store, by_age(is(UserField::Name, "bob"))).await, "");
        assert_eq!(ids(store, by_age(text(UserField::Nickname, TextTest::Present))).await, "");
    }
}
