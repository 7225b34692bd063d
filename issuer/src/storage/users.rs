//! Users and their password hashes.

use std::collections::HashMap;
use std::ops::Bound;

use async_trait::async_trait;
use logout_shared::{Subject, Timestamp};

use super::StorageError;
use super::search::{Condition, TextTest};
use crate::domain::user::{PasswordHash, User};

/// A text of a user that can be searched for.
///
/// All but the id are compared in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is the member or claim of that name in `User`"
)]
pub enum UserField {
    Id,
    Email,
    Name,
    Nickname,
    GivenName,
    FamilyName,
    PhoneNumber,
}

/// A member of a user that is true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the member of that name in `User`")]
pub enum UserFlag {
    Blocked,
    EmailVerified,
}

/// A time of a user. A user who never signed in has no last login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the member of that name in `User`")]
pub enum UserTime {
    Created,
    Updated,
    LastLogin,
}

/// A test of one member of a user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserTest {
    /// A text.
    Text(UserField, TextTest),
    /// True or false.
    Flag(UserFlag, bool),
    /// A time.
    Time(UserTime, Bound<Timestamp>, Bound<Timestamp>),
    /// How often the user signed in.
    LoginsCount(Bound<i64>, Bound<i64>),
}

/// What the users of a search are sorted by. Those that are equal are sorted by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKey {
    /// A text.
    Text(UserField),
    /// True or false; false is lower.
    Flag(UserFlag),
    /// A time.
    Time(UserTime),
    /// How often the user signed in.
    LoginsCount,
}

/// A search of users.
#[derive(Debug, Clone, PartialEq)]
pub struct UserSearch {
    /// Which users are meant.
    pub condition: Condition<UserTest>,
    /// What they are sorted by. Those that lack it come before the lowest.
    pub key: UserKey,
    /// Whether the highest comes first.
    pub descending: bool,
    /// How many of them come before the first that is given.
    pub skip: u32,
    /// How many are given at most.
    pub take: u32,
    /// Whether it is counted how many there are.
    pub count: bool,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundUsers {
    /// The users, in the order asked for.
    pub users: Vec<User>,
    /// How many are meant, if they were to be counted.
    pub count: Option<u64>,
}

/// Reads users.
#[async_trait]
pub trait UserReads {
    /// The user with this id.
    async fn find_user(&mut self, id: &Subject) -> Result<Option<User>, StorageError>;

    /// The e-mail addresses of those users that are known here.
    async fn find_emails(
        &mut self,
        ids: &[&Subject],
    ) -> Result<HashMap<Subject, String>, StorageError>;

    /// The user with this address, compared without case.
    async fn find_user_by_email(&mut self, email: &str) -> Result<Option<User>, StorageError>;

    /// A user's password hash.
    async fn find_password(&mut self, id: &Subject) -> Result<Option<PasswordHash>, StorageError>;

    /// Users by the time they were made, skipping `offset`, `limit` at most.
    async fn list_users(&mut self, offset: u32, limit: u32) -> Result<Vec<User>, StorageError>;

    /// Users that fit a condition.
    async fn search_users(&mut self, search: &UserSearch) -> Result<FoundUsers, StorageError>;
}

/// Writes users.
#[async_trait]
pub trait UserWrites {
    /// Locks a user and gives it.
    async fn lock_user(&mut self, id: &Subject) -> Result<Option<User>, StorageError>;

    /// Stores a new user; `false` if the id or the address is taken.
    async fn insert_user(
        &mut self,
        user: &User,
        password: Option<&PasswordHash>,
    ) -> Result<bool, StorageError>;

    /// Stores a user's changes; `false` if it is gone or the address is taken.
    async fn update_user(&mut self, user: &User) -> Result<bool, StorageError>;

    /// Stores a user's new password; the version is the one inside.
    async fn set_password(
        &mut self,
        id: &Subject,
        password: &PasswordHash,
    ) -> Result<(), StorageError>;

    /// Deletes a user; `false` if it was gone. Sessions must have been ended before.
    async fn delete_user(&mut self, id: &Subject) -> Result<bool, StorageError>;
}
