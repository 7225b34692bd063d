//! What users can be searched for and sorted by, in the names of the wire.
//!
//! A term without a field is looked for in the id, the address and the names. Texts but the id are
//! compared without case, whole; metadata is not searched.

use std::ops::Bound;

use super::wire::PROVIDER;
use crate::http::management::search_query::date::{self, A_DATE};
use crate::http::management::search_query::{SearchSyntaxError, Term, direction, each, parse};
use crate::login::actions::CONNECTION;
use crate::storage::search::{Condition, TextTest};
use crate::storage::{UserField, UserFlag, UserKey, UserTest, UserTime};

/// Why a search is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserSearchError {
    /// It cannot be read.
    #[error(transparent)]
    Syntax(#[from] SearchSyntaxError),
    /// There is no such field.
    #[error("there is no field \"{0}\"; searched can be {list}", list = FIELDS.join(", "))]
    Field(String),
    /// Metadata cannot be searched.
    #[error("metadata cannot be searched; searched can be {list}", list = FIELDS.join(", "))]
    Metadata,
    /// The date is none.
    #[error("{A_DATE}")]
    Date,
    /// The field is true or false.
    #[error("\"{0}\" is true or false")]
    Flag(String),
    /// The field is a number.
    #[error("\"{0}\" is a whole number or a range of them")]
    Number(String),
    /// The field is one of a few texts.
    #[error("\"{0}\" is looked for as a whole text, without wildcards")]
    Whole(String),
}

const FIELDS: [&str; 15] = [
    "_exists_",
    "blocked",
    "created_at",
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "identities.connection",
    "identities.provider",
    "last_login",
    "logins_count",
    "name",
    "nickname",
    "phone_number",
    "updated_at",
];

/// Where a term without a field is looked for.
const BARE: [UserField; 6] = [
    UserField::Id,
    UserField::Email,
    UserField::Name,
    UserField::Nickname,
    UserField::GivenName,
    UserField::FamilyName,
];

/// What a query for users means.
///
/// # Errors
///
/// [`UserSearchError`] says what is wrong with it.
pub fn read_search(query: &str) -> Result<Condition<UserTest>, UserSearchError> {
    parse(query)?.replace(&mut condition)
}

fn condition(term: Term) -> Result<Condition<UserTest>, UserSearchError> {
    let Term { field, test } = term;
    match field.as_deref() {
        None => {
            let in_field = |field| Condition::Test(UserTest::Text(field, test.clone()));
            Ok(Condition::Any(BARE.into_iter().map(in_field).collect()))
        }
        Some("_exists_") => match test {
            TextTest::Is(name) => in_field(&name, TextTest::Present),
            _ => Err(UserSearchError::Whole("_exists_".into())),
        },
        Some(name) => in_field(name, test),
    }
}

fn in_field(name: &str, test: TextTest) -> Result<Condition<UserTest>, UserSearchError> {
    if let Some(field) = text_named(name) {
        return Ok(Condition::Test(UserTest::Text(field, test)));
    }
    if let Some(time) = time_named(name) {
        let (from, to) = date::range(&test).ok_or(UserSearchError::Date)?;
        return Ok(Condition::Test(UserTest::Time(time, from, to)));
    }
    if let Some(flag) = flag_named(name) {
        let wanted = match &test {
            TextTest::Present => return Ok(Condition::everything()),
            TextTest::Is(wanted) => wanted.parse().ok(),
            _ => None,
        };
        let wanted = wanted.ok_or_else(|| UserSearchError::Flag(name.into()))?;
        return Ok(Condition::Test(UserTest::Flag(flag, wanted)));
    }
    match name {
        "logins_count" => {
            let (from, to) = numbers(&test).ok_or_else(|| UserSearchError::Number(name.into()))?;
            Ok(Condition::Test(UserTest::LoginsCount(from, to)))
        }
        "identities.connection" => of_all(name, CONNECTION, &test),
        "identities.provider" => of_all(name, PROVIDER, &test),
        name if ["user_metadata", "app_metadata"]
            .into_iter()
            .any(|metadata| name.starts_with(metadata)) =>
        {
            Err(UserSearchError::Metadata)
        }
        name => Err(UserSearchError::Field(name.chars().take(64).collect())),
    }
}

/// A member that is the same for all users.
fn of_all(
    name: &str,
    value: &str,
    test: &TextTest,
) -> Result<Condition<UserTest>, UserSearchError> {
    match test {
        TextTest::Present => Ok(Condition::everything()),
        TextTest::Is(wanted) if wanted == value => Ok(Condition::everything()),
        TextTest::Is(_) => Ok(Condition::nothing()),
        _ => Err(UserSearchError::Whole(name.into())),
    }
}

fn numbers(test: &TextTest) -> Option<(Bound<i64>, Bound<i64>)> {
    let number = |text: &String| text.parse().ok();
    match test {
        TextTest::Is(wanted) => {
            let only = Bound::Included(number(wanted)?);
            Some((only, only))
        }
        TextTest::Between(from, to) => {
            Some((each(from.as_ref(), number)?, each(to.as_ref(), number)?))
        }
        TextTest::Present => Some((Bound::Unbounded, Bound::Unbounded)),
        TextTest::Like(_) => None,
    }
}

/// What `sort` asks for: the key, and whether its highest comes first.
pub(super) fn read_sort(sort: &str) -> Option<(UserKey, bool)> {
    let (name, descending) = direction(sort)?;
    let key = text_named(name)
        .map(UserKey::Text)
        .or_else(|| time_named(name).map(UserKey::Time))
        .or_else(|| flag_named(name).map(UserKey::Flag))
        .or_else(|| (name == "logins_count").then_some(UserKey::LoginsCount))?;
    Some((key, descending))
}

fn text_named(name: &str) -> Option<UserField> {
    Some(match name {
        "user_id" => UserField::Id,
        "email" => UserField::Email,
        "name" => UserField::Name,
        "nickname" => UserField::Nickname,
        "given_name" => UserField::GivenName,
        "family_name" => UserField::FamilyName,
        "phone_number" => UserField::PhoneNumber,
        _ => return None,
    })
}

fn time_named(name: &str) -> Option<UserTime> {
    Some(match name {
        "created_at" => UserTime::Created,
        "updated_at" => UserTime::Updated,
        "last_login" => UserTime::LastLogin,
        _ => return None,
    })
}

fn flag_named(name: &str) -> Option<UserFlag> {
    Some(match name {
        "blocked" => UserFlag::Blocked,
        "email_verified" => UserFlag::EmailVerified,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_what_they_are() {
        let email = UserTest::Text(UserField::Email, TextTest::Is("ada@example.com".into()));
        let five = Bound::Included(5);
        for (query, wanted) in [
            ("email:\"ada@example.com\"", Condition::Test(email)),
            (
                "blocked:true",
                Condition::Test(UserTest::Flag(UserFlag::Blocked, true)),
            ),
            (
                "logins_count:5",
                Condition::Test(UserTest::LoginsCount(five, five)),
            ),
            (
                "logins_count:{5 TO *]",
                Condition::Test(UserTest::LoginsCount(Bound::Excluded(5), Bound::Unbounded)),
            ),
            (
                "_exists_:last_login",
                Condition::Test(UserTest::Time(
                    UserTime::LastLogin,
                    Bound::Unbounded,
                    Bound::Unbounded,
                )),
            ),
            (
                "identities.connection:\"Username-Password-Authentication\"",
                Condition::everything(),
            ),
            ("identities.provider:google-oauth2", Condition::nothing()),
        ] {
            assert_eq!(read_search(query), Ok(wanted), "{query}");
        }
        let Ok(Condition::Any(any)) = read_search("ada") else {
            panic!("alternatives")
        };
        assert_eq!(any.len(), BARE.len());
    }

    #[test]
    fn what_a_field_cannot_be_is_refused() {
        for (query, wanted) in [
            ("mail:x", UserSearchError::Field("mail".into())),
            ("_exists_:mail", UserSearchError::Field("mail".into())),
            ("user_metadata.colour:red", UserSearchError::Metadata),
            ("created_at:soon", UserSearchError::Date),
            ("blocked:yes", UserSearchError::Flag("blocked".into())),
            (
                "logins_count:many",
                UserSearchError::Number("logins_count".into()),
            ),
            (
                "identities.provider:auth*",
                UserSearchError::Whole("identities.provider".into()),
            ),
        ] {
            assert_eq!(read_search(query), Err(wanted), "{query}");
        }
    }

    #[test]
    fn every_field_that_can_be_searched_can_be_asked_whether_it_exists() {
        for field in FIELDS.iter().filter(|field| **field != "_exists_") {
            let query = format!("_exists_:{field}");
            assert!(read_search(&query).is_ok(), "{field}");
        }
    }

    #[test]
    fn users_are_sorted_by_what_they_can_be_searched_for() {
        for (sort, wanted) in [
            ("created_at:1", (UserKey::Time(UserTime::Created), false)),
            ("email:-1", (UserKey::Text(UserField::Email), true)),
            ("logins_count:-1", (UserKey::LoginsCount, true)),
            ("blocked:1", (UserKey::Flag(UserFlag::Blocked), false)),
        ] {
            assert_eq!(read_sort(sort), Some(wanted), "{sort}");
        }
        for bad in ["created_at", "created_at:0", "identities.provider:1", ""] {
            assert_eq!(read_sort(bad), None, "{bad}");
        }
    }
}
